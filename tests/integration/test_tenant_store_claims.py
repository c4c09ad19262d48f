"""Claims on a real database: what is granted is what its history tells, once, and only to the decider of now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.errors import FencedError
from openiwd.domain.event import EventType, fold, item_event
from openiwd.domain.offer import ClosedOffer, OfferOutcome
from openiwd.domain.work_item import ItemNumber, Status, WorkItem
from openiwd.ports.tenant_store import (
    Claim,
    Grant,
    RejectedRowsError,
)
from tests.factories.stored_item import (
    LATE,
    START,
    read_item,
    store_items,
    stored_item,
    update_item,
)


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
        row = await read_item(store, item)
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
    pushed, pulled = await read_item(store, items[0]), await read_item(store, items[1])
    assert (pushed.status, pushed.offered_to, pushed.reserved_for) == (Status.QUEUED, "agent1", "agent1")
    assert (pulled.status, pulled.assigned_to, pulled.reserved_for) == (Status.ASSIGNED, "agent1", None)


async def test_a_claim_of_an_old_epoch_writes_nothing(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    old = await store.take_over(uuid4())
    new = await store.take_over(uuid4())
    assert new == old + 1
    with pytest.raises(FencedError):
        await grant(store, old, [claim(item, "push")])
    assert await read_item(store, item) == item
    async with store.reading() as reading:
        assert await reading.offers_of_item(item.number) == []
        assert (await reading.head()).pos == 1
        assert await reading.epoch() == new
    assert await grant(store, new, [claim(item, "push")]) == {item.number}


async def test_a_claim_of_a_changed_item_writes_nothing_for_it(store: PostgresTenantStore) -> None:
    items = await store_items(store, [stored_item(f"c{n}", queue_id="q") for n in range(4)])
    await update_item(store, 1, replace(items[0], revision=2, subject="changed"))
    await update_item(store, 1, replace(items[1], revision=2, status=Status.HELD))
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
    offered = await read_item(store, item)
    assert await grant(store, epoch, [claim(offered, "pull", agent="agent2")]) == set()
    both = [claim(item, "push", agent="a"), claim(item, "push", agent="b")]
    assert await grant(store, epoch, both) == set()


async def test_an_item_is_granted_once_in_a_batch(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c", queue_id="q")])
    epoch = await store.take_over(uuid4())
    assert await grant(store, epoch, [claim(item, "push", agent="a"), claim(item, "push", agent="b")]) == {
        item.number
    }
    assert (await read_item(store, item)).offered_to == "a", "the first stands"


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
    offered = await read_item(store, item)
    # An item row that has lost its offer while the offer itself is open: a second one is refused by the database.
    broken = replace(
        offered, revision=3, offer_id=None, offered_to=None, offered_at=None, offer_expires_at=None
    )
    await update_item(store, 2, broken)
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
