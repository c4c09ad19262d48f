"""Many items at once: put alike, bent together, swept and tidied, with every limit of size lowered to next to none."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain import backlog_bend, backlog_state, backlog_time, due_list, ordered_run
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_columns import Columns
from openiwd.domain.backlog_item import BacklogItem, BacklogRows, items_alike
from openiwd.domain.due_list import NEVER, DueList
from openiwd.domain.instant import DAY, HOUR, MINUTE
from openiwd.domain.queue import compile_queue
from openiwd.domain.schema import PointConfig, Schema, SchemaConfig, compile_schema, priority_at, standing
from tests.unit.random_world import (
    CLOCKS,
    SCHEMAS,
    START,
    TwinWorld,
    points,
    random_queues,
    random_requirement,
)
from tests.unit.test_distribution import assert_same_decisions

seeds = st.integers(0, 2**40)

WIDE = SchemaConfig(
    id="wide", name="w", clock="office", value_weight=-7,
    points=tuple(PointConfig(age, priority) for age, priority in [
        ("0s", -999_999_999), ("61m7s", 999_999_937), ("7h11m13s", -3), ("29h17m", 999_999_929)
    ]),
)  # fmt: skip
"""Even the scales of its single segments are so large that many a level does not fit 64 bits."""
ODD = SchemaConfig(
    id="odd", name="o", clock="office", value_weight=Decimal("0.25"),
    points=points(("0m", 100), ("61m", 161), ("128m", 223), ("199m", 307), ("272m", 401), ("351m", 503), ("434m", 601)),
)  # fmt: skip
"""Durations without a common factor: one scale for all its segments would be their product."""


@pytest.fixture(autouse=True, scope="module")
def small_limits() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(backlog_state, "_SPARE", 0)
    patch.setattr(due_list, "_SPARE", 0)
    patch.setattr(due_list, "_SPAN_BITS", 30)
    patch.setattr(backlog_time, "_BULK", 1)
    patch.setattr(ordered_run, "_CHUNK", 2)
    yield
    patch.undo()


def schemas() -> dict[str, Schema]:
    return {s.id: compile_schema(s, CLOCKS[s.clock]) for s in (*SCHEMAS.values(), WIDE, ODD)}


def random_rows(rnd: Random, first: int, count: int, now: int) -> BacklogRows:
    def times(before: int, after: int) -> list[int]:
        return [
            now + rnd.randint(-before, after) * 5 * MINUTE + rnd.choice([0, 0, -1, 1]) for _ in range(count)
        ]

    numbers = rnd.sample(range(first, first + 2 * count), count)
    return BacklogRows(
        np.array([n + rnd.choice([0, 0, 2**33]) for n in numbers], np.int64),
        np.array([[rnd.choice([0, 5]), rnd.getrandbits(64)] for _ in range(count)], np.uint64),
        np.array([rnd.choice([1, 2, 65_534, 65_535, 70_000]) for _ in range(count)], np.int32),
        np.array([rnd.choice([0, 0, 10, -20, 2**31 - 1, -(2**31)]) for _ in range(count)], np.int32),
        np.array([rnd.choice([0, 0, 60, -7]) for _ in range(count)], np.int32),
        np.array(times(40, 8), np.int64),
        np.array(times(15, 0), np.int64),
    )


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 4), st.integers(1, 12))
def test_items_put_alike_are_items_put_one_by_one(seed: int, batches: int, count: int) -> None:
    rnd, known = Random(seed), schemas()
    queues = {q.id: compile_queue(q, "queue") for q in random_queues(rnd).values()}
    together, singly = Backlog(queues, known), Backlog(queues, known)
    now: int = START
    for batch in range(batches):
        schema = rnd.choice([None, *known.values()])
        fixed = rnd.choice([None, None, None, 160])
        own = standing(schema, now, 0, 0, 0, fixed) if schema is not None else None
        like = BacklogItem(
            number=0, id=UUID(int=0), queue_id=rnd.choice(["claims", "questions", "gone"]), queued_at=0, anchor_at=0,
            requirement=random_requirement(rnd), weight=rnd.randint(0, 2), segment=rnd.choice([None, "gold"]),
            standing=own or standing(known["flat"], now, 0, 0, 0, fixed)._replace(schema_id=""),
        )  # fmt: skip
        rows = random_rows(rnd, 1 + rnd.choice([0, batch * 30]), count, now)
        together.put_alike(like, rows, now)
        for item in items_alike(like, schema, rows):
            singly.put(item, now)
        for _ in range(3):
            order = singly.order(now)
            assert together.order(now) == order
            assert list(together.items()) == list(singly.items())
            assert [together.rank(item.number, now) for item, _ in order] == list(range(1, len(order) + 1))
            assert together.next_bend() == singly.next_bend()
            assert together.next_opening() == singly.next_opening()
            for one in rnd.sample([item.number for item, _ in order], min(2, len(order))):
                assert together.remove(one) == singly.remove(one)
            now += rnd.choice([1, MINUTE, HOUR, 17 * HOUR, 3 * DAY])
    assert together.counts() == singly.counts()
    assert set(together.demands()) == set(singly.demands())


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 40), st.sampled_from([0, 32]))
def test_levels_on_odd_segments_are_exact_and_fit_their_column(seed: int, count: int, whole: int) -> None:
    """Bent together in both ways: their groups gone through as a whole, or sorted for themselves."""
    rnd, schema = Random(seed), compile_schema(ODD, CLOCKS["office"])
    now: int = START
    assert max(schema.bases) > 2**63
    backlog = Backlog({}, {"odd": schema})
    like = BacklogItem(
        number=0,
        id=UUID(int=0),
        queue_id="q",
        queued_at=0,
        anchor_at=0,
        standing=standing(schema, now, 0, 0, 0),
    )
    rows = random_rows(rnd, 1, count, now)
    waiting = {item.number: item for item in items_alike(like, schema, rows)}
    for half in (slice(0, count // 2), slice(count // 2, count)):
        if len(rows.numbers[half]):
            backlog.put_alike(like, rows.part(half), now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog_bend, "_WHOLE", whole)
        for _ in range(6):
            now += rnd.choice([1, MINUTE, 61 * MINUTE, 5 * HOUR])
            exact = {n: priority_at(schema, item.standing, now) for n, item in waiting.items()}
            expected = sorted(
                waiting.values(), key=lambda i: (-exact[i.number], -i.business_value, i.anchor_at, i.id)
            )
            assert [(item.number, p) for item, p in backlog.order(now)] == [
                (item.number, exact[item.number]) for item in expected
            ]
    assert not backlog.columns.wide


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(1, 30), st.integers(1, 5))
def test_swept_and_bent_in_bulk_all_decisions_equal_the_reference(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    for _ in range(4):
        assert_same_decisions(twin)
        for number in twin.rnd.sample(sorted(twin.plain.items), len(twin.plain.items) // 2):
            twin.remove(number)
        twin.step()
        for _ in range(3):
            twin.add_item()
        bend = twin.world.backlog.next_bend()
        assert bend is None or bend > twin.now


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 60))
def test_a_due_list_gives_each_slot_when_it_is_due(seed: int, steps: int) -> None:
    rnd = Random(seed)
    true: dict[int, int] = {}
    columns = Columns()
    columns.take_many(40)
    due = DueList(
        columns,
        8,
        lambda slots: np.array([true.get(slot, NEVER) for slot in slots.tolist()], np.int64),
        true.get,
    )
    now = 0
    for _ in range(steps):
        for slot in rnd.sample(range(40), rnd.randint(0, 6)):
            if true.pop(slot, None) is not None:
                due.discard(slot)
            if rnd.random() < 0.8:
                true[slot] = now + rnd.randint(1, rnd.choice([10, 2**31, 2**36]))
        fresh = [slot for slot in true if rnd.random() < 0.3]
        for slot in set(true) - set(fresh):
            due.discard(slot)
            due.add(true[slot], slot)
        due.tidy(np.array(sorted(true), np.uint32)) if rnd.random() < 0.5 else due.add_many(
            np.array([true[slot] for slot in fresh], np.int64), np.array(fresh, np.uint32)
        )
        assert due.next() == min(true.values(), default=None)
        assert due.soonest <= min(true.values(), default=NEVER)
        now += rnd.randint(0, rnd.choice([10, 2**31, 2**35]))
        taken = {slot for slot, at in true.items() if at <= now}
        assert set(due.take(now).tolist()) == taken
        for slot in taken:
            del true[slot]


def test_what_comes_late_into_a_due_list_is_few_when_only_something_far_was_known() -> None:
    """The first entry alone is a year ahead, so that everything after it comes before the end of its span."""
    columns, true = Columns(), {0: 2**45}
    columns.take_many(3_000)
    due = DueList(
        columns, 8, lambda slots: np.array([true[slot] for slot in slots.tolist()], np.int64), true.get
    )  # fmt: skip
    due.add(true[0], 0)
    most = 0
    for slot in range(1, 3_000):
        assert due.next() == min(true.values())
        true[slot] = slot * 2**22
        due.add(true[slot], slot)
        most = max(most, len(due.late))
    assert most < 500
    assert due.take(3_000 * 2**22).tolist() == list(range(1, 3_000))
