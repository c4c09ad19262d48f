"""Looks for causes of alarms, raises and clears them. Keeps nothing in mind: what is open stands in the database.

Each look reads a bounded number of rows, whatever the backlog: so many alarms of a kind are open at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.agent import Agent
from openiwd.domain.alarm import (
    OF_ITEMS,
    Alarm,
    AlarmKind,
    AlarmObject,
    AlarmSetting,
    Cause,
    away_cause,
    differences,
    down_cause,
    idle_causes,
    parked_causes,
)
from openiwd.domain.event import EventType
from openiwd.domain.instant import to_micros
from openiwd.domain.privilege import system
from openiwd.domain.queue import Queue, RoutingTarget
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.unserved import Crowd, Waiting, profiles_at_work, unserved
from openiwd.ports.tenant_store import Reading
from openiwd.ports.trial import StoredCanary
from openiwd.usecases.alarm import read_setting, tell
from openiwd.usecases.capture_status import unread_points
from openiwd.usecases.dashboard import live_rules

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 100
"""Alarms of one kind raised, or alarms cleared, in one transaction: claims wait meanwhile, as events have one order."""
AGENTS_AT_ONCE: Final = 250
"""So many agents are looked at before others get their turn."""
MOST_OPEN: Final = 1_000
"""Of one kind: what is more than this is not told one by one; it stands in the Universal Queue."""
LOOKED_AT: Final = 30
"""So many of the longest waiting items of a queue are asked whether anybody may take them."""
DECLINES_ALLOWED: Final = 3
"""Where an item's queue is not known."""
KEPT: Final = timedelta(days=30)
AWAY_FOR: Final = timedelta(seconds=30)
"""A router that does not answer for a moment is no cause yet."""
ACTOR: Final = system("alarms").actor
STANDING: Final = (
    AlarmKind.NOT_READY.value,
    AlarmKind.NO_ELIGIBLE_AGENT.value,
    AlarmKind.CANARY_ROLLED_BACK.value,
    AlarmKind.WEBHOOK_PARKED.value,
    AlarmKind.ROUTER_AWAY.value,
    AlarmKind.CAPTURE_POINT_DOWN.value,
)
"""Kinds whose causes are few and looked at all together."""


class _Look:
    """One look at a tenant, as of one instant and one set of rules."""

    def __init__(
        self, services: TenantServices, setting: AlarmSetting, rules: CompiledRuleSet | None
    ) -> None:
        self.now = services.runtime.now()
        self._services = services
        self._setting = setting
        self._rules = rules
        self._soon = self.now + timedelta(minutes=setting.due_soon_minutes)
        queues = rules.queues.values() if rules is not None else ()
        self._allowed = {q.id: q.alarm_after_declines for q in queues}

    async def ended(self, reading: Reading) -> list[UUID]:
        """Open alarms of items whose cause is over."""
        off = [kind.value for kind in self._setting.off]
        return await reading.ended_item_alarms(
            self.now, self._soon, self._allowed, DECLINES_ALLOWED, off, CHUNK
        )

    async def begun(self, reading: Reading) -> list[Cause]:
        """Causes among the items that no alarm is open for."""
        kinds = [kind for kind in AlarmKind if kind in OF_ITEMS and kind not in self._setting.off]
        counts = await reading.count_open_alarms()
        found: list[Cause] = []
        for kind in kinds:
            room = min(CHUNK, MOST_OPEN - counts.get(kind.value, 0))
            if room > 0:
                found += await self._of_items(reading, kind, room)
        return found

    async def _of_items(self, reading: Reading, kind: AlarmKind, room: int) -> list[Cause]:
        match kind:
            case AlarmKind.OVERDUE:
                return await reading.due_causes(kind, None, self.now, room)
            case AlarmKind.DUE_SOON:
                lead = self._soon - self.now
                found = await reading.due_causes(kind, self.now, self._soon, room)
                return [replace(cause, since=cause.since - lead) for cause in found]
            case AlarmKind.DECLINED:
                return await reading.declined_causes(self._allowed, DECLINES_ALLOWED, room, self.now)
            case _:
                return await reading.errorheld_causes(room)

    async def standing(self, reading: Reading) -> list[Cause]:
        """All causes among agents, queues, webhooks and capture points, whether their alarms are open or not."""
        setting, found = self._setting, list[Cause]()
        decider = self._services.decider
        agents = list((await reading.agents()).values()) if decider is None else await decider.agents()
        if AlarmKind.NOT_READY not in setting.off:
            before = self.now - timedelta(minutes=setting.not_ready_minutes)
            async for some in _in_turns(agents):
                found += idle_causes(some, before)
        if AlarmKind.NO_ELIGIBLE_AGENT not in setting.off and self._rules is not None:
            found += await self._unserved(reading, agents, self._rules)
        if AlarmKind.CANARY_ROLLED_BACK not in setting.off:
            found += [_of_canary(c) for c in await reading.rolled_back_canaries()]
        if AlarmKind.WEBHOOK_PARKED not in setting.off:
            found += await self._parked(reading)
        if AlarmKind.ROUTER_AWAY not in setting.off:
            found += await self._away(reading)
        if AlarmKind.CAPTURE_POINT_DOWN not in setting.off:
            found += await self._down(reading)
        return found

    async def _down(self, reading: Reading) -> list[Cause]:
        before = self.now - timedelta(minutes=self._setting.capture_point_down_minutes)
        return [
            down_cause(down.point.id, down.point.name, down.since, down.error)
            for down in await unread_points(reading)
            if down.since <= before
        ]

    async def _away(self, reading: Reading) -> list[Cause]:
        router = await reading.router_state(RoutingTarget.GWS.value)
        since = None if router is None else router.away_since
        if router is None or since is None or self.now - since < AWAY_FOR:
            return []
        return [away_cause(router.router, since, router.last_error)]

    async def _parked(self, reading: Reading) -> list[Cause]:
        counts = await reading.delivery_counts()
        if not any(count.parked for count in counts.values()):
            return []
        names = {o["id"]: str(o["name"]) for o in await reading.objects("webhook")}
        return parked_causes(
            (c.webhook_id, names[c.webhook_id], c.parked, c.parked_since)
            for c in counts.values()
            if c.parked_since is not None and c.webhook_id in names
        )

    async def _unserved(
        self, reading: Reading, agents: Sequence[Agent], rules: CompiledRuleSet
    ) -> list[Cause]:
        queues = [q for q in rules.queues.values() if q.pushes and self._is_open(q, rules)]
        before = self.now - timedelta(minutes=self._setting.no_eligible_agent_minutes)
        waiting: dict[str, list[Waiting]] = {}
        for item in await reading.longest_waiting([q.id for q in queues], before, LOOKED_AT):
            waiting.setdefault(item.queue_id, []).append(item)
        crowd = Crowd()
        async for some in _in_turns(agents):
            crowd.add(profiles_at_work(some, self.now))
        found = []
        for queue in queues:
            cause = unserved(queue, waiting.get(queue.id, ()), crowd, self.now)
            if cause is not None:
                found.append(cause)
            await asyncio.sleep(0)  # many queues would keep others waiting
        return found

    def _is_open(self, queue: Queue, rules: CompiledRuleSet) -> bool:
        clock = rules.clocks.get(queue.hours) if queue.hours is not None else None
        return clock is None or clock.is_open(to_micros(self.now))


async def _in_turns(agents: Sequence[Agent]) -> AsyncIterator[Sequence[Agent]]:
    for start in range(0, len(agents), AGENTS_AT_ONCE):
        yield agents[start : start + AGENTS_AT_ONCE]
        await asyncio.sleep(0)


async def watch(services: TenantServices, fence: Callable[[], Awaitable[None]] | None = None) -> int:
    """Raises and clears what is due now; how many alarms. `fence` raises when another process decides.

    Whoever looks at the same time, or was stopped halfway, does no harm: one alarm is open per cause, and an event is
    written with each that was.
    """
    async with services.runtime.store.reading() as reading:
        look = _Look(services, (await read_setting(reading)).value, await live_rules(services))
        cleared = await look.ended(reading)
        causes = await look.begun(reading)
        standing = {(c.kind.value, c.object_id): c for c in await look.standing(reading)}
        more, over = differences(standing, await reading.open_alarms(STANDING))
    causes += more
    cleared += over
    if not causes and not cleared:
        return 0
    if fence is not None:
        await fence()
    done = 0
    for start in range(0, max(len(causes), len(cleared)), CHUNK):
        done += await _write(services, look, causes[start : start + CHUNK], cleared[start : start + CHUNK])
    return done


async def _write(
    services: TenantServices, look: _Look, causes: Sequence[Cause], cleared: Sequence[UUID]
) -> int:
    """One transaction: alarms and their events, in one order, so that two who look at once do not block each other."""
    runtime, now = services.runtime, look.now
    wanted = {runtime.new_id(): cause for cause in sorted(causes, key=lambda c: (c.kind.value, c.object_id))}
    async with runtime.store.writing() as tx:
        raised = await tx.raise_alarms(list(wanted.items()), now)
        ended = await tx.clear_alarms(sorted(cleared), now)
        begun = [_alarm(alarm_id, cause, look) for alarm_id, cause in wanted.items() if alarm_id in raised]
        await tell(tx, EventType.ALARM_RAISED, begun, ACTOR, now)
        await tell(tx, EventType.ALARM_CLEARED, ended, ACTOR, now)
    if begun or ended:
        runtime.committed()
    return len(begun) + len(ended)


def _of_canary(canary: StoredCanary) -> Cause:
    guards = [t.guard.value for t in canary.tripped]
    return Cause(
        kind=AlarmKind.CANARY_ROLLED_BACK,
        object=AlarmObject.DRAFT,
        object_id=str(canary.draft_id),
        since=canary.ended_at or canary.started_at,
        detail={"name": canary.body.name, "guards": guards, "items": canary.sides.canary.items},
    )


def _alarm(alarm_id: UUID, cause: Cause, look: _Look) -> Alarm:
    return Alarm(
        id=alarm_id,
        kind=cause.kind,
        object=cause.object,
        object_id=cause.object_id,
        item_number=cause.item_number,
        since=cause.since,
        raised_at=look.now,
        detail=cause.detail,
    )


async def forget_cleared(services: TenantServices) -> int:
    """Removes alarms whose cause ended long ago; how many."""
    async with services.runtime.store.writing() as tx:
        return await tx.forget_alarms(services.runtime.now() - KEPT, CHUNK)
