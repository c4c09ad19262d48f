"""The tenant that rows c and d are measured on: rule set, requirement signatures, waiting items and agents.

Everything follows from numbers, so that every process builds the same world. In memory it stands at `START`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.domain.agent import Agent, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_columns import stretches
from openiwd.domain.backlog_item import BacklogItem, BacklogRows
from openiwd.domain.backlog_load import Alike
from openiwd.domain.instant import HOUR, MINUTE, from_micros, to_micros
from openiwd.domain.requirement import Requirement
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.schema import Standing, standing
from openiwd.domain.world import World
from openiwd.usecases.rule_set import freeze_calendars, zone_of

START: Final = to_micros(datetime(2026, 3, 4, 9, 30, tzinfo=UTC))
"""A Wednesday in office hours."""
SIGNATURES: Final = 2_000
FILLED_AT_ONCE: Final = 250_000
SKILLS: Final = tuple(f"skill{n:02}" for n in range(50))
SKILLS_OF_AGENT: Final = 10
QUEUES: Final = 12
GROUPS: Final = ("front", "back")
SCHEMAS: Final = ("days", "office", "late")
SEGMENTS: Final = ("private", "business", "vip")
AGE_MINUTES: Final = 10 * 24 * 60
"""Items have come in within ten days, on whole minutes: many priorities are exactly equal."""
_MIX: Final = 0x9E3779B97F4A7C15
_ODD: Final = 500
"""One item in so many has been declined by two agents."""
_MASK: Final = (1 << 64) - 1


def document(*, hours: bool = False, one_at_a_time: bool = False) -> dict[str, Any]:
    """The rule set. With `hours` one queue in four is pushed in its hours only, for worlds whose time is chosen.

    With `one_at_a_time` every item weighs 1 and is accepted at once.
    """
    return {
        "name": "Benchmark",
        "timeZone": "Europe/Berlin",
        "calendars": [
            _calendar("office", 5, ["08:00-12:00", "13:00-18:00"]),
            _calendar("late", 6, ["10:00-20:00"]),
        ],
        "schemas": [
            _schema("days", "wall", {"0h": 100, "24h": 580, "96h": 1_300}, slopeAfter=5, valueWeight=2),
            _schema("office", "office", {"0h": 100, "9h": 550, "27h": 910}, slopeAfter=10),
            _schema("late", "late", {"0h": 200, "5h": 400, "20h": 700}, interpolation="steps"),
            _schema("opening", "office", {"0h": 100, "1m": 100, "501m": 600}, slopeAfter=10),
        ],
        "queues": [_queue(n, hours=hours, one_at_a_time=one_at_a_time) for n in range(QUEUES)],
        "defaultCategory": "rest",
        "categories": [
            {
                "id": "rest", "name": "Rest", "schema": "office", "queue": "queue00",
                "when": {"attribute": "subject", "operator": "eq", "value": "(none)"},
            }
        ],
    }  # fmt: skip


def _calendar(name: str, days: int, hours: list[str]) -> dict[str, Any]:
    week = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return {
        "id": name,
        "name": name,
        "timeZone": "Europe/Berlin",
        "weekly": dict.fromkeys(week[:days], hours),
    }


def _schema(name: str, clock: str, points: dict[str, int], **more: Any) -> dict[str, Any]:
    curve = [{"age": age, "priority": priority} for age, priority in points.items()]
    return {"id": name, "name": name, "clock": clock, "points": curve, **more}


def _queue(n: int, *, hours: bool, one_at_a_time: bool) -> dict[str, Any]:
    queue: dict[str, Any] = {
        "id": queue_id(n), "name": queue_id(n), "offerTimeout": "1d",
        "weight": 1 if one_at_a_time else weight(n), "autoAccept": one_at_a_time,
    }  # fmt: skip
    if n in (6, 7, 8):
        queue["groups"] = [{"group": "front"}]
    if n == 9:
        queue["groups"] = [{"group": "front"}, {"group": "back", "delay": "2h"}]
    if n in (10, 11):
        queue |= {"segmentBy": "ext.customerSegment", "limit": 1_000_000}
    if hours and n % 4 == 1:
        queue["hours"] = "office"
    return queue


def queue_id(n: int) -> str:
    return f"queue{n:02}"


def weight(n: int) -> int:
    return 2 if n % 3 == 0 else 1


def compiled(**options: bool) -> CompiledRuleSet:
    """The rule set ready for use, as publishing compiles it."""
    parsed = parse_document(document(**options))
    calendars = freeze_calendars(parsed, LibraryHolidaySource(), 2026)
    return compile_rule_set(parsed, 1, calendars, zone_of(parsed))


class Shape(NamedTuple):
    """What items of one requirement signature have in common."""

    queue: int
    media_type: str
    schema_id: str
    requirement: Requirement


def shapes(count: int = SIGNATURES) -> list[Shape]:
    """Distinct signatures: one to three of 50 skills, each with a level, in one of 12 queues."""
    rnd = Random(7)
    seen: set[Any] = set()
    found: list[Shape] = []
    while len(found) < count:
        n = len(found)
        names = rnd.sample(SKILLS, rnd.choice((1, 1, 2, 2, 2, 3, 3)))
        skills = tuple(sorted((name, rnd.randint(1, 8)) for name in names))
        key = (n % QUEUES, skills)
        if key not in seen:
            seen.add(key)
            media = "workitem" if n % 3 else "email"
            found.append(Shape(n % QUEUES, media, SCHEMAS[n % 7 % 3], Requirement(skills=skills)))
    return found


class Source:
    """Makes waiting items by number; the same number is the same item."""

    def __init__(self, rules: CompiledRuleSet, signatures: int = SIGNATURES, now: int = START) -> None:
        self._shapes = shapes(signatures)
        self._schemas = rules.schemas
        self._now = now
        self._origins = {
            name: [standing(rules.schemas[name], now - age * MINUTE, 0, 0, 0).origin for age in range(AGE_MINUTES)]
            for name in SCHEMAS
        }  # fmt: skip

    def items(self, first: int, stop: int) -> Iterator[BacklogItem]:
        return map(self.item, range(first, stop))

    def item(self, number: int) -> BacklogItem:
        mixed = number * _MIX & _MASK
        shape = self._shapes[(mixed >> 20) % len(self._shapes)]
        age = (mixed >> 8) % AGE_MINUTES
        value = (0, 0, 0, 10, 25)[mixed % 5]
        constant = (2 * value if shape.schema_id == "days" else 0) + (40 if mixed % 19 == 0 else 0)
        fixed = 640 if mixed % 101 == 0 else None
        anchor = self._now - age * MINUTE
        return BacklogItem(
            number=number,
            id=UUID(int=mixed << 40 | number),
            queue_id=queue_id(shape.queue),
            media_type=shape.media_type,
            weight=weight(shape.queue),
            requirement=shape.requirement,
            queued_at=anchor,
            standing=Standing(
                shape.schema_id,
                self._schemas[shape.schema_id].clock.id,
                self._origins[shape.schema_id][age],
                constant,
                fixed,
            ),
            business_value=value,
            anchor_at=anchor,
            segment=SEGMENTS[mixed % 3] if shape.queue >= 10 else None,
            excluded=self._excluded(mixed >> 40) if mixed % _ODD == 0 else (),
        )

    def rows(self, first: int, stop: int) -> tuple[list[int], list[Alike], BacklogRows]:
        """The same items as columns: the numbers of the odd ones, and the others, those that are alike in a stretch."""
        numbers = np.arange(first, stop, dtype=np.uint64)
        mixed = numbers * np.uint64(_MIX)
        odd = mixed % _ODD == 0
        # What `item` makes different besides the columns: the shape, a fixed priority, the segment.
        likeness = ((mixed >> np.uint64(20)) % len(self._shapes)) * 6 + (mixed % 101 == 0) * 3 + mixed % 3
        strange = numbers[odd].astype(int).tolist()
        order = np.flatnonzero(~odd)[np.argsort(likeness[~odd], kind="stable")]
        numbers, mixed, likeness = numbers[order], mixed[order], likeness[order]
        anchors = self._now - ((mixed >> np.uint64(8)) % AGE_MINUTES).astype(np.int64) * MINUTE
        rows = BacklogRows(
            numbers.astype(np.int64),
            np.stack((mixed >> np.uint64(24), mixed << np.uint64(40) | numbers), axis=1),
            np.ones(len(numbers), np.int32),
            np.array((0, 0, 0, 10, 25), np.int32)[mixed % 5],
            np.where(mixed % 19 == 0, 40, 0).astype(np.int32),
            anchors,
            anchors,
        )
        alike = [Alike(self.item(int(numbers[a])), b - a) for a, b in stretches(likeness)]
        return strange, alike, rows

    def _excluded(self, n: int) -> tuple[tuple[str, int], ...]:
        """Two agents who have declined, for an hour from the start."""
        return tuple((f"agent{(n + k) % 1_000:05}", self._now + HOUR) for k in (0, 7))


def fill(backlog: Backlog, items: Iterable[BacklogItem], now: int) -> None:
    """Items that are there already, one by one."""
    for item in items:
        backlog.put(item, now)


def fill_alike(backlog: Backlog, source: Source, first: int, stop: int, now: int) -> None:
    """Items by number, in bulk as the decider's load does it: the few with exclusions alone come one by one."""
    for start in range(first, stop, FILLED_AT_ONCE):
        odd, alike, rows = source.rows(start, min(stop, start + FILLED_AT_ONCE))
        fill(backlog, map(source.item, odd), now)
        backlog.put_many(alike, rows, now)


def agent(n: int, *, hours: bool = False) -> Agent:
    """A ready agent with 10 of the 50 skills; with `hours` some have working hours (open at `START`)."""
    rnd = Random(n)
    since = from_micros(START - HOUR)
    return Agent(
        id=f"agent{n:05}",
        name=f"Agent {n}",
        groups=(GROUPS[n % 2],),
        skills=tuple(AgentSkill(skill, rnd.randint(3, 10)) for skill in rnd.sample(SKILLS, SKILLS_OF_AGENT)),
        capacity=Capacity(rnd.choice((2, 3, 5)), rnd.choice(({}, {}, {"email": 2}))),
        working_hours="office" if hours and n % 3 == 0 else None,
        states={"*": MediaState(AgentState.READY, since=since)},
        logged_in_at=since,
    )


def empty_world(rules: CompiledRuleSet) -> World:
    return World(rules.queues, rules.schemas, rules.clocks, rules.version)


def profile_json(one: Agent, *, one_at_a_time: bool = False) -> str:
    """An agent's profile as the agent table holds it."""
    return msgspec.json.encode(
        {
            "id": one.id,
            "name": one.name,
            "groups": one.groups,
            "skills": one.skills,
            "capacity": Capacity(1) if one_at_a_time else one.capacity,
        }
    ).decode()
