"""The decider's picture of a tenant: waiting items, agents and what they have in hand, kept up from the event log."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, LastService, backlog_item, demand_at
from openiwd.domain.distribution import World
from openiwd.domain.eligibility import Load, Reason, misfit, profile_of
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.item_queue import weight_of
from openiwd.domain.offer import GrantKind, WrapUp
from openiwd.domain.reservation import after_business_days
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Reading

CHUNK: Final = 5_000
REMEMBERED: Final = 20_000
"""So many events are looked through for when agents became idle."""


class Holding(NamedTuple):
    """An item in an agent's hands: offered or assigned."""

    agent_id: str
    weight: int
    media_type: str
    queue_id: str
    segment: str | None
    offered: bool
    since: int


class Desk:
    """Wraps the pure `World` with what must be known to keep it true."""

    def __init__(self, rules: CompiledRuleSet) -> None:
        self.rules = rules
        self.world = World(rules.queues, rules.schemas, rules.clocks, rules.version)
        self.holdings: dict[int, Holding] = {}
        self._revisions: dict[int, int] = {}
        self._of_agent: dict[str, set[int]] = {}
        self._wrap_ups: dict[str, list[WrapUp]] = {}
        self._idle_since: dict[str, int] = {}
        self._unfit: dict[int, tuple[UUID, UUID]] = {}

    async def load(self, reading: Reading, now: datetime) -> None:
        """Everything, from the database."""
        for agent in (await reading.agents()).values():
            self.put_agent(agent)
        for agent_id, busy in (await reading.last_busy(REMEMBERED)).items():
            self._idle_at_least(agent_id, busy)
        for wrap_up in await reading.wrap_ups():
            self._wrap_ups.setdefault(wrap_up.agent_id, []).append(wrap_up)
        await self.put_items(reading, await reading.held_by_agents(), now)
        after = 0
        while items := await reading.backlog(after, CHUNK):
            await self.put_items(reading, items, now)
            after = items[-1].number
        for agent_id in self.world.agents:
            self._reckon(agent_id, now)

    async def refresh_items(self, reading: Reading, numbers: Collection[int], now: datetime) -> None:
        """Reads these items again; who is gone leaves."""
        found = await reading.items_by_number(numbers)
        await self.put_items(reading, found.values(), now)
        for number in set(numbers) - found.keys():
            self._leave(number, now)

    async def refresh_agents(self, reading: Reading, ids: Collection[str], now: datetime) -> None:
        found = await reading.agents(ids)
        for agent_id in ids:
            agent = found.get(agent_id)
            if agent is None:
                self.world.remove_agent(agent_id)
            else:
                self.put_agent(agent)
                self._reckon(agent_id, now)

    async def refresh_wrap_ups(self, reading: Reading, now: datetime) -> None:
        agents = set(self._wrap_ups)
        self._wrap_ups.clear()
        for wrap_up in await reading.wrap_ups():
            self._wrap_ups.setdefault(wrap_up.agent_id, []).append(wrap_up)
        for agent_id in agents | self._wrap_ups.keys():
            self._reckon(agent_id, now)

    async def put_items(self, reading: Reading, items: Iterable[WorkItem], now: datetime) -> None:
        fresh = [i for i in items if i.revision > self._revisions.get(i.number, 0)]
        contacts = {
            i.contact_id
            for i in fresh
            if i.contact_id is not None and i.status is Status.QUEUED and self._prefers_last(i)
        }
        services = await reading.last_services(contacts) if contacts else {}
        for item in fresh:
            self.put_item(item, now, services)

    def _prefers_last(self, item: WorkItem) -> bool:
        queue = self.rules.queues.get(item.queue_id) if item.queue_id else None
        return queue is not None and queue.prefer_last_agent is not None

    def put_item(
        self, item: WorkItem, now: datetime, services: dict[UUID, tuple[str, datetime]] | None = None
    ) -> None:
        """The item as it is now: waiting, in somebody's hands, or neither."""
        if item.revision <= self._revisions.get(item.number, 0):
            return
        agent_id = item.assigned_to or (item.offered_to if item.offer_id is not None else None)
        self._end_holding(item.number, now, passes_to=agent_id)
        weight = weight_of(item, self.rules)
        if agent_id is not None:
            self.world.backlog.remove(item.number)
            since = item.assigned_at if item.assigned_to else item.offered_at
            self._hold(item, agent_id, weight, to_micros(since or now), now)
            if item.offer_id is not None and not self._still_fits(item, agent_id, weight, to_micros(now)):
                self._unfit[item.number] = (item.id, item.offer_id)
        elif item.status is Status.QUEUED:
            served = (services or {}).get(item.contact_id) if item.contact_id is not None else None
            self.world.backlog.put(self._waiting(item, weight, served), to_micros(now))
        else:
            self.world.backlog.remove(item.number)
            self._revisions.pop(item.number, None)
            return
        self._revisions[item.number] = item.revision

    def _waiting(
        self, item: WorkItem, weight: int, served: tuple[str, datetime] | None = None
    ) -> BacklogItem:
        return backlog_item(
            item,
            queue=self.rules.queues.get(item.queue_id) if item.queue_id else None,
            schema=self.rules.schemas.get(item.schema_id) if item.schema_id else None,
            weight=weight,
            handle_time=self._handle_time(item),
            last_service=None if served is None else LastService(served[0], to_micros(served[1])),
        )

    def _still_fits(self, item: WorkItem, agent_id: str, weight: int, now: int) -> bool:
        """Whether the agent of an open offer could still serve the item (it may have been judged again)."""
        agent = self.world.agents.get(agent_id)
        if agent is None:
            return False
        queue = self.rules.queues.get(item.queue_id) if item.queue_id else None
        reason = misfit(
            profile_of(agent, now), demand_at(self._waiting(item, weight), queue, now), queue, GrantKind.PUSH
        )
        return reason is None or reason in (Reason.PREFERRED, Reason.RESERVED, Reason.GROUP_DELAY)

    def take_unfit(self) -> list[tuple[UUID, UUID]]:
        """Items whose open offer no longer fits its agent: (item, offer); each is told once."""
        unfit, self._unfit = self._unfit, {}
        return list(unfit.values())

    def _handle_time(self, item: WorkItem) -> int | None:
        category = self.rules.categories.get(item.category_id) if item.category_id else None
        return None if category is None else category.target_handle_time

    def _hold(self, item: WorkItem, agent_id: str, weight: int, since: int, now: datetime) -> None:
        holding = Holding(
            agent_id,
            weight,
            item.media_type,
            item.queue_id or "",
            item.segment,
            item.assigned_to is None,
            since,
        )
        self.holdings[item.number] = holding
        self._of_agent.setdefault(agent_id, set()).add(item.number)
        self.world.count_outstanding(holding.queue_id, holding.segment, 1)
        self._reckon(agent_id, now)

    def _end_holding(self, number: int, now: datetime, *, passes_to: str | None = None) -> None:
        holding = self.holdings.pop(number, None)
        if holding is None:
            return
        mine = self._of_agent[holding.agent_id]
        mine.discard(number)
        if not mine and not holding.offered and passes_to != holding.agent_id:
            self._idle_since[holding.agent_id] = to_micros(now)
        self.world.count_outstanding(holding.queue_id, holding.segment, -1)
        self._reckon(holding.agent_id, now)

    def _leave(self, number: int, now: datetime) -> None:
        self._end_holding(number, now)
        self.world.backlog.remove(number)
        self._revisions.pop(number, None)

    def put_agent(self, agent: Agent) -> None:
        self.world.put_agent(agent)
        if agent.logged_in_at is not None:
            self._idle_at_least(agent.id, agent.logged_in_at)

    def _idle_at_least(self, agent_id: str, since: datetime) -> None:
        self._idle_since[agent_id] = max(to_micros(since), self._idle_since.get(agent_id, 0))

    def knows(self, number: int, revision: int) -> bool:
        """Whether this revision of the item, or a later one, is in the picture already."""
        return self._revisions.get(number, 0) >= revision

    def _reckon(self, agent_id: str, now: datetime) -> None:
        weight, offered, frees = 0, False, None
        media: dict[str, int] = {}
        for number in self._of_agent.get(agent_id, ()):
            holding = self.holdings[number]
            weight += holding.weight
            offered = offered or holding.offered
            media[holding.media_type] = media.get(holding.media_type, 0) + 1
        running = [w for w in self._wrap_ups.get(agent_id, ()) if w.until > now]
        for wrap_up in running:
            weight += wrap_up.weight
            media[wrap_up.media_type] = media.get(wrap_up.media_type, 0) + 1
            end = to_micros(wrap_up.until)
            frees = end if frees is None else min(frees, end)
        self.world.put_load(
            agent_id,
            Load(
                weight=weight,
                media=media,
                open_offer=offered,
                idle_since=self._idle_since.get(agent_id, 0),
                frees_at=frees,
            ),
        )

    def end_wrap_ups(self, now: datetime) -> None:
        """Frees the capacity of wrap-ups that are over."""
        for agent_id, running in list(self._wrap_ups.items()):
            left = [w for w in running if w.until > now]
            if len(left) != len(running):
                self._wrap_ups[agent_id] = left
                self._reckon(agent_id, now)

    def items_of(self, agent_id: str) -> set[int]:
        return self._of_agent.get(agent_id, set())

    def pending_changes(self) -> list[tuple[str, str]]:
        """Agents whose 'after current items' has come: (agent, media type or '*')."""
        ready = []
        for agent in self.world.agents.values():
            if not agent.active:
                continue
            for media, state in agent.states.items():
                if state.pending is None:
                    continue
                mine = [self.holdings[n] for n in self.items_of(agent.id)]
                if not any(media in ("*", h.media_type) for h in mine):
                    ready.append((agent.id, media))
        return ready

    def abandoned(self, now: datetime) -> list[int]:
        """Assigned items of agents inactive, gone absent, or away for longer than the queue's `returnAfter`."""
        found = []
        for number, holding in self.holdings.items():
            if holding.offered:
                continue
            agent = self.world.agents.get(holding.agent_id)
            if agent is None:
                continue
            if not agent.active or _left(agent, holding, now) or self._gone_too_long(agent, holding, now):
                found.append(number)
        return found

    def _gone_too_long(self, agent: Agent, holding: Holding, now: datetime) -> bool:
        state = agent.states.get("*")
        if state is None or state.since is None or (agent.logged_in and not agent.connection_lost):
            return False
        queue = self.rules.queues.get(holding.queue_id)
        if queue is None:
            return False
        since = max(to_micros(state.since), holding.since)
        clock = self.rules.clocks.get(queue.hours) if queue.hours else None
        gone = after_business_days(since, queue.return_after, clock, self.rules.zone)
        return now >= from_micros(gone)


def _left(agent: Agent, holding: Holding, now: datetime) -> bool:
    """Whether an absence has started since the agent got the item; one given in an absence is meant to be there."""
    return any(a.start <= now < a.end and holding.since < to_micros(a.start) for a in agent.absences)
