"""Keeps the demo's backlog in a range: how many agents work, how fast items arrive, by team. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

from openiwd.domain.agent import Agent
from openiwd.processes.demo.stories import Kind

BAND: Final = 0.6
"""How far a team's pile may be from its target (as a share of it) until everything is done to bring it back."""
LEAST_READY: Final = 0.15
OVER_FLOOR: Final = 1.1


class Steering:
    """Pressure of a team: 0 at its target, +1 far too many items waiting, -1 far too few."""

    def __init__(self, kinds: Sequence[Kind], targets: Mapping[str, int]) -> None:
        self._team_of_queue = {kind.queue: kind.group for kind in kinds}
        self._targets = {team: count * OVER_FLOOR for team, count in targets.items()}
        self._pressure = dict.fromkeys(targets, 0.0)

    def observe(self, waiting_by_queue: Mapping[str, int]) -> None:
        """Takes in how many items wait in each queue."""
        waiting = dict.fromkeys(self._targets, 0)
        for queue, count in waiting_by_queue.items():
            team = self._team_of_queue.get(queue)
            if team is not None:
                waiting[team] += count
        for team, target in self._targets.items():
            self._pressure[team] = max(-1.0, min(1.0, (waiting[team] - target) / (BAND * target)))

    def pressure_of(self, teams: Sequence[str]) -> float:
        return max((self._pressure.get(team, 0.0) for team in teams), default=0.0)

    def share_ready(self, teams: Sequence[str]) -> float:
        """The share of a team's agents that should be ready now."""
        return max(LEAST_READY, min(1.0, 0.55 + 0.45 * self.pressure_of(teams)))

    def weight(self, kind: Kind) -> float:
        """How likely the next item is of this kind: short piles are filled first."""
        return kind.share * (1.0 - 0.7 * self._pressure[kind.group])

    @property
    def arrival_stretch(self) -> float:
        """How much longer than usual the pause between two items is."""
        mean = sum(self._pressure.values()) / len(self._pressure)
        return 1.0 + (1.5 if mean > 0 else 0.6) * mean

    def coming(self, rng: random.Random, agents: Sequence[Agent], ready: Sequence[Agent]) -> list[Agent]:
        """Agents to become ready: at most two at a time."""
        at_work = {a.id for a in ready}
        away = [
            a for a in agents if a.id not in at_work and self._ready_share(a, agents, ready) < self._wanted(a)
        ]
        return rng.sample(away, min(2, len(away)))

    def going(self, rng: random.Random, agents: Sequence[Agent], ready: Sequence[Agent]) -> list[Agent]:
        """Agents to take a break: where the pile is short, and now and then anybody."""
        free = [a for a in ready if self._ready_share(a, agents, ready) > self._wanted(a) + 0.2]
        if not free and ready and rng.random() < 0.06:
            free = list(ready)
        return rng.sample(free, min(1, len(free)))

    def _wanted(self, agent: Agent) -> float:
        return self.share_ready(agent.groups)

    def _ready_share(self, agent: Agent, agents: Sequence[Agent], ready: Sequence[Agent]) -> float:
        """How many of the agent's team are ready."""
        team = set(agent.groups)
        everybody = sum(1 for a in agents if team & set(a.groups))
        return sum(1 for a in ready if team & set(a.groups)) / everybody if everybody else 1.0
