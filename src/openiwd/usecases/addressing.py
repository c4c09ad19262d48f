"""Hands agents the events that concern them: one look at each event for all of their streams.

Nobody is woken for what concerns others. Says nothing of what a caller may see; decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from openiwd.domain.event import LoggedEvent, concerned
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases.feed import EventFeed

MOST_KEPT: Final = 200
"""Of so many events a stream may be behind; then it goes on from the log."""


class _Box:
    """What has come for one stream and was not taken yet."""

    __slots__ = ("_after", "_filled", "events", "is_full")

    def __init__(self, after: Cursor) -> None:
        self._after = after
        self.events: list[LoggedEvent] = []
        self.is_full = False
        self._filled = asyncio.Event()

    def put(self, event: LoggedEvent) -> None:
        if (event.generation, event.pos) <= self._after:
            return  # told by another process, which has read further than this one
        if len(self.events) == MOST_KEPT:
            self.is_full = True
        if not self.is_full:
            self.events.append(event)
        self._filled.set()

    def wake(self) -> None:
        self._filled.set()

    async def take(self, patience_seconds: float) -> list[LoggedEvent]:
        """All that has come, at the latest after the time."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._filled.wait()
        except TimeoutError:
            pass
        self._filled.clear()
        taken, self.events = self.events, []
        return taken


class Addressing:
    """The streams of agents in this process, by agent."""

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed
        self._boxes: dict[str, set[_Box]] = {}
        feed.tell(self._deliver)

    def _deliver(self, events: Sequence[LoggedEvent]) -> None:
        if not self._boxes:
            return
        for event in events:
            for agent_id in concerned(event):
                for box in self._boxes.get(agent_id, ()):
                    box.put(event)

    def end(self) -> None:
        """To be called when the feed has ended its subscriptions: nobody waits for what will not come."""
        for boxes in self._boxes.values():
            for box in boxes:
                box.wake()

    async def follow(
        self, agent_id: str, after: Cursor | None, patience_seconds: float
    ) -> AsyncGenerator[list[LoggedEvent]]:
        """What concerns the agent after the cursor (None: from now on), in order, for as long as the process goes on.

        An empty list says that nothing has come for so long.
        """
        feed = self._feed
        if feed.head is None:
            await feed.start()
        cursor = after or feed.head
        while cursor is not None and not feed.is_over:
            while feed.head != cursor:
                batch = await feed.after(cursor)
                if not batch:
                    break
                cursor = Cursor(batch[-1].generation, batch[-1].pos)
                own = [event for event in batch if agent_id in concerned(event)]
                if own:
                    yield own
            box = _Box(cursor)
            boxes = self._boxes.setdefault(agent_id, set())
            boxes.add(box)
            try:
                while not (box.is_full or feed.is_over):
                    events = await box.take(patience_seconds)
                    if events:
                        cursor = Cursor(events[-1].generation, events[-1].pos)
                    yield events
            finally:
                boxes.discard(box)
                if not boxes:
                    self._boxes.pop(agent_id, None)
