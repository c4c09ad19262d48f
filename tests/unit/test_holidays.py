"""The holiday source: real zones and real holidays, frozen."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.domain.calendar import Calendar, CalendarConfig, HolidayRegion, WeeklyHours
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import HOUR, to_micros
from openiwd.ports.holiday_source import HolidaySource

SOURCE: HolidaySource = LibraryHolidaySource()


def config(time_zone: str = "Europe/Berlin", holidays: HolidayRegion | None = None) -> CalendarConfig:
    return CalendarConfig(
        id="c", name="C", time_zone=time_zone, weekly=WeeklyHours(friday=("08:00-18:00",)), holidays=holidays
    )


def test_holidays_of_a_region_are_expanded_to_dates_with_names() -> None:
    hamburg = SOURCE.freeze(config(holidays=HolidayRegion("DE", "HH")), 2025, 2026)
    assert hamburg.dates[date(2026, 10, 31)] == ()
    assert hamburg.names[date(2026, 12, 25)]
    assert {day.year for day in hamburg.dates} == {2025, 2026}
    bavaria = SOURCE.freeze(config(holidays=HolidayRegion("DE", "BY")), 2025, 2026)
    assert date(2026, 10, 31) not in bavaria.dates
    assert date(2026, 1, 6) in bavaria.dates
    good_friday = to_micros(datetime(2026, 4, 3, tzinfo=UTC))
    assert Calendar(hamburg).between(good_friday, good_friday + 24 * HOUR) == 0


def test_a_calendar_without_holidays_has_no_special_dates() -> None:
    assert SOURCE.freeze(config(), 2025, 2026).dates == {}


@pytest.mark.parametrize(
    ("zone", "second", "offset"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), 7200),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC), 3600),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC), 37800),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC), -18000),
    ],
)
def test_transitions_are_exact_to_the_second(zone: str, second: datetime, offset: int) -> None:
    assert (int(second.timestamp()), offset) in SOURCE.freeze(config(zone), 2025, 2027).transitions


def test_the_first_transition_is_the_offset_in_force_before_the_horizon() -> None:
    frozen = SOURCE.freeze(config("Asia/Kathmandu"), 2025, 2027)
    assert frozen.transitions == ((int(datetime(2024, 12, 30, tzinfo=UTC).timestamp()), 20700),)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (config("Europe/Atlantis"), "calendars[0].timeZone"),
        (config("../../etc/passwd"), "calendars[0].timeZone"),
        (config(holidays=HolidayRegion("XX")), "calendars[0].holidays.country"),
        (config(holidays=HolidayRegion("DE", "XX")), "calendars[0].holidays.region"),
    ],
)
def test_unknown_names_are_refused_with_their_path(broken: CalendarConfig, field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        SOURCE.freeze(broken, 2025, 2026, "calendars[0]")
    assert caught.value.field == field
    assert caught.value.hint is not None


def test_countries_and_zones_can_be_listed() -> None:
    assert "HH" in SOURCE.countries()["DE"]
    assert "Europe/Berlin" in SOURCE.time_zones()
