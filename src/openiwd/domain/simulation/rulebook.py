"""The rules of distribution once more, read plainly: who may take an item now, and which item comes first.

Written apart from the decision code, which is held to it: shares data types and clocks with it, no decision.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final
from uuid import UUID

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.calendar import Clock
from openiwd.domain.instant import HOUR, parse_duration, to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Delivery, Queue
from openiwd.domain.schema import SchemaConfig
from openiwd.domain.simulation.stored import StoredItem
from openiwd.domain.simulation.tenant import Kind, Tenant

_KEPT: Final = 500
_ROUNDING: Final = 1e-9

Outstanding = Mapping[tuple[str, str | None], int]
Place = tuple[Fraction, int, int, UUID]


@dataclass(slots=True)
class Hands:
    """What an agent has in hand by the observer's own count."""

    weight: int = 0
    media: dict[str, int] = field(default_factory=dict)
    offers: int = 0


class _Curve:
    """A schema's curve in whole numbers over one denominator."""

    def __init__(self, config: SchemaConfig, clock: Clock) -> None:
        ages = [int(parse_duration(point.age)) for point in config.points]
        values = [Fraction(Decimal(point.priority)) for point in config.points]
        slopes = [Fraction(0) for _ in ages]
        if config.interpolation == "linear":
            for index in range(len(ages) - 1):
                slopes[index] = (values[index + 1] - values[index]) / (ages[index + 1] - ages[index])
        slopes[-1] = Fraction(Decimal(config.slope_after)) / HOUR
        most = None if config.maximum is None else Fraction(Decimal(config.maximum))
        weight = Fraction(Decimal(config.value_weight))
        scale = lcm(weight.denominator, *(x.denominator for x in (*values, *slopes)))
        self.clock = clock
        self.scale = scale if most is None else lcm(scale, most.denominator)
        self._ages = ages
        self._values = [int(value * self.scale) for value in values]
        self._slopes = [int(slope * self.scale) for slope in slopes]
        self._most = None if most is None else int(most * self.scale)
        self._weight = int(weight * self.scale)

    def priority(self, age: int, worth: int) -> int:
        index = bisect_right(self._ages, age) - 1
        if index < 0:
            value = self._values[0]
        else:
            value = self._values[index] + self._slopes[index] * (age - self._ages[index])
        if self._most is not None:
            value = min(value, self._most)
        return value + self._weight * worth


class Rulebook:
    """Answers for one item and one agent at a time, from what is stored."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._curves = {
            config.id: _Curve(config, tenant.clocks[config.clock])
            for config in tenant.schema_configs.values()
        }
        self._groups: dict[str, frozenset[str]] = {}
        self._kinds: dict[str, dict[Kind, bool]] = {}

    def priority(self, item: StoredItem, now: int) -> Fraction:
        """The exact priority."""
        own = item.waiting
        if item.fixed is not None:
            return Fraction(item.fixed)
        curve = self._curves[item.kind.schema_id]
        age = curve.clock.between(own.anchor_at, now)
        for start, end in item.paused:
            age -= curve.clock.between(start, end)
        return Fraction(curve.priority(age, item.business_value), curve.scale) + item.adjustment

    def is_surely_behind(self, item: StoredItem, place: Place, now: int) -> bool:
        """Whether the item's priority is lower than the place's, by more than rounding could make it: cheaper."""
        if item.fixed is not None:
            return item.fixed < -place[0]
        if item.paused:
            return False
        curve = self._curves[item.kind.schema_id]
        age = curve.clock.between(item.waiting.anchor_at, now)
        about = curve.priority(age, item.business_value) / curve.scale + item.adjustment
        return about + _ROUNDING * (1 + abs(about)) < -place[0]

    def place(self, item: StoredItem, now: int) -> Place:
        """Items are taken in ascending order of this."""
        own = item.waiting
        return -self.priority(item, now), -item.business_value, own.anchor_at, own.id

    def refusal(
        self,
        agent: Agent,
        hands: Hands,
        item: BacklogItem,
        now: int,
        kind: GrantKind,
        outstanding: Outstanding,
    ) -> str | None:
        """Why the agent may not be given the item now; None: the agent may."""
        queue = self._tenant.queues[item.queue_id]
        push = kind is GrantKind.PUSH
        return (
            self._of_queue(queue, item, now, outstanding, push=push)
            or self._of_person(agent, queue, item, now)
            or self._of_presence(agent, hands, item, now, push=push)
        )

    def _of_queue(
        self, queue: Queue, item: BacklogItem, now: int, outstanding: Outstanding, *, push: bool
    ) -> str | None:
        if push and queue.delivery is Delivery.PULL:
            return "delivery"
        if not push and queue.delivery is Delivery.PUSH and self._reserved(item, now) is None:
            return "delivery"
        if push and queue.hours is not None and not self._tenant.clocks[queue.hours].is_open(now):
            return "queue hours"
        if queue.limit is not None and outstanding.get((queue.id, item.segment), 0) >= queue.limit:
            return "segment limit"
        return None

    def _of_person(self, agent: Agent, queue: Queue, item: BacklogItem, now: int) -> str | None:
        asked = item.requirement
        if not agent.active or agent.capacity.media.get(item.media_type) == 0:
            return "media"
        if agent.id in asked.excluded:
            return "excluded"
        if any(agent.id == who and now < until for who, until in item.excluded):
            return "declined"
        reserved = self._reserved(item, now)
        if reserved is not None:
            return None if reserved == agent.id else "reserved"
        waited = now - item.queued_at
        skills, widened = _asked(item, queue, waited)
        groups = self.groups(agent)
        served = {g.group for g in queue.groups if waited >= g.delay} | widened
        if queue.groups and groups.isdisjoint(served):
            return "group"
        for skill, level in skills.items():
            if _level(agent, skill, now) < level:
                return "skill"
        return self._of_requests(agent, groups, item, waited, now)

    def _of_requests(
        self, agent: Agent, groups: frozenset[str], item: BacklogItem, waited: int, now: int
    ) -> str | None:
        asked = item.requirement
        only: list[bool] = []
        first: list[bool] = []
        if asked.agents:
            (only if asked.agents_only else first).append(agent.id in asked.agents)
        if asked.groups:
            (only if asked.groups_only else first).append(not groups.isdisjoint(asked.groups))
        if only and True not in only:
            return "requested"
        if waited >= asked.prefer_for:
            first = []
        if item.last_agent is not None and now < (item.last_agent_until or 0):
            first.append(item.last_agent == agent.id)
        return "preferred" if first and True not in first else None

    def _of_presence(
        self, agent: Agent, hands: Hands, item: BacklogItem, now: int, *, push: bool
    ) -> str | None:
        if not self.logged_in(agent):
            return "logged out"
        if push:
            state = agent.states.get(item.media_type) or agent.states.get("*")
            if state is None:
                return "state"
            rested = state.state is AgentState.AFTER_WORK and state.until is not None
            is_ready = state.state is AgentState.READY or (
                rested and state.until is not None and to_micros(state.until) <= now
            )
            if not is_ready or state.pending not in {None, AgentState.READY}:
                return "state"
            if hands.offers:
                return "offer open"
            if self._off(agent, now, item.handle_time):
                return "working time"
        if hands.weight + item.weight > agent.capacity.total:
            return "capacity"
        most = agent.capacity.media.get(item.media_type)
        if most is not None and hands.media.get(item.media_type, 0) >= most:
            return "media capacity"
        return None

    def _off(self, agent: Agent, now: int, needs: int | None) -> bool:
        """Whether the agent is off, or will be before an item of this handling time is done."""
        until = now + (needs or 0)
        for absence in agent.absences:
            start, end = to_micros(absence.start), to_micros(absence.end)
            if start <= now < end or now < start < until:
                return True
        if agent.working_hours is None:
            return False
        clock = self._tenant.clocks[agent.working_hours]
        return not clock.is_open(now) or clock.between(now, until) < until - now

    def _reserved(self, item: BacklogItem, now: int) -> str | None:
        over = item.reserved_until is not None and now >= item.reserved_until
        return None if over else item.reserved_for

    def groups(self, agent: Agent) -> frozenset[str]:
        known = self._groups.get(agent.id)
        if known is None:
            known = self._groups[agent.id] = frozenset(agent.groups)
        return known

    def logged_in(self, agent: Agent) -> bool:
        return any(state.state is not AgentState.LOGGED_OUT for state in agent.states.values())

    def takes_nothing(self, agent: Agent, hands: Hands, now: int, kind: GrantKind) -> bool:
        """Whether the agent may be given nothing at all now: a cheap first question."""
        if not agent.active or not self.logged_in(agent):
            return True
        return kind is GrantKind.PUSH and (bool(hands.offers) or self._off(agent, now, None))

    def kinds_of(self, agent: Agent) -> dict[Kind, bool]:
        """What is known of which kinds could ever be the agent's; for `could_ever` to fill.

        Groups and skills of agents do not change in a simulation: it is kept.
        """
        known = self._kinds.get(agent.id)
        if known is None:
            if len(self._kinds) >= _KEPT:
                self._kinds.clear()
            known = self._kinds[agent.id] = {}
        return known

    def could_ever(self, agent: Agent, item: BacklogItem) -> bool:
        """Whether time could bring the two together without a reservation: a cheap first question."""
        queue = self._tenant.queues[item.queue_id]
        skills, widened = _asked(item, queue, 2**62)
        groups = self.groups(agent)
        if queue.groups and groups.isdisjoint({g.group for g in queue.groups} | widened):
            return False
        levels = {own.skill: own.level for own in agent.skills}
        return all(levels.get(skill, 0) >= level for skill, level in skills.items())


def _asked(item: BacklogItem, queue: Queue, waited: int) -> tuple[dict[str, int], set[str]]:
    """Skills after relaxation, and the groups it has added."""
    skills, widened = dict(item.requirement.skills), set[str]()
    for step in item.requirement.relaxation or queue.relaxation:
        if waited < step.after:
            continue
        if step.drop_skill is not None:
            skills.pop(step.drop_skill, None)
        if step.skill in skills:
            skills[step.skill] = min(skills[step.skill], step.level)
        if step.group is not None:
            widened.add(step.group)
    return skills, widened


def _level(agent: Agent, skill: str, now: int) -> int:
    for own in agent.skills:
        if own.skill == skill:
            return own.level if own.until is None or now < to_micros(own.until) else 0
    return 0
