"""The event log on a real database: a reader beside many writers skips nothing, and places in it stay meaningful."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import Event, EventType
from openiwd.ports.tenant_store import Cursor, Tenant
from tests.factories.stored_item import START, created, store_items, stored_item

WRITERS = 10
ROUNDS = 60
BEGIN = Cursor(1, 0)


@pytest.fixture
async def store(tenant_database: str) -> AsyncIterator[PostgresTenantStore]:
    pools = TenantPools(lambda _: tenant_database, budget=WRITERS + 4)
    yield PostgresTenantStore(Tenant(id="t", name="T", database_name="t"), pools)
    await pools.close()


def note(actor: str, n: int) -> Event:
    return Event(
        type=EventType.CONFIGURATION_CHANGED, at=START + timedelta(seconds=n), actor=actor, body={"n": n}
    )


async def append(store: PostgresTenantStore, actor: str, *numbers: int) -> int:
    async with store.writing() as tx:
        return await tx.append_events([note(actor, n) for n in numbers])


async def positions(store: PostgresTenantStore, after: Cursor = BEGIN) -> list[tuple[int, int]]:
    async with store.reading() as reading:
        return [(event.generation, event.pos) for event in await reading.events(after, 1_000)]


async def write(store: PostgresTenantStore, writer: int, delays: random.Random) -> int:
    """Many transactions with pauses wherever they may hurt: before and after the append, and with rollbacks."""
    written = 0
    for _ in range(ROUNDS):
        size = delays.randrange(1, 8)
        try:
            async with store.writing() as tx:
                await asyncio.sleep(delays.random() * 0.002)
                await tx.append_events([note(f"w{writer}", written + k) for k in range(size)])
                await asyncio.sleep(delays.random() * 0.002)
                if delays.random() < 0.1:
                    raise InterruptedError  # noqa: TRY301 - the rollback that is tried
        except InterruptedError:
            continue
        written += size
    return written


async def test_a_reader_beside_many_writers_never_skips(store: PostgresTenantStore) -> None:
    seen: list[tuple[int, str, int]] = []
    cursor = Cursor(1, 0)
    writers = [asyncio.create_task(write(store, writer, random.Random(writer))) for writer in range(WRITERS)]
    async with store.reading() as reading:
        while True:
            finished = all(task.done() for task in writers)
            for event in await reading.events(cursor, 50):
                seen.append((event.pos, event.actor, event.body["n"]))
                cursor = Cursor(event.generation, event.pos)
            if finished and cursor == await reading.head():
                break
    total = sum(await asyncio.gather(*writers))
    assert total > 1_500
    assert [pos for pos, _, _ in seen] == list(range(1, total + 1)), "dense, in order, nothing skipped"
    for writer in range(WRITERS):
        mine = [n for _, actor, n in seen if actor == f"w{writer}"]
        assert mine == list(range(len(mine))), "in the order in which it was written"


async def test_an_append_waits_for_the_one_before_to_commit(store: PostgresTenantStore) -> None:
    async with store.writing() as first:
        await first.append_events([note("first", 0)])
        second = asyncio.create_task(append(store, "second", 0))
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert not done, "positions must become visible in their order"
        async with store.reading() as reading:
            assert await reading.events(Cursor(1, 0), 10) == []
    assert await second == 2
    assert await positions(store) == [(1, 1), (1, 2)]


async def test_a_rollback_leaves_no_gap(store: PostgresTenantStore) -> None:
    await append(store, "a", 1)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - all of it is one transaction
        async with store.writing() as tx:
            assert await tx.append_events([note("b", n) for n in range(5)]) == 6
            raise ZeroDivisionError
    assert await append(store, "c", 1, 2) == 3
    assert await positions(store) == [(1, 1), (1, 2), (1, 3)]


async def test_an_event_comes_back_as_it_was_written(store: PostgresTenantStore) -> None:
    item = stored_item(
        "c1", subject='Müller\'s \\ "car" \u2028 😀', data={"n": 1.5, "big": 2**60, "l": [None, {}]}
    )
    (item,) = await store_items(store, [item])
    async with store.reading() as reading:
        (event,) = await reading.history(item.id)
        (bare,) = await reading.events(Cursor(1, 0), 10)
        (full,) = await reading.events(Cursor(1, 0), 10, personal=True)
    written = created(item)
    assert (event.type, event.at, event.actor) == (written.type, written.at, written.actor)
    assert (event.item_id, event.item_number, event.revision) == (item.id, item.number, 1)
    assert event.personal == written.personal == {"subject": item.subject, "data": item.data}
    assert full == event
    assert (bare.body, bare.personal) == (event.body, None), "persons' values only on request"
    assert "subject" not in str(event.body)


async def test_an_empty_log_has_a_head_and_an_oldest_place(store: PostgresTenantStore) -> None:
    async with store.reading() as reading:
        assert await reading.head() == await reading.oldest() == Cursor(1, 0)
        assert await reading.events(Cursor(1, 0), 10) == []


async def test_reading_goes_on_over_a_new_generation(
    store: PostgresTenantStore, tenant_database: str
) -> None:
    """After a restore the log of the generation before ends earlier than some readers have seen."""
    await append(store, "a", 1, 2, 3)
    await sql(tenant_database, "UPDATE tenant_state SET generation = 2")
    async with store.reading() as reading:
        assert await reading.head() == Cursor(2, 0)
        assert await reading.events(Cursor(1, 9), 10) == [], "has seen more than was restored"
    await append(store, "b", 1, 2)
    assert await positions(store, Cursor(1, 9)) == [(2, 1), (2, 2)], "goes on at the common point"
    assert await positions(store, Cursor(1, 2)) == [(1, 3), (2, 1), (2, 2)]
    assert await positions(store, Cursor(2, 1)) == [(2, 2)]


async def test_a_cursor_past_the_head_begins_again(store: PostgresTenantStore) -> None:
    await append(store, "a", 1, 2)
    for cursor in (Cursor(1, 3), Cursor(7, 1)):
        assert await positions(store, cursor) == [(1, 1), (1, 2)], "nothing is known of what it has seen"
    assert await positions(store, Cursor(1, 2)) == []


async def test_what_retention_removed_is_known(store: PostgresTenantStore, tenant_database: str) -> None:
    await append(store, "a", *range(5))
    act = "SELECT set_config('openiwd.act', 'log retention', true)"
    await sql(tenant_database, f"{act}; DELETE FROM event WHERE pos <= 3")
    async with store.reading() as reading:
        assert await reading.oldest() == Cursor(1, 3)
    assert await append(store, "b", 1) == 6


async def test_one_revision_of_an_item_has_one_event(store: PostgresTenantStore) -> None:
    (item,) = await store_items(store, [stored_item("c1")])
    with pytest.raises(OpenIwdError) as raised:
        async with store.writing() as tx:
            await tx.append_events([created(item)])
    assert raised.value.code == "rejectedByStore"
    assert await append(store, "next", 1) == 2


async def sql(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
