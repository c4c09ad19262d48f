"""Watches the running canary: counts both sides from the event log, each event once, and rolls it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from openiwd.domain.canary import Sides, tripped
from openiwd.domain.dashboard import lies_below
from openiwd.domain.eligibility import Profile, profile_of
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.instant import to_micros
from openiwd.domain.privilege import system
from openiwd.domain.requirement import Requirement
from openiwd.domain.unserved import somebody_may
from openiwd.ports.tenant_store import Cursor
from openiwd.ports.trial import StoredCanary
from openiwd.usecases import canary
from openiwd.usecases.configuration import Editor
from openiwd.usecases.platform import Platform, TenantServices

MOST_EVENTS: Final = 10_000
"""Read in one step; the next one follows at once."""
MOST_DEMANDS: Final = 10_000
"""Kept, of which it is known whether somebody may take them."""

Fence = Callable[[], Awaitable[None]]


class CanaryWatch:
    """Of one tenant, in the process that decides."""

    def __init__(self, platform: Platform, services: TenantServices) -> None:
        self._editor = Editor(platform, services, system("canary", services.tenant.id))
        self._services = services
        self._profiles: list[Profile] | None = None
        self._answers: dict[tuple[str, str, bytes], bool] = {}

    async def step(self, fence: Fence) -> bool | None:
        """Counts what is new and looks at the guards. None: no canary runs; True: it was rolled back in this step."""
        async with self._services.runtime.store.reading() as reading:
            running = await reading.running_canary()
            left = await reading.unfinished_canary()
        if left is not None:
            await fence()
            await canary.judge_again_left(self._editor)
        if running is None:
            return None
        running = await self._counted(running, fence)
        passed = tripped(running.sides, running.body.guards)
        if not passed:
            return False
        await fence()
        rolled_back = await canary.roll_back(self._editor, running, passed)
        await canary.judge_again_left(self._editor)
        return rolled_back

    async def _counted(self, running: StoredCanary, fence: Fence) -> StoredCanary:
        """The canary with what the log says since its counts were written, and that is written."""
        cursor = seen = Cursor(running.generation, running.pos)
        sides, taken = running.sides, 0
        while taken < MOST_EVENTS and (events := await self._services.feed.after(cursor)):
            taken += len(events)
            cursor = Cursor(events[-1].generation, events[-1].pos)
            await self._count(running, sides, events)
            await asyncio.sleep(0)  # many at once would keep others waiting
        if cursor == seen:
            return running
        await fence()
        async with self._services.runtime.store.writing() as tx:
            counted = await tx.count_canary(running.version, sides, seen=seen, upto=cursor)
        # Who counted the same events meanwhile has written them: the next step goes on from there.
        return msgspec.structs.replace(running, sides=sides if counted else Sides())

    async def _count(self, running: StoredCanary, sides: Sides, events: Sequence[LoggedEvent]) -> None:
        if any(e.type == EventType.AGENT_CHANGED for e in events):
            self._profiles = None
        for event in events:
            if event.type != EventType.CREATED or (event.item_number or 0) < running.first_number:
                continue
            judged = event.body.get("set", {})
            if judged.get("rule_set_version") == running.version:
                side = sides.canary
            elif running.body.category is None or lies_below(
                judged.get("category_path"), running.body.category
            ):
                side = sides.live
            else:
                continue
            side.add(judged, has_agent=await self._has_agent(judged))

    async def _has_agent(self, judged: dict[str, object]) -> bool:
        """Whether any active agent may take the item at last; one that reached no queue is not asked."""
        queue_id = judged.get("queue_id")
        queue = (await self._services.runtime.rules()).queues.get(str(queue_id)) if queue_id else None
        if queue is None:
            return True
        if self._profiles is None or len(self._answers) > MOST_DEMANDS:
            await self._learn()
        media, requirement = str(judged.get("media_type") or "workitem"), judged.get("requirement") or {}
        key = (queue.id, media, msgspec.json.encode(requirement, order="deterministic"))
        known = self._answers.get(key)
        if known is None:
            wanted = msgspec.convert(requirement, Requirement)
            known = self._answers[key] = somebody_may(wanted, media, queue, self._profiles or [])
        return known

    async def _learn(self) -> None:
        async with self._services.runtime.store.reading() as reading:
            agents = list((await reading.agents()).values())
        at = to_micros(self._services.runtime.now())
        self._profiles = [profile_of(a, at) for a in agents if a.active]
        self._answers.clear()
