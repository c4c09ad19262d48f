"""When reports fall due: local time over changes of the clock, missed and failed ones; what they are about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.report_schedule import (
    RETRY_FOR,
    RETRY_PAUSE,
    WAIT_FOR_DATA,
    LastRun,
    Outcome,
    Past,
    ReportSchedule,
    Rhythm,
    check_schedule,
    days_of,
    days_text,
    due_now,
    due_on,
    email_id_of,
    is_to_wait,
    latest_due,
    next_due,
    next_look,
)

BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "UTC",
)


def schedule(**fields: Any) -> ReportSchedule:
    values: dict[str, Any] = {
        "id": "s", "name": "Yesterday", "report": "intraday-process", "recipients": ["ines@example.com"],
        "mailbox": "care", "time": "07:00", "since": LONG_AGO, **fields,
    }  # fmt: skip
    return ReportSchedule(**values)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "day", "expected"),
    [
        ("07:00", "2026-03-28", "2026-03-28T06:00"),
        ("07:00", "2026-03-29", "2026-03-29T05:00"),  # summer time has begun
        ("02:30", "2026-03-29", "2026-03-29T01:30"),  # a time that this day does not have: 03:30
        ("03:00", "2026-03-29", "2026-03-29T01:00"),
        ("02:30", "2026-10-25", "2026-10-25T00:30"),  # twice on this day: the first one
        ("03:00", "2026-10-25", "2026-10-25T02:00"),
        ("07:00", "2026-10-25", "2026-10-25T06:00"),  # summer time is over
    ],
)
def test_local_time_over_changes_of_the_clock(time: str, day: str, expected: str) -> None:
    assert due_on(schedule(time=time), date.fromisoformat(day), BERLIN) == utc(expected)


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("time", ["00:00", "00:30", "02:30", "23:59"])
def test_a_daily_one_falls_due_once_on_each_day(zone_name: str, time: str) -> None:
    zone, one = ZoneInfo(zone_name), schedule(time=time)
    at, dues = utc("2025-12-31T12:00"), []
    for _ in range(400):
        due = next_due(one, zone, at)
        assert due is not None
        assert due > at
        assert latest_due(one, zone, due) == due
        assert latest_due(one, zone, due + timedelta(seconds=1)) == due
        dues.append(due)
        at = due
    days = [d.astimezone(zone).date() for d in dues]
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))


@pytest.mark.parametrize("time", ["02:30", "07:00"])
def test_looked_at_often_each_one_is_run_once_over_both_changes(time: str) -> None:
    one, last, ran = schedule(time=time), None, []
    for begin in ("2026-03-28T00:00", "2026-10-24T00:00"):
        for minute in range(0, 3 * 1440, 7):
            now = utc(begin) + timedelta(minutes=minute)
            due = due_now(one, BERLIN, now, last)
            if due is not None:
                ran.append(due)
                last = LastRun(schedule_id="s", due_at=due, at=now, outcome=Outcome.QUEUED)
    local = [r.astimezone(BERLIN).date().isoformat() for r in ran]
    # Of all that fell due in the months between only the last one is made up for.
    assert local == [
        *("2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30"),
        *("2026-10-23", "2026-10-24", "2026-10-25", "2026-10-26"),
    ]


def test_weekly_and_monthly_ones() -> None:
    weekly = schedule(rhythm=Rhythm.WEEKLY, weekday=1)
    assert next_due(weekly, BERLIN, utc("2026-03-23T05:59")) == utc("2026-03-23T06:00")
    assert next_due(weekly, BERLIN, utc("2026-03-23T06:00")) == utc("2026-03-30T05:00")
    last_day = schedule(rhythm=Rhythm.MONTHLY, day=31)
    found, at = [], utc("2027-12-31T12:00")
    for _ in range(4):
        due = next_due(last_day, BERLIN, at)
        assert due is not None
        at = due
        found.append(due.astimezone(BERLIN).date().isoformat())
    assert found == ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
    assert latest_due(last_day, BERLIN, utc("2028-03-30T00:00")) == utc("2028-02-29T06:00")


def test_nothing_from_before_it_was_set_and_nothing_while_it_is_paused() -> None:
    new = schedule(since=utc("2026-05-04T10:00"))
    assert due_now(new, BERLIN, utc("2026-05-04T23:00"), None) is None
    assert due_now(new, BERLIN, utc("2026-05-05T05:00"), None) == utc("2026-05-05T05:00")
    paused = schedule(active=False)
    assert due_now(paused, BERLIN, utc("2026-05-05T06:00"), None) is None
    assert next_due(paused, BERLIN, utc("2026-05-05T06:00")) is None


def test_what_failed_is_tried_again_for_some_hours() -> None:
    one, due = schedule(), utc("2026-05-05T05:00")
    failed = LastRun(schedule_id="s", due_at=due, at=due, outcome=Outcome.FAILED)
    assert due_now(one, BERLIN, due + RETRY_PAUSE - timedelta(seconds=1), failed) is None
    assert due_now(one, BERLIN, due + RETRY_PAUSE, failed) == due
    assert next_look(one, BERLIN, due, failed) == due + RETRY_PAUSE
    late = replace(failed, at=due + RETRY_FOR)
    assert due_now(one, BERLIN, due + RETRY_FOR + RETRY_PAUSE, late) is None
    assert next_look(one, BERLIN, due + RETRY_FOR, late) == due + timedelta(days=1)
    waiting = replace(late, outcome=Outcome.WAITING)
    assert due_now(one, BERLIN, due + RETRY_FOR + RETRY_PAUSE, waiting) == due
    done = replace(failed, outcome=Outcome.QUEUED)
    assert due_now(one, BERLIN, due + timedelta(hours=2), done) is None
    assert next_look(one, BERLIN, due, done) == due + timedelta(days=1)
    assert due_now(one, BERLIN, due + timedelta(days=1), failed) == due + timedelta(days=1)


def test_it_waits_for_the_mart_but_not_for_ever() -> None:
    due, end = utc("2026-05-05T05:00"), utc("2026-05-04T22:00")
    assert is_to_wait(end, due, None, due)
    assert is_to_wait(end, due, end - timedelta(seconds=1), due)
    assert not is_to_wait(end, due, end, due)
    assert not is_to_wait(end, due, None, due + WAIT_FOR_DATA)
    # A period that is not over yet is known as far as it can be.
    assert not is_to_wait(end + timedelta(days=1), due, due, due)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Past.TODAY, "2026-03-01", "2026-03-01"),
        (Past.YESTERDAY, "2026-02-28", "2026-02-28"),
        (Past.LAST_WEEK, "2026-02-16", "2026-02-22"),  # the first of March is a Sunday
        (Past.LAST_MONTH, "2026-02-01", "2026-02-28"),
    ],
)
def test_the_days_a_report_is_about(period: Past, first: str, last: str) -> None:
    found = days_of(period, date(2026, 3, 1))
    assert [d.isoformat() for d in found] == [first, last]
    assert days_text(*found) == (first if first == last else f"{first} – {last}")


def test_one_email_for_each_schedule_and_instant() -> None:
    due = utc("2026-05-05T05:00")
    assert email_id_of("a", due) == email_id_of("a", due.astimezone(BERLIN))
    others = [email_id_of("b", due), email_id_of("a", due + timedelta(days=1))]
    assert len({email_id_of("a", due), *others}) == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"report": "nothing"}, "report"),
        ({"recipients": ["ines"]}, "recipients"),
        ({"recipients": ["ines@bücher.example"]}, "recipients"),
        ({"recipients": ["ines@example.com", "INES@example.com"]}, "recipients"),
        ({"text": "Dear {{contact.name}}"}, "text"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_schedule(schedule(**fields))
    assert refused.value.field == field


@pytest.mark.parametrize("time", ["7:00", "24:00", "07:60", "07:00:00", ""])
def test_times_are_hours_and_minutes(time: str) -> None:
    body = {**msgspec.to_builtins(schedule()), "time": time}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, ReportSchedule)
