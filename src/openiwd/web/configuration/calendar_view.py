"""A business calendar as its editor shows it: the next days, the holidays ahead, a line of the list. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, NamedTuple

from openiwd.domain.calendar import WEEKDAYS, Calendar, CalendarConfig, FrozenCalendar, spans_of
from openiwd.domain.instant import to_micros
from openiwd.domain.open_time import Spans
from openiwd.usecases.calendar_days import frozen_days, today_in
from openiwd.web.configuration.schema_view import DayBar, day_text, span_text, week_of
from openiwd.web.shell.catalogue import Catalogue

DAYS: Final = 14
HOLIDAYS: Final = 14


class Day(NamedTuple):
    """One of the next days: its hours and why they are not the week's."""

    name: str
    spans: list[tuple[int, int]]
    text: str
    why: str
    today: bool


class Holiday(NamedTuple):
    day: str
    name: str


class Preview(NamedTuple):
    days: list[Day]
    holidays: list[Holiday]
    is_open: bool


class CalendarLine(NamedTuple):
    """A calendar in the list."""

    id: str
    name: str
    href: str
    zone: str
    days: list[DayBar]
    facts: str
    uses: str
    changed: bool


def calendar_facts(config: CalendarConfig, t: Catalogue) -> str:
    """Hours a week, holidays and exceptions in a line."""
    minutes = sum(
        end - start for day in WEEKDAYS for start, end in spans_of(getattr(config.weekly, day), day)
    )
    hours = f"{minutes / 60:.1f}".rstrip("0").rstrip(".")
    parts = [t("calendar.per_week", hours=hours)]
    if config.holidays is not None:
        where = "-".join(p for p in (config.holidays.country, config.holidays.region) if p)
        parts.append(t("calendar.holidays_of", where=where))
    if config.exceptions:
        parts.append(t("calendar.n_exceptions", n=len(config.exceptions)))
    return " · ".join(parts)


def week_lines(config: CalendarConfig, t: Catalogue) -> list[DayBar]:
    return week_of(config, t)


def preview(frozen: FrozenCalendar, config: CalendarConfig, now: datetime, t: Catalogue) -> Preview:
    """What the calendar comes to from today on, in its own zone."""
    today = today_in(frozen.time_zone, now)
    own = {e.date for e in config.exceptions}
    days = [_day(*found, t, today=found[0] == today) for found in frozen_days(frozen, today, DAYS)]
    ahead = [d for d in frozen.names if d >= today]
    holidays = [Holiday(f"{day_text(d, t)} {d.year}", frozen.names[d]) for d in ahead if d not in own]
    clock = Calendar(frozen)
    return Preview(days, holidays[:HOLIDAYS], clock.is_open(to_micros(now)))


def _day(day: date, spans: Spans, why: str, t: Catalogue, *, today: bool) -> Day:
    text = ", ".join(map(span_text, spans)) or t("calendar.closed")
    return Day(day_text(day, t), list(spans), text, why, today)
