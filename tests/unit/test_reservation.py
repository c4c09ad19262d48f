"""Business days are local days, also where the clocks are put forward or back between them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from openiwd.domain.calendar import WALL, WEEKDAYS, Calendar, CalendarConfig, Clock, WeeklyHours, freeze
from openiwd.domain.instant import DAY, HOUR, from_micros, to_micros
from openiwd.domain.reservation import after_business_days

BERLIN = ZoneInfo("Europe/Berlin")
CHANGES = [(0, 3600), (1_774_746_000, 7200), (1_792_890_000, 3600)]  # 2026-03-29 and 2026-10-25, 01:00 UTC


def clock(*days: str) -> Clock:
    weekly = WeeklyHours(**dict.fromkeys(days, ("08:00-18:00",)))
    config = CalendarConfig(id="c", name="C", time_zone="Europe/Berlin", weekly=weekly)
    return Calendar(freeze(config, {}, CHANGES, 2026, 2026))


def after(start: str, duration: int, hours: Clock | None) -> datetime:
    at = to_micros(datetime.fromisoformat(start).replace(tzinfo=BERLIN))
    return from_micros(after_business_days(at, duration, hours, BERLIN))


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2026-03-27T16:00", DAY, "2026-03-30T16:00+02:00"),
        ("2026-03-27T16:00", 2 * DAY + 3 * HOUR, "2026-03-31T19:00+02:00"),
        ("2026-03-28T23:30", DAY, "2026-03-30T23:30+02:00"),
        ("2026-03-29T00:30", DAY, "2026-03-30T00:30+02:00"),
        ("2026-10-23T16:00", DAY, "2026-10-26T16:00+01:00"),
        ("2026-10-24T00:30", DAY, "2026-10-26T00:30+01:00"),
        ("2026-10-25T23:30", 5 * DAY, "2026-10-30T23:30+01:00"),
        ("2026-10-23T16:00", 5 * HOUR, "2026-10-23T21:00+02:00"),
    ],
)
def test_a_business_day_ends_at_the_same_local_time(start: str, duration: int, end: str) -> None:
    assert after(start, duration, clock(*WEEKDAYS[:5])) == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-28T02:30", "2026-03-29T03:00+02:00"),  # 02:30 does not exist: as soon as it is past
        ("2026-10-24T02:30", "2026-10-25T02:30+02:00"),  # twice: the first
    ],
)
def test_a_day_may_end_where_the_clocks_change(start: str, end: str) -> None:
    assert after(start, DAY, clock(*WEEKDAYS)) == datetime.fromisoformat(end)


@pytest.mark.parametrize("hours", [None, WALL])
def test_without_a_calendar_days_are_the_tenants(hours: Clock | None) -> None:
    assert after("2026-03-28T16:00", DAY, hours) == datetime.fromisoformat("2026-03-29T16:00+02:00")
    assert after("2026-10-24T16:00", 2 * DAY, hours) == datetime.fromisoformat("2026-10-26T16:00+01:00")
    assert after("2026-10-24T16:00", HOUR, hours) == datetime(2026, 10, 24, 15, tzinfo=UTC)
