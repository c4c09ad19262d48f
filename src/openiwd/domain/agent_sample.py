"""A sample of a world's agents in columns, kept up between decisions: whom a demand excludes, who is not free. Pure.

Says the same as eligibility, of all of them at once; asks it only about those who have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent
from openiwd.domain.agent_traits import CODES, AgentTraits, Codes, Flags
from openiwd.domain.backlog_group import Pool
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Reason, profile_of
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.upcoming import FirstChanges, sample
from openiwd.domain.world import World

MAX_KEPT: Final = 10_000
"""For so many demands it is kept whom they exclude."""
_WEIGHTLESS: Final = -(1 << 40)
_ENDLESS: Final = 1 << 40
_FIRST: Final = 8
_LASTING: Final = ("active", "groups", "skills", "capacity")
"""What of an agent decides which demands the agent could serve."""

Kind = tuple[str, int, int | None]
"""Media, weight and handle time: who is free for one item of these is free for all."""


class AgentSample:
    """Evenly spaced agents (see `sample`), as of the last `refresh`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._among = -1
        self._now = 0
        self._until = -1
        self._skills_end = NEVER
        self.agents: list[Agent] = []
        self.places: dict[str, int] = {}
        self.ahead = FirstChanges(world, self.agents)
        self._take_all(())

    def refresh(self, now: int) -> None:
        """Takes over what has changed in the world since."""
        agents = self._world.agents
        found = None if self._among != len(agents) else [agents.get(agent.id) for agent in self.agents]
        if found is None or None in found or now < self._now:
            self._among = len(agents)
            self._take_all(sample(agents.values()))
            changed = list(range(len(self.agents)))
        else:
            changed = [n for n, agent in enumerate(found) if agent is not self.agents[n]]
            for n in changed:
                self._put_agent(n, found[n])
        self._now = now
        if now >= self._skills_end:
            self._traits.take([profile_of(agent, now) for agent in self.agents])
            self._skills_end = _first(self._skill_ends(), now)
            self._forget_misfits()
        eligibility = self._world.eligibility(now)
        if now >= self._until:
            changed, self._until = list(range(len(self.agents))), NEVER
        if changed:
            self._states.follow(self.agents, changed, eligibility)
            self._until = _first(self._ends([self.agents[n] for n in changed], now), now, self._until)
        self._loads.follow([self._world.load(agent.id) for agent in self.agents])

    def _take_all(self, agents: Sequence[Agent]) -> None:
        self.agents = list(agents)
        self.places = {agent.id: n for n, agent in enumerate(agents)}
        self.ahead = FirstChanges(self._world, self.agents)
        self._traits = AgentTraits()
        self._states = _States(len(agents))
        self._loads = _Loads(len(agents))
        self._skills_end = self._until = -1
        self._forget_misfits()

    def _put_agent(self, n: int, agent: Agent | None) -> None:
        if agent is None:
            return
        before, self.agents[n] = self.agents[n], agent
        if agent.working_hours != before.working_hours or agent.absences != before.absences:
            self.ahead = FirstChanges(self._world, self.agents)
        if any(getattr(agent, name) != getattr(before, name) for name in _LASTING):
            self._skills_end = -1

    def _forget_misfits(self) -> None:
        self._misfits: Codes = np.zeros((_FIRST, len(self.agents)), np.uint8)
        self._rows: dict[int, int] = {}

    def misfits(self, pools: Sequence[Pool], kind: GrantKind) -> Codes:
        """By demand: why the agents could not serve it however free."""
        if kind is GrantKind.PICK:
            rows = [self._misfit(pool, kind) for pool in pools]
            return np.array(rows, np.uint8).reshape(len(pools), len(self.agents))
        if len(self._rows) + len(pools) > MAX_KEPT:
            self._forget_misfits()
        wanted = [self._row_for(pool) for pool in pools]
        return self._misfits[wanted]

    def _row_for(self, pool: Pool) -> int:
        row = self._rows.get(pool.demand_id)
        if row is None:
            row = self._rows[pool.demand_id] = len(self._rows)
            if row == len(self._misfits):
                self._misfits = np.concatenate((self._misfits, np.zeros_like(self._misfits)))
            self._misfits[row] = self._misfit(pool, GrantKind.PUSH)
        return row

    def _misfit(self, pool: Pool, kind: GrantKind) -> Codes:
        queue = self._world.queues.get(pool.demand.signature.queue)
        return self._traits.misfits(pool.demand, queue, self.places, kind)

    def unavailable(self, kind: Kind, eligibility: Eligibility) -> Codes:
        """Why agents who could serve an item of this kind cannot take one more now."""
        media, weight, handle_time = kind
        states, loads = self._states, self._loads
        pushed = eligibility.kind is GrantKind.PUSH
        codes = np.zeros(len(self.agents), np.uint8)
        if pushed and handle_time is not None:
            codes[handle_time > states.shift_ends - eligibility.now] = CODES[Reason.SHIFT_END]
        codes[loads.of(media) >= states.most(media, self.agents)] = CODES[Reason.MEDIA_CAPACITY]
        codes[loads.weight + weight > states.capacity] = CODES[Reason.CAPACITY]
        if pushed:
            codes[loads.open_offer] = CODES[Reason.OFFERED]
            away = states.away(media, self.agents, eligibility)
            return np.where(away, away, codes)
        codes[states.logged_out] = CODES[Reason.LOGGED_OUT]
        return codes

    def _skill_ends(self) -> Iterator[int]:
        return (to_micros(s.until) for agent in self.agents for s in agent.skills if s.until is not None)

    def _ends(self, agents: Iterable[Agent], now: int) -> Iterator[int]:
        """Instants at which time alone changes the agents' states or the rest of their shifts."""
        changes: dict[str, int | None] = {}
        for agent in agents:
            for state in agent.states.values():
                if state.until is not None:
                    yield to_micros(state.until)
            for absence in agent.absences:
                yield to_micros(absence.start)
                yield to_micros(absence.end)
            hours = agent.working_hours
            if hours is not None and hours not in changes:
                clock = self._world.clocks.get(hours)
                changes[hours] = None if clock is None else clock.next_change(now)
            if hours is not None and (change := changes[hours]) is not None:
                yield change


class _States:
    """What changes with the agents' states and hours, a column for each media type that has been asked for."""

    def __init__(self, count: int) -> None:
        self.capacity: NDArray[np.int64] = np.zeros(count, np.int64)
        self.logged_out: Flags = np.zeros(count, dtype=bool)
        self.shift_ends: NDArray[np.int64] = np.zeros(count, np.int64)
        self._away: dict[str, Codes] = {}
        self._most: dict[str, NDArray[np.int64]] = {}

    def follow(self, agents: Sequence[Agent], changed: Iterable[int], eligibility: Eligibility) -> None:
        for n in changed:
            agent = agents[n]
            end = eligibility.shift_end(agent)
            self.capacity[n] = agent.capacity.total
            self.logged_out[n] = not agent.logged_in
            self.shift_ends[n] = NEVER if end is None else end
            for media, away in self._away.items():
                away[n] = _away(agent, media, eligibility)
            for media, most in self._most.items():
                most[n] = agent.capacity.media.get(media, _ENDLESS)

    def away(self, media: str, agents: Sequence[Agent], eligibility: Eligibility) -> Codes:
        """Why agents can be pushed nothing of this media type, whatever they have in hand."""
        column = self._away.get(media)
        if column is None:
            codes = (_away(agent, media, eligibility) for agent in agents)
            column = self._away[media] = np.fromiter(codes, np.uint8, len(agents))
        return column

    def most(self, media: str, agents: Sequence[Agent]) -> NDArray[np.int64]:
        """How many items of this media type the agents may have."""
        column = self._most.get(media)
        if column is None:
            most = (agent.capacity.media.get(media, _ENDLESS) for agent in agents)
            column = self._most[media] = np.fromiter(most, np.int64, len(agents))
        return column


def _away(agent: Agent, media: str, eligibility: Eligibility) -> int:
    reason = eligibility.unavailable(agent, NO_LOAD, media, _WEIGHTLESS, None)
    return 0 if reason is Reason.MEDIA_CAPACITY else CODES[reason]


class _Loads:
    """What the agents have in hand."""

    def __init__(self, count: int) -> None:
        self.weight: NDArray[np.int64] = np.zeros(count, np.int64)
        self.open_offer: Flags = np.zeros(count, dtype=bool)
        self._loads: list[Load] = [NO_LOAD] * count
        self._media: dict[str, NDArray[np.int64]] = {}

    def follow(self, loads: list[Load]) -> None:
        for n, (load, known) in enumerate(zip(loads, self._loads, strict=True)):
            if load is known:
                continue
            self.weight[n] = load.weight
            self.open_offer[n] = load.open_offer
            for media, column in self._media.items():
                column[n] = load.media.get(media, 0)
        self._loads = loads

    def of(self, media: str) -> NDArray[np.int64]:
        """Items of this media type."""
        column = self._media.get(media)
        if column is None:
            counts = (load.media.get(media, 0) for load in self._loads)
            column = self._media[media] = np.fromiter(counts, np.int64, len(self._loads))
        return column


def _first(instants: Iterable[int], now: int, known: int = NEVER) -> int:
    """The first after now, `known` among them; NEVER if there is none."""
    return min((at for at in (*instants, known) if at > now), default=NEVER)
