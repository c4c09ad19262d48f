"""The tenant's store on a real database: rows are the values they came from, and changes are compare-and-set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.item_writing import COPIED_FROM
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.rows import INSERT_COLUMNS, ITEM_FIELDS, LATER
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.agent import Agent, AgentProfile, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.errors import ConflictError, FencedError, NotFoundError, RevisionMismatchError
from openiwd.domain.event import EventType, fold, item_event
from openiwd.domain.offer import ClosedOffer, OfferOutcome, WrapUp
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.work_item import DueOrigin, Exclusion, ItemId, ItemNumber, Status, WorkItem
from openiwd.ports.tenant_store import (
    AttachmentInfo,
    Claim,
    Grant,
    Note,
    OpenCount,
    PublishedRuleSet,
    RejectedRowsError,
    Tenant,
    TransactionRetryError,
)
from openiwd.processes.identity import new_id
from tests.factories.stored_item import HASH, START, open_offers, store_items, stored_item

LATE = START + timedelta(hours=3)


@pytest.fixture
async def store(tenant_database: str) -> AsyncIterator[PostgresTenantStore]:
    pools = TenantPools(lambda _: tenant_database, budget=12)
    yield PostgresTenantStore(Tenant(id="t", name="T", database_name="t"), pools)
    await pools.close()


@pytest.fixture
async def connection(tenant_database: str) -> AsyncIterator[Connection]:
    connection = await open_connection(tenant_database)
    yield connection
    await connection.close()


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


async def read(store: PostgresTenantStore, item: WorkItem) -> WorkItem:
    async with store.reading() as reading:
        return (await reading.items_by_id([item.id]))[item.id]


async def update(store: PostgresTenantStore, revision: int, item: WorkItem) -> set[ItemNumber]:
    async with store.writing() as tx:
        return await tx.update_items([(revision, item)])


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
    assert await read(store, item) == item
    back = await read(store, item)
    assert isinstance(back.status, Status)
    assert isinstance(back.due_origin, DueOrigin)


async def test_a_bare_item_comes_back_as_it_was_written(store: PostgresTenantStore) -> None:
    bare, full = await store_items(store, [stored_item("bare"), stored_item("other", tags=["x"])])
    assert await read(store, bare) == bare
    assert await read(store, full) == full


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
    assert await update(store, 1, changed) == {bare.number}
    assert await read(store, bare) == changed
    again = replace(bare, revision=8)
    assert await update(store, 7, again) == {bare.number}
    assert await read(store, bare) == again, "and back to nothing"


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
            assert await read(store, item) == item


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
    assert (await read(store, first)).subject == "1"
    assert (await read(store, second)).subject is None
    assert await update(store, 1, replace(first, revision=2)) == set()


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
            await update(store, 1, replace(item, revision=2))


# Claims


class Wanted(NamedTuple):
    grant: Grant
    claim: Claim


def claim(item: WorkItem, kind: str, agent: str = "agent1", at: datetime = START) -> Wanted:
    """A claim with the event body that tells of it."""
    offer_id, assignment_id = uuid4(), uuid4()
    if kind == "push":
        expires: datetime | None = at + timedelta(seconds=30)
        after = replace(item, offer_id=offer_id, offered_to=agent, offered_at=at, offer_expires_at=expires)
    else:
        expires = None
        after = replace(
            item,
            status=Status.ASSIGNED,
            assigned_to=agent,
            assignment_id=assignment_id,
            assigned_at=at,
            reserved_for=None,
            reserved_until=None,
            reserved_by=None,
        )
    kind_of_event = EventType.OFFERED if kind == "push" else EventType.ASSIGNED
    event = item_event(
        kind_of_event, item, replace(after, revision=item.revision + 1), at=at, actor="system:decider"
    )
    return Wanted(
        Grant(kind, at, "system:decider"),
        Claim(
            number=item.number,
            revision=item.revision,
            agent_id=agent,
            offer_id=offer_id,
            assignment_id=None if kind == "push" else assignment_id,
            lasts=30_000_000,
            decision=b"why\x00\xff",
            body=msgspec.json.encode(event.body).decode(),
        ),
    )


async def grant(store: PostgresTenantStore, epoch: int, wanted: Sequence[Wanted]) -> set[ItemNumber]:
    """Claims, one statement for each kind."""
    granted: set[ItemNumber] = set()
    for one in dict.fromkeys(w.grant for w in wanted):
        granted |= await store.claim(epoch, one, [w.claim for w in wanted if w.grant == one])
    return granted


async def folded(store: PostgresTenantStore, item: WorkItem) -> WorkItem | None:
    async with store.reading() as reading:
        return fold(await reading.history(item.id))


async def test_a_claimed_row_is_what_its_history_tells(store: PostgresTenantStore) -> None:
    reserved = {"reserved_for": "agent1", "reserved_until": LATE, "reserved_by": "boss", "excluded": []}
    items = await store_items(
        store, [stored_item(kind, queue_id="q", **reserved) for kind in ("push", "pull", "pick")]
    )
    epoch = await store.take_over(uuid4())
    claims = [claim(item, item.capture_id) for item in items]
    assert await grant(store, epoch, claims) == {item.number for item in items}
    for item, one in zip(items, claims, strict=True):
        row = await read(store, item)
        assert row == await folded(store, item)
        assert row.revision == 2
        async with store.reading() as reading:
            (offer,) = await reading.offers_of_item(item.number)
            assert await reading.offer(one.claim.offer_id) == offer
        assert (offer.agent_id, offer.kind, offer.epoch, offer.decision) == (
            "agent1",
            one.grant.kind,
            epoch,
            b"why\x00\xff",
        )
        assert offer.outcome == (None if one.grant.kind == "push" else "accepted")
    pushed, pulled = await read(store, items[0]), await read(store, items[1])
    assert (pushed.status, pushed.offered_to, pushed.reserved_for) == (Status.QUEUED, "agent1", "agent1")
    assert (pulled.status, pulled.assigned_to, pulled.reserved_for) == (Status.ASSIGNED, "agent1", None)


async def test_a_claim_of_an_old_epoch_writes_nothing(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    old = await store.take_over(uuid4())
    new = await store.take_over(uuid4())
    assert new == old + 1
    with pytest.raises(FencedError):
        await grant(store, old, [claim(item, "push")])
    assert await read(store, item) == item
    async with store.reading() as reading:
        assert await reading.offers_of_item(item.number) == []
        assert (await reading.head()).pos == 1
        assert await reading.epoch() == new
    assert await grant(store, new, [claim(item, "push")]) == {item.number}


async def test_a_claim_of_a_changed_item_writes_nothing_for_it(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}", queue_id="q") for n in range(4)])
    await update(store, 1, replace(items[0], revision=2, subject="changed"))
    await update(store, 1, replace(items[1], revision=2, status=Status.HELD))
    epoch = await store.take_over(uuid4())
    assert await grant(store, epoch, [claim(replace(items[2]), "push")]) == {items[2].number}
    again = [claim(i, "push", agent="agent2") for i in items] + [claim(replace(items[1], revision=2), "pull")]
    assert await grant(store, epoch, again) == {items[3].number}
    async with store.reading() as reading:
        assert [len(await reading.offers_of_item(i.number)) for i in items] == [0, 0, 1, 1]
        assert [len(await reading.history(i.id)) for i in items] == [1, 1, 2, 2]
    assert await store.claim(epoch, Grant("push", START, "a"), []) == set()


async def test_an_offered_item_is_claimed_by_nobody_else(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    epoch = await store.take_over(uuid4())
    await grant(store, epoch, [claim(item, "push")])
    offered = await read(store, item)
    assert await grant(store, epoch, [claim(offered, "pull", agent="agent2")]) == set()
    both = [claim(item, "push", agent="a"), claim(item, "push", agent="b")]
    assert await grant(store, epoch, both) == set()


async def test_an_item_is_granted_once_in_a_batch(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    epoch = await store.take_over(uuid4())
    assert await grant(store, epoch, [claim(item, "push", agent="a"), claim(item, "push", agent="b")]) == {
        item.number
    }
    assert (await read(store, item)).offered_to == "a", "the first stands"


async def test_of_many_claims_of_one_item_one_is_granted(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}", queue_id="q") for n in range(20)])
    epoch = await store.take_over(uuid4())

    async def grab(agent: int) -> set[ItemNumber]:
        mine = items if agent % 2 else items[::-1]
        return await grant(store, epoch, [claim(i, "pull", agent=f"a{agent}") for i in mine])

    granted = await asyncio.gather(*(grab(agent) for agent in range(8)))
    assert sorted(n for numbers in granted for n in numbers) == sorted(i.number for i in items)
    async with store.reading() as reading:
        for agent, numbers in enumerate(granted):
            assert {i.number for i in await reading.items_of_agent(f"a{agent}")} == numbers


async def test_taking_over_waits_for_a_claim_that_runs(
    store: PostgresTenantStore, tenant_database: str
) -> None:
    epoch = await store.take_over(uuid4())
    connection = await asyncpg.connect(tenant_database)
    try:
        async with connection.transaction():
            # What the claim function holds until its statement has committed.
            await connection.execute("SELECT FROM decider WHERE epoch = $1 FOR SHARE", epoch)
            taking = asyncio.create_task(store.take_over(uuid4()))
            done, _ = await asyncio.wait([taking], timeout=0.3)
            assert not done
        assert await taking == epoch + 1
    finally:
        await connection.close()


async def test_an_open_offer_is_one_per_item(store: PostgresTenantStore, tenant_database: str) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    epoch = await store.take_over(uuid4())
    await grant(store, epoch, [claim(item, "push")])
    offered = await read(store, item)
    # An item row that has lost its offer while the offer itself is open: a second one is refused by the database.
    broken = replace(
        offered, revision=3, offer_id=None, offered_to=None, offered_at=None, offer_expires_at=None
    )
    await update(store, 2, broken)
    with pytest.raises(RejectedRowsError):
        await grant(store, epoch, [claim(broken, "push")])
    assert offered.offer_id is not None
    async with store.writing() as tx:
        await tx.close_offers([ClosedOffer(offered.offer_id, OfferOutcome.DECLINED, LATE, "busy")])
        await tx.close_offers(
            [
                ClosedOffer(offered.offer_id, OfferOutcome.TIMED_OUT, LATE),
            ]
        )
        await tx.close_offers([])
    assert await grant(store, epoch, [claim(broken, "push")]) == {item.number}
    async with store.reading() as reading:
        latest, first = await reading.offers_of_item(item.number)
    assert {(o.outcome, o.reason) for o in (latest, first)} == {(None, None), ("declined", "busy")}


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


# Rule sets


def rule_set(version: int) -> PublishedRuleSet:
    return PublishedRuleSet(
        version=version,
        document={"name": str(version), "x": [1]},
        calendars={"office": {}},
        source="yaml",
        comment=None,
        published_at=START,
        published_by="user:a",
    )


async def test_a_published_version_is_live_from_its_commit_on(store: PostgresTenantStore) -> None:
    async with store.reading() as reading:
        assert await reading.live_version() is None
    async with store.writing() as tx:
        await tx.publish(rule_set(1), expected=None)
    async with store.writing() as tx:
        await tx.publish(rule_set(2), expected=1)
    for expected in (None, 1):
        with pytest.raises(RevisionMismatchError):
            async with store.writing() as tx:
                await tx.publish(rule_set(3), expected=expected)
    with pytest.raises(ConflictError):
        async with store.writing() as tx:
            await tx.publish(rule_set(1), expected=2)
    async with store.reading() as reading:
        assert await reading.live_version() == 2
        assert await reading.rule_set(1) == rule_set(1)
        assert await reading.rule_set(9) is None
        assert [(r.version, r.document) for r in await reading.rule_set_versions()] == [(2, {}), (1, {})]


async def test_publishing_waits_for_those_who_judge_by_the_live_version(store: PostgresTenantStore) -> None:
    async def publish() -> None:
        async with store.writing() as tx:
            await tx.publish(rule_set(1), expected=None)

    async with store.writing() as tx:
        assert await tx.share_live_rules() == (None, None)
        async with store.writing() as other:
            assert await other.share_live_rules() == (None, None), "many judge at once"
        publishing = asyncio.create_task(publish())
        done, _ = await asyncio.wait([publishing], timeout=0.3)
        assert not done
    await publishing
    async with store.writing() as tx:
        assert await tx.share_live_rules() == (1, None)


async def test_those_who_judge_one_after_another_do_not_keep_publishing_waiting(
    store: PostgresTenantStore,
) -> None:
    """Whoever judges waits for the next one to begin, so that there is always one: as under load without end."""
    published = asyncio.Event()
    begun = [asyncio.Event() for _ in range(60)]

    async def judge(n: int) -> None:
        async with store.writing() as tx:
            await tx.share_live_rules()
            begun[n].set()
            if n + 1 < len(begun) and not published.is_set():
                following.append(asyncio.create_task(judge(n + 1)))
                with suppress(TimeoutError):
                    await asyncio.wait_for(begun[n + 1].wait(), 0.1)

    following = [asyncio.create_task(judge(0))]
    await begun[3].wait()
    async with store.writing() as tx:
        await tx.publish(rule_set(1), expected=None)
    published.set()
    reached = sum(b.is_set() for b in begun)
    for one in following:
        await one
    assert reached < 30, "it did not have to wait for the last of them"


# Agents and configuration objects


async def test_a_profile_changes_and_states_stay(store: PostgresTenantStore) -> None:
    profile = AgentProfile(
        id="a b",
        name="Anna",
        groups=["g"],
        skills=[AgentSkill("german", 3, LATE)],
        capacity=Capacity(3, {"email": 2}),
    )
    async with store.writing() as tx:
        agent = await tx.save_agent(profile, revision=None)
        present = Agent(
            id="a b",
            name="",
            states={"*": MediaState(AgentState.READY, since=START)},
            session="s",
            seen_by=str(UUID(int=7)),
            logged_in_at=START,
        )
        await tx.save_agent_state(present)
    assert agent == Agent(
        id="a b",
        name="Anna",
        groups=("g",),
        skills=(AgentSkill("german", 3, LATE),),
        capacity=Capacity(3, {"email": 2}),
    )
    profile.name = "Anna B."
    async with store.writing() as tx:
        changed = await tx.save_agent(profile, revision=1)
    assert (changed.name, changed.revision) == ("Anna B.", 2)
    assert (changed.states, changed.session, changed.seen_by) == (present.states, "s", str(UUID(int=7)))
    for identity in ("a b", "new"):
        with pytest.raises(RevisionMismatchError):
            async with store.writing() as tx:
                await tx.save_agent(AgentProfile(id=identity, name="x"), revision=1)
    async with store.reading() as reading:
        assert await reading.agents() == await reading.agents(["a b", "none"]) == {"a b": changed}
        assert await reading.agents([]) == {}
    async with store.writing() as tx:
        assert await tx.delete_agent("a b")
        assert not await tx.delete_agent("a b")
        with pytest.raises(NotFoundError):
            await tx.save_agent_state(present)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("skill", {"id": "german", "name": "German", "description": "d"}),
        ("agent_group", {"id": "north", "name": "North", "description": ""}),
        ("hold_reason", {"id": "review", "name": "In review", "pausesClock": True}),
        ("capture_point", {"id": "crm", "kind": "rest", "defaults": {"channel": "x"}}),
        ("lookup_table", {"id": "regions", "rows": {"20095": {"region": "north"}}}),
        ("saved_view", {"id": str(UUID(int=3)), "owner": "anna", "shared": True, "name": "Mine"}),
    ],
)
async def test_objects_are_kept_by_kind(store: PostgresTenantStore, kind: str, body: dict[str, Any]) -> None:
    async with store.writing() as tx:
        assert await tx.save_object(kind, body, revision=None) == 1
        assert await tx.save_object(kind, {**body, "revision": 1}, revision=1) == 2
    with pytest.raises(RevisionMismatchError):
        async with store.writing() as tx:
            await tx.save_object(kind, body, revision=1)
    async with store.reading() as reading:
        (found,) = await reading.objects(kind)
        assert {**found, "id": str(found["id"])} == {**body, "revision": 2}
        if kind == "lookup_table":
            assert await reading.lookup_tables() == {"regions": {"20095": {"region": "north"}}}
        if kind == "hold_reason":
            assert (await reading.hold_reasons())["review"].pauses_clock
    async with store.writing() as tx:
        assert await tx.delete_object(kind, body["id"])
        assert not await tx.delete_object(kind, body["id"])
        with pytest.raises(NotFoundError):
            await tx.delete_object("item", "1")


async def test_wrap_ups_end_by_agent_or_by_time(store: PostgresTenantStore) -> None:
    made = [
        WrapUp(
            assignment_id=uuid4(),
            agent_id=agent,
            item_number=ItemNumber(n),
            media_type="workitem",
            weight=2,
            until=START + timedelta(minutes=n),
        )
        for n, agent in enumerate(("a", "a", "b", "c"))
    ]
    async with store.writing() as tx:
        await tx.add_wrap_ups(made)
        await tx.add_wrap_ups(made[:1])
        await tx.add_wrap_ups([])
        assert await tx.wrap_ups() == made
        await tx.end_wrap_ups(None, made[0].until)
        assert await tx.wrap_ups() == made[1:]
        await tx.end_wrap_ups("a", START)
        assert await tx.wrap_ups() == made[2:]


# Around an item


async def test_notes_attachments_and_links(store: PostgresTenantStore) -> None:
    one, two = await store_items(store, [stored_item("a", subject="A"), stored_item("b", subject="B")])
    note = Note(id=uuid4(), at=START, author="anna", text="look")
    info = AttachmentInfo(
        id=uuid4(), at=START, author="anna", file_name="x.pdf", content_type="application/pdf", size=3
    )
    async with store.writing() as tx:
        await tx.add_note(one.number, note)
        await tx.add_attachment(one.number, info, b"\x00\x01\x02")
        await tx.add_link(one.number, "duplicateOf", two.number, START, "anna")
        await tx.add_link(one.number, "duplicateOf", two.number, START, "anna")
    async with store.reading() as reading:
        assert await reading.notes(one.number) == [note]
        assert await reading.attachments(one.number) == [info]
        assert await reading.attachment(one.number, info.id) == (info, b"\x00\x01\x02")
        assert await reading.attachment(two.number, info.id) is None, "of that item only"
        (out,), (back,) = await reading.links(one.number), await reading.links(two.number)
    assert (out.kind, out.item_id, out.subject, out.incoming) == ("duplicateOf", two.id, "B", False)
    assert (back.kind, back.item_id, back.subject, back.incoming) == ("duplicateOf", one.id, "A", True)


# Contacts


async def match(store: PostgresTenantStore, *contacts: dict[str, Any]) -> list[UUID]:
    async with store.writing() as tx:
        found = await tx.match_contacts(list(enumerate(contacts)), START)
    return [found[n] for n in range(len(contacts))]


async def test_a_contact_is_matched_by_customer_then_by_one_address(store: PostgresTenantStore) -> None:
    anna, bob = await match(
        store,
        {"customerId": "c1", "name": "Anna", "emails": ["anna@x.example"]},
        {"emails": ["bob@x.example"], "phones": ["+49 40 1"]},
    )
    assert anna != bob
    assert await match(store, {"customerId": "c1"}, {"emails": ["BOB@X.example"]}) == [anna, bob]
    assert await match(store, {"phones": ["+49401"]}) == [bob]
    assert await match(store, {"emails": ["anna@x.example"]}) == [anna]
    (both,) = await match(store, {"emails": ["anna@x.example", "bob@x.example"]})
    assert both not in (anna, bob), "two have these addresses: never merged"
    (other,) = await match(store, {"customerId": "c2", "emails": ["anna@x.example"]})
    assert other != anna
    nameless = await match(store, {"name": "N."}, {"name": "N."}, {})
    assert len(set(nameless)) == 3
    assert await match(store) == []


async def test_new_contacts_of_a_batch_are_one_each(store: PostgresTenantStore) -> None:
    found = await match(
        store,
        {"customerId": "c"},
        {"customerId": "c"},
        {"emails": ["a@b.example"]},
        {"emails": ["A@b.example"]},
    )
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] != found[2]


async def test_intakes_at_once_make_a_new_contact_once(store: PostgresTenantStore) -> None:
    names = [{"customerId": f"c{n}"} for n in range(20)] + [
        {"emails": [f"e{n}@x.example"]} for n in range(20)
    ]
    found = await asyncio.gather(*(match(store, *names[::step]) for step in (1, -1) * 4))
    for n, one in enumerate(found):
        assert one[:: -1 if n % 2 else 1] == found[0]


# Clock, places, idempotency, jobs


async def test_the_virtual_clock_never_goes_back(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        assert await tx.virtual_now() is None
        assert await tx.set_virtual_now(LATE) == LATE
        assert await tx.set_virtual_now(START) == LATE
    async with store.reading() as reading:
        assert await reading.virtual_now() == LATE


async def test_a_checkpoint_moves_with_its_transaction(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        await tx.save_checkpoint("replay", {"row": 5})
        await tx.save_checkpoint("list", [1, [2]])
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - all of it is one transaction
        async with store.writing() as tx:
            await tx.save_checkpoint("replay", {"row": 9})
            raise ZeroDivisionError
    async with store.reading() as reading:
        assert await reading.checkpoint("replay") == {"row": 5}
        assert await reading.checkpoint("list") == [1, [2]]
        assert await reading.checkpoint("none") is None


async def test_an_idempotency_key_has_one_answer(store: PostgresTenantStore) -> None:
    async with store.writing() as tx:
        await tx.save_idempotent("k", b"hash", 201, {"id": 1})
    with pytest.raises(ConflictError):
        async with store.writing() as tx:
            await tx.save_idempotent("k", b"other", 200, None)
    async with store.reading() as reading:
        assert await reading.idempotent("k") == (b"hash", 201, {"id": 1})
        assert await reading.idempotent("none") is None


async def test_a_bulk_job_is_worked_off(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}") for n in range(4)])
    job_id = uuid4()
    job = {
        "id": job_id,
        "action": "hold",
        "request": {"x": 1},
        "actor": "user:a",
        "dry_run": False,
        "created_at": START,
    }
    async with store.writing() as tx:
        await tx.create_bulk_job(job, [i.number for i in items])
    async with store.reading() as reading:
        assert await reading.unfinished_bulk_jobs() == [job_id]
        assert await reading.bulk_waiting(job_id, 2) == [(1, items[0].number), (2, items[1].number)]
    async with store.writing() as tx:
        await tx.record_bulk(job_id, [(1, "done", {"a": 1}), (2, "error", [1]), (3, "unchanged", None)])
        await tx.record_bulk(job_id, [])
    with pytest.raises(TransactionRetryError):  # another process was quicker: its answers stand
        async with store.writing() as tx:
            await tx.record_bulk(job_id, [(4, "done", None), (1, "error", None)])
    async with store.reading() as reading:
        assert await reading.bulk_waiting(job_id, 9) == [(4, items[3].number)]
        results = await reading.bulk_results(job_id, 1, 10)
        found = await reading.bulk_job(job_id)
    assert [(r["ordinal"], r["itemNumber"], r["outcome"], r["detail"]) for r in results] == [
        (2, items[1].number, "error", [1]),
        (3, items[2].number, "unchanged", None),
    ]
    assert found is not None
    assert (found["total"], found["done"], found["failed"], found["createdAt"]) == (4, 3, 1, START)
    async with store.writing() as tx:
        await tx.finish_bulk_job(job_id, "canceled", None, LATE)
        await tx.finish_bulk_job(job_id, "done", None, LATE)
    async with store.reading() as reading:
        (listed,) = await reading.bulk_jobs(10)
        assert (listed["status"], listed["finishedAt"]) == ("canceled", LATE)
        assert await reading.unfinished_bulk_jobs() == []
        assert await reading.bulk_job(uuid4()) is None
