"""Distribution: which waiting item goes to which agent. Pure decisions on a world that its caller updates.

Grants nothing: a choice becomes an offer or assignment by the decider's claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.calendar import Clock
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Profile, Reason, misfit, profile_of
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Signature
from openiwd.domain.schema import Schema

MAX_KEPT = 2_000
"""For so many agents it is kept which signatures they could serve."""


class Choice(NamedTuple):
    """One item for one agent, and its exact priority at the instant of the decision."""

    item: BacklogItem
    agent_id: str
    kind: GrantKind
    priority: Fraction


class _Servable:
    """The waiting signatures that an agent could serve, each with its number of demands; kept up by changes."""

    __slots__ = ("profile", "signatures", "version")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.signatures: dict[Signature, int] = {}
        self.version = 0

    def apply(self, changes: Iterable[tuple[Demand, bool]], queues: Mapping[str, Queue]) -> None:
        for demand, begins in changes:
            asked = demand.signature
            if misfit(self.profile, demand, queues.get(asked.queue), GrantKind.PUSH) is not None:
                continue
            left = self.signatures.get(asked, 0) + (1 if begins else -1)
            if left:
                self.signatures[asked] = left
            else:
                del self.signatures[asked]


class World:
    """What a decision looks at. The caller tells every change; nothing here knows of time passing by itself.

    `backlog` holds the queued items without an open offer. `outstanding` counts open offers and assigned
    items by queue and segment. Agents and loads change through the methods alone.
    """

    def __init__(
        self,
        queues: Mapping[str, Queue],
        schemas: Mapping[str, Schema],
        clocks: Mapping[str, Clock],
        rule_set_version: int | None = None,
    ) -> None:
        self.queues = queues
        self.clocks = clocks
        self.rule_set_version = rule_set_version
        self.backlog = Backlog(queues, schemas)
        self.outstanding: dict[tuple[str, str | None], int] = {}
        self._agents: dict[str, Agent] = {}
        self._loads: dict[str, Load] = {}
        self._flexibility: dict[str, _Servable] = {}
        self._agents_change: tuple[int, int | None] | None = None

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._agents

    def put_agent(self, agent: Agent) -> None:
        """A new agent, or a new state or profile of one. The value given must not be changed afterwards."""
        self._agents[agent.id] = agent
        self._flexibility.pop(agent.id, None)
        self._agents_change = None

    def remove_agent(self, agent_id: str) -> None:
        for known in (self._agents, self._loads, self._flexibility):
            known.pop(agent_id, None)
        self._agents_change = None

    def load(self, agent_id: str) -> Load:
        return self._loads.get(agent_id, NO_LOAD)

    def put_load(self, agent_id: str, load: Load) -> None:
        self._loads[agent_id] = load
        self._agents_change = None

    def count_outstanding(self, queue_id: str, segment: str | None, change: int) -> None:
        """Counts an offer or assignment that begins (+1) or ends (-1)."""
        key = (queue_id, segment)
        left = self.outstanding.get(key, 0) + change
        if left:
            self.outstanding[key] = left
        else:
            self.outstanding.pop(key, None)

    def eligibility(self, now: int, kind: GrantKind = GrantKind.PUSH) -> Eligibility:
        return Eligibility(self.queues, self.clocks, self.outstanding, now, kind)

    def demand(self, item: BacklogItem, now: int) -> Demand:
        """The demand of a waiting item as of now."""
        self.backlog.advance(now)
        return self.backlog.group_of(item.number).demand

    def exclusion(
        self, agent: Agent, item: BacklogItem, now: int, kind: GrantKind = GrantKind.PUSH
    ) -> Reason | None:
        """The first reason why the agent cannot be given the waiting item; None if eligible."""
        demand = self.demand(item, now)
        return self.eligibility(now, kind).reason(agent, self.load(agent.id), item, demand)

    def flexibility(self, agent: Agent, now: int) -> int:
        """How many of the waiting signatures the agent could serve, were nothing else in hand.

        Counted by lasting traits (groups, skills, media, requests), so that it does not jump with states.
        """
        now = self.backlog.advance(now)
        profile = profile_of(agent, now)
        known = self._flexibility.get(agent.id)
        changes = None if known is None else self.backlog.demand_changes(known.version)
        if known is None or changes is None or known.profile != profile:
            if len(self._flexibility) >= MAX_KEPT:
                self._flexibility.clear()
            known = self._flexibility[agent.id] = _Servable(profile)
            changes = [(demand, True) for demand in self.backlog.demands()]
        known.apply(changes, self.queues)
        known.version = self.backlog.demands_version
        return len(known.signatures)

    def preference(self, agent: Agent, now: int) -> tuple[int, int, str]:
        """Among eligible agents the least of these gets the item: least flexible, longest idle, agent id."""
        return self.flexibility(agent, now), self.load(agent.id).idle_since, agent.id

    def agents_change(self, now: int) -> int | None:
        """The next instant at which an agent may become eligible by time alone."""
        known = self._agents_change
        if known is not None and known[0] <= now and (known[1] is None or now < known[1]):
            return known[1]
        openings: dict[str, int | None] = {}
        found: int | None = None
        for agent in self._agents.values():
            if not agent.active or not agent.logged_in:
                continue
            for at in self._changes_of(agent, now, openings):
                found = at if found is None or at < found else found
        self._agents_change = (now, found)
        return found

    def _changes_of(self, agent: Agent, now: int, openings: dict[str, int | None]) -> Iterable[int]:
        hours = agent.working_hours
        if hours is not None:
            if hours not in openings:
                openings[hours] = next_opening(self.clocks.get(hours), now)
            if (opening := openings[hours]) is not None:
                yield opening
        ends = [absence.end for absence in agent.absences]
        ends += [state.until for state in agent.states.values() if state.until is not None]
        for at in (*map(to_micros, ends), self.load(agent.id).frees_at):
            if at is not None and at > now:
                yield at


def for_agent(world: World, agent: Agent, now: int) -> Choice | None:
    """What to push to an agent who has become free: the best eligible item of the whole backlog."""
    return _best_for(world, agent, now, GrantKind.PUSH)


def next_for(world: World, agent: Agent, now: int) -> Choice | None:
    """What the agent gets who asks for the next best item."""
    return _best_for(world, agent, now, GrantKind.PULL)


def for_item(world: World, item: BacklogItem, now: int) -> Choice | None:
    """Whom to push a new item to that finds idle agents: least flexible, then longest idle, then id."""
    demand = world.demand(item, now)
    eligibility = world.eligibility(now)
    if eligibility.of_queue(demand, item.segment) is not None:
        return None
    able = [
        agent
        for agent in world.agents.values()
        if not eligibility.blocked(agent, world.load(agent.id))
        and eligibility.reason(agent, world.load(agent.id), item, demand, with_queue=False) is None
    ]
    if not able:
        return None
    agent = able[0] if len(able) == 1 else min(able, key=lambda one: world.preference(one, now))
    return Choice(item, agent.id, GrantKind.PUSH, world.backlog.priority(item.number, now))


def eligible_items(
    world: World, agent: Agent, now: int, kind: GrantKind, load: Load | None = None
) -> Iterable[BacklogItem]:
    """The items that the agent could be given now, best first, lazily."""
    eligibility = world.eligibility(now, kind)
    load = world.load(agent.id) if load is None else load
    if eligibility.blocked(agent, load):
        return

    def accepts_demand(demand: Demand) -> bool:
        return eligibility.of_demand(agent, load, demand) is None

    def accepts_group(group: Group) -> bool:
        return eligibility.of_queue(group.demand, group.segment) is None

    for slot, _ in world.backlog.walk(now, accepts_demand, accepts_group):
        item = world.backlog.item_in(slot)
        if not eligibility.declined(agent.id, item):
            yield item


def _best_for(world: World, agent: Agent, now: int, kind: GrantKind) -> Choice | None:
    for item in eligible_items(world, agent, now, kind):
        return Choice(item, agent.id, kind, world.backlog.priority(item.number, now))
    return None


class _Takers:
    """The free agents for each demand, in the order in which they get its items."""

    def __init__(self, world: World, eligibility: Eligibility, now: int) -> None:
        self._world = world
        self._eligibility = eligibility
        self._now = now
        self._by_demand: dict[int, list[Agent]] = {}
        self.free = {
            agent.id: agent
            for agent in world.agents.values()
            if not eligibility.blocked(agent, world.load(agent.id))
        }

    def of(self, group: Group) -> list[Agent]:
        """Those still free, the one who comes first at the end; after it some may be taken already."""
        takers = self._by_demand.get(group.demand_id)
        if takers is None:
            takers = [
                agent
                for agent in self.free.values()
                if self._eligibility.of_demand(agent, self._world.load(agent.id), group.demand) is None
            ]
            if len(takers) > 1:
                takers.sort(key=lambda agent: self._world.preference(agent, self._now), reverse=True)
            self._by_demand[group.demand_id] = takers
        while takers and takers[-1].id not in self.free:
            takers.pop()
        return takers

    def take_for(self, item: BacklogItem, group: Group) -> Agent | None:
        for agent in reversed(self.of(group)):
            if agent.id in self.free and not self._eligibility.declined(agent.id, item):
                return self.free.pop(agent.id)
        return None


def distribute(world: World, now: int) -> list[Choice]:
    """Everything that can be offered now, in one pass; the world is left as it is.

    Items are taken in exact order of priority, and each goes to the best agent still free for it: the least
    flexible, then longest idle, then by id (flexibility as of the start of the pass). Both rules hold then.
    Each item got the first of the agents whom it found idle. And each agent got the best item to be had: an
    item before it in the order that the agent could serve has been handed out as well, or the agent, free
    at that moment, would have been given it. An agent gets one item, as there is one push offer at a time.

    Items that no free agent could serve are never looked at: a group is left at its first item without one,
    and the pass ends with the last free agent.
    """
    outstanding = dict(world.outstanding)
    eligibility = Eligibility(world.queues, world.clocks, outstanding, world.backlog.advance(now))
    takers = _Takers(world, eligibility, now)
    chosen: list[Choice] = []
    if not takers.free:
        return chosen

    def alive(group: Group) -> bool:
        return eligibility.of_queue(group.demand, group.segment) is None and bool(takers.of(group))

    for slot, group in world.backlog.walk(now, accepts_group=alive):
        item = world.backlog.item_in(slot)
        agent = takers.take_for(item, group)
        if agent is None:
            continue
        chosen.append(Choice(item, agent.id, GrantKind.PUSH, world.backlog.priority(item.number, now)))
        key = (item.queue_id, item.segment)
        outstanding[key] = outstanding.get(key, 0) + 1
        if not takers.free:
            break
    return chosen


def next_change(world: World, now: int) -> int | None:
    """The next instant at which something becomes possible by time alone: the decider sets its timer to it.

    Relaxation, group delay, the end of a preference, reservation or exclusion, of an absence, after-work or
    wrap-up, the start of a shift, the opening of a queue. A bend or crossing of curves is none of these: it
    changes who comes first when an agent becomes free, and the backlog applies it by itself then.
    """
    world.backlog.advance(now)
    changes = [world.backlog.next_opening(), world.agents_change(now)]
    hours = {
        queue.hours
        for queue_id in world.backlog.counts()
        if (queue := world.queues.get(queue_id)) is not None and queue.hours is not None
    }
    changes += [next_opening(world.clocks.get(one), now) for one in hours]
    return min((at for at in changes if at is not None and at > now), default=None)


def next_opening(clock: Clock | None, now: int) -> int | None:
    """When the clock starts next after `now`."""
    if clock is None:
        return None
    change = clock.next_change(now)
    if change is None or clock.is_open(change):
        return change
    return clock.next_change(change)
