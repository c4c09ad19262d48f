"""The days of a calendar as they come out: weekly hours, holidays and exceptions resolved. Reads only."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from openiwd.domain.calendar import CalendarConfig, FrozenCalendar, span_text
from openiwd.domain.open_time import Spans
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_object import CALENDARS, get


class CalendarDay(Struct, kw_only=True):
    """One local day. `name` says why its hours are its own: a holiday, or an exception."""

    date: date
    hours: list[str]
    name: str = ""


def frozen_days(frozen: FrozenCalendar, start: date, count: int) -> list[tuple[date, Spans, str]]:
    """So many days from one on, each with its spans and its name."""
    found = []
    for day in (start + timedelta(days=n) for n in range(count)):
        spans = frozen.dates.get(day, frozen.weekly[day.weekday()])
        found.append((day, spans, frozen.names.get(day, "")))
    return found


def today_in(zone_name: str, now: datetime) -> date:
    """The present local date in a zone that is known to exist."""
    return now.astimezone(ZoneInfo(zone_name)).date()


async def days(
    editor: Editor, calendar_id: str, start: date | None, count: int, draft: UUID | None = None
) -> list[CalendarDay]:
    """The days of the live calendar, or of the draft's."""
    config: CalendarConfig = (await get(editor, CALENDARS, calendar_id, draft))[1]
    first = start or editor.services.runtime.now().date()
    years = (first.year - 1, (first + timedelta(days=count)).year)
    frozen = await asyncio.to_thread(editor.holidays.freeze, config, *years)
    if start is None:
        first = today_in(frozen.time_zone, editor.services.runtime.now())
    return [
        CalendarDay(date=day, hours=[span_text(span) for span in spans], name=name)
        for day, spans, name in frozen_days(frozen, first, count)
    ]
