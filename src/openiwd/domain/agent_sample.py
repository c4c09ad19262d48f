"""A sample of a world's agents, kept up between decisions: whom a demand excludes lastingly, and who is not free. Pure.

Answers what eligibility answers, for all of the sample at once; asks it only about what has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Eligibility, Load, Profile, Reason, misfit, profile_of
from openiwd.domain.instant import to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.upcoming import FirstChanges, sample
from openiwd.domain.world import World

MAX_KEPT: Final = 10_000
"""For so many demands it is kept whom they exclude."""
REASONS: Final = tuple(Reason)
CODES: Final[dict[Reason | None, int]] = {None: 0, **{reason: n for n, reason in enumerate(REASONS, 1)}}

Codes = NDArray[np.uint8]
"""By agent of the sample: 0, or the place of a reason from 1."""
Kind = tuple[str, int, int | None]
"""Media, weight and handle time: who is free for one item of these is free for all."""


class _Free(NamedTuple):
    codes: Codes
    until: int | None
    """From this instant on time itself may have changed something."""


class AgentSample:
    """Evenly spaced agents (see `sample`), as of the last `refresh`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._among = -1
        self._now: int | None = None
        self._profiles: list[Profile] = []
        self._loads: list[Load] = []
        self._skills_end: int | None = None
        self._misfits: dict[Demand, Codes] = {}
        self._free: dict[Kind, _Free] = {}
        self.agents: list[Agent] = []
        self.places: dict[str, int] = {}
        self.ahead = FirstChanges(world, self.agents)

    def refresh(self, now: int) -> None:
        """Takes over what has changed in the world since."""
        world, eligibility = self._world, self._world.eligibility(now)
        agents, loads = world.agents, world.load
        found = None if self._among != len(agents) else [agents.get(agent.id) for agent in self.agents]
        skills_end = self._skills_end is not None and now >= self._skills_end
        if found is None or None in found or skills_end or (self._now is not None and now < self._now):
            self._look_at_all(now)
            return
        self._now = now
        self._free = {
            kind: free for kind, free in self._free.items() if free.until is None or now < free.until
        }
        changed = [n for n, agent in enumerate(found) if agent is not self.agents[n]]
        for n in changed:
            self._put_agent(n, found[n], now)
        loaded = [loads(agent.id) for agent in self.agents]
        changed += [n for n, load in enumerate(loaded) if load is not self._loads[n]]
        self._loads = loaded
        for kind, free in self._free.items() if changed else ():
            for n in changed:
                free.codes[n] = CODES[eligibility.unavailable(self.agents[n], loaded[n], *kind)]
            ends = self._ends((self.agents[n] for n in changed), kind, eligibility)
            self._free[kind] = _Free(free.codes, _first(ends, now, free.until))

    def _look_at_all(self, now: int) -> None:
        self._now, self._among = now, len(self._world.agents)
        self.agents = sample(self._world.agents.values())
        self.places = {agent.id: n for n, agent in enumerate(self.agents)}
        self.ahead = FirstChanges(self._world, self.agents)
        self._profiles = [profile_of(agent, now) for agent in self.agents]
        self._loads = [self._world.load(agent.id) for agent in self.agents]
        self._misfits.clear()
        self._free.clear()
        ends = (to_micros(s.until) for agent in self.agents for s in agent.skills if s.until is not None)
        self._skills_end = _first(ends, now)

    def _put_agent(self, n: int, agent: Agent | None, now: int) -> None:
        if agent is None:
            return
        self.agents[n] = agent
        self.ahead = FirstChanges(self._world, self.agents)
        profile = profile_of(agent, now)
        if profile == self._profiles[n]:  # merely a new state
            return
        self._profiles[n] = profile
        ends = (to_micros(s.until) for s in agent.skills if s.until is not None)
        self._skills_end = _first(ends, now, self._skills_end)
        for demand, codes in self._misfits.items():
            codes[n] = self._misfit(profile, demand, GrantKind.PUSH)

    def _misfit(self, profile: Profile, demand: Demand, kind: GrantKind) -> int:
        return CODES[misfit(profile, demand, self._world.queues.get(demand.signature.queue), kind)]

    def misfits(self, demand: Demand, kind: GrantKind) -> Codes:
        """Why the agents could not serve the demand however free."""
        if kind is GrantKind.PICK:
            return self._codes(self._misfit(profile, demand, kind) for profile in self._profiles)
        found = self._misfits.get(demand)
        if found is None:
            if len(self._misfits) >= MAX_KEPT:
                self._misfits.clear()
            found = self._misfits[demand] = self._codes(
                self._misfit(profile, demand, kind) for profile in self._profiles
            )
        return found

    def unavailable(self, demand: Demand, eligibility: Eligibility) -> Codes:
        """Why agents who could serve the demand cannot take one more item of its kind now."""
        kind = (demand.signature.media, demand.signature.weight, demand.handle_time)
        known = self._free.get(kind) if eligibility.kind is GrantKind.PUSH else None
        if known is not None:
            return known.codes
        codes = self._codes(
            CODES[eligibility.unavailable(agent, load, *kind)]
            for agent, load in zip(self.agents, self._loads, strict=True)
        )
        if eligibility.kind is GrantKind.PUSH:
            ends = self._ends(self.agents, kind, eligibility)
            self._free[kind] = _Free(codes, _first(ends, eligibility.now))
        return codes

    def _codes(self, codes: Iterable[int]) -> Codes:
        return np.fromiter(codes, np.uint8, len(self.agents))

    def _ends(self, agents: Iterable[Agent], kind: Kind, eligibility: Eligibility) -> Iterator[int]:
        """Instants at which time alone changes whether these agents are free."""
        now, handle_time, changes = eligibility.now, kind[2], dict[str, int | None]()
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
            end = None if handle_time is None else eligibility.shift_end(agent)
            if end is not None and handle_time is not None:
                yield end - handle_time + 1


def _first(instants: Iterable[int], now: int, known: int | None = None) -> int | None:
    """The first after now; of `known` as well."""
    return min((at for at in (*instants, *(() if known is None else (known,))) if at > now), default=None)
