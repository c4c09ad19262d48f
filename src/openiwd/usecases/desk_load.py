"""Fills a desk from the database while everything else goes on: waiting items in bulk, whole ones where needed.

Reads at different moments, so the log is to be followed from before the load: who has moved on since is put right
by its event. Nothing here decides.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from openiwd.domain.backlog_batch import AlikeRows, BacklogBatch, SortedBatch, sort_batch
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.backlog_load import Alike
from openiwd.domain.instant import to_micros
from openiwd.ports.tenant_store import TenantStore
from openiwd.usecases.desk import Desk

BATCH: Final = 500_000
WHOLE: Final = 30
"""Whole items read at once: some ms of work."""
BUSY_EVENTS: Final = 20_000
"""So many events are looked through for when agents became idle."""
STRETCH_SECONDS: Final = 0.003
"""After so long the others get a turn."""
ROWS: Final = 20_000
"""Put at once: measured, a call costs so much by itself that smaller parts make the whole load several times longer."""
T = TypeVar("T")


class _Pace:
    """Gives others a turn after STRETCH_SECONDS of this thread's time, where the work can be cut."""

    def __init__(self) -> None:
        self._since = time.thread_time()

    async def pause(self) -> None:
        """A turn for the others, if it is time for one."""
        if time.thread_time() - self._since >= STRETCH_SECONDS:
            await asyncio.sleep(0)
            self._since = time.thread_time()


class DeskLoad:
    """One load of one desk, which nobody else uses yet. `seed` is any number of 64 bits."""

    def __init__(self, store: TenantStore, desk: Desk, now: datetime, seed: int) -> None:
        self._store = store
        self._desk = desk
        self._now = now
        self._seed = seed
        self._pace = _Pace()
        self._likes: dict[int, BacklogItem] = {}
        self._prefers_last = [q.id for q in desk.rules.queues.values() if q.prefer_last_agent is not None]

    async def run(self) -> None:
        """Everything: agents, what they have in hand, then what waits."""
        desk, now = self._desk, self._now
        async with self._store.reading() as reading:
            for agent in (await reading.agents()).values():
                desk.put_agent(agent)
            for agent_id, busy in (await reading.last_busy(BUSY_EVENTS)).items():
                desk.idle_at_least(agent_id, busy)
            await desk.refresh_wrap_ups(reading, now)
            held = await reading.held_numbers()
        await self._put_whole(held)
        await self._put_waiting()
        for agent_id in desk.world.agents:
            desk.reckon(agent_id, now)
            await self._pace.pause()

    async def _put_waiting(self) -> None:
        """The next batch is read while one is put; two of them are in memory at most."""
        loop = asyncio.get_running_loop()
        ahead = loop.create_task(self._read(0))
        try:
            while True:
                batch = await ahead
                if batch.size == BATCH:
                    ahead = loop.create_task(self._read(batch.last))
                await self._put_batch(batch)
                if batch.size < BATCH:
                    return
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _read(self, after: int) -> BacklogBatch:
        async with self._store.reading() as reading:
            return await reading.backlog_rows(after, BATCH, prefers_last=self._prefers_last, seed=self._seed)

    async def _put_batch(self, batch: BacklogBatch) -> None:
        # An item that was in hand when this load began may wait by now: its revision says which is later.
        found = await asyncio.to_thread(sort_batch, batch, self._desk.not_in_bulk())
        moved = await self._learn(found)
        for start, alike in self._portions(found, moved):
            count = sum(one.size for one in alike)
            self._desk.put_many(alike, found.rows.part(slice(start, start + count)), to_micros(self._now))
            await self._pace.pause()
        await self._put_whole([*found.odd, *moved])

    async def _learn(self, found: SortedBatch) -> set[int]:
        """Reads one whole item of each likeness not met before. The numbers of those that turn out to have moved on."""
        moved: set[int] = set()
        unknown = [alike for alike in found.alike if alike.likeness not in self._likes]
        while unknown:
            left: list[AlikeRows] = []
            for some in _chunks(unknown, WHOLE):
                numbers = found.rows.numbers[[a.start for a in some]].tolist()
                revisions = found.rows.revisions[[a.start for a in some]].tolist()
                async with self._store.reading() as reading:
                    items = await reading.items_by_number(numbers)
                for alike, number, revision in zip(some, numbers, revisions, strict=True):
                    item = items.get(number)
                    if item is not None and item.revision == revision:
                        self._likes[alike.likeness] = self._desk.like(item)
                        continue
                    moved.add(number)
                    if alike.start + 1 < alike.end:
                        left.append(alike._replace(start=alike.start + 1))
                await self._pace.pause()
            unknown = left
        return moved

    def _portions(self, found: SortedBatch, moved: set[int]) -> Iterator[tuple[int, list[Alike]]]:
        """The batch in portions of about ROWS rows without a gap: where each begins, and what is alike in it."""
        begins, portion, end = 0, list[Alike](), 0
        for alike in found.alike:
            start, like = alike.start, self._likes.get(alike.likeness)
            # Those that have moved on stand first: they were tried one after the other.
            while start < alike.end and moved and int(found.rows.numbers[start]) in moved:
                start += 1
            if like is None:
                continue
            for part in range(start, alike.end, ROWS):
                until = min(part + ROWS, alike.end)
                if portion and (part != end or until - begins > ROWS):
                    yield begins, portion
                    portion = []
                if not portion:
                    begins = part
                portion.append(Alike(like, until - part))
                end = until
        if portion:
            yield begins, portion

    async def _put_whole(self, numbers: Sequence[int]) -> None:
        for some in _chunks(numbers, WHOLE):
            async with self._store.reading() as reading:
                items = await reading.items_by_number(some)
                await self._desk.put_items(reading, items.values(), self._now)
            await self._pace.pause()


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some
