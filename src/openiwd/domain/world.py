"""The world that decisions look at: the backlog, the agents and what they have in hand. Pure; told of every change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Profile, Reason, profile_of
from openiwd.domain.fit_table import FitTable
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
        self._agents_change: tuple[int, int | None] | None = None

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._agents

    def put_agent(self, agent: Agent) -> None:
        """A new agent, or a new state or profile of one. The value given must not be changed afterwards."""
        self._agents[agent.id] = agent
        self._profiles.pop(agent.id, None)
        self._agents_change = None

    def remove_agent(self, agent_id: str) -> None:
        for known in (self._agents, self._loads, self._profiles):
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


def next_opening(clock: Clock | None, now: int) -> int | None:
    """When the clock starts next after `now`."""
    if clock is None:
        return None
    change = clock.next_change(now)
    if change is None or clock.is_open(change):
        return change
    return clock.next_change(change)
