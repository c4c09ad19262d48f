"""Stays from events: whatever the parts in which the log is read, they are the times in which the item waited."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain import assignment, finish, hold
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import LoggedEvent, fold
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.past_order import open_times, past_curves
from openiwd.domain.queue_stay import LONGEST, SHORTEST, Stay, folded, follow, unknown_items
from openiwd.domain.work_item import Status
from tests.factories.life import PAUSING, Life, rules

TIMES = open_times(rules().clocks["office"], 2026)
ACTS = ("offer", "accept", "decline", "hold", "resume", "value", "text", "move", "return", "cancel")


def life_of(acts: list[str]) -> Life:
    """An item to which these things happen, a while apart; what cannot happen is left out."""
    life = Life()
    life.create(data={"kind": "claim", "line": "motor"})
    for act in acts:
        life.wait(minutes=7)
        with suppress(OpenIwdError, AssertionError):
            happen(life, act)
    return life


def happen(life: Life, act: str) -> None:
    match act:
        case "offer":
            life.offer("amara")
        case "accept":
            life.accept()
        case "decline":
            life.end_offer(OfferOutcome.DECLINED)
        case "hold":
            life.do(hold.hold, PAUSING)
        case "resume":
            life.do(hold.resume)
        case "value":
            life.put(businessValue=life.item.revision)
        case "text":
            life.put(subject=f"s{life.item.revision}")
        case "move":
            life.put(data={"kind": "claim", "line": ["property", "late", "motor"][life.item.revision % 3]})
        case "return":
            life.do(assignment.return_to_queue)
        case _:
            life.do(finish.cancel)


def read(events: list[LoggedEvent], cuts: list[int]) -> list[Stay]:
    """All stays, as they are after reading the log in these parts."""
    stays: dict[tuple[int, datetime], Stay] = {}
    edges = [0, *sorted({c % (len(events) + 1) for c in cuts}), len(events)]
    for start, end in pairwise(edges):
        part = events[start:end]
        waiting = {s.item_number: s for s in stays.values() if s.until is None}
        before = {
            item_id: folded([e for e in events[:start] if e.item_id == item_id])
            for item_id in unknown_items(part, waiting)
        }
        found = follow(part, waiting, before)
        for stay in (*found.ended, *found.begun):
            stays[stay.item_number, stay.since] = stay
    return sorted(stays.values(), key=lambda s: s.since)


@settings(deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=14), st.lists(st.integers(0, 40), max_size=4))
def test_stays_are_the_times_of_waiting_in_whatever_parts_the_log_is_read(
    acts: list[str], cuts: list[int]
) -> None:
    life = life_of(acts)
    stays = read(life.log, cuts)
    assert stays == read(life.log, [])
    end = life.now + timedelta(minutes=5)
    at = life.log[0].at
    while at < end:
        item = fold([e for e in life.log if e.at <= at])
        holding = [s for s in stays if s.since <= at and (s.until is None or at < s.until)]
        waits = item is not None and item.status is Status.QUEUED and item.offer_id is None
        assert len(holding) == int(waits), at
        if item is not None and waits:
            line = holding[0].line
            assert (line.queue_id, line.schema_id or None) == (item.queue_id, item.schema_id)
            assert line.business_value == item.business_value
            assert line.anchor == to_micros(item.anchor_at or item.created_at)
            assert line.pauses == tuple(to_micros(end) for pause in item.pauses for end in pause)
        at += timedelta(minutes=1)


def test_what_does_not_matter_for_the_order_begins_no_new_stay() -> None:
    stays = read(life_of(["text", "text", "text"]).log, [])
    assert len(stays) == 1
    assert stays[0].until is None
    assert len(read(life_of(["value"]).log, [])) == 2


def test_a_span_says_how_long_a_stay_was_within_a_factor_of_two() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    line = read(life_of([]).log, [])[0].line
    for seconds in (0.001, 1, 3, 5, 60, 7_000, 10**6, 10**9):
        stay = Stay(
            item_number=1,
            item_id=UUID(int=1),
            line=line,
            since=start,
            until=start + timedelta(seconds=seconds),
        )
        assert stay.span is not None
        micros = int(seconds * 1_000_000)
        assert micros < 2 ** (stay.span + 1)
        assert stay.span in (SHORTEST, LONGEST) or 2**stay.span <= micros
    assert Stay(item_number=1, item_id=UUID(int=1), line=line, since=start).span is None


@settings(deadline=None)
@given(st.integers(-4 * 365 * 24 * 60, 4 * 365 * 24 * 60))
def test_open_times_say_what_the_clock_says(minutes: int) -> None:
    clock = rules().clocks["office"]
    at = to_micros(datetime(2026, 7, 1, tzinfo=UTC)) + minutes * 60_000_001
    times = TIMES
    place = max(n for n, start in enumerate(times.starts) if start <= at)
    assert min(at, times.ends[place]) + times.shifts[place] == clock.elapsed(at)


def test_curves_are_on_one_scale() -> None:
    live = rules()
    curves = past_curves(live.schemas.values(), from_micros(to_micros(datetime(2026, 3, 2, 10, tzinfo=UTC))))
    assert curves.is_small
    for curve in curves.curves:
        schema = live.schemas[curve.schema_id]
        assert curves.scale % schema.scale == 0
        assert (curve.open_times is None) is (schema.clock.id == "wall")
        assert len(curve.bases) == len(curve.rates) == len(curve.bends) + 1
