"""Business calendars against a naive count and against the laws of a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.calendar import (
    WALL,
    WEEKDAYS,
    Calendar,
    CalendarConfig,
    CalendarException,
    Clock,
    FrozenCalendar,
    WeeklyHours,
    check_calendar,
    content_hash,
    freeze,
    spans_of,
)
from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY, HOUR, MINUTE, SECOND, to_micros

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = dict.fromkeys(WEEKDAYS[:5], ("08:00-12:00", "13:00-18:00"))
ALWAYS = dict.fromkeys(WEEKDAYS, ("00:00-24:00",))


def berlin_transitions(first_year: int, last_year: int) -> list[tuple[int, int]]:
    """The rule of the European Union: last Sundays of March and October, 01:00 UTC."""
    found = [(int(datetime(first_year - 1, 12, 30, tzinfo=UTC).timestamp()), 3600)]
    for year in range(first_year, last_year + 1):
        for month, offset in ((3, 7200), (10, 3600)):
            last = datetime(year, month, 31, 1, tzinfo=UTC)
            found.append((int((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp()), offset))
    return found


def config(weekly: Mapping[str, tuple[str, ...]], **rest: Any) -> CalendarConfig:
    return CalendarConfig(
        id="office", name="Office hours", time_zone="Europe/Berlin", weekly=WeeklyHours(**weekly), **rest
    )


def frozen(weekly: Mapping[str, tuple[str, ...]], **rest: Any) -> FrozenCalendar:
    holidays = rest.pop("holidays", {})
    transitions = rest.pop("transitions", berlin_transitions(2025, 2027))
    return freeze(config(weekly, **rest), holidays, transitions, 2025, 2027)


def calendar(weekly: Mapping[str, tuple[str, ...]], **rest: Any) -> Calendar:
    return Calendar(frozen(weekly, **rest))


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))


def open_minutes(clock: Clock, start: int, end: int) -> int:
    """Counts minutes one by one."""
    return sum(clock.is_open(t) for t in range(start, end, MINUTE))


OFFICE_CALENDAR = calendar(
    OFFICE,
    holidays={date(2026, 4, 3): "Good Friday", date(2026, 12, 25): "Christmas Day"},
    exceptions=(
        CalendarException(date(2026, 12, 24), (), "Christmas Eve"),
        CalendarException(date(2026, 12, 31), ("08:00-12:00",)),
        CalendarException(date(2026, 8, 1), ("10:00-11:00",), "Saturday shift"),
    ),
)
NIGHT_CALENDAR = calendar(dict.fromkeys(WEEKDAYS, ("00:00-02:30", "02:30-06:00", "22:00-24:00")))
SUNDAY_CALENDAR = calendar({"sunday": ("02:30-03:30",), "monday": ("09:00-09:01",)})
ALWAYS_CALENDAR = calendar(ALWAYS)
CLOSED_ONCE_CALENDAR = calendar(ALWAYS, exceptions=(CalendarException(date(2026, 5, 1), ()),))
CALENDARS = [OFFICE_CALENDAR, NIGHT_CALENDAR, SUNDAY_CALENDAR, ALWAYS_CALENDAR, CLOSED_ONCE_CALENDAR]
CLOCKS: list[Clock] = [WALL, *CALENDARS]

clocks = st.sampled_from(CLOCKS)
# Years on both sides of the horizon, with weight on the changes of the zone and of the hours.
instants = st.one_of(
    st.integers(at("2020-01-01T00:00"), at("2033-01-01T00:00")),
    st.builds(
        lambda day, minute, micros: at("2024-12-25T00:00") + day * DAY + minute * MINUTE + micros,
        st.integers(0, 1110),
        st.sampled_from([0, 60, 150, 8 * 60, 12 * 60, 13 * 60, 18 * 60, 23 * 60]),
        st.integers(-2, 2),
    ),
)
amounts = st.one_of(st.integers(0, 300 * DAY), st.integers(0, 9000).map(lambda m: m * MINUTE))


@given(clocks, instants, amounts)
def test_what_is_added_lies_between(clock: Clock, a: int, n: int) -> None:
    assert clock.between(a, clock.add(a, n)) == n


@given(clocks, instants, amounts)
def test_add_gives_the_earliest_instant(clock: Clock, a: int, n: int) -> None:
    b = clock.add(a, n)
    assert b >= a
    assert b == a if n == 0 else clock.between(a, b - 1) == n - 1


@given(clocks, instants, amounts)
def test_a_negative_age_is_reached_at_the_earliest_instant_too(clock: Clock, a: int, n: int) -> None:
    b = clock.add(a, -n)
    assert b <= a
    assert clock.between(a, b) == -n
    assert n == 0 or clock.between(a, b - 1) == -n - 1


@given(clocks, instants, instants)
def test_adding_what_lies_between_does_not_pass_the_end(clock: Clock, one: int, other: int) -> None:
    a, b = min(one, other), max(one, other)
    reached = clock.add(a, clock.between(a, b))
    assert reached <= b
    if a == b or clock.is_open(b - 1):
        assert reached == b
    else:
        assert reached < b or clock.between(reached, b) == 0


@given(clocks, instants, instants)
def test_elapsed_time_is_monotone_and_between_is_signed(clock: Clock, a: int, b: int) -> None:
    assert clock.between(a, b) == -clock.between(b, a)
    assert 0 <= clock.between(min(a, b), max(a, b)) <= abs(b - a)


@given(clocks, instants)
def test_the_clock_runs_exactly_while_it_is_open(clock: Clock, t: int) -> None:
    assert clock.elapsed(t + 1) - clock.elapsed(t) == int(clock.is_open(t))


@given(clocks, instants)
def test_the_next_change_is_the_first_one(clock: Clock, t: int) -> None:
    change = clock.next_change(t)
    if change is None:
        assert clock.is_open(t)
        assert clock.between(t, t + 3000 * DAY) == 3000 * DAY
        return
    assert change > t
    assert clock.is_open(change) is not clock.is_open(t)
    assert clock.between(t, change) == (change - t if clock.is_open(t) else 0)


@given(clocks, instants)
def test_the_instant_of_an_elapsed_time_is_the_earliest(clock: Clock, t: int) -> None:
    elapsed = clock.elapsed(t)
    earliest = clock.instant_at(elapsed)
    assert earliest <= t
    assert clock.elapsed(earliest) == elapsed
    assert clock.elapsed(earliest - 1) == elapsed - 1


@settings(max_examples=60)
@given(
    st.sampled_from(CALENDARS),
    st.integers(0, 3 * 365 - 8).map(lambda day: at("2025-01-01T00:00") + day * DAY),
)
def test_being_open_agrees_with_the_time_on_the_wall(clock: Calendar, start: int) -> None:
    """Away from the hours that are skipped or repeated, an instant is open when the local time says so."""
    for t in range(start, start + 2 * DAY, 7 * MINUTE):
        local = datetime.fromtimestamp(t // SECOND, BERLIN)
        if local.weekday() == 6 and local.month in {3, 10} and 1 <= local.hour <= 4:
            continue
        spans = clock.frozen.dates.get(local.date(), clock.frozen.weekly[local.weekday()])
        minute = local.hour * 60 + local.minute
        assert clock.is_open(t) is any(begin <= minute < end for begin, end in spans), local


def test_a_weekend_holidays_and_exceptions_are_closed() -> None:
    clock = OFFICE_CALENDAR
    assert clock.between(at("2026-03-06T17:00"), at("2026-03-09T09:00")) == 2 * HOUR
    assert clock.between(at("2026-04-02T17:00"), at("2026-04-06T09:00")) == 2 * HOUR
    assert clock.add(at("2026-12-23T17:00"), 2 * HOUR) == at("2026-12-28T09:00")
    assert clock.between(at("2026-12-31T00:00"), at("2027-01-01T00:00")) == 4 * HOUR
    assert clock.between(at("2026-08-01T00:00"), at("2026-08-02T00:00")) == HOUR
    assert clock.next_change(at("2026-03-06T18:00")) == at("2026-03-09T08:00")
    assert clock.add(at("2026-03-09T08:00"), 0) == at("2026-03-09T08:00")
    assert clock.add(at("2026-03-06T12:00"), 5 * HOUR) == at("2026-03-06T18:00")
    assert clock.add(at("2026-03-09T08:00"), -HOUR) == at("2026-03-06T17:00")


def test_days_of_23_and_25_hours() -> None:
    spring, autumn = (
        (at("2026-03-29T00:00"), at("2026-03-30T00:00")),
        (
            at("2026-10-25T00:00"),
            at("2026-10-26T00:00"),
        ),
    )
    assert ALWAYS_CALENDAR.between(*spring) == 23 * HOUR
    assert ALWAYS_CALENDAR.between(*autumn) == 25 * HOUR
    # Open 00:00-06:00 and 22:00-24:00: one hour less, one hour more.
    assert NIGHT_CALENDAR.between(*spring) == 7 * HOUR
    assert NIGHT_CALENDAR.between(*autumn) == 9 * HOUR
    assert ALWAYS_CALENDAR.next_change(spring[0]) is None


def test_a_start_in_the_skipped_hour_opens_when_it_has_been_skipped() -> None:
    change = at("2026-03-29T03:00")
    assert SUNDAY_CALENDAR.next_change(at("2026-03-29T00:00")) == change
    assert SUNDAY_CALENDAR.next_change(change) == at("2026-03-29T03:30")


def test_a_span_inside_the_skipped_hour_is_empty() -> None:
    clock = calendar({"sunday": ("02:10-02:50",), "monday": ("09:00-10:00",)})
    assert clock.between(at("2026-03-29T00:00"), at("2026-03-30T00:00")) == 0
    assert clock.between(at("2026-04-05T00:00"), at("2026-04-06T00:00")) == 40 * MINUTE


def test_a_span_in_the_repeated_hour_lasts_from_the_first_to_the_second_time() -> None:
    clock = calendar({"sunday": ("02:15-02:45",)})
    assert clock.next_change(at("2026-10-25T00:00")) == at("2026-10-25T02:15")
    assert clock.next_change(at("2026-10-25T02:15")) == at("2026-10-25T02:45", fold=1)
    assert clock.between(at("2026-10-25T00:00"), at("2026-10-26T00:00")) == 90 * MINUTE


def test_hours_that_end_or_begin_where_the_repeated_hour_does_are_not_stretched() -> None:
    clock = calendar({"sunday": ("01:00-02:00", "03:00-04:00")})
    day = at("2026-10-25T00:00")
    assert clock.next_change(day + HOUR) == at("2026-10-25T02:00")
    assert clock.next_change(day + 2 * HOUR) == at("2026-10-25T03:00") == day + 4 * HOUR
    assert clock.between(day, day + DAY) == 2 * HOUR


def test_a_skipped_day_and_a_repeated_midnight() -> None:
    """Samoa had no 30 December 2011; Cuba repeats the hour before the midnight of 1 November 2026."""
    samoa = Calendar(freeze(config(ALWAYS), {}, [(0, -36000), (1_325_239_200, 50400)], 2010, 2012))
    start = 1_325_239_200 * SECOND - 5 * DAY
    assert samoa.between(start, start + 10 * DAY) == 10 * DAY
    weekdays = Calendar(
        freeze(config({"friday": ("09:00-17:00",)}), {}, [(0, -36000), (1_325_239_200, 50400)], 2010, 2012)
    )
    assert weekdays.between(start, start + 14 * DAY) == 8 * HOUR  # only 6 January
    havana = ZoneInfo("America/Havana")
    cuba = Calendar(
        freeze(config({"sunday": ("00:00-06:00",)}), {}, [(0, -14400), (1_793_509_200, -18000)], 2026, 2026)
    )
    assert cuba.between(at("2026-10-31T12:00", havana), at("2026-11-01T12:00", havana)) == 7 * HOUR


def test_touching_spans_are_one() -> None:
    clock = calendar({"monday": ("22:00-24:00",), "tuesday": ("00:00-06:00", "06:00-07:00")})
    assert clock.next_change(at("2026-03-02T22:00")) == at("2026-03-03T07:00")


@pytest.mark.parametrize("year", [2019, 2031])
def test_beyond_the_horizon_the_weekly_hours_go_on_with_the_last_offset(year: int) -> None:
    july = datetime(year, 7, 1, tzinfo=UTC)
    monday = to_micros(july - timedelta(days=july.weekday()))
    assert OFFICE_CALENDAR.is_open(monday + 7 * HOUR)  # 08:00 at UTC+1, though it is summer
    assert not OFFICE_CALENDAR.is_open(monday + 7 * HOUR - 1)
    assert OFFICE_CALENDAR.between(monday, monday + 70 * DAY) == 450 * HOUR


def test_at_the_ends_of_the_horizon_no_time_is_lost_or_counted_twice() -> None:
    for edge in (at("2025-01-01T00:00"), at("2028-01-01T00:00")):
        for clock in CALENDARS:
            start, end = edge - 9 * DAY, edge + 9 * DAY
            assert clock.between(start, end) == open_minutes(clock, start, end) * MINUTE
            for t in range(edge - 90 * MINUTE, edge + 90 * MINUTE, MINUTE):
                assert clock.between(t, t + MINUTE) == clock.is_open(t) * MINUTE


def test_the_identity_is_what_decides_time() -> None:
    one = frozen(OFFICE, holidays={date(2026, 4, 3): "Good Friday"})
    renamed = msgspec.structs.replace(one, id="other", name="Other", names={})
    assert content_hash(one) == content_hash(renamed) == Calendar(renamed).id
    assert content_hash(one) != content_hash(frozen(OFFICE))
    assert content_hash(one) != content_hash(msgspec.structs.replace(one, last_year=2026))
    assert content_hash(one) != content_hash(msgspec.structs.replace(one, transitions=one.transitions[:-1]))


def test_a_frozen_calendar_survives_json() -> None:
    one = OFFICE_CALENDAR.frozen
    again = msgspec.json.decode(msgspec.json.encode(one), type=FrozenCalendar)
    assert again == one
    assert Calendar(again).id == OFFICE_CALENDAR.id


def test_an_exception_stands_before_a_holiday_and_keeps_its_name() -> None:
    day = date(2026, 4, 3)
    one = frozen(
        OFFICE, holidays={day: "Good Friday"}, exceptions=(CalendarException(day, ("09:00-10:00",)),)
    )
    assert one.dates[day] == ((540, 600),)
    assert one.names[day] == "Good Friday"


def test_the_document_form_is_read_and_unknown_fields_are_refused() -> None:
    text = b"""{"id": "office", "name": "Office", "timeZone": "Europe/Berlin",
        "weekly": {"monday": ["08:00-12:00", "13:00-18:00"]}, "holidays": {"country": "DE", "region": "HH"},
        "exceptions": [{"date": "2026-12-24", "hours": [], "name": "Christmas Eve"}]}"""
    read = msgspec.json.decode(text, type=CalendarConfig)
    assert read.weekly.monday == ("08:00-12:00", "13:00-18:00")
    assert read.exceptions[0].date == date(2026, 12, 24)
    assert msgspec.json.decode(msgspec.json.encode(read), type=CalendarConfig) == read
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace(b"monday", b"mondays"), type=CalendarConfig)


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        (("8-12",), "d[0]"),
        (("08:00-12:60",), "d[0]"),
        (("08:00-25:00",), "d[0]"),
        (("08:00-12:00", "22:00-24:01"), "d[1]"),
        (("24:00-24:00",), "d[0]"),
        (("22:00-06:00",), "d[0]"),
        (("12:00-12:00",), "d[0]"),
        (("08:00-12:00", "11:59-13:00"), "d[1]"),
        (("13:00-14:00", "08:00-13:30"), "d[0]"),
    ],
)
def test_bad_spans_are_refused_with_their_path(hours: tuple[str, ...], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        spans_of(hours, "d")
    assert caught.value.field == field
    assert caught.value.hint is not None


def test_spans_are_sorted_and_may_touch() -> None:
    assert spans_of(("13:00-24:00", "00:00-13:00"), "d") == ((0, 780), (780, 1440))


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (lambda: config({}), "calendars[1].weekly"),
        (lambda: config({"friday": ("9:00-10:00",)}), "calendars[1].weekly.friday[0]"),
        (
            lambda: config(OFFICE, exceptions=(CalendarException(date(2026, 1, 2), ("10:00-09:00",)),)),
            "calendars[1].exceptions[0].hours[0]",
        ),
        (
            lambda: config(OFFICE, exceptions=(CalendarException(date(2026, 1, 2), ()),) * 2),
            "calendars[1].exceptions[1].date",
        ),
    ],
)
def test_a_bad_calendar_is_refused_with_its_path(broken: Callable[[], CalendarConfig], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        check_calendar(broken(), "calendars[1]")
    assert caught.value.field == field


def test_an_exception_after_the_horizon_is_refused_and_one_before_it_is_left_out() -> None:
    with pytest.raises(RuleSetError) as caught:
        frozen(OFFICE, exceptions=(CalendarException(date(2206, 1, 2), ()),))
    assert caught.value.field == "calendar.exceptions[0].date"
    assert frozen(OFFICE, exceptions=(CalendarException(date(2006, 1, 2), ()),)).dates == {}


def test_wall_time_never_stands_still() -> None:
    assert WALL.id == "wall"
    assert (WALL.elapsed(5), WALL.instant_at(5), WALL.add(5, -7), WALL.between(9, 2)) == (5, 5, -2, -7)
    assert WALL.is_open(0)
    assert WALL.next_change(0) is None
