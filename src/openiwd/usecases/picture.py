"""A tenant's picture in this process: the desk, kept up from the event log. It is what the decider looks at.

A process that may decide keeps one all the time, so that it can take over without loading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.rule_set import CompiledRuleSet
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
        self._ahead: _Ahead | None = None

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
        if last.generation != self.cursor.generation or self._is_outdated(events):
            await before_reload()
            await self._reload()
        else:
            await self._take(events)
            self.cursor = Cursor(last.generation, last.pos)
        return True

    def _is_outdated(self, events: Sequence[LoggedEvent]) -> bool:
        """Whether other rules have been published than those of the desk."""
        return any(
            e.type == EventType.RULE_SET_PUBLISHED and e.body.get("version", 0) > self.desk.rules.version
            for e in events
        )

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
        numbers: set[int] = set()
        for event in events:
            number = event.item_number
            if number is None or number in numbers or desk.knows(event) or desk.take(event, now):
                continue
            numbers.add(number)
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
        async with self._runtime.store.reading() as reading:
            live = await reading.live_version()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.picture.desk.rules.version == live and await ahead.went_live():
            self.desk, self.cursor = ahead.picture.desk, ahead.picture.cursor
            return
        rules = await self._runtime.rules(live)
        self.desk, self.cursor = await _loaded(self._services, Desk(rules))

    async def look_ahead(self, rules: CompiledRuleSet) -> _Ahead:
        """Loads what is seen by rules that are about to go live, while this picture is decided on."""
        picture = Picture(self._services, *await _loaded(self._services, Desk(rules)))
        await picture.follow()
        self._ahead = _Ahead(picture)
        return self._ahead

    def forget(self, ahead: _Ahead) -> None:
        """Those rules did not go live."""
        if self._ahead is ahead:
            self._ahead = None


class _Ahead:
    """A picture by rules of which it is not known yet whether they went live."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self._is_live = False
        self._settled = asyncio.Event()

    def settle(self, *, is_live: bool) -> None:
        self._is_live = is_live
        self._settled.set()

    async def went_live(self) -> bool:
        await self._settled.wait()
        return self._is_live


@asynccontextmanager
async def going_live(services: TenantServices, rules: CompiledRuleSet) -> AsyncIterator[None]:
    """Around the publication of these rules. This process then has what it needs, if it decides, before they are live:
    to load it afterwards would stop deciding for as long, as nothing may be judged by the old rules then.
    """
    picture, ahead, is_live = services.picture, None, False
    if picture is not None:
        with suppress(UnavailableError):  # then it is loaded afterwards
            ahead = await picture.look_ahead(rules)
    try:
        yield
        is_live = True
    finally:
        if picture is not None and ahead is not None:
            ahead.settle(is_live=is_live)
            if not is_live:
                picture.forget(ahead)


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
