"""The decider: the one place of a tenant where items are granted to agents. Fenced by its epoch."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import First
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.backlog_sample import waiting_by_priority
from openiwd.domain.decision import explain_waiting, to_plain, why_not
from openiwd.domain.distribution import Choice, distribute, eligible_items, next_change, next_for
from openiwd.domain.errors import ConflictError, FencedError, NotFoundError, no_such_item
from openiwd.domain.instant import SECOND, to_micros
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import GrantKind, OfferOutcome
from openiwd.domain.privilege import Caller, Scope, system
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases import agent as agent_use
from openiwd.usecases.abandoned import abandoned
from openiwd.usecases.acceptance import Acceptance, OpenOffer
from openiwd.usecases.claims import Claimed, Claims
from openiwd.usecases.command import Command, Done
from openiwd.usecases.desk import Desk
from openiwd.usecases.offer_latency import OfferLatency
from openiwd.usecases.picture import Picture
from openiwd.usecases.work_item import apply
from openiwd.usecases.workbin import may_ask_for

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

IDLE_SECONDS: Final = 1.0
"""How long the decider sleeps at most when nothing happens."""
SWEEP_SECONDS: Final = 15.0
MOST_CHOICES: Final = 1_000
"""Of one pass. What was chosen later than this would be chosen by an old picture."""
CLAIM_CHUNK: Final = 250
"""Claims of one transaction: enough to share its commit, few enough that others append to the log in between."""
MOST_WITHIN: Final = 1_000_000
"""Of the items that access groups reach, so many are looked at for one who asks for the next."""
MOST_FRUITLESS: Final = 3
"""After so many batches without any grant others are let in first."""
CALLER: Final = system("distribution")


class Decider:
    """Keeps the picture true, and claims. All its steps run one after the other, under the lock of the picture."""

    def __init__(self, services: TenantServices, epoch: int, picture: Picture) -> None:
        self.epoch = epoch
        self._services = services
        self._runtime = services.runtime
        self._picture = picture
        self.latency = OfferLatency()
        self._claims = Claims(services.runtime, epoch, picture.desk, self.latency)
        self._acceptance = Acceptance(services.runtime, CALLER)
        self._is_over = False
        self._swept = 0.0
        self.decisions = 0
        self.decision_seconds = 0.0

    @classmethod
    async def take_over(cls, services: TenantServices, picture: Picture | None = None) -> Decider:
        """Raises the epoch (running claims end first), then looks at what they left: a warm picture catches up."""
        epoch = await services.runtime.store.take_over(services.process_id)
        if picture is None:
            picture = await Picture.load(services)
        else:
            async with picture.lock:
                await picture.catch_up()
        return cls(services, epoch, picture)

    @property
    def _desk(self) -> Desk:
        return self._picture.desk

    def __len__(self) -> int:
        return len(self._desk.world.backlog)

    @property
    def backlog_counts(self) -> dict[str, int]:
        """Waiting items by queue."""
        return self._desk.world.backlog.counts()

    @property
    def fruitless(self) -> int:
        """Batches of claims in a row of which nothing was granted."""
        return self._claims.fruitless

    async def run(self) -> None:
        """Until cancelled, or fenced by another decider (FencedError)."""
        try:
            while True:
                await self._step()
                await self._after_step()
                await self._services.feed.wait(self._picture.cursor, self._pause())
        finally:
            self._is_over = True
            await self._acceptance.stop()

    async def push(self) -> None:
        """Offers everything that can be offered now, unless the tenant's items are only asked for."""
        await self._step()
        await self._acceptance.done()

    async def agents(self) -> list[Agent]:
        """All agents, as of the end of the log: those of the picture, so that thousands need not be read."""
        async with self._turn():
            await self._follow()
            return list(self._desk.world.agents.values())

    async def _step(self) -> None:
        async with self._turn():
            await self._follow()
            await self._acceptance.begin_left(self._desk)
            if self._services.tenant.pushes:
                await self._push()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One step at a time on the picture, whoever decided before or after. Nothing once another one decides."""
        async with self._picture.lock:
            if self._is_over:
                raise FencedError("another process decides now", epoch=self.epoch)
            yield

    def _pause(self) -> float:
        """Seconds until something becomes possible by time alone, at most IDLE_SECONDS."""
        if self._runtime.virtual is not None:
            return IDLE_SECONDS
        now = to_micros(self._runtime.now())
        at = next_change(self._desk.world, now)
        return IDLE_SECONDS if at is None else min(IDLE_SECONDS, max(0.0, (at - now) / SECOND))

    async def _follow(self) -> None:
        """Takes over what the log says that this decider has not done itself."""
        await self._picture.follow(self._landed)
        self._meet_desk()

    async def _catch_up(self) -> None:
        """Who asks now is answered by everything acknowledged before."""
        await self._picture.catch_up(self._landed)
        self._meet_desk()

    async def _landed(self) -> None:
        """Before a new picture is loaded: a claim on its way is in neither."""
        self._accept_at_once(await self._claims.land())

    def _meet_desk(self) -> None:
        if self._claims.desk is not self._desk:
            self._claims = Claims(self._runtime, self.epoch, self._desk, self.latency)

    async def _push(self) -> None:
        """Offers everything that can be offered now; nothing is on its way when it returns."""
        self._claims.fruitless = 0
        try:
            while self._claims.fruitless < MOST_FRUITLESS and await self._pass():
                await self._follow()
            self._accept_at_once(await self._claims.land())
        except BaseException:
            await self._claims.abandon()
            raise

    async def _pass(self) -> bool:
        """Chooses and sends, while the last batch of the pass before may still be on its way; False: no more to do."""
        now = self._runtime.now()
        started = time.perf_counter()
        choices = self._chosen(now)
        if not choices:
            self.latency.looked_at = to_micros(now)
            before = self._claims.lost
            self._accept_at_once(await self._claims.land())
            return self._claims.lost > before  # their agents are free again
        together = self._claims.open(choices, GrantKind.PUSH, CALLER.actor, now)
        for start in range(0, len(choices), CLAIM_CHUNK):
            chunk = [c for c in choices[start : start + CLAIM_CHUNK] if self._still_waits(c.item)]
            self.decisions += len(chunk)
            landed = await self._claims.send(chunk, together)
            self.decision_seconds += time.perf_counter() - started
            self._accept_at_once(landed)
            started = time.perf_counter()
        return True

    def _chosen(self, now: datetime) -> list[Choice]:
        self._desk.end_wrap_ups(now)
        return distribute(self._desk.world, to_micros(now))[:MOST_CHOICES]

    def _still_waits(self, item: BacklogItem) -> bool:
        """Nothing else than the claims of its own pass has come between the choice and its claim."""
        return self._desk.world.backlog.revision_of(item.number) == item.revision

    async def _grant(self, choice: Choice, caller: Caller) -> WorkItem | None:
        """Grants one item as asked for; the item as it is then, None when it was lost to something else."""
        together = self._claims.open([choice], choice.kind, caller.actor, self._runtime.now())
        try:
            await self._claims.send([choice], together)
            landed = await self._claims.land()
        except BaseException:
            await self._claims.abandon()
            raise
        if not landed:
            return None
        async with self._runtime.store.reading() as reading:
            return (await reading.items_by_number([choice.item.number])).get(choice.item.number)

    def _accept_at_once(self, granted: Sequence[Claimed]) -> None:
        """Queues with auto-accept: the offer is accepted in the agent's name."""
        queues = self._desk.rules.queues
        self._acceptance.begin(
            OpenOffer(one.item.number, one.item.id, one.offer_id, one.agent_id)
            for one in granted
            if one.item.queue_id in queues and queues[one.item.queue_id].auto_accept
        )

    async def _after_step(self) -> None:
        """What follows from the new state and is no grant: 'after current items', offers no longer fitting, sweeps."""
        pending = self._desk.pending_changes()
        unfit = self._desk.take_unfit()
        monotonic = time.monotonic()
        sweeps = monotonic - self._swept >= SWEEP_SECONDS and self._runtime.virtual is None
        if not (pending or unfit or sweeps):
            return
        try:
            await self.require_epoch()
            if unfit:
                await self._withdraw(list(unfit.values()))
        except BaseException:
            self._desk.put_back_unfit(unfit)
            raise
        for agent_id, media in pending:
            await self._take_pending(agent_id, media)
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
        left = abandoned(self._desk, self._runtime.now())
        if not left:
            return
        async with self._runtime.store.reading() as reading:
            items = await reading.items_by_number(left)
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
        async with self._turn():
            for _ in range(10):
                await self._catch_up()
                choice = await self._next_for(agent_id, caller)
                if choice is None:
                    return None
                item = await self._grant(choice, caller)
                if item is not None:
                    return Done(item=item)
        return None

    async def _next_for(self, agent_id: str, caller: Caller) -> Choice | None:
        """The best item that the agent can do; of what lies in reach, for a member of access groups."""
        within: set[int] | None = None
        if caller.require("workitems.pull") is Scope.GROUP:
            queued = {"attribute": "status", "operator": "eq", "value": Status.QUEUED.value}
            query = SearchQuery(
                filter=queued, scope=caller.restriction("workitems.pull"), now=self._runtime.now()
            )
            async with self._runtime.store.reading() as reading:
                within = set(await reading.matching_numbers(query, MOST_WITHIN))
        world, agent, now = self._desk.world, self._agent(agent_id), to_micros(self._runtime.now())
        if within is None:
            return next_for(world, agent, now)
        for item in eligible_items(world, agent, now, GrantKind.PULL):
            if item.number in within:
                return Choice(item, agent_id, GrantKind.PULL, world.backlog.priority(item.number, now))
        return None

    async def pick(self, agent_id: str, item_id: UUID, caller: Caller) -> Done:
        """This very item for the agent, where nothing but order and preference stands against it."""
        caller.require("workitems.pull")
        async with self._turn():
            await self._catch_up()
            now = to_micros(self._runtime.now())
            world, agent = self._desk.world, self._agent(agent_id)
            item = await self._waiting(item_id, lambda i: may_ask_for(caller, agent, self._desk.rules, i))
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
            granted = await self._grant(choice, caller)
        if granted is None:
            raise ConflictError("somebody else was quicker", code="itemMoved", hint="pick another item")
        return Done(item=granted)

    async def _waiting(
        self, item_id: UUID, is_there: Callable[[WorkItem], bool] | None = None
    ) -> BacklogItem:
        async with self._runtime.store.reading() as reading:
            found = (await reading.items_by_id([item_id])).get(item_id)
        if found is None or (is_there is not None and not is_there(found)):
            raise no_such_item(item_id)
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
        return (await self.ranked(queue_id, limit))[1]

    async def ranked(self, queue_id: str | None, limit: int) -> tuple[datetime, list[tuple[int, Fraction]]]:
        """The same with the instant that the order is of."""
        async with self._turn():
            await self._catch_up()
            now = self._runtime.now()
            return now, self._desk.world.backlog.ranked(to_micros(now), queue_id, limit)

    async def first(self, queue_id: str | None, limit: int) -> tuple[datetime, First]:
        """The best waiting items by number, what priority none of the others exceeds, and the instant of that."""
        async with self._turn():
            await self._catch_up()
            now = self._runtime.now()
            return now, self._desk.world.backlog.first(to_micros(now), queue_id, limit)

    async def waiting_by_priority(self) -> tuple[datetime, dict[str, dict[str, int]]]:
        """How many items wait in each queue and range of priority, and the instant of it."""
        async with self._turn():
            await self._catch_up()
            now = self._runtime.now()
            return now, waiting_by_priority(self._desk.world.backlog, to_micros(now))

    async def explain(self, item_id: UUID) -> dict[str, Any]:
        """Why the item is still waiting, and what would change that."""
        async with self._turn():
            await self._catch_up()
            item = await self._waiting(item_id)
            return to_plain(explain_waiting(self._desk.world, item, to_micros(self._runtime.now())))

    async def why_not(self, item_id: UUID, agent_id: str) -> dict[str, Any]:
        """Why this agent does not get this item now."""
        async with self._turn():
            await self._catch_up()
            item = await self._waiting(item_id)
            answer = why_not(self._desk.world, item, self._agent(agent_id), to_micros(self._runtime.now()))
        return {
            "reason": None if answer.reason is None else answer.reason.value,
            "better": None if answer.better is None else str(answer.better.id),
        }
