"""The live tail of a tenant's event log in this process: one reader, many followers, nothing skipped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Final

from openiwd.domain.event import LoggedEvent
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases.tenant_runtime import TenantRuntime, Wakeup

BUFFER: Final = 4_000
CHUNK: Final = 1_000
POLL_SECONDS: Final = 1.0
"""How long a commit of another process can stay unseen here."""


class EventFeed:
    """Reads the log once and hands it to all followers; who falls behind the buffer reads the database."""

    def __init__(self, runtime: TenantRuntime) -> None:
        self._runtime = runtime
        self._buffer: deque[LoggedEvent] = deque(maxlen=BUFFER)
        self._head: Cursor | None = None
        self._grown = Wakeup()
        self._reading = asyncio.Lock()
        self._is_over = False
        self.poll_seconds = POLL_SECONDS
        self._hearers: list[Callable[[Sequence[LoggedEvent]], None]] = []

    def tell(self, hearer: Callable[[Sequence[LoggedEvent]], None]) -> None:
        """From now on it is told all that is read, in order, in the very step in which the head moves on."""
        self._hearers.append(hearer)

    @property
    def head(self) -> Cursor | None:
        return self._head

    async def start(self) -> None:
        """Sets the head; followers may subscribe from now on."""
        async with self._runtime.store.reading() as reading:
            self._head = await reading.head()

    async def run(self) -> None:
        """Follows the log until cancelled."""
        if self._head is None:
            await self.start()
        seen = 0
        while True:
            # First: the head is new, and whoever has just opened the tenant waits for a connection.
            seen = await self._runtime.wakeup.wait(seen, self.poll_seconds)
            while await self._read():
                pass

    async def catch_up(self) -> None:
        """Returns when everything committed before the call has been read, by whatever process it was."""
        while await self._read():
            pass

    async def _read(self) -> bool:
        """Takes over what is new; True when there may be more."""
        async with self._reading:
            return await self._read_next()

    async def _read_next(self) -> bool:
        if self._head is None:
            return False
        async with self._runtime.store.reading() as reading:
            events = await reading.events(self._head, CHUNK)
        if not events:
            return False
        self._buffer.extend(events)
        self._head = Cursor(events[-1].generation, events[-1].pos)
        self._apply(events)
        for hear in self._hearers:
            hear(events)
        self._grown.notify()
        return len(events) == CHUNK

    def _apply(self, events: list[LoggedEvent]) -> None:
        kinds = {e.type for e in events}
        if "configurationChanged" in kinds:
            self._runtime.forget_live_data()
        if "ruleSetPublished" in kinds or any(
            e.body.get("kind") == "canary" for e in events if e.item_id is None
        ):
            self._runtime.forget_rules()

    def items_since(self, cursor: Cursor) -> set[int] | None:
        """The numbers of the items that events after the cursor tell of, as far as the log is read here.

        None where the cursor is of another generation, or lies before what is still at hand.
        """
        head = self._head
        if head is None or head.generation != cursor.generation:
            return None
        if cursor.pos >= head.pos:
            return set()
        first = self._buffer[0] if self._buffer else None
        if first is None or first.generation != cursor.generation or first.pos > cursor.pos + 1:
            return None
        later = islice(reversed(self._buffer), head.pos - cursor.pos)
        return {event.item_number for event in later if event.item_number is not None}

    def end_subscriptions(self) -> None:
        """Whoever subscribes, now or later, is told that there is no more: the process is about to end."""
        self._is_over = True
        self._grown.notify()

    @property
    def is_over(self) -> bool:
        return self._is_over

    async def wait(self, cursor: Cursor, timeout_seconds: float) -> None:
        """Returns when there is something after the cursor, or after the time."""
        seen = self._grown.count
        if self._head == cursor:
            await self._grown.wait(seen, timeout_seconds)

    async def subscribe(self, after: Cursor | None = None) -> AsyncIterator[list[LoggedEvent]]:
        """Batches of events after the cursor (None: from now on), in order, for as long as the process goes on."""
        if self._head is None:
            await self.start()
        cursor = after or self._head
        if cursor is None:
            return
        while not self._is_over:
            seen = self._grown.count
            batch = await self.after(cursor)
            if batch:
                cursor = Cursor(batch[-1].generation, batch[-1].pos)
                yield batch
            else:
                await self._grown.wait(seen)

    async def after(self, cursor: Cursor) -> list[LoggedEvent]:
        """The next events after the cursor, as far as this process has seen the log."""
        if self._head == cursor:
            return []
        first = self._buffer[0] if self._buffer else None
        if first is not None and first.generation == cursor.generation and first.pos <= cursor.pos + 1:
            skip = cursor.pos + 1 - first.pos
            if skip < len(self._buffer):
                return [self._buffer[i] for i in range(skip, min(len(self._buffer), skip + CHUNK))]
            return []
        async with self._runtime.store.reading() as reading:
            return await reading.events(cursor, CHUNK)
