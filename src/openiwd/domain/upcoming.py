"""What lies ahead of a waiting item: when its demand or its agents change by themselves, and what that opens. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, demand_at
from openiwd.domain.eligibility import Eligibility
from openiwd.domain.instant import to_micros
from openiwd.domain.queue import Queue
from openiwd.domain.world import World, next_opening

MAX_CHANGES = 10
MAX_AGENTS = 256
"""So many agents are looked at; of more, evenly spaced ones stand for all."""


class ChangeKind(StrEnum):
    RELAXATION = "relaxation"
    PREFERENCE_END = "preferenceEnd"
    LAST_AGENT_END = "lastAgentEnd"
    RESERVATION_END = "reservationEnd"
    GROUP_OPENS = "groupOpens"
    EXCLUSION_END = "exclusionEnd"
    QUEUE_OPENS = "queueOpens"
    SHIFT_START = "shiftStart"
    ABSENCE_END = "absenceEnd"


Ahead = tuple[int, ChangeKind, dict[str, str | int]]


class Upcoming(NamedTuple):
    """One change ahead. `gained` counts the agents whom the changes of this instant open the item to."""

    at: int
    kind: ChangeKind
    params: dict[str, str | int]
    gained: int


def sample(agents: Iterable[Agent], keep: str | None = None) -> list[Agent]:
    """All agents, or evenly spaced ones by id when there are too many; `keep` is always among them."""
    ordered = sorted(agents, key=lambda agent: agent.id)
    if len(ordered) <= MAX_AGENTS:
        return ordered
    chosen = {ordered[index * len(ordered) // MAX_AGENTS].id for index in range(MAX_AGENTS)}
    return [agent for agent in ordered if agent.id in chosen or agent.id == keep]


class FirstChanges:
    """The first of the changes ahead of waiting items, for many items; gains are not counted."""

    def __init__(self, world: World, agents: Sequence[Agent]) -> None:
        self._world = world
        self._agents = agents
        self._of_hours: dict[str, Ahead | None] = {}

    def of(self, item: BacklogItem, now: int) -> Upcoming | None:
        queue = self._world.queues.get(item.queue_id)
        first = self._first_of_hours(item.queue_id, queue, now)
        if first is None and not _may_change(item, queue):
            return None
        for ahead in _of_item(item, queue):
            if ahead[0] > now and (first is None or _order(ahead) < _order(first)):
                first = ahead
        return None if first is None else Upcoming(*first, 0)

    def _first_of_hours(self, queue_id: str, queue: Queue | None, now: int) -> Ahead | None:
        """What comes first stays first until it has come."""
        known = self._of_hours.get(queue_id)
        if queue_id not in self._of_hours or (known is not None and known[0] <= now):
            ahead = (a for a in _of_hours(self._world, self._agents, queue, now) if a[0] > now)
            known = self._of_hours[queue_id] = min(ahead, key=_order, default=None)
        return known


def changes_for(world: World, item: BacklogItem, now: int) -> list[Upcoming]:
    """The next changes that time alone brings for a waiting item, with how many agents each opens it to.

    Counted are agents who then could be given it but for what people do: login, state, and items in hand.
    Changes that are not known beforehand (somebody becomes ready or free) are not listed.
    """
    agents = sample(world.agents.values())
    found = _ahead(world, item, agents, now)[:MAX_CHANGES]
    able = _able(world, item, agents, now)
    listed: list[Upcoming] = []
    instant, gained = now, 0
    for at, kind, params in found:
        if at != instant:
            then = _able(world, item, agents, at)
            instant, gained = at, len(then - able)
            able = then
        listed.append(Upcoming(at, kind, dict(params), gained))
    return listed


def _able(world: World, item: BacklogItem, agents: list[Agent], at: int) -> set[str]:
    demand = demand_at(item, world.queues.get(item.queue_id), at)
    eligibility = Eligibility(world.queues, world.clocks, {}, at)
    if eligibility.of_queue(demand, item.segment) is not None:
        return set()
    return {agent.id for agent in agents if eligibility.qualifies(agent, item, demand)}


def _ahead(
    world: World, item: BacklogItem, agents: list[Agent], now: int
) -> list[tuple[int, ChangeKind, tuple[tuple[str, str | int], ...]]]:
    queue = world.queues.get(item.queue_id)
    found = {
        (at, kind, tuple(params.items()))
        for at, kind, params in (*_of_item(item, queue), *_of_hours(world, agents, queue, now))
        if at > now
    }
    return sorted(found, key=lambda ahead: (ahead[0], ahead[1], repr(ahead[2])))


def _order(ahead: Ahead) -> tuple[int, ChangeKind, str]:
    return ahead[0], ahead[1], repr(tuple(ahead[2].items()))


def _may_change(item: BacklogItem, queue: Queue | None) -> bool:
    """Whether `_of_item` may find anything."""
    asked = item.requirement
    return bool(
        asked.relaxation
        or item.excluded
        or item.reserved_for is not None
        or item.last_agent is not None
        or asked.preferring
        or (queue is not None and (queue.groups or queue.relaxation))
    )


def _of_item(item: BacklogItem, queue: Queue | None) -> Iterator[Ahead]:
    steps = item.requirement.relaxation or (() if queue is None else queue.relaxation)
    for index, step in enumerate(steps, 1):
        at = item.queued_at + step.after
        if step.drop_skill is not None:
            yield at, ChangeKind.RELAXATION, {"step": index, "dropSkill": step.drop_skill}
        elif step.skill is not None:
            yield at, ChangeKind.RELAXATION, {"step": index, "skill": step.skill, "level": step.level}
        elif step.group is not None:
            yield at, ChangeKind.RELAXATION, {"step": index, "group": step.group}
    if item.requirement.preferring:
        yield item.queued_at + item.requirement.prefer_for, ChangeKind.PREFERENCE_END, {}
    if item.last_agent is not None and item.last_agent_until is not None:
        yield item.last_agent_until, ChangeKind.LAST_AGENT_END, {"agent": item.last_agent}
    if item.reserved_for is not None and item.reserved_until is not None:
        yield item.reserved_until, ChangeKind.RESERVATION_END, {"agent": item.reserved_for}
    for agent_id, until in item.excluded:
        yield until, ChangeKind.EXCLUSION_END, {"agent": agent_id}
    for group in () if queue is None else queue.groups:
        yield item.queued_at + group.delay, ChangeKind.GROUP_OPENS, {"group": group.group}


def _of_hours(world: World, agents: Sequence[Agent], queue: Queue | None, now: int) -> Iterator[Ahead]:
    if queue is not None and queue.hours is not None:
        opening = next_opening(world.clocks.get(queue.hours), now)
        if opening is not None:
            yield opening, ChangeKind.QUEUE_OPENS, {"queue": queue.id, "calendar": queue.hours}
    for hours in sorted({agent.working_hours for agent in agents if agent.working_hours is not None}):
        opening = next_opening(world.clocks.get(hours), now)
        if opening is not None:
            yield opening, ChangeKind.SHIFT_START, {"calendar": hours}
    for agent in agents:
        for absence in agent.absences:
            yield to_micros(absence.end), ChangeKind.ABSENCE_END, {"agent": agent.id}
