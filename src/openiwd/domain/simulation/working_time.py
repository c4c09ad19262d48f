"""The invented tenant's calendars: two sites with weekends, a holiday, a short day and a change of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from openiwd.domain.calendar import (
    WALL,
    WALL_CLOCK_ID,
    WEEKDAYS,
    Calendar,
    CalendarConfig,
    CalendarException,
    Clock,
    WeeklyHours,
    freeze,
)
from openiwd.domain.instant import to_micros

START: Final = int(to_micros(datetime(2026, 3, 27, 6, tzinfo=UTC)))
"""A Friday; Berlin changes its clocks two days later."""

_BERLIN: Final = ((1_735_686_000 - 10**7, 3_600), (1_774_746_000, 7_200), (1_792_890_000, 3_600))
_NEW_YORK: Final = ((1_735_686_000 - 10**7, -18_000), (1_772_953_200, -14_400), (1_793_512_800, -18_000))
_WORKDAYS: Final = WEEKDAYS[:5]
_WEEKEND: Final = WEEKDAYS[5:]
_MONDAY: Final = date(2026, 3, 30)

QUEUE_HOURS: Final = ("office", "extended", "west")
SHIFTS: Final = ("early", "late", "day", "day", "day", "night", "weekend", "west")
"""Calendars of agents; who has none may work at any time."""


def _calendar(name: str, days: tuple[str, ...], hours: tuple[str, ...], *, berlin: bool = True) -> Calendar:
    config = CalendarConfig(
        id=name,
        name=name,
        time_zone="Europe/Berlin" if berlin else "America/New_York",
        weekly=WeeklyHours(**dict.fromkeys(days, hours)),
        exceptions=(CalendarException(_MONDAY, ("09:00-15:00",), "Stocktaking"),)
        if name == "extended"
        else (),
    )
    holidays = {} if berlin else {_MONDAY: "Founders' Day"}
    return Calendar(freeze(config, holidays, _BERLIN if berlin else _NEW_YORK, 2025, 2027))


def make_clocks() -> dict[str, Clock]:
    """All clocks by id."""
    return {
        WALL_CLOCK_ID: WALL,
        "office": _calendar("office", _WORKDAYS, ("08:00-12:00", "13:00-18:00")),
        "extended": _calendar("extended", WEEKDAYS, ("06:00-22:00",)),
        "west": _calendar("west", _WORKDAYS, ("08:00-18:00",), berlin=False),
        "early": _calendar("early", _WORKDAYS, ("06:00-14:00",)),
        "late": _calendar("late", _WORKDAYS, ("14:00-22:00",)),
        "day": _calendar("day", _WORKDAYS, ("08:00-12:00", "12:45-17:00")),
        "night": _calendar("night", WEEKDAYS, ("00:00-06:00", "22:00-24:00")),
        "weekend": _calendar("weekend", _WEEKEND, ("08:00-20:00",)),
    }
