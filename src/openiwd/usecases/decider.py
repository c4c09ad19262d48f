"""The decider: the one place of a tenant where items are granted to agents. Fenced by its epoch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from openiwd.domain import assignment
from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.decision import explain_waiting, pack, record, why_not
from openiwd.domain.distribution import Choice, distribute, next_change, next_for
from openiwd.domain.errors import ConflictError, FencedError, NotFoundError
from openiwd.domain.event import LoggedEvent
from openiwd.domain.instant import SECOND, to_micros
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Claim, Cursor
from openiwd.usecases import agent as agent_use
from openiwd.usecases.command import Command, Done
from openiwd.usecases.desk import Desk
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

IDLE_SECONDS: Final = 1.0
"""How long the decider sleeps at most when nothing happens."""
SWEEP_SECONDS: Final = 15.0
CLAIM_CHUNK: Final = 200
CALLER: Final = system("distribution")


class Decider:
    """Follows the log, keeps the picture true, and claims. All its steps run one after the other, under one lock."""

    def __init__(self, services: TenantServices, epoch: int, desk: Desk, cursor: Cursor) -> None:
        self.epoch = epoch
        self._services = services
        self._runtime = services.runtime
        self._desk = desk
        self._cursor = cursor
        self._lock = asyncio.Lock()
        self._swept = 0.0
        self.decisions = 0
        self.decision_seconds = 0.0

    @classmethod
    async def take_over(cls, services: TenantServices) -> Decider:
        """Raises the epoch (running claims end first), then loads the state."""
        epoch = await services.runtime.store.take_over(services.process_id)
        rules = await services.runtime.rules()
        desk, cursor = await _loaded(services, Desk(rules))
        return cls(services, epoch, desk, cursor)

    def __len__(self) -> int:
        return len(self._desk.world.backlog)

    @property
    def backlog_counts(self) -> dict[str, int]:
        """Waiting items by queue."""
        return self._desk.world.backlog.counts()

    async def run(self) -> None:
        """Until cancelled, or fenced by another decider (FencedError)."""
        while True:
            async with self._lock:
                await self._follow()
                if self._services.tenant.pushes:
                    await self._push()
            await self._after_step()
            await self._services.feed.wait(self._cursor, self._pause())

    def _pause(self) -> float:
        """Seconds until something becomes possible by time alone, at most IDLE_SECONDS."""
        if self._runtime.virtual is not None:
            return IDLE_SECONDS
        now = to_micros(self._runtime.now())
        at = next_change(self._desk.world, now)
        return IDLE_SECONDS if at is None else min(IDLE_SECONDS, max(0.0, (at - now) / SECOND))

    async def _follow(self) -> None:
        """Takes over what the log says that this decider has not done itself."""
        while events := await self._services.feed.after(self._cursor):
            last = events[-1]
            rewound = last.generation != self._cursor.generation
            self._cursor = Cursor(last.generation, last.pos)
            if rewound or any(e.type == "ruleSetPublished" for e in events):
                await self._reload()
                return
            await self._take(events)

    async def _catch_up(self) -> None:
        """Who asks now is answered by everything acknowledged before."""
        await self._services.feed.catch_up()
        await self._follow()

    async def _take(self, events: Sequence[LoggedEvent]) -> None:
        desk, now = self._desk, self._runtime.now()
        numbers = {
            e.item_number
            for e in events
            if e.item_number is not None and not desk.knows(e.item_number, e.revision or 0)
        }
        agents = {
            e.subject_id for e in events if e.subject_id and e.type in ("agentChanged", "agentStateChanged")
        }
        wrapped = any((e.body.get("assignment") or {}).get("wrapUpSeconds") for e in events)
        if not numbers and not agents and not wrapped:
            return
        async with self._runtime.store.reading() as reading:
            if numbers:
                await desk.refresh_items(reading, numbers, now)
            if agents:
                await desk.refresh_agents(reading, agents, now)
            if wrapped:
                await desk.refresh_wrap_ups(reading, now)

    async def _reload(self) -> None:
        rules = await self._runtime.rules()
        async with self._runtime.store.reading() as reading:
            live = await reading.live_version()
        if live != rules.version:
            rules = await self._runtime.rules(live)
        self._desk, self._cursor = await _loaded(self._services, Desk(rules))

    async def _push(self) -> None:
        """Offers everything that can be offered now."""
        now = self._runtime.now()
        self._desk.end_wrap_ups(now)
        while True:
            started = time.perf_counter()
            choices = distribute(self._desk.world, to_micros(now))
            if not choices:
                return
            self.decisions += len(choices)
            granted = await self._claim(choices[:CLAIM_CHUNK], CALLER)
            self.decision_seconds += time.perf_counter() - started
            await self._accept_at_once(granted)
            if not granted:
                return
            now = self._runtime.now()

    async def _claim(self, choices: Sequence[Choice], caller: Caller) -> list[WorkItem]:
        """Grants durably what was chosen, as far as the items still are what the picture says."""
        world, desk = self._desk.world, self._desk
        async with self._runtime.store.reading() as reading:
            items = await reading.items_by_number([c.item.number for c in choices])
        ctx = await self._runtime.context(caller.actor)
        claims: list[Claim] = []
        after: dict[int, WorkItem] = {}
        moved: list[int] = []
        for choice in choices:
            item = items.get(choice.item.number)
            if item is None or item.revision != choice.item.revision or item.status is not Status.QUEUED:
                moved.append(choice.item.number)
                continue
            queue = world.queues[choice.item.queue_id]
            offer_id, assignment_id = ctx.new_id(), ctx.new_id()
            change = assignment.grant(
                item,
                ctx,
                choice.kind,
                choice.agent_id,
                offer_id=offer_id,
                assignment_id=assignment_id,
                timeout_us=queue.offer_timeout,
            )
            decision = record(world, choice, to_micros(ctx.now))
            after[item.number] = change.item
            claims.append(
                Claim(
                    item,
                    choice.agent_id,
                    offer_id,
                    assignment_id,
                    choice.kind.value,
                    ctx.now,
                    change.item.offer_expires_at,
                    pack(decision),
                    caller.actor,
                    change.event.body,
                )
            )
        granted = await self._runtime.store.claim(self.epoch, claims) if claims else set()
        if granted:
            self._runtime.committed()
        for number in granted:
            desk.put_item(after[number], ctx.now)
        stale = moved + [c.item.number for c in claims if c.item.number not in granted]
        if stale:
            async with self._runtime.store.reading() as reading:
                await desk.refresh_items(reading, stale, ctx.now)
        return [after[number] for number in granted]

    async def _accept_at_once(self, granted: Sequence[WorkItem]) -> None:
        """Queues with auto-accept: the offer is accepted in the agent's name."""
        rules = self._desk.rules
        commands = [
            Command(
                action=Action.ACCEPT,
                caller=CALLER,
                item_id=i.id,
                offer_id=i.offer_id,
                agent_id=i.offered_to,
                internal=True,
            )
            for i in granted
            if i.queue_id in rules.queues and rules.queues[i.queue_id].auto_accept
        ]
        if commands:
            await apply(self._runtime, commands)

    async def _after_step(self) -> None:
        """What follows from the new state and is no grant: 'after current items', offers no longer fitting, sweeps."""
        pending = self._desk.pending_changes()
        unfit = self._desk.take_unfit()
        monotonic = time.monotonic()
        sweeps = monotonic - self._swept >= SWEEP_SECONDS and self._runtime.virtual is None
        if not (pending or unfit or sweeps):
            return
        await self.require_epoch()
        for agent_id, media in pending:
            await self._take_pending(agent_id, media)
        if unfit:
            await self._withdraw(unfit)
        if sweeps:
            self._swept = monotonic
            await self._return_abandoned()
            async with self._runtime.store.writing() as tx:
                await tx.end_wrap_ups(None, self._runtime.now())

    async def require_epoch(self) -> None:
        """Raises FencedError when another process has taken over: a frozen one may not know it yet."""
        async with self._runtime.store.reading() as reading:
            epoch = await reading.epoch()
        if epoch != self.epoch:
            raise FencedError("another process decides now", epoch=self.epoch)

    async def _take_pending(self, agent_id: str, media: str) -> None:
        with suppress(NotFoundError):  # deleted meanwhile
            await agent_use.take_pending(self._services, agent_id, media, CALLER)

    async def _withdraw(self, unfit: Sequence[tuple[UUID, UUID]]) -> None:
        await apply(
            self._runtime,
            [
                Command(
                    action=Action.WITHDRAW,
                    caller=CALLER,
                    item_id=item_id,
                    offer_id=offer_id,
                    outcome=OfferOutcome.WITHDRAWN,
                    reason="noLongerEligible",
                    internal=True,
                )
                for item_id, offer_id in unfit
            ],
        )

    async def _return_abandoned(self) -> None:
        abandoned = self._desk.abandoned(self._runtime.now())
        if not abandoned:
            return
        async with self._runtime.store.reading() as reading:
            items = await reading.items_by_number(abandoned)
        await apply(
            self._runtime,
            [
                Command(
                    action=Action.RETURN,
                    caller=CALLER,
                    item_id=i.id,
                    reason="agentGone",
                    internal=True,
                    if_match=i.revision,
                )
                for i in items.values()
            ],
        )

    def _agent(self, agent_id: str) -> Agent:
        agent = self._desk.world.agents.get(agent_id)
        if agent is None:
            raise NotFoundError(f"there is no agent '{agent_id}'", field="agent")
        return agent

    async def pull(self, agent_id: str, caller: Caller) -> Done | None:
        """The next best item for the agent, assigned at once; None when there is none they can do."""
        caller.require("workitems.pull")
        async with self._lock:
            for _ in range(10):
                await self._catch_up()
                choice = next_for(self._desk.world, self._agent(agent_id), to_micros(self._runtime.now()))
                if choice is None:
                    return None
                granted = await self._claim([choice], caller)
                if granted:
                    return Done(item=granted[0])
        return None

    async def pick(self, agent_id: str, item_id: UUID, caller: Caller) -> Done:
        """This very item for the agent, where nothing but order and preference stands against it."""
        caller.require("workitems.pull")
        async with self._lock:
            await self._catch_up()
            now = to_micros(self._runtime.now())
            world, agent = self._desk.world, self._agent(agent_id)
            item = await self._waiting(item_id)
            reason = world.exclusion(agent, item, now, GrantKind.PICK)
            if reason is not None:
                raise ConflictError(
                    f"'{agent_id}' cannot take this item: {reason.value}",
                    code="notEligible",
                    field="agent",
                    hint="a supervisor may assign it all the same",
                    reason=reason.value,
                )
            choice = Choice(item, agent_id, GrantKind.PICK, world.backlog.priority(item.number, now))
            granted = await self._claim([choice], caller)
        if not granted:
            raise ConflictError("somebody else was quicker", code="itemMoved", hint="pick another item")
        return Done(item=granted[0])

    async def _waiting(self, item_id: UUID) -> BacklogItem:
        async with self._runtime.store.reading() as reading:
            found = (await reading.items_by_id([item_id])).get(item_id)
        if found is None:
            raise NotFoundError(f"there is no item {item_id}", field="id")
        waiting = self._desk.world.backlog.get(found.number)
        if waiting is None:
            raise ConflictError(
                f"the item is {found.status.value} and does not wait in a queue",
                code="notWaiting",
                status=found.status.value,
            )
        return waiting

    async def order(self, queue_id: str | None = None, limit: int = 100) -> list[tuple[int, Fraction]]:
        """Waiting items, best first, exact as of now: (number, priority)."""
        async with self._lock:
            await self._catch_up()
            now = to_micros(self._runtime.now())
            return [
                (item.number, priority)
                for item, priority in self._desk.world.backlog.order(now, queue_id, limit)
            ]

    async def explain(self, item_id: UUID) -> dict[str, Any]:
        """Why the item is still waiting, and what would change that."""
        async with self._lock:
            await self._catch_up()
            item = await self._waiting(item_id)
            return pack(explain_waiting(self._desk.world, item, to_micros(self._runtime.now())))

    async def why_not(self, item_id: UUID, agent_id: str) -> dict[str, Any]:
        """Why this agent does not get this item now."""
        async with self._lock:
            await self._catch_up()
            item = await self._waiting(item_id)
            answer = why_not(self._desk.world, item, self._agent(agent_id), to_micros(self._runtime.now()))
        return {
            "reason": None if answer.reason is None else answer.reason.value,
            "better": None if answer.better is None else str(answer.better.id),
        }


async def _loaded(services: TenantServices, desk: Desk) -> tuple[Desk, Cursor]:
    """The desk filled from the database. The cursor is read first: what is committed meanwhile is followed later."""
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        cursor = await reading.head()
        if runtime.virtual is None or runtime.virtual.started:
            await desk.load(reading, runtime.now())
    return desk, cursor
