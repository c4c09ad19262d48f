"""Which waiting items can be put in bulk, and that in bulk they are what they would be one by one."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from msgspec import structs

from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_batch import BacklogBatch, sort_batch
from openiwd.domain.backlog_item import BacklogRows, backlog_item
from openiwd.domain.instant import to_micros
from openiwd.domain.queue import compile_queue
from openiwd.domain.schema import compile_schema
from openiwd.domain.work_item import WorkItem
from tests.unit.random_world import CLOCKS, SCHEMAS, START, random_item, random_queues

SCHEMAS_COMPILED = {s.id: compile_schema(s, CLOCKS[s.clock]) for s in SCHEMAS.values()}


def rows_of(items: list[WorkItem]) -> BacklogRows:
    halves = [(i.id.int >> 64, i.id.int & (1 << 64) - 1) for i in items]
    return BacklogRows(
        np.array([i.number for i in items], np.int64),
        np.array(halves, np.uint64),
        np.array([i.revision for i in items], np.int32),
        np.array([i.business_value for i in items], np.int32),
        np.array([i.priority_adjustment for i in items], np.int32),
        np.array([to_micros(i.anchor_at or i.created_at) for i in items], np.int64),
        np.array([to_micros(i.queued_at or i.received_at) for i in items], np.int64),
    )


def batch(likeness: list[int], odd: list[bool]) -> BacklogBatch:
    count = len(likeness)
    numbers = np.arange(1, count + 1)
    narrow = np.zeros(count, np.int32)
    rows = BacklogRows(
        numbers, np.zeros((count, 2), np.uint64), narrow, narrow, narrow, numbers * 10, numbers * 10
    )
    return BacklogBatch(rows, np.array(likeness, np.int64), np.array(odd, np.bool_))


def test_items_are_sorted_by_likeness_and_odd_ones_stand_apart() -> None:
    found = sort_batch(
        batch([7, -3, 7, 7, -3, 9], [False, False, True, False, False, False]), apart=[5, 6, 99]
    )
    assert found.odd == [3, 5, 6]
    by_likeness = {a.likeness: found.rows.part(slice(a.start, a.end)).numbers.tolist() for a in found.alike}
    assert by_likeness == {7: [1, 4], -3: [2]}
    assert found.rows.anchors.tolist() == [n * 10 for n in found.rows.numbers.tolist()]


def test_a_batch_without_any_regular_item() -> None:
    assert sort_batch(batch([], []), apart=[]).alike == []
    found = sort_batch(batch([1, 1], [True, True]), apart=[])
    assert (found.odd, found.alike) == ([1, 2], [])


@pytest.mark.parametrize("seed", range(20))
def test_in_bulk_items_are_what_they_would_be_one_by_one(seed: int) -> None:
    rnd = Random(seed)
    queues = {q.id: compile_queue(q, "queue") for q in random_queues(rnd).values()}
    like = random_item(rnd, 0, START).item
    items = [
        structs.replace(
            like, number=number, id=other.id, revision=number % 5, business_value=other.business_value,
            priority_adjustment=other.priority_adjustment, anchor_at=other.anchor_at, queued_at=other.queued_at,
            pauses=[], excluded=[], reserved_for=None, reserved_until=None, reopened_at=None,
        )
        for number in range(1, 30)
        for other in [random_item(rnd, number, START).item]
    ]  # fmt: skip
    waiting = [
        backlog_item(
            item,
            queue=queues.get(item.queue_id or ""),
            schema=SCHEMAS_COMPILED.get(item.schema_id or "") if seed % 5 else None,
            weight=2,
            handle_time=7,
        )
        for item in items
    ]
    bulk, single = Backlog(queues, SCHEMAS_COMPILED), Backlog(queues, SCHEMAS_COMPILED)
    for one in waiting:
        single.put(one, START)
    bulk.put_alike(waiting[0], rows_of(items), START)
    assert set(bulk.items()) == set(single.items())
    assert bulk.order(START) == single.order(START)
    assert bulk.counts() == single.counts()
    assert {bulk.revision_of(i.number) for i in items} == {0, 1, 2, 3, 4}
    assert bulk.revision_of(1_000) is None
