"""A prioritization schema as its editor shows it, and as a line of the list. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from openiwd.domain import calendar
from openiwd.domain.calendar import WALL_CLOCK_ID, WEEKDAYS, CalendarConfig, FrozenCalendar, spans_of
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.schema import Anchor, Schema, SchemaConfig
from openiwd.usecases.schema_trial import NOTABLE, Follower, Following, Trial
from openiwd.web.chart.curve_view import Chart, schema_chart
from openiwd.web.configuration.age_text import age_text
from openiwd.web.configuration.object_form import number_text
from openiwd.web.item.row_view import Shown, subject_of
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment, TimeText

DAY_MINUTES: Final = 1440
NEXT: Final = 3
LISTED: Final = 60
SIDES: Final = ("above", "rise", "fall")


class DayBar(NamedTuple):
    """A weekday's hours: spans in minutes of the day, and in words."""

    name: str
    spans: list[tuple[int, int]]
    text: str


class ClockCard(NamedTuple):
    """A calendar that the schema may count by."""

    id: str
    name: str
    days: list[DayBar]
    foot: str


def clock_cards(
    calendars: Sequence[CalendarConfig], frozen: Mapping[str, FrozenCalendar], today: date, t: Catalogue
) -> list[ClockCard]:
    """Each calendar's week, and on which days it will differ next."""
    return [ClockCard(c.id, c.name, week_of(c, t), _foot(c, frozen.get(c.id), today, t)) for c in calendars]


def week_of(config: CalendarConfig, t: Catalogue) -> list[DayBar]:
    return [day_bar(t(f"weekday.{n}"), getattr(config.weekly, name), t) for n, name in enumerate(WEEKDAYS, 1)]


def day_bar(name: str, hours: Sequence[str], t: Catalogue) -> DayBar:
    spans = spans_of(hours, "hours")
    return DayBar(name, list(spans), ", ".join(span_text(s) for s in spans) or t("calendar.closed"))


def span_text(span: tuple[int, int]) -> str:
    return calendar.span_text(span).replace("-", "–")


def day_text(day: date, t: Catalogue) -> str:
    weekday = t(f"weekday.{day.isoweekday()}")
    return f"{weekday} {t('time.date', day=str(day.day), month=t(f'month.{day.month}'))}"


def _foot(config: CalendarConfig, frozen: FrozenCalendar | None, today: date, t: Catalogue) -> str:
    parts = [config.time_zone]
    if config.holidays is not None:
        where = "-".join(p for p in (config.holidays.country, config.holidays.region) if p)
        parts.append(t("calendar.holidays_of", where=where))
    text = t("editor.list_joint").join(parts) + "."
    if frozen is None:
        return text
    ahead = [(day, spans) for day, spans in frozen.dates.items() if day >= today][:NEXT]
    told = [
        t(
            "calendar.next_day",
            day=day_text(day, t),
            hours=", ".join(map(span_text, spans)) or t("calendar.closed"),
        )
        for day, spans in ahead
    ]
    return f"{text} {t('calendar.next', days='; '.join(told))}" if told else text


class SchemaLine(NamedTuple):
    """A schema in the list."""

    id: str
    name: str
    href: str
    chart: Chart | None
    facts: str
    uses: str
    waiting: int | None
    waiting_href: str
    changed: bool


def schema_facts(config: SchemaConfig, calendars: Mapping[str, str], t: Catalogue) -> str:
    """Clock, anchor, SLA and maximum in a line."""
    wall = config.clock == WALL_CLOCK_ID
    parts = [
        t(
            "schema.wall_since" if wall else "schema.clock_since",
            clock=calendars.get(config.clock, config.clock),
            anchor=t.named("anchor", config.anchor.value),
        )
    ]
    if config.maximum is not None:
        parts.append(t("schema.at_most", n=number_text(config.maximum)))
    return " · ".join(parts)


def line_chart(schema: Schema | None, name: str, times: TimeText) -> Chart | None:
    return None if schema is None else schema_chart(schema, name, times)


def hold_text(reasons: Mapping[str, HoldReason], t: Catalogue) -> str:
    """Which hold reasons stop the clock; it is theirs to say, not the schema's."""
    stops = [r.name for r in reasons.values() if r.active and r.pauses_clock]
    if not stops:
        return t("schema.hold_none")
    return t("schema.hold_stops", reasons=", ".join(stops))


def chart_texts(t: Catalogue) -> dict[str, str]:
    """What the curve's scripts say; they fill the places in themselves."""
    named = (
        "items", "due", "sla", "sla_handle", "point", "point_value", "step", "against", "sampled", "wall_axis",
        "clock_axis",
    )  # fmt: skip
    return {name: str(t.find(f"schema.{name}")) for name in named}


class TrialView(NamedTuple):
    age: str
    wall: str
    priority: str
    live: str
    sla: Moment | None
    sla_missing: str


def trial_view(trial: Trial, config: SchemaConfig, times: TimeText) -> TrialView:
    t = times.t
    days = config.clock == WALL_CLOCK_ID
    due = config.anchor is Anchor.DUE
    return TrialView(
        age=_rounded(trial.age, days=days),
        wall="" if days else _rounded(trial.wall, days=False),
        priority=priority_text(trial.priority),
        live="" if trial.live is None else priority_text(trial.live),
        sla=times.moment(trial.reaches_sla),
        sla_missing="" if due or trial.reaches_sla is not None else t("schema.no_sla"),
    )


def _rounded(seconds: float, *, days: bool) -> str:
    return age_text(round(seconds / 60) * 60_000_000, days=days)


def priority_text(value: float) -> str:
    return number_text(round(value, 1)).replace("-", "−")


class ItemLine(NamedTuple):
    id: str
    subject: str
    age: str
    live: str
    draft: str
    change: str


class ItemList(NamedTuple):
    """The items behind one number of the curve's foot."""

    kind: str
    total: int
    lines: list[ItemLine]


def item_lists(found: Following, threshold: float, days: bool, shown: Shown) -> list[ItemList]:
    """Who stands above the threshold, who rises and who falls: those that change most come first."""
    chosen: dict[str, list[Follower]] = {
        "above": [f for f in found.followers if f.priority > threshold],
        "rise": [f for f in found.followers if f.priority - f.live > NOTABLE],
        "fall": [f for f in found.followers if f.live - f.priority > NOTABLE],
    }
    factor = found.total / len(found.followers) if found.followers else 1.0
    lists = []
    for kind in SIDES:
        some = chosen[kind]
        some.sort(key=lambda f: -f.priority if kind == "above" else -abs(f.priority - f.live))
        lines = [_item_line(f, days, shown) for f in some[:LISTED]]
        lists.append(ItemList(kind, round(len(some) * factor), lines))
    return lists


def _item_line(found: Follower, days: bool, shown: Shown) -> ItemLine:
    change = round(found.priority - found.live)
    return ItemLine(
        str(found.item.id),
        subject_of(found.item, shown.t),
        _rounded(found.age, days=days),
        priority_text(round(found.live)),
        priority_text(round(found.priority)),
        f"+{change}" if change > 0 else f"−{-change}" if change else "±0",
    )


def ages_answer(found: Following) -> dict[str, Any]:
    """What the curve's script counts with: [age in seconds, business value, adjustment, fixed, live priority]."""
    return {
        "total": found.total,
        "exact": found.exact,
        "items": [
            [
                round(f.age),
                f.item.business_value,
                f.item.priority_adjustment,
                f.item.priority_fixed,
                round(f.live, 3),
            ]
            for f in found.followers
        ],
    }


def threshold_of(schema: Schema | None) -> int:
    """A round number a little below the priority at the SLA: above it an item is pressing."""
    if schema is None:
        return 500
    at = 0 if schema.anchor is Anchor.DUE else schema.sla
    if at is None:
        at = schema.bends[-1] if schema.bends else 0
    value = int(schema.curve(at))
    size = 10 ** max(len(str(abs(value))) - 1, 0)
    return value // size * size if value > 0 else 0


def local_input(at: datetime, times: TimeText) -> str:
    """An instant for a field of date and time."""
    return f"{times.local(at):%Y-%m-%dT%H:%M}"
