"""A tenant's picture in this process: the desk, kept up from the event log. It is what the decider looks at.

A process that may decide keeps one all the time, so that it can take over without loading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from openiwd.domain.event import LoggedEvent
from openiwd.ports.tenant_store import Cursor
from openiwd.usecases.desk import Desk
from openiwd.usecases.desk_load import DeskLoad

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

_SEED_MASK: Final = (1 << 63) - 1

BeforeReload = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    pass


class Picture:
    """The desk and the place in the log up to which it is true.

    Who follows, or claims, holds the lock: the standby, the decider, and one that decides no longer, but whose last
    request still runs.
    """

    def __init__(self, services: TenantServices, desk: Desk, cursor: Cursor) -> None:
        self._services = services
        self._runtime = services.runtime
        self.desk = desk
        self.cursor = cursor
        self.lock = asyncio.Lock()

    @classmethod
    async def load(cls, services: TenantServices) -> Picture:
        """From the database, under the live rules."""
        desk, cursor = await _loaded(services, Desk(await services.runtime.rules()))
        return cls(services, desk, cursor)

    async def stand_by(self) -> bool:
        """As `follow_some`, for who only keeps the picture warm."""
        async with self.lock:
            return await self.follow_some()

    async def follow(self, before_reload: BeforeReload = _nothing) -> None:
        """Takes over all that this process has seen of the log."""
        while await self.follow_some(before_reload):
            pass

    async def follow_some(self, before_reload: BeforeReload = _nothing) -> bool:
        """Takes over what the log says next; False when there is nothing.

        A change of the rules is answered by another desk; who has something under way on this one ends it before.

        The place moves on last: what was interrupted, or failed, is taken again, which changes nothing.
        """
        if self.desk.doubtful:
            await self._find_out()
        events = await self._services.feed.after(self.cursor)
        if not events:
            return False
        last = events[-1]
        if last.generation != self.cursor.generation or any(e.type == "ruleSetPublished" for e in events):
            await before_reload()
            await self._reload()
        else:
            await self._take(events)
            self.cursor = Cursor(last.generation, last.pos)
        return True

    async def _find_out(self) -> None:
        """Reads the items again of which it is not known whether their claim was granted."""
        doubtful = list(self.desk.doubtful)
        async with self._runtime.store.reading() as reading:
            await self.desk.refresh_items(reading, doubtful, self._runtime.now())
        self.desk.doubtful.difference_update(doubtful)

    async def catch_up(self, before_reload: BeforeReload = _nothing) -> None:
        """Who asks now is answered by everything acknowledged before."""
        await self._services.feed.catch_up()
        await self.follow(before_reload)

    async def _take(self, events: Sequence[LoggedEvent]) -> None:
        desk, now = self.desk, self._runtime.now()
        numbers = {e.item_number for e in events if e.item_number is not None and not desk.knows(e)}
        agents = {
            e.subject_id for e in events if e.subject_id and e.type in ("agentChanged", "agentStateChanged")
        }
        endings = (e.body.get("assignment") or {} for e in events)
        wrapped = {ending["agent"] for ending in endings if ending.get("wrapUpSeconds")}
        if not numbers and not agents and not wrapped:
            return
        async with self._runtime.store.reading() as reading:
            if numbers:
                await desk.refresh_items(reading, numbers, now)
            if agents:
                await desk.refresh_agents(reading, agents, now)
            if wrapped:
                await desk.refresh_wrap_ups(reading, now, wrapped)

    async def _reload(self) -> None:
        rules = await self._runtime.rules()
        async with self._runtime.store.reading() as reading:
            live = await reading.live_version()
        if live != rules.version:
            rules = await self._runtime.rules(live)
        self.desk, self.cursor = await _loaded(self._services, Desk(rules))


async def _loaded(services: TenantServices, desk: Desk) -> tuple[Desk, Cursor]:
    """The desk filled from the database. The cursor is read first: what is committed meanwhile is followed later."""
    runtime = services.runtime
    services.loads += 1
    async with runtime.store.reading() as reading:
        cursor = await reading.head()
    if runtime.virtual is None or runtime.virtual.started:
        seed = runtime.new_id().int & _SEED_MASK
        await DeskLoad(runtime.store, desk, runtime.now(), seed).run()
    return desk, cursor
