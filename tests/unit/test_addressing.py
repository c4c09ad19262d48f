"""Streams of agents get what concerns them: nothing is skipped or told twice, wherever they start, however slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from openiwd.domain.event import EventType, LoggedEvent
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases.addressing import MOST_KEPT, Addressing
from openiwd.usecases.feed import EventFeed

NOW = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
PATIENCE = 0.01


class Log:
    """A log in memory, with what a feed asks of a store."""

    def __init__(self) -> None:
        self.kept: list[LoggedEvent] = []
        self.reads = 0

    def add(self, agent_id: str) -> int:
        self.kept.append(
            LoggedEvent(
                generation=1, pos=len(self.kept) + 1, type=EventType.OFFERED, at=NOW, actor="system",
                item_id=UUID(int=len(self.kept)), item_number=len(self.kept), revision=2,
                body={"offer": {"agent": agent_id}},
            )
        )  # fmt: skip
        return len(self.kept)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Log]:
        yield self

    async def head(self) -> Cursor:
        return Cursor(1, len(self.kept))

    async def events(self, after: Cursor, limit: int) -> list[LoggedEvent]:
        self.reads += 1
        return self.kept[after.pos : after.pos + limit]


async def followed(log: Log) -> tuple[EventFeed, Addressing]:
    feed = EventFeed(cast("Any", SimpleNamespace(store=log)))
    await feed.start()
    return feed, Addressing(feed)


async def take(addressing: Addressing, agent_id: str, after: Cursor | None, count: int) -> list[int]:
    found: list[int] = []
    async with aclosing(addressing.follow(agent_id, after, PATIENCE)) as batches, asyncio.timeout(10):
        async for events in batches:
            found += [event.pos for event in events]
            if len(found) >= count:
                break
    return found


async def test_agents_hear_what_concerns_them_and_silence_is_told() -> None:
    log = Log()
    feed, addressing = await followed(log)
    async with aclosing(addressing.follow("ann", None, PATIENCE)) as batches:
        assert await anext(batches) == []
        log.add("ben")
        mine = log.add("ann")
        await feed.catch_up()
        reads = log.reads
        assert [event.pos for event in await anext(batches)] == [mine]
        assert log.reads == reads, "a stream reads nothing by itself"
        assert await anext(batches) == []
    assert not addressing._boxes, "who has left is forgotten"


@pytest.mark.parametrize("seed", range(20))
async def test_nothing_is_skipped_or_told_twice(seed: int) -> None:
    chance, log = Random(seed), Log()
    for _ in range(50):
        log.add(chance.choice(("ann", "ben")))
    feed, addressing = await followed(log)
    after = Cursor(1, chance.randrange(50))

    async def write() -> None:
        for _ in range(100):
            for _ in range(chance.randrange(4)):
                log.add(chance.choice(("ann", "ben")))
            if chance.random() < 0.5:
                await feed.catch_up()
            await asyncio.sleep(0)
        log.add("ann")
        await feed.catch_up()

    writing = asyncio.create_task(write())
    found: list[int] = []
    async with aclosing(addressing.follow("ann", after, PATIENCE)) as batches, asyncio.timeout(10):
        while not (writing.done() and found and found[-1] == len(log.kept)):
            found += [event.pos for event in await anext(batches)]
            for _ in range(chance.randrange(5)):
                await asyncio.sleep(0)
    await writing
    assert found == [e.pos for e in log.kept if e.pos > after.pos and e.body["offer"]["agent"] == "ann"]


async def test_a_slow_stream_goes_on_from_the_log() -> None:
    log = Log()
    feed, addressing = await followed(log)
    async with aclosing(addressing.follow("ann", None, PATIENCE)) as batches:
        assert await anext(batches) == []
        positions = [log.add("ann") for _ in range(3 * MOST_KEPT)]
        await feed.catch_up()
        found: list[int] = []
        while len(found) < len(positions):
            found += [event.pos for event in await anext(batches)]
        assert found == positions
        positions.append(log.add("ann"))
        await feed.catch_up()
        assert [event.pos for event in await anext(batches)] == positions[-1:]


async def test_a_cursor_that_another_process_has_given_is_waited_for() -> None:
    log = Log()
    feed, addressing = await followed(log)
    for _ in range(3):
        log.add("ann")
    taking = asyncio.create_task(take(addressing, "ann", Cursor(1, 2), 1))
    await asyncio.sleep(0)
    await feed.catch_up()
    assert await taking == [3]
