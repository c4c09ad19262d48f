"""The world that decisions look at: the backlog, the agents and what they have in hand. Pure; told of every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_group import Group, Pool
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Profile, Reason, profile_of
from openiwd.domain.fit_table import FitTable
from openiwd.domain.gates import Gates
from openiwd.domain.idle_agents import IdleAgents
from openiwd.domain.instant import to_micros
from openiwd.domain.kept_clock import KeptClock
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue
from openiwd.domain.roster import Roster
from openiwd.domain.schema import Schema
from openiwd.domain.selection import Firsts, Front, Selection
from openiwd.domain.serving import Servings


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
        self.clocks = {name: KeptClock(clock) for name, clock in clocks.items()}
        self.rule_set_version = rule_set_version
        self.backlog = Backlog(queues, schemas)
        self.outstanding: dict[tuple[str, str | None], int] = {}
        self._agents: dict[str, Agent] = {}
        self._loads: dict[str, Load] = {}
        self._profiles: dict[str, tuple[int, int, Profile]] = {}
        self.table = FitTable(self.backlog, queues)
        self.servings = Servings(self.backlog, self.table)
        self.roster = Roster(self.table, self.servings, self._agents, self._loads)
        self.gates = Gates(self.table, queues, self.clocks)
        self._ready: dict[str, Agent] = {}
        self._lightest = self.backlog.least_weight
        self.idle = IdleAgents(self.roster)
        self._again: list[int] = []
        self._told: dict[str, None] = {}
        """Agents of whom the roster is to be told."""
        self._changes: list[tuple[int, str]] = []
        self._noted: set[tuple[int, str]] = set()
        self._hours: Counter[str] = Counter()
        self._awaited: dict[str, int] = {}
        """When the calendars of agents open next: then they are woken."""
        self._openings: dict[str, tuple[int, int]] = {}

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._agents

    def candidates(self, now: int) -> list[Agent]:
        """The agents who have to be looked at now. Of all others, those who rest might take what is fresh, at most."""
        if self._lightest != self.backlog.least_weight:
            self._lightest = self.backlog.least_weight
            for agent_id in self._agents:
                self._follow(agent_id)
        self._pass_changes(now)
        self._pass_openings(now)
        self._tell(now)
        return list(self.idle.awake.values())

    def _tell(self, now: int) -> None:
        """Brings the roster and the gates up to date."""
        eligibility = self.eligibility(now)
        for agent_id in self._told:
            agent = self._agents.get(agent_id)
            if agent is not None:
                profile = eligibility.profile(agent)
                self.roster.put(
                    agent, profile, self.load(agent_id), eligibility, ready=agent_id in self._ready
                )
        self._told.clear()
        self.gates.refresh(eligibility)
        self.roster.follow()

    def fresh(self) -> list[Pool]:
        """The demands of which those who rest might take items, as of the last call for candidates.

        Not groups: items may have gone from one of a demand's groups to another since.
        """
        backlog, opened = self.backlog, self.gates.take_opened()
        if not self.roster.resting.any():
            self.look_again((), ())
            return []
        if opened is not None:
            backlog.fresh.update(opened.tolist())
        groups = [backlog.groups[index] for index in backlog.fresh]
        groups += [backlog.group_of(number) for number in self._again if number in backlog]
        pools = {group.demand_id: group.pool for group in groups if group.pool.live}
        if not pools:
            self.look_again((), ())
        return list(pools.values())

    def look_again(self, numbers: Iterable[int], groups: Iterable[Group]) -> None:
        """A pass is over: what was chosen and still waits is fresh at the next one, as are these groups.

        Told at the end, so that a pass that fails is made again.
        """
        self._again = list(numbers)
        self.backlog.fresh = {group.index for group in groups}

    def _pass_changes(self, now: int) -> None:
        """Wakes the agents for whom time has changed something."""
        while self._changes and self._changes[0][0] <= now:
            change = heappop(self._changes)
            self._noted.discard(change)
            self._wake(change[1])

    def _wake(self, agent_id: str) -> None:
        self._told[agent_id] = None
        agent = self._ready.get(agent_id)
        if agent is not None:
            self.idle.wake(agent)

    def _pass_openings(self, now: int) -> None:
        """Wakes the agents whose working hours have begun."""
        opened = set[str]()
        for hours, count in self._hours.items():
            if count and now >= self._awaited.get(hours, now):
                if hours in self._awaited:
                    opened.add(hours)
                at = next_opening(self.clocks.get(hours), now)
                self._awaited[hours] = NEVER if at is None else at
        if opened:
            for agent in list(self._ready.values()):
                if agent.working_hours in opened:
                    self._wake(agent.id)

    def _note_change(self, at: int, agent_id: str) -> None:
        """Time alone will change something for the agent then; told again with every state of the agent."""
        change = (at, agent_id)
        if change not in self._noted:
            self._noted.add(change)
            heappush(self._changes, change)

    def put_agent(self, agent: Agent) -> None:
        """A new agent, or a new state or profile of one. The value given must not be changed afterwards."""
        self._forget_hours(agent.id)
        before = self._agents.get(agent.id)
        if before is None or not _alike(before, agent):
            self._profiles.pop(agent.id, None)
        self._agents[agent.id] = agent
        if agent.working_hours is not None and agent.active and agent.logged_in:
            self._hours[agent.working_hours] += 1
        ends = [absence.end for absence in agent.absences]
        ends += [state.until for state in agent.states.values() if state.until is not None]
        ends += [skill.until for skill in agent.skills if skill.until is not None]
        for end in ends:
            self._note_change(to_micros(end), agent.id)
        self._follow(agent.id)

    def remove_agent(self, agent_id: str) -> None:
        self._forget_hours(agent_id)
        self.idle.leave(agent_id)
        self.roster.remove(agent_id)
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
        self._told[agent_id] = None
        if (
            agent is None
            or not agent.active
            or not agent.logged_in
            or load.open_offer
            or load.weight + self._lightest > agent.capacity.total
        ):
            self._ready.pop(agent_id, None)
            self.idle.leave(agent_id)
        else:
            self._ready[agent_id] = agent
            self.idle.wake(agent)

    def count_outstanding(self, queue_id: str, segment: str | None, change: int) -> None:
        """Counts an offer or assignment that begins (+1) or ends (-1)."""
        key = (queue_id, segment)
        left = self.outstanding.get(key, 0) + change
        if left:
            self.outstanding[key] = left
        else:
            self.outstanding.pop(key, None)
        queue = self.queues.get(queue_id)
        if (
            queue is not None
            and queue.limit is not None
            and (left < queue.limit) != (left - change < queue.limit)
        ):
            self.gates.count(queue_id, segment)

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

    def front(self) -> Front:
        """What the ways of several agents have in common, for items that are pushed now."""
        return Front(self.backlog, self.table, self.gates.closed)

    def selection(
        self, eligibility: Eligibility, agent: Agent, load: Load, front: Front | None = None
    ) -> Selection:
        """The agent's way through the backlog, which stands at the instant of the eligibility."""
        profile = eligibility.profile(agent)
        if front is not None:
            part = front.part(self.servings.fits_for(profile))
            return Selection(self.backlog, self.table, part, eligibility, agent, load)
        groups = self.servings.groups_for(profile)
        closed = self.gates.closed if eligibility.kind is GrantKind.PUSH else None
        part = Firsts(groups, *self.backlog.values_of(groups))
        return Selection(self.backlog, self.table, part, eligibility, agent, load, closed)

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
        return self.servings.flexibility(self.profile(agent, now))

    def agents_change(self, now: int) -> int | None:
        """No agent becomes eligible by time alone between now and this instant."""
        self._pass_changes(now)
        at = [self.opening(hours, now) for hours, agents in self._hours.items() if agents]
        at += [change for change, _ in self._changes[:1]]
        return min((one for one in at if one is not None), default=None)

    def opening(self, hours: str, now: int) -> int | None:
        """When the calendar opens next; found out anew once it has."""
        known = self._openings.get(hours)
        if known is None or not known[0] <= now < known[1]:
            at = next_opening(self.clocks.get(hours), now)
            known = self._openings[hours] = (now, NEVER if at is None else at)
        return None if known[1] == NEVER else known[1]


def _alike(one: Agent, other: Agent) -> bool:
    """Whether two forms of an agent have the same lasting traits."""
    return (
        one.active == other.active
        and one.groups == other.groups
        and one.skills == other.skills
        and one.capacity.media == other.capacity.media
    )


def next_opening(clock: Clock | None, now: int) -> int | None:
    """When the clock starts next after `now`."""
    if clock is None:
        return None
    change = clock.next_change(now)
    if change is None or clock.is_open(change):
        return change
    return clock.next_change(change)
