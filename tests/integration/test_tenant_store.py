"""The tenant's store on a real database: rows are the values they came from, and changes are compare-and-set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.item_writing import COPIED_FROM
from openiwd.adapters.postgres.rows import INSERT_COLUMNS, ITEM_FIELDS, LATER
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.work_item import DueOrigin, Exclusion, ItemId, Status, WorkItem
from openiwd.ports.tenant_store import (
    Note,
    OpenCount,
    RejectedRowsError,
    TransactionRetryError,
)
from openiwd.processes.identity import new_id
from tests.factories.stored_item import (
    HASH,
    LATE,
    START,
    open_offers,
    read_item,
    store_items,
    stored_item,
    update_item,
)


def full_item(capture_id: str = "full") -> WorkItem:
    """Every field has a value that differs from its default."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(WorkItem):
        name = field.name
        if name.endswith("_at") or name in ("hold_until", "reserved_until"):
            values[name] = START + timedelta(microseconds=len(values) + 1)
    values |= {
        "named_category": "A/B", "category_id": "b", "category_path": "A/B", "department_id": "a", "process_id": "b",
        "queue_id": "q", "schema_id": "s", "media_type": "email", "channel": 'say "hi" \\ {a,b}', "revision": 7,
        "business_value": -(2**31), "priority_fixed": 2**31 - 1, "priority_adjustment": -3, "subject": "Ünïcode 😀",
        "description": "line\nline\u2028\x01", "source_url": "https://x.example/?a=b", "contact_id": uuid4(),
        "contact": {"name": "Anna", "emails": ["a@b.c"]}, "ext": {"customerId": "c", "requestedSkill": ["a>=3"]},
        "data": {"a": [1, 2.5, None, True, {"b": "c"}], "big": 2**60, "": "x"},
        "tags": ['a"b', "c,d", "e\\f", "NULL", "ä"],
        "overridden": {"due_at": None}, "due_origin": DueOrigin.RULE, "pauses": [(START, LATE), (LATE, LATE)],
        "clock_id": "wall", "clock_origin": -(2**62), "clock_frozen": 2**62, "hold_reason": "review",
        "hold_wakes_on": "customerReply", "hold_pauses": True, "keep_for": "k",
        "requirement": Requirement(skills=(("german", 3),), groups=("g",), relaxation=(Relaxation(5, group="h"),)),
        "segment": "seg", "assigned_to": "agent", "assignment_id": uuid4(), "reserved_for": "r", "reserved_by": "s",
        "offer_id": uuid4(), "offered_to": "o", "excluded": [Exclusion("x", LATE, "declined")], "declines": 4,
        "last_agent": "l", "error": "e", "rule_set_version": 9, "attached_data": {"k": ["v"]}, "routed_to": "gws",
        "status": Status.ERRORHELD,
    }  # fmt: skip
    return stored_item(capture_id, **values)


# Rows


async def test_the_table_has_the_columns_of_an_item(tenant_database: str) -> None:
    connection = await asyncpg.connect(tenant_database)
    try:
        records = await connection.fetch(
            "SELECT column_name AS name FROM information_schema.columns"
            " WHERE table_name = 'item' ORDER BY ordinal_position"
        )
    finally:
        await connection.close()
    assert sorted(r["name"] for r in records) == sorted([*ITEM_FIELDS, "submission_hash"])
    assert set(INSERT_COLUMNS) >= LATER


async def test_a_full_item_comes_back_as_it_was_written(store: PostgresTenantStore) -> None:
    item = full_item()
    untouched = {"number", "id", "capture_point", "capture_id", "status", "received_at", "created_at"}
    bare = stored_item("bare")
    for name in set(ITEM_FIELDS) - untouched:
        assert getattr(item, name) != getattr(bare, name), f"{name} is not tried"
    (item,) = await store_items(store, [item])
    assert await read_item(store, item) == item
    back = await read_item(store, item)
    assert isinstance(back.status, Status)
    assert isinstance(back.due_origin, DueOrigin)


async def test_a_bare_item_comes_back_as_it_was_written(store: PostgresTenantStore) -> None:
    bare, full = await store_items(store, [stored_item("bare"), stored_item("other", tags=["x"])])
    assert await read_item(store, bare) == bare
    assert await read_item(store, full) == full


async def test_an_update_writes_every_field_that_can_change(store: PostgresTenantStore) -> None:
    (bare,) = await store_items(store, [stored_item("c1")])
    changed = replace(
        full_item(),
        number=bare.number,
        id=bare.id,
        capture_point=bare.capture_point,
        capture_id=bare.capture_id,
        media_type=bare.media_type,
        received_at=bare.received_at,
    )
    assert await update_item(store, 1, changed) == {bare.number}
    assert await read_item(store, bare) == changed
    again = replace(bare, revision=8)
    assert await update_item(store, 7, again) == {bare.number}
    assert await read_item(store, bare) == again, "and back to nothing"


# Inserts


async def test_a_capture_id_is_inserted_once_and_numbers_stay_dense(store: PostgresTenantStore) -> None:
    first = await store_items(store, [stored_item("b"), stored_item("a")])
    assert sorted(item.number for item in first) == [1, 2]
    batch = [stored_item("a"), stored_item("c"), stored_item("b"), stored_item("d", capture_point="file")]
    async with store.writing() as tx:
        numbers = await tx.insert_items(batch, [HASH] * 4)
    assert sorted(numbers) == sorted([batch[1].id, batch[3].id])
    assert sorted(numbers.values()) == [3, 4]
    async with store.writing() as tx:
        assert await tx.insert_items([], []) == {}


async def test_many_new_items_come_back_as_they_were_written(store: PostgresTenantStore) -> None:
    """So many that they are copied in, once with all fields and once with those of arrival."""
    kinds = (
        full_item(),
        stored_item("x", tags=["a", 'b"', "{c}", ""], subject="tab\t, \\N and ü", ext={"k": None}),
    )
    for kind, sample in enumerate(kinds):
        items = [
            replace(sample, id=ItemId(new_id()), capture_id=f"{kind}-{n}") for n in range(2 * COPIED_FROM)
        ]
        stored = await store_items(store, items)
        numbers = sorted(item.number for item in stored)
        assert numbers == list(range(numbers[0], numbers[0] + len(items)))
        for item in stored:
            assert await read_item(store, item) == item


async def test_of_many_items_only_the_new_ones_are_inserted(store: PostgresTenantStore) -> None:
    known = await store_items(store, [stored_item(f"c{n}") for n in range(0, 40, 2)])
    batch = [stored_item(f"c{n}") for n in range(40)]
    async with store.writing() as tx:
        numbers = await tx.insert_items(batch, [HASH] * len(batch))
        again = await tx.insert_items(batch, [HASH] * len(batch))
    assert set(numbers) == {item.id for item in batch[1::2]}
    assert sorted(numbers.values()) == list(range(len(known) + 1, len(batch) + 1))
    assert again == {}


@pytest.mark.parametrize("bad", [{"subject": "\x00"}, {"business_value": 2**40}])
async def test_a_refused_value_among_many_items_is_named_as_such(
    store: PostgresTenantStore, bad: dict[str, Any]
) -> None:
    items = [stored_item(f"c{n}") for n in range(2 * COPIED_FROM)]
    with pytest.raises(RejectedRowsError):
        await store_items(store, [*items, stored_item("bad", **bad)])
    async with store.reading() as reading:
        assert await reading.items_by_capture_id("c1") == [], "nothing of the batch is there"


async def test_submissions_are_found_with_the_hash_of_what_was_first_sent(store: PostgresTenantStore) -> None:
    items = [stored_item("x"), stored_item("y"), stored_item("x", capture_point="file")]
    async with store.writing() as tx:
        await tx.insert_items(items, [b"1", b"2", b"3"])
    async with store.reading() as reading:
        found = await reading.items_by_capture(
            [("rest", "x"), ("file", "x"), ("rest", "none"), ("rest", "x")]
        )
        same = await reading.items_by_capture_id("x")
        assert await reading.items_by_capture([]) == {}
    assert {key: (s.item.id, s.submission_hash) for key, s in found.items()} == {
        ("rest", "x"): (items[0].id, b"1"),
        ("file", "x"): (items[2].id, b"3"),
    }
    assert {item.id for item in same} == {items[0].id, items[2].id}


async def test_inserts_of_the_same_capture_ids_in_any_order_never_deadlock(
    store: PostgresTenantStore,
) -> None:
    async def intake(step: int) -> int:
        names = [f"c{n}" for n in range(60)][::step]
        async with store.writing() as tx:
            return len(await tx.insert_items([stored_item(n) for n in names], [HASH] * len(names)))

    inserted = await asyncio.gather(*(intake(step) for step in (1, -1) * 4))
    assert sum(inserted) == 60


async def test_a_value_that_the_database_refuses_is_named_as_such(store: PostgresTenantStore) -> None:
    for bad in (
        stored_item("nul", subject="\x00"),
        stored_item("big", business_value=2**40),
        stored_item("same", id=stored_item("x").id),
    ):
        with pytest.raises(RejectedRowsError) as raised:
            await store_items(store, [stored_item("good"), bad, replace(bad, capture_id="twice")])
        assert raised.value.__cause__ is not None
    async with store.reading() as reading:
        assert await reading.items_by_capture_id("good") == [], "nothing of the batch is there"


# Compare-and-set


async def test_an_update_needs_the_revision_that_it_was_made_for(store: PostgresTenantStore) -> None:
    first, second = await store_items(store, [stored_item("a"), stored_item("b")])
    changed = [(1, replace(first, revision=2, subject="1")), (5, replace(second, revision=6, subject="2"))]
    async with store.writing() as tx:
        assert await tx.update_items(changed) == {first.number}
        assert await tx.update_items([]) == set()
    assert (await read_item(store, first)).subject == "1"
    assert (await read_item(store, second)).subject is None
    assert await update_item(store, 1, replace(first, revision=2)) == set()


async def test_of_two_updates_at_once_one_is_written(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}") for n in range(40)])

    async def change(subject: str, mine: Sequence[WorkItem]) -> int:
        async with store.writing() as tx:
            return len(await tx.update_items([(1, replace(i, revision=2, subject=subject)) for i in mine]))

    written = await asyncio.gather(*(change(str(n), items[:: 1 if n % 2 else -1]) for n in range(8)))
    assert sorted(written) == [0] * 7 + [40]
    async with store.reading() as reading:
        found = await reading.items_by_number([i.number for i in items])
    assert {i.subject for i in found.values()} == {str(written.index(40))}
    assert {i.revision for i in found.values()} == {2}


async def test_a_delete_needs_the_revision_and_takes_what_hangs_on_the_item(
    store: PostgresTenantStore,
) -> None:
    first, second = await store_items(store, [stored_item("a"), stored_item("b")])
    async with store.writing() as tx:
        await tx.add_note(first.number, Note(id=uuid4(), at=START, author="x", text="t"))
        await tx.add_link(second.number, "relatesTo", first.number, START, "x")
    async with store.writing() as tx:
        assert await tx.delete_items([(1, first), (2, second)]) == {first.number}
    async with store.reading() as reading:
        assert set(await reading.items_by_id([first.id, second.id])) == {second.id}
        assert await reading.notes(first.number) == []
        assert await reading.links(second.number) == []
        assert len(await reading.history(first.id)) == 1, "the log keeps its record"


async def test_a_lock_that_is_not_had_in_time_says_try_again(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("a")])
    async with store.writing() as tx:
        await tx.update_items([(1, replace(item, revision=2))])
        with pytest.raises(TransactionRetryError):
            await update_item(store, 1, replace(item, revision=2))


# What the decider, agents and timers read


async def test_the_backlog_is_read_in_order_of_number(store: PostgresTenantStore) -> None:
    items = await store_items(
        store, [stored_item(f"c{n}", status=Status.HELD if n == 1 else Status.QUEUED) for n in range(5)]
    )
    queued = sorted(i.number for i in items if i.status is Status.QUEUED)
    async with store.reading() as reading:
        first = await reading.backlog_rows(0, 3, prefers_last=[], seed=1)
        rest = await reading.backlog_rows(first.last, 3, prefers_last=[], seed=1)
        none = await reading.backlog_rows(rest.last, 3, prefers_last=[], seed=1)
    assert [*first.rows.numbers.tolist(), *rest.rows.numbers.tolist()] == queued
    assert (first.size, rest.size, none.size) == (3, 1, 0)


async def test_an_agent_s_items(store: PostgresTenantStore, connection: Connection) -> None:
    items = await store_items(
        store,
        [
            stored_item("assigned", status=Status.ASSIGNED, assigned_to="a"),
            stored_item("offered", offer_id=uuid4(), offered_to="a"),
            stored_item("reserved", reserved_for="a"),
            stored_item("kept", status=Status.HELD, keep_for="a"),
            stored_item("both", reserved_for="a", offer_id=uuid4(), offered_to="a"),
            stored_item("else", status=Status.ASSIGNED, assigned_to="b"),
            stored_item("free"),
        ],
    )
    await open_offers(connection, items)
    async with store.reading() as reading:
        mine = [i.capture_id for i in await reading.items_of_agent("a")]
        held = {i.capture_id for i in await reading.held_by_agents()}
    assert sorted(mine) == ["assigned", "both", "kept", "offered", "reserved"]
    assert held == {"assigned", "offered", "both", "else"}


async def test_timers_are_due_when_their_instant_has_come(
    store: PostgresTenantStore, connection: Connection
) -> None:
    times = [START + timedelta(minutes=n) for n in range(5)]
    items = await store_items(
        store,
        [
            stored_item("activation", status=Status.CAPTURED, activation_at=times[1]),
            stored_item("hold", status=Status.HELD, hold_until=times[2], category_id="c"),
            stored_item("unclassified", status=Status.HELD, hold_until=times[0]),
            stored_item("offer", offer_id=uuid4(), offered_to="a", offer_expires_at=times[3]),
            stored_item("reservation", reserved_for="a", reserved_until=times[4]),
            stored_item(
                "offered", reserved_for="a", reserved_until=times[0], offer_id=uuid4(), offered_to="a"
            ),
            stored_item("active", activation_at=times[0]),
        ],
    )
    await open_offers(connection, items)
    expected = ["activation", "hold", "offer", "reservation"]
    async with store.reading() as reading:
        assert await reading.next_timer() == times[1]
        for n in range(1, 5):
            assert [i.capture_id for i in await reading.due_timers(times[n], 10)] == expected[:n]
            assert await reading.due_timers(
                times[n] - timedelta(microseconds=1), 10
            ) == await reading.due_timers(times[n - 1], 10)
        assert [i.capture_id for i in await reading.due_timers(times[4], 2)] == expected[:2]


async def test_final_items_expire(store: PostgresTenantStore) -> None:
    await store_items(
        store,
        [
            stored_item("over", status=Status.COMPLETED, expiration_at=START),
            stored_item("later", status=Status.COMPLETED, expiration_at=LATE),
            stored_item("open", expiration_at=START),
        ],
    )
    async with store.reading() as reading:
        assert [i.capture_id for i in await reading.expired_items(START, 10)] == ["over"]
        assert await reading.status_counts() == {"completed": 2, "queued": 1}


async def test_open_items_are_counted_by_category(store: PostgresTenantStore) -> None:
    await store_items(
        store,
        [
            stored_item("1", category_path="A", due_at=START),
            stored_item("2", category_path="A", due_at=LATE),
            stored_item("3", status=Status.ERRORHELD),
            stored_item("4", category_path="A", status=Status.COMPLETED),
        ],
    )
    async with store.reading() as reading:
        counts = await reading.open_counts(START + timedelta(seconds=1))
    assert sorted(counts, key=str) == [
        OpenCount("A", None, "queued", 2, 1),
        OpenCount(None, None, "errorheld", 1, 0),
    ]
