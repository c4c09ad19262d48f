"""What dashboards count: sums that agree, spans in the tenant's zone on days of 23 and 25 hours, scopes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.dashboard import (
    BacklogRow,
    Flow,
    Period,
    Tally,
    covered,
    day_start,
    level_of,
    lies_below,
    quarter_of,
    spans,
    tallies,
    tally,
    total_flow,
)
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.work_item import OPEN
from openiwd.usecases.remembered import TIMES_ITS_COST, Remembered

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 3, tzinfo=UTC)
PATHS = st.sampled_from([None, "Motor", "Motor/Glass", "Motor/Glass/Van", "Motor trade", "Lending/Mortgage"])
ROWS = st.lists(
    st.builds(
        BacklogRow,
        category_path=PATHS,
        queue_id=st.sampled_from([None, "q1", "q2"]),
        status=st.sampled_from([s.value for s in OPEN]),
        items=st.integers(1, 9),
        overdue=st.integers(0, 9),
        due_hour=st.integers(0, 9),
        due_today=st.integers(0, 9),
        oldest=st.datetimes(timezones=st.just(UTC)),
        longest=st.none() | st.datetimes(timezones=st.just(UTC)),
    )
)


def counts(of: Tally) -> tuple[int, ...]:
    return (of.waiting, of.assigned, of.held, of.overdue, of.due_hour, of.due_today, of.queued, of.errorheld)


@given(ROWS)
def test_every_breakdown_adds_up_to_the_same(rows: list[BacklogRow]) -> None:
    whole = tally(rows)
    assert whole.open == sum(r.items for r in rows)
    assert whole.oldest == min((r.oldest for r in rows if r.oldest is not None), default=None)
    for key in (lambda r: r.queue_id, lambda r: level_of(r.category_path, None)):
        parts = tallies(rows, key).values()
        assert counts(whole) == tuple(sum(c) for c in zip(*map(counts, parts), strict=True)) or not rows


def test_a_line_is_a_department_and_within_one_its_processes() -> None:
    assert level_of("Motor/Glass/Van", None) == "Motor"
    assert level_of("Motor/Glass/Van", "Motor") == "Motor/Glass"
    assert level_of("Motor", "Motor") == "Motor"
    assert level_of("Motor/Glass/Van", "Motor/Glass") == "Motor/Glass/Van"
    assert level_of(None, None) is None


def test_what_begins_alike_lies_not_below() -> None:
    assert lies_below("Motor/Glass", "Motor")
    assert lies_below("Motor", "Motor")
    assert not lies_below("Motor trade", "Motor")
    assert lies_below(None, None)
    assert not lies_below(None, "Motor")


def test_access_groups_reach_categories_and_queues() -> None:
    caller = Caller(tenant_id="t", actor="user:x", name="x", categories=["Motor"], queues=["q2"])
    assert covered(caller, Scope.ALL, None, None)
    assert covered(caller, Scope.GROUP, "Motor/Glass", "q1")
    assert covered(caller, Scope.GROUP, "Lending", "q2")
    assert not covered(caller, Scope.GROUP, "Motor trade", "q1")
    assert not covered(caller, Scope.GROUP, None, None)
    assert not covered(caller, Scope.OWN, "Motor", "q2")


@pytest.mark.parametrize(
    ("noon", "hours"),
    [("2026-03-29T10:00:00Z", 23), ("2026-10-25T11:00:00Z", 25), ("2026-11-25T11:00:00Z", 24)],
)
def test_a_day_lasts_as_long_as_its_zone_says(noon: str, hours: int) -> None:
    now = datetime.fromisoformat(noon)
    start, end = day_start(now, BERLIN), day_start(now, BERLIN, 1)
    assert end - start == timedelta(hours=hours)
    last = spans(Period.TODAY, end - timedelta(seconds=1), BERLIN)
    assert (last[0], last[-1]) == (start, end)
    assert len(last) == hours * 4 + 1


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    st.sampled_from(list(Period)),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"]),
)
def test_spans_are_ascending_without_gap_and_hold_now(now: datetime, period: Period, zone: str) -> None:
    found = spans(period, now, ZoneInfo(zone))
    assert found == sorted(set(found))
    assert found[-2] <= now < found[-1]


def test_a_week_is_cut_at_the_same_local_hours_when_clocks_change() -> None:
    found = spans(Period.WEEK, datetime(2026, 10, 27, 12, tzinfo=UTC), BERLIN)
    assert {at.astimezone(BERLIN).hour for at in found} == {0, 6, 12, 18}
    assert timedelta(hours=7) in {b - a for a, b in pairwise(found)}


def test_the_last_hour_has_twelve_spans() -> None:
    found = spans(Period.HOUR, NOW, BERLIN)
    assert len(found) == 13
    assert found[0] == NOW.replace(minute=5) - timedelta(hours=1)


def test_quarters_begin_on_the_hour() -> None:
    assert quarter_of(NOW) == NOW.replace(minute=0)
    assert quarter_of(NOW.replace(minute=59)) == NOW.replace(minute=45)


def test_a_service_level_needs_something_measured() -> None:
    assert Flow(start=NOW, finished=3).service_level is None
    whole = total_flow([Flow(start=NOW, measured=3, in_time=3), Flow(start=NOW, measured=1)], NOW)
    assert whole.service_level == 0.75


async def test_what_is_dear_is_kept_longer_and_found_out_once() -> None:
    at, asked = [0.0], []

    async def find() -> int:
        asked.append(at[0])
        at[0] += 1
        return len(asked)

    kept = Remembered(lambda: at[0])
    assert await kept.get("k", find) == 1
    at[0] += TIMES_ITS_COST - 1
    assert await kept.get("k", find) == 1
    assert await kept.get("other", find) == 2
    at[0] += TIMES_ITS_COST
    assert await kept.get("k", find) == 3
    kept.forget()
    assert await kept.get("k", find) == 4
