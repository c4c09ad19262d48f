"""The rules of prioritization and distribution once more: read plainly, without index, caches or shortcuts.

The code under test is held to this. It shares data types and clocks with it, no decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from openiwd.domain.agent import Agent, MediaState
from openiwd.domain.backlog_item import LastService
from openiwd.domain.calendar import Clock
from openiwd.domain.eligibility import Load
from openiwd.domain.instant import EPOCH, parse_duration
from openiwd.domain.queue import QueueConfig
from openiwd.domain.schema import SchemaConfig
from openiwd.domain.work_item import WorkItem

TEN_MINUTES = 600_000_000


def micros(instant: datetime) -> int:
    span = instant - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


@dataclass
class PlainItem:
    item: WorkItem
    weight: int
    handle_time: int | None = None
    last_service: LastService | None = None


@dataclass
class PlainWorld:
    queues: dict[str, QueueConfig]
    schemas: dict[str, SchemaConfig]
    clocks: dict[str, Clock]
    agents: dict[str, Agent] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    items: dict[int, PlainItem] = field(default_factory=dict)
    outstanding: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def load(self, agent_id: str) -> Load:
        return self.loads.get(agent_id, Load())

    # Priority and order --------------------------------------------------------------------------------

    def curve(self, schema: SchemaConfig, age: int) -> Fraction:
        points = [(parse_duration(p.age), Fraction(Decimal(p.priority))) for p in schema.points]
        value = points[0][1]
        for index, (start, priority) in enumerate(points):
            if age < start:
                break
            value = priority
            if schema.interpolation == "linear" and index + 1 < len(points):
                end, following = points[index + 1]
                value += (following - priority) * Fraction(age - start, end - start)
            if index + 1 == len(points):
                value += Fraction(Decimal(schema.slope_after)) * Fraction(age - start, 3_600_000_000)
        if schema.maximum is not None:
            value = min(value, Fraction(Decimal(schema.maximum)))
        return value

    def priority(self, number: int, now: int) -> Fraction:
        item = self.items[number].item
        if item.priority_fixed is not None:
            return Fraction(item.priority_fixed)
        assert item.schema_id is not None
        assert item.anchor_at is not None
        schema = self.schemas[item.schema_id]
        clock = self.clocks[schema.clock]
        age = clock.between(micros(item.anchor_at), now)
        for start, end in item.pauses:
            age -= clock.between(micros(start), micros(end))
        worth = Fraction(Decimal(schema.value_weight)) * item.business_value
        return self.curve(schema, age) + worth + item.priority_adjustment

    def order(self, now: int, queue_id: str | None = None) -> list[int]:
        def place(number: int) -> Any:
            item = self.items[number].item
            assert item.anchor_at is not None
            return (-self.priority(number, now), -item.business_value, item.anchor_at, item.id)

        return sorted((n for n, p in self.items.items() if queue_id in (None, p.item.queue_id)), key=place)

    # What the item asks for ----------------------------------------------------------------------------

    def asked(self, number: int, now: int) -> dict[str, Any]:
        """Skills, widened groups and whether the stated preference still runs."""
        item = self.items[number].item
        assert item.queued_at is not None
        assert item.queue_id is not None
        waited = now - micros(item.queued_at)
        skills, widened = dict(item.requirement.skills), set[str]()
        own = [(s.after, s.drop_skill, s.skill, s.level, s.group) for s in item.requirement.relaxation]
        queue = self.queues.get(item.queue_id)
        steps = own or [
            (parse_duration(s.after), s.drop_skill, s.skill, s.level or 1, s.group)
            for s in (queue.relaxation if queue else [])
        ]
        for after, dropped, lowered, level, group in steps:
            if waited < after:
                continue
            skills.pop(dropped or "", None)
            if lowered in skills:
                skills[lowered] = min(skills[lowered], level)
            if group:
                widened.add(group)
        return {"skills": skills, "widened": widened, "prefers": waited < item.requirement.prefer_for}

    def signature(self, number: int, now: int) -> tuple[Any, ...]:
        plain, r = self.items[number], self.items[number].item.requirement
        asked = self.asked(number, now)
        return (
            plain.item.queue_id,
            plain.item.media_type,
            plain.weight,
            tuple(sorted(asked["skills"].items())),
            r.agents if r.agents_only or asked["prefers"] else (),
            r.agents_only,
            r.groups if r.groups_only or asked["prefers"] else (),
            r.groups_only,
            tuple(sorted(asked["widened"])),
            r.excluded,
        )

    def reserved_for(self, number: int, now: int) -> str | None:
        item = self.items[number].item
        if item.reserved_until is not None and now >= micros(item.reserved_until):
            return None
        return item.reserved_for

    def last_agent(self, number: int, now: int) -> str | None:
        """Who goes first because they know the customer, or had the item before it was reopened."""
        plain = self.items[number]
        item = plain.item
        assert item.queue_id is not None
        assert item.queued_at is not None
        queue = self.queues.get(item.queue_id)
        prefer = queue.prefer_last_agent if queue else None
        wait = parse_duration(prefer.wait) if prefer else TEN_MINUTES
        agent, until = None, 0
        if (
            item.reopened_at
            and item.last_agent
            and not (item.assigned_at and item.assigned_at > item.reopened_at)
        ):
            agent, until = item.last_agent, micros(item.reopened_at) + wait
        elif prefer and plain.last_service:
            since = micros(item.queued_at) - plain.last_service.at
            if since <= parse_duration(prefer.within):
                agent, until = plain.last_service.agent_id, micros(item.queued_at) + wait
        declined = {e.agent for e in item.excluded}
        return agent if agent not in declined and now < until else None

    # Who can take it -----------------------------------------------------------------------------------

    def could_serve(self, agent: Agent, number: int, now: int, kind: str = "push") -> bool:
        """By what the agent is, whatever they do now."""
        item = self.items[number].item
        r = item.requirement
        if not agent.active or agent.capacity.media.get(item.media_type) == 0 or agent.id in r.excluded:
            return False
        if self.reserved_for(number, now):
            return self.reserved_for(number, now) == agent.id
        asked = self.asked(number, now)
        only = [(r.agents_only, r.agents, {agent.id}), (r.groups_only, r.groups, set(agent.groups))]
        is_limited = any(flag and names for flag, names, _ in only)
        if is_limited and not any(flag and mine & set(names) for flag, names, mine in only):
            return False
        assert item.queue_id is not None
        assert item.queued_at is not None
        queue = self.queues.get(item.queue_id)
        if queue and queue.groups:
            waited = now - micros(item.queued_at)
            served = {g.group for g in queue.groups if waited >= parse_duration(g.delay)} | asked["widened"]
            if not served & set(agent.groups):
                return False
        for skill, level in asked["skills"].items():
            levels = [
                s.level for s in agent.skills if s.skill == skill and (not s.until or micros(s.until) > now)
            ]
            if not levels or levels[0] < level:
                return False
        if kind == "pick":
            return True
        preferred = set[bool]()
        if asked["prefers"] and r.agents and not r.agents_only:
            preferred.add(agent.id in r.agents)
        if asked["prefers"] and r.groups and not r.groups_only:
            preferred.add(bool(set(r.groups) & set(agent.groups)))
        if self.last_agent(number, now):
            preferred.add(self.last_agent(number, now) == agent.id)
        return not preferred or True in preferred

    def queue_allows(
        self, number: int, now: int, kind: str, outstanding: dict[tuple[str, str | None], int]
    ) -> bool:
        item = self.items[number].item
        assert item.queue_id is not None
        queue = self.queues.get(item.queue_id)
        if queue is None:
            return False
        if kind == "push" and (
            queue.delivery == "pull" or (queue.hours and not self.clocks[queue.hours].is_open(now))
        ):
            return False
        if kind == "pull" and queue.delivery == "push" and not self.reserved_for(number, now):
            return False
        full = queue.limit is not None and outstanding.get((item.queue_id, item.segment), 0) >= queue.limit
        return kind == "pick" or not full

    def at_work(self, agent: Agent, number: int, now: int) -> bool:
        """For push: ready for the medium, no offer open, inside the shift, and enough of the shift is left."""
        media, handle_time = self.items[number].item.media_type, self.items[number].handle_time
        state = agent.states.get(media) or agent.states.get("*") or MediaState()
        is_ready = state.state == "ready" or (
            state.state == "afterWork" and state.until is not None and micros(state.until) <= now
        )
        if not is_ready or state.pending not in {None, "ready"} or self.load(agent.id).open_offer:
            return False
        if any(micros(a.start) <= now < micros(a.end) for a in agent.absences):
            return False
        rest = [micros(a.start) - now for a in agent.absences if micros(a.start) > now]
        if agent.working_hours:
            clock = self.clocks[agent.working_hours]
            if not clock.is_open(now):
                return False
            end = clock.next_change(now)
            rest += [] if end is None else [end - now]
        return handle_time is None or all(handle_time <= left for left in rest)

    def eligible(
        self, agent: Agent, number: int, now: int, kind: str = "push",
        outstanding: dict[tuple[str, str | None], int] | None = None,
    ) -> bool:  # fmt: skip
        plain, load = self.items[number], self.load(agent.id)
        media = plain.item.media_type
        if not self.queue_allows(number, now, kind, self.outstanding if outstanding is None else outstanding):
            return False
        if not self.could_serve(agent, number, now, kind):
            return False
        if kind != "pick" and any(e.agent == agent.id and micros(e.until) > now for e in plain.item.excluded):
            return False
        if all(state.state == "loggedOut" for state in agent.states.values()):
            return False
        if kind == "push" and not self.at_work(agent, number, now):
            return False
        if load.weight + plain.weight > agent.capacity.total:
            return False
        return media not in agent.capacity.media or load.media.get(media, 0) < agent.capacity.media[media]

    # Decisions -----------------------------------------------------------------------------------------

    def for_agent(self, agent: Agent, now: int, kind: str = "push") -> int | None:
        return next((n for n in self.order(now) if self.eligible(agent, n, now, kind)), None)

    def flexibility(self, agent: Agent, now: int) -> int:
        return len({self.signature(n, now) for n in self.items if self.could_serve(agent, n, now)})

    def first_of(self, agents: list[Agent], now: int) -> str | None:
        ranked = [(self.flexibility(a, now), self.load(a.id).idle_since, a.id) for a in agents]
        return min(ranked)[2] if ranked else None

    def for_item(self, number: int, now: int) -> str | None:
        return self.first_of([a for a in self.agents.values() if self.eligible(a, number, now)], now)

    def distribute(self, now: int) -> list[tuple[int, str]]:
        given: list[tuple[int, str]] = []
        outstanding, idle = dict(self.outstanding), dict(self.agents)
        for number in self.order(now):
            able = [a for a in idle.values() if self.eligible(a, number, now, outstanding=outstanding)]
            agent_id = self.first_of(able, now)
            if agent_id is not None:
                given.append((number, agent_id))
                del idle[agent_id]
                item = self.items[number].item
                assert item.queue_id is not None
                key = (item.queue_id, item.segment)
                outstanding[key] = outstanding.get(key, 0) + 1
        return given

    def pairs(self, now: int) -> set[tuple[int, str]]:
        """Who could be offered what."""
        return {(n, a.id) for n in self.items for a in self.agents.values() if self.eligible(a, n, now)}
