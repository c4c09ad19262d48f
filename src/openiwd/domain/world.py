"""The world that decisions look at: the backlog, the agents and what they have in hand. Pure; told of every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Profile, Reason, profile_of
from openiwd.domain.fit_table import FitTable
from openiwd.domain.idle_agents import IdleAgents
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.schema import Schema
from openiwd.domain.selection import Selection


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
        self._profiles: dict[str, tuple[int, int, Profile]] = {}
        self.table = FitTable(self.backlog, queues)
        self._ready: dict[str, Agent] = {}
        self._lightest = self.backlog.least_weight
        self.idle = IdleAgents(self.backlog, self.table)
        self._changes: list[tuple[int, str]] = []
        self._noted: set[tuple[int, str]] = set()
        self._hours: Counter[str] = Counter()
        self._hours_until: int | None = None
        """No calendar of agents or queues opens before; None: to be found out."""

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._agents

    def candidates(self, now: int) -> list[Agent]:
        """The agents to whom something might be pushed now. All others are surely to be given nothing."""
        if self._lightest != self.backlog.least_weight:
            self._lightest = self.backlog.least_weight
            for agent_id in self._agents:
                self._follow(agent_id)
        self._pass_changes(now)
        if self._hours_until is None or now >= self._hours_until:
            self.idle.wake_all()
            self._hours_until = min(self._openings(now), default=NEVER)
        self.idle.meet(lambda agent_id: self.profile(self._agents[agent_id], now))
        return [agent for agent in self._ready.values() if agent.id not in self.idle]

    def _pass_changes(self, now: int) -> None:
        """Wakes the agents for whom time has changed something."""
        while self._changes and self._changes[0][0] <= now:
            change = heappop(self._changes)
            self._noted.discard(change)
            self.idle.wake(change[1])

    def _note_change(self, at: int, agent_id: str) -> None:
        """Time alone will change something for the agent then; told again with every state of the agent."""
        change = (at, agent_id)
        if change not in self._noted:
            self._noted.add(change)
            heappush(self._changes, change)

    def _openings(self, now: int) -> Iterable[int]:
        agents = (hours for hours, count in self._hours.items() if count)
        queues = (queue.hours for queue in self.queues.values() if queue.hours is not None)
        at = (next_opening(self.clocks.get(hours), now) for hours in {*agents, *queues})
        return (one for one in at if one is not None)

    def put_agent(self, agent: Agent) -> None:
        """A new agent, or a new state or profile of one. The value given must not be changed afterwards."""
        self._forget_hours(agent.id)
        self._agents[agent.id] = agent
        self._profiles.pop(agent.id, None)
        if agent.working_hours is not None and agent.active and agent.logged_in:
            if not self._hours[agent.working_hours]:
                self._hours_until = None
            self._hours[agent.working_hours] += 1
        ends = [absence.end for absence in agent.absences]
        ends += [state.until for state in agent.states.values() if state.until is not None]
        ends += [skill.until for skill in agent.skills if skill.until is not None]
        for end in ends:
            self._note_change(to_micros(end), agent.id)
        self._follow(agent.id)

    def remove_agent(self, agent_id: str) -> None:
        self._forget_hours(agent_id)
        self.idle.wake(agent_id)
        for known in (self._agents, self._loads, self._profiles, self._ready):
            known.pop(agent_id, None)

    def _forget_hours(self, agent_id: str) -> None:
        before = self._agents.get(agent_id)
        if before is not None and before.working_hours is not None and before.active and before.logged_in:
            self._hours[before.working_hours] -= 1

    def load(self, agent_id: str) -> Load:
        return self._loads.get(agent_id, NO_LOAD)

    def put_load(self, agent_id: str, load: Load) -> None:
        self._loads[agent_id] = load
        if load.frees_at is not None:
            self._note_change(load.frees_at, agent_id)
        self._follow(agent_id)

    def _follow(self, agent_id: str) -> None:
        agent, load = self._agents.get(agent_id), self.load(agent_id)
        self.idle.wake(agent_id)
        if (
            agent is None
            or not agent.active
            or not agent.logged_in
            or load.open_offer
            or load.weight + self._lightest > agent.capacity.total
        ):
            self._ready.pop(agent_id, None)
        else:
            self._ready[agent_id] = agent

    def count_outstanding(self, queue_id: str, segment: str | None, change: int) -> None:
        """Counts an offer or assignment that begins (+1) or ends (-1)."""
        key = (queue_id, segment)
        left = self.outstanding.get(key, 0) + change
        if left:
            self.outstanding[key] = left
        else:
            self.outstanding.pop(key, None)
        queue = self.queues.get(queue_id)
        if queue is not None and queue.limit is not None and left < queue.limit <= left - change:
            self.idle.wake_all()

    def eligibility(self, now: int, kind: GrantKind = GrantKind.PUSH) -> Eligibility:
        return Eligibility(self.queues, self.clocks, self.outstanding, now, kind, self.profile)

    def profile(self, agent: Agent, now: int) -> Profile:
        """The traits that count at this instant; kept until one of them ends."""
        known = self._profiles.get(agent.id)
        if known is not None and self._agents.get(agent.id) is agent and known[0] <= now < known[1]:
            return known[2]
        profile = profile_of(agent, now)
        if self._agents.get(agent.id) is agent:
            ends = [to_micros(own.until) for own in agent.skills if own.until is not None]
            self._profiles[agent.id] = (now, min((at for at in ends if at > now), default=NEVER), profile)
        return profile

    def selection(self, eligibility: Eligibility, agent: Agent, load: Load) -> Selection:
        """The agent's way through the backlog, which stands at the instant of the eligibility."""
        return Selection(self.backlog, self.table, eligibility, agent, load)

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
        return self.table.flexibility(self.profile(agent, self.backlog.advance(now)))

    def preference(self, agent: Agent, now: int) -> tuple[int, int, str]:
        """Among eligible agents the least of these gets the item: least flexible, longest idle, agent id."""
        return self.flexibility(agent, now), self.load(agent.id).idle_since, agent.id

    def agents_change(self, now: int) -> int | None:
        """No agent becomes eligible by time alone between now and this instant."""
        self._pass_changes(now)
        at = [next_opening(self.clocks.get(hours), now) for hours, agents in self._hours.items() if agents]
        at += [change for change, _ in self._changes[:1]]
        return min((one for one in at if one is not None), default=None)


def next_opening(clock: Clock | None, now: int) -> int | None:
    """When the clock starts next after `now`."""
    if clock is None:
        return None
    change = clock.next_change(now)
    if change is None or clock.is_open(change):
        return change
    return clock.next_change(change)
