"""Gentle live traffic for the demo: items arrive, simulated agents take and finish them, the backlog stays in a range.

It acts only through use cases, as source systems and workspaces do; it decides nothing about distribution.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from typing import Any, Final
from uuid import UUID

import structlog

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.processes.demo import people, stories
from openiwd.processes.demo.history import FLOOR, HOURS, special
from openiwd.processes.demo.steering import Steering
from openiwd.processes.demo.stories import HOME, Trait
from openiwd.usecases import agent as agent_use
from openiwd.usecases import offer as offer_use
from openiwd.usecases.command import Command, Done
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply, apply_one

log = structlog.get_logger()

ACTOR: Final = "system:traffic"
TICK_SECONDS: Final = 8.0
COUNT_EVERY: Final = 8
"""Ticks between two looks at the statuses."""
ARRIVAL_SECONDS: Final = 6.0
WORK_SECONDS: Final = 110.0
MOST_HELD: Final = 70
MOST_ERRORHELD: Final = 14
LEFT_ALONE_SECONDS: Final = 600.0
PAUSES: Final = ("lunch", "break", "training", "meeting")
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_OWN_ACTORS: Final = frozenset({ACTOR, "system:timer", "system:distribution", "system:presence"})

Act = Callable[[], Awaitable[None]]


class Traffic:
    """Start it once; `pause` and `resume` at any time. `pace` 10 = everything ten times faster."""

    def __init__(self, services: TenantServices, *, pace: float = 1.0, seed: int | None = None) -> None:
        self._services = services
        self._pace = pace
        self._rng = random.Random(seed)  # noqa: S311 - invented work
        self._customers = people.customers(random.Random(4024))  # noqa: S311 - those of the history
        self._tenant_id = services.tenant.id
        self._agents: dict[str, Agent] = {}
        self._callers: dict[str, Caller] = {}
        self._left_alone: dict[str, float] = {}
        self._steering = Steering(stories.kinds(), FLOOR)
        self._held = self._errorheld = 0
        self._ticks = 0
        self._due: list[tuple[float, int, Act]] = []
        self._count = 0
        self._paused = False
        self._woken = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    # Switching --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins in the background; the agents log in within seconds."""
        loop = asyncio.get_running_loop()
        self._running = [
            loop.create_task(self._guarded("follow", self._follow), name="demo-traffic-follow"),
            loop.create_task(self._guarded("act", self._run), name="demo-traffic"),
        ]

    async def stop(self) -> None:
        """Ends at once; what agents have on their desks stays there for the next start."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self) -> None:
        """Nothing arrives and nobody works; the simulated agents become not ready."""
        self._paused = True
        self._later(0.0, self._park)

    def resume(self) -> None:
        self._paused = False
        self._woken.set()

    # Time -------------------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, act: Act) -> None:
        self._count += 1
        heappush(self._due, (time.monotonic() + seconds / self._pace, self._count, act))
        self._woken.set()

    async def _guarded(self, name: str, run: Act) -> None:
        while True:
            try:
                await run()
            except Exception:
                log.exception("demo traffic failed; it goes on", part=name)
            await asyncio.sleep(1.0)

    async def _run(self) -> None:
        self._due.clear()
        await self._begin()
        while True:
            pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            self._woken.clear()
            while self._due and self._due[0][0] <= time.monotonic():
                await self._act(heappop(self._due)[2])

    async def _act(self, act: Act) -> None:
        """What somebody else was quicker with, or a person has decided otherwise, is nothing to worry about."""
        try:
            await act()
        except OpenIwdError as error:
            log.debug("demo traffic: step not possible", error=error.code)

    # Beginning --------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Takes up what the simulated agents have on their desks, and logs them in one after the other."""
        for agent in await agent_use.all_agents(self._services):
            if agent.id not in people.OWN_SCREENS and agent.active:
                self._agents[agent.id] = agent
                self._callers[agent.id] = people.agent_caller(self._tenant_id, agent.id, agent.name)
        async with self._services.runtime.store.reading() as reading:
            in_hand = await reading.held_by_agents()
        for item in in_hand:
            if item.assigned_to in self._agents:
                self._later(self._rng.uniform(5, 240), partial(self._finish, item.assigned_to, item.id))
            elif item.offered_to in self._agents and item.offer_id is not None:
                self._later(self._rng.uniform(1, 5), partial(self._answer, item.offered_to, item.offer_id))
        self._steer()
        for number, agent_id in enumerate(self._rng.sample(list(self._agents), len(self._agents))):
            self._later(1 + number * 0.4, partial(self._log_in, agent_id))
        self._later(2.0, self._arrive)
        self._later(1.0, self._tick)

    async def _log_in(self, agent_id: str) -> None:
        agent = self._agents[agent_id]
        if self._rng.random() < self._steering.share_ready(agent.groups):
            await self._set_state(agent_id, AgentState.READY)
        else:
            await self._set_state(agent_id, AgentState.NOT_READY, self._rng.choice(PAUSES))

    # Following the log ------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        async for batch in self._services.feed.subscribe():
            for event in batch:
                self._notice(event)

    def _notice(self, event: LoggedEvent) -> None:
        if event.type == EventType.AGENT_STATE_CHANGED and event.actor not in _OWN_ACTORS:
            person = event.actor == f"agent:{event.subject_id}"
            pause = float("inf") if person else LEFT_ALONE_SECONDS
            self._left_alone[event.subject_id or ""] = time.monotonic() + pause
            return
        agent_id = str(event.body.get("agent") or "")
        if agent_id not in self._agents or event.item_id is None or not self._simulated(agent_id):
            return
        if event.type == EventType.OFFERED:
            offer_id = UUID(event.body["offer"]["id"])
            if self._rng.random() > 0.006:  # the rest looks away until the offer is over
                self._later(self._rng.uniform(1.5, 9), partial(self._answer, agent_id, offer_id))
        elif event.type == EventType.ASSIGNED:
            pressure = self._steering.pressure_of(self._agents[agent_id].groups)
            seconds = WORK_SECONDS * (1 - 0.4 * pressure) * self._rng.lognormvariate(0.0, 0.6)
            self._later(max(8.0, seconds), partial(self._finish, agent_id, event.item_id))

    def _simulated(self, agent_id: str) -> bool:
        """Whether nobody else has taken this agent in hand."""
        return self._left_alone.get(agent_id, 0.0) <= time.monotonic()

    # Items arrive -----------------------------------------------------------------------------------------------------

    async def _arrive(self) -> None:
        now = self._services.runtime.now()
        daylight = 0.6 + 0.4 * min(1.0, HOURS[now.astimezone(HOME).hour])
        mean = ARRIVAL_SECONDS * self._steering.arrival_stretch / daylight
        self._later(min(60.0, self._rng.expovariate(1 / mean)), self._arrive)
        if self._paused:
            return
        kinds = stories.kinds()
        kind = self._rng.choices(kinds, [self._steering.weight(k) for k in kinds])[0]
        trait = self._allowed(special(self._rng, kind))
        number = 100_000 + int((now - _EPOCH).total_seconds())
        who = self._rng.choice(self._customers)
        new = stories.submission(self._rng, kind, who, number, now, trait)
        caller = people.source_caller(self._tenant_id, new.capture_point)
        done = await self._services.intake.submit(new, caller)
        if done.item.status is Status.HELD:
            self._later(self._rng.uniform(240, 1_800), partial(self._documents, done.item.id, caller))

    def _allowed(self, trait: Trait) -> Trait:
        """What stays for long must not pile up."""
        if (trait.broken_amount or trait.unclassified) and self._errorheld >= MOST_ERRORHELD:
            return stories.NOTHING_SPECIAL
        if trait.documents_missing and self._held >= MOST_HELD:
            return stories.NOTHING_SPECIAL
        if trait.later is not None:
            return Trait(later=timedelta(minutes=self._rng.uniform(5, 40)))
        return trait

    async def _documents(self, item_id: UUID, caller: Caller) -> None:
        update = Command(
            action=Action.UPDATE,
            caller=caller,
            item_id=item_id,
            update=ItemUpdate(data={"documents": "complete"}),
        )
        resume = Command(action=Action.RESUME, caller=caller, item_id=item_id, because="documents")
        await apply(self._services.runtime, [update, resume])

    # Agents work ------------------------------------------------------------------------------------------------------

    async def _answer(self, agent_id: str, offer_id: UUID) -> None:
        if self._paused or not self._simulated(agent_id):
            return
        caller = self._callers[agent_id]
        if self._rng.random() < 0.03:
            await offer_use.decline(self._services, offer_id, "notMyArea", caller)
        else:
            await offer_use.accept(self._services, offer_id, caller)

    async def _finish(self, agent_id: str, item_id: UUID) -> None:
        """What an agent does with an item in the end."""
        if not self._simulated(agent_id):
            return
        if self._paused:
            self._later(30.0, partial(self._finish, agent_id, item_id))
            return
        async with self._services.runtime.store.reading() as reading:
            item = (await reading.items_by_id([item_id])).get(item_id)
        if item is None or item.assigned_to != agent_id:
            return
        arguments = await self._ending(item, agent_id)
        await apply_one(
            self._services.runtime, Command(caller=self._callers[agent_id], item_id=item_id, **arguments)
        )

    async def _ending(self, item: WorkItem, agent_id: str) -> dict[str, Any]:
        rng, chance = self._rng, self._rng.random()
        if chance < 0.05 and self._held < MOST_HELD:
            until = self._services.runtime.now() + timedelta(minutes=rng.uniform(4, 25))
            reason = rng.choice(("waitingForCustomer", "waitingForThirdParty", "review"))
            return {"action": Action.HOLD, "reason": reason, "hold_until": until}
        if chance < 0.08:
            return {"action": Action.RETURN, "reason": rng.choice(("needs another skill", "system down"))}
        if chance < 0.10:
            groups = set(self._agents[agent_id].groups)
            others = [a.id for a in self._agents.values() if a.id != agent_id and groups & set(a.groups)]
            if others:
                return {
                    "action": Action.TRANSFER,
                    "agent_id": rng.choice(others),
                    "comment": "You know this customer",
                }
        rules = await self._services.runtime.rules()
        category = rules.categories.get(item.category_id or "")
        codes = category.dispositions if category is not None else ()
        code = rng.choice(codes) if codes else None
        return {"action": Action.COMPLETE, "agent_id": agent_id, "result_code": code}

    async def _pull(self, agent_id: str) -> None:
        decider = self._services.decider
        if decider is None:
            return
        done: Done | None = await decider.pull(agent_id, self._callers[agent_id])
        log.debug("demo traffic: pulled", agent=agent_id, found=done is not None)

    # Steering ---------------------------------------------------------------------------------------------------------

    def _steer(self) -> None:
        decider = self._services.decider
        if decider is not None:
            self._steering.observe(decider.backlog_counts)

    async def _tick(self) -> None:
        self._later(TICK_SECONDS, self._tick)
        for agent_id in self._agents:
            if self._simulated(agent_id):
                agent_use.heartbeat(self._services, agent_id)
        if self._paused:
            return
        self._steer()
        if self._ticks % COUNT_EVERY == 0:
            async with self._services.runtime.store.reading() as reading:
                counts = await reading.status_counts()
            self._held, self._errorheld = counts.get(Status.HELD, 0), counts.get(Status.ERRORHELD, 0)
        self._ticks += 1
        await self._turn()

    async def _turn(self) -> None:
        """One or two agents come or go, as the backlog asks for; somebody looks for work to pull."""
        now_all = {a.id: a for a in await agent_use.all_agents(self._services) if a.id in self._agents}
        self._agents.update(now_all)
        mine = [a for a in self._agents.values() if self._simulated(a.id)]
        ready = [a for a in mine if a.state("*").state is AgentState.READY]
        for agent in self._steering.coming(self._rng, mine, ready):
            await self._set_state(agent.id, AgentState.READY)
        for agent in self._steering.going(self._rng, mine, ready):
            await self._set_state(agent.id, AgentState.NOT_READY, self._rng.choice(PAUSES))
        pulling = [a for a in ready if {"lending", "service"} & set(a.groups)]
        if pulling:
            await self._act(partial(self._pull, self._rng.choice(pulling).id))

    async def _set_state(self, agent_id: str, state: AgentState, reason: str | None = None) -> None:
        if not self._paused or state is not AgentState.READY:
            caller = system("traffic", self._tenant_id)
            await agent_use.set_state(self._services, agent_id, state, caller=caller, reason=reason)

    async def _park(self) -> None:
        for agent in await agent_use.all_agents(self._services):
            if (
                agent.id in self._agents
                and self._simulated(agent.id)
                and agent.state("*").state is AgentState.READY
            ):
                await self._set_state(agent.id, AgentState.NOT_READY, "trafficPaused")
