"""The backlog's order against a plain sort, at every instant of a random history."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nextafter
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_columns import Columns, Key
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.calendar import WALL
from openiwd.domain.instant import HOUR, MINUTE
from openiwd.domain.ordered_run import OrderedRun
from openiwd.domain.queue import QueueConfig, compile_queue
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.schema import SchemaConfig, compile_schema, standing
from tests.unit.random_world import QUEUES, START, TwinWorld, points

seeds = st.integers(0, 2**40)


@settings(max_examples=600, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(1, 5))
def test_order_rank_and_priority_equal_a_plain_sort(seed: int, items: int, steps: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, 0)
    backlog, plain = twin.world.backlog, twin.plain
    for _ in range(steps):
        order = plain.order(twin.now)
        assert [item.number for item, _ in backlog.order(twin.now)] == order
        assert [p for _, p in backlog.order(twin.now)] == [plain.priority(n, twin.now) for n in order]
        assert [backlog.rank(n, twin.now) for n in order] == list(range(1, len(order) + 1))
        for queue_id in QUEUES:
            own = plain.order(twin.now, queue_id)
            assert [item.number for item, _ in backlog.order(twin.now, queue_id, 3)] == own[:3]
            assert [backlog.rank(n, twin.now, queue_id) for n in own] == list(range(1, len(own) + 1))
            assert backlog.count(queue_id) == len(own)
        assert len(backlog) == len(order)
        if order:
            twin.remove(twin.rnd.choice(order))
        twin.add_item()
        twin.step()


@settings(max_examples=200, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(1, 50))
def test_no_other_item_is_above_the_bound_of_the_first(seed: int, items: int, limit: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, 0)
    backlog, plain = twin.world.backlog, twin.plain
    for queue_id in (None, *QUEUES):
        order = plain.order(twin.now) if queue_id is None else plain.order(twin.now, queue_id)
        found = backlog.first(twin.now, queue_id, limit)
        assert len(found.numbers) == len(set(found.numbers)) == min(limit, len(order))
        assert set(found.numbers) <= set(order)
        assert all(plain.priority(n, twin.now) <= found.least for n in set(order) - set(found.numbers))
        # The bound is as low as it can be told: at most one step of floating point above the worst.
        worst = min((plain.priority(n, twin.now) for n in found.numbers), default=None)
        assert found.least == (0 if worst is None else Fraction(nextafter(float(worst), inf)))
    assert backlog.first(twin.now, None, 0).numbers == []


@settings(max_examples=400, deadline=None)
@given(seeds, st.integers(1, 25))
def test_the_order_changes_only_where_lines_bend_or_cross(seed: int, items: int) -> None:
    """Just before the next bend the standing lines still give the exact priorities; so do the new ones at it."""
    twin = TwinWorld(Random(seed))
    twin.fill(items, 0)
    backlog, plain = twin.world.backlog, twin.plain
    for _ in range(6):
        bend = backlog.next_bend()
        if bend is None:
            return
        assert bend > twin.now
        for now in sorted({max(twin.now, bend - 1), bend}):
            assert {item.number: p for item, p in backlog.order(now)} == {
                n: plain.priority(n, now) for n in plain.items
            }
        twin.now = bend


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 25), st.integers(2, 5))
def test_many_bends_at_once_equal_one_after_the_other(seed: int, items: int, steps: int) -> None:
    slow, fast = TwinWorld(Random(seed)), TwinWorld(Random(seed))
    for twin in (slow, fast):
        twin.fill(items, 0)
    end = slow.now + steps * HOUR
    while (bend := slow.world.backlog.next_bend()) is not None and bend <= end:
        slow.world.backlog.advance(bend)
    assert [i for i, _ in slow.world.backlog.order(end)] == [i for i, _ in fast.world.backlog.order(end)]
    for n in slow.plain.items:
        one, other = slow.world.backlog.group_of(n), fast.world.backlog.group_of(n)
        assert (one.demand, one.segment) == (other.demand, other.segment)
        assert (one.clock_id, one.slope) == (other.clock_id, other.slope)
    assert slow.world.backlog.next_bend() == fast.world.backlog.next_bend()
    assert slow.world.backlog.next_opening() == fast.world.backlog.next_opening()


SCHEMA = compile_schema(
    SchemaConfig(id="s", name="S", points=points(("0h", 100), ("1h", 160), ("2h", 100))), WALL
)
QUEUE = compile_queue(QueueConfig(id="q", name="Q"), "queue")


def waiting(number: int, queued_at: int = START, value: int = 0, **rest: object) -> BacklogItem:
    defaults: dict[str, object] = {
        "number": number,
        "id": UUID(int=number),
        "queue_id": "q",
        "queued_at": queued_at,
        "anchor_at": queued_at,
        "business_value": value,
        "standing": standing(SCHEMA, queued_at, 0, value, 0),
    }
    return BacklogItem(**{**defaults, **rest})  # type: ignore[arg-type]


def backlog_of(*items: BacklogItem) -> Backlog:
    backlog = Backlog({"q": QUEUE}, {"s": SCHEMA})
    for item in items:
        backlog.put(item, START)
    return backlog


def numbers(backlog: Backlog, now: int) -> list[int]:
    return [item.number for item, _ in backlog.order(now)]


def test_ties_go_by_value_then_anchor_then_id() -> None:
    rising, falling = START - 30 * MINUTE, START - 90 * MINUTE  # both have the priority 130 now
    backlog = backlog_of(
        waiting(1, rising),
        waiting(2, falling),
        waiting(3, rising, value=5),
        waiting(4, falling),
        waiting(5, rising),
    )
    assert numbers(backlog, START) == [3, 2, 4, 1, 5]
    assert backlog.priority(1, START) == backlog.priority(2, START) == 130
    assert numbers(backlog, START + 1) == [3, 1, 5, 2, 4]


def test_an_item_put_again_replaces_itself() -> None:
    backlog = backlog_of(waiting(1), waiting(2))
    backlog.put(waiting(1, START - MINUTE, revision=2), START)
    assert len(backlog) == backlog.count("q") == 2
    assert numbers(backlog, START) == [1, 2]
    found = backlog.get(1)
    assert found is not None
    assert found.revision == 2
    assert backlog.remove(1) == found
    assert backlog.remove(1) is None
    assert backlog.counts() == {"q": 1}


def test_time_never_goes_back() -> None:
    backlog = backlog_of(waiting(1, START - HOUR))
    assert backlog.priority(1, START + HOUR) == 100
    assert backlog.priority(1, START) == 100
    assert backlog.advance(START) == START + HOUR


def test_relaxation_moves_an_item_to_another_demand_when_it_is_due() -> None:
    requirement = Requirement(
        skills=(("german", 6),), relaxation=(Relaxation(10 * MINUTE, skill="german", level=5),)
    )
    backlog = backlog_of(waiting(1, requirement=requirement), waiting(2))
    assert backlog.next_opening() == START + 10 * MINUTE
    backlog.advance(START + 10 * MINUTE - 1)
    assert backlog.group_of(1).demand.signature.skills == (("german", 6),)
    version = backlog.demands_version
    backlog.advance(START + 10 * MINUTE)
    assert backlog.group_of(1).demand.signature.skills == (("german", 5),)
    assert backlog.demands_version > version
    assert backlog.next_opening() is None


def test_best_walks_on_inside_a_group_and_past_refused_ones() -> None:
    backlog = backlog_of(*(waiting(n, START - n * MINUTE) for n in range(1, 6)))
    best = backlog.best(START, accepts_item=lambda item: item.number < 3)
    assert best is not None
    assert best.number == 2
    assert backlog.best(START, accepts_demand=lambda _: False) is None
    assert [item.number for item in backlog.behind(4, START, 2)] == [3, 2]


def test_bends_of_a_thousand_items_at_one_instant_are_applied_together() -> None:
    late = [waiting(n, START - 30 * MINUTE) for n in range(1, 1001)]
    backlog = backlog_of(*late, *(waiting(n, START - 90 * MINUTE) for n in range(1001, 1011)))
    assert backlog.next_bend() == START + 30 * MINUTE
    now = START + 45 * MINUTE
    assert numbers(backlog, now)[:2] == [1, 2]
    assert backlog.priority(1, now) == Fraction(145)
    assert backlog.rank(1001, now) == 1001
    for n in range(1, 1011):
        backlog.remove(n)
    assert len(backlog) == 0
    assert list(backlog.demands()) == []
    assert backlog.next_bend() is None


@settings(max_examples=200, deadline=None)
@given(seeds, st.integers(1, 4000), st.booleans())
def test_a_run_is_a_sorted_list(seed: int, size: int, wide: bool) -> None:
    rnd = Random(seed)
    columns = Columns()
    run, model = OrderedRun(columns), dict[int, Key]()
    run.wide = wide

    def slot() -> int:
        taken = columns.take()
        level = rnd.randint(-3, 3) * (rnd.choice([1, 10**20]) if wide else 1)
        columns.set_level(taken, level)
        columns.value_at[taken], columns.anchor_at[taken] = rnd.randint(0, 1), rnd.randint(0, 20)
        columns.set_id(taken, rnd.getrandbits(128))
        return taken

    for _ in range(5):
        fresh = [slot() for _ in range(rnd.choice([1, 3, size]))]
        run.add_many(np.array(fresh, np.uint32))
        model |= {one: columns.key_of(one) for one in fresh}
        gone = rnd.sample(sorted(model), min(len(model), rnd.choice([1, 2, size // 2])))
        run.remove_many(np.array(gone, np.uint32))
        for one in gone:
            del model[one]
            columns.release(one)
        assert list(run) == sorted(model, key=model.__getitem__)
        assert len(run) == len(model)
        assert run.head == min(model, key=model.__getitem__, default=None)
        probe = rnd.choice([*model.values(), (0, 1, 5, 0, 0), (1,), (-2, 0)])
        assert run.count_before(probe) == sum(key < probe for key in model.values())
        later = sorted((key, one) for one, key in model.items() if key > probe)
        assert list(run.after(probe)) == [one for _, one in later]
    with pytest.raises(KeyError):
        run.remove(slot())
