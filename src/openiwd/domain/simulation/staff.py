"""Invents the agents: groups, ten skills with levels, capacities, shifts, absences and skills that end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openiwd.domain.agent import Absence, Agent, AgentSkill, Capacity
from openiwd.domain.calendar import Clock
from openiwd.domain.instant import HOUR, from_micros
from openiwd.domain.simulation.dice import Dice
from openiwd.domain.simulation.working_time import SHIFTS, START

SKILLS_EACH: Final = 10
_MOST_HOURS: Final = 84
_SKILLS_END: Final = (1, 2, 3, 4, 6, 24, 60)
"""Hours from the start: most within a short simulation."""
_CAPACITIES: Final = (
    Capacity(1),
    Capacity(2),
    Capacity(3, {"chat": 1}),
    Capacity(3, {"email": 1}),
    Capacity(4, {"email": 2, "chat": 1}),
    Capacity(2, {"chat": 0}),
)
_PRESENT: Final = 0.8
"""The share of a shift in which an agent takes items: the rest are breaks, and the ends of the shift."""


def make_agents(
    number: int, groups: tuple[str, ...], skills: tuple[str, ...], dice: Dice
) -> tuple[Agent, ...]:
    """All agents, logged out."""
    return tuple(_agent(f"agent{index:05}", groups, skills, dice) for index in range(number))


def _agent(agent_id: str, groups: tuple[str, ...], skills: tuple[str, ...], dice: Dice) -> Agent:
    own = dice.sample(skills, min(SKILLS_EACH, len(skills)))
    away = START + dice.randint(1, _MOST_HOURS) * HOUR
    ends = from_micros(START + _SKILLS_END[dice.randint(4, _MOST_HOURS) % len(_SKILLS_END)] * HOUR)
    return Agent(
        id=agent_id,
        name=agent_id,
        groups=tuple(dice.sample(groups, min(len(groups), dice.choice((1, 2, 2, 3))))),
        skills=tuple(
            AgentSkill(skill, dice.randint(1, 10), ends if dice.random() < 0.04 else None) for skill in own
        ),
        capacity=dice.choice(_CAPACITIES),
        working_hours=dice.choice((*SHIFTS, None)),
        absences=(Absence(from_micros(away), from_micros(away + dice.randint(1, 9) * HOUR)),)
        if dice.random() < 0.1
        else (),
    )


def open_agent_time(agents: tuple[Agent, ...], clocks: Mapping[str, Clock], start: int, end: int) -> float:
    """Roughly how long agents can handle items between two instants, times how many each can hold."""
    by_shift: dict[str | None, int] = {}
    for agent in agents:
        by_shift[agent.working_hours] = by_shift.get(agent.working_hours, 0) + agent.capacity.total
    # Who has no shift works eight hours of twenty-four.
    open_time = sum(
        total * ((end - start) // 3 if shift is None else clocks[shift].between(start, end))
        for shift, total in by_shift.items()
    )
    return _PRESENT * open_time / 1.2
