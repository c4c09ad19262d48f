"""Random worlds: the same one twice, as the code under test and as the reference model see it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from random import Random
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.agent import Absence, Agent, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.backlog_item import LastService, backlog_item
from openiwd.domain.calendar import (
    WALL,
    WEEKDAYS,
    Calendar,
    CalendarConfig,
    CalendarException,
    Clock,
    WeeklyHours,
    freeze,
)
from openiwd.domain.curve import Interpolation
from openiwd.domain.eligibility import Load
from openiwd.domain.instant import DAY, HOUR, MINUTE, from_micros, to_micros
from openiwd.domain.queue import Delivery, LastAgentConfig, QueueConfig, QueueGroupConfig, compile_queue
from openiwd.domain.requirement import Relaxation, RelaxationStep, Requirement
from openiwd.domain.schema import PointConfig, SchemaConfig, compile_schema
from openiwd.domain.work_item import Exclusion, ItemId, ItemNumber, Status, WorkItem
from openiwd.domain.world import World
from tests.unit.reference_distribution import PlainItem, PlainWorld

START = to_micros(datetime(2026, 3, 27, 9, tzinfo=UTC))
"""A Friday; the clocks of Berlin change two days later."""
SKILLS, GROUPS, MEDIA = ("english", "german", "motor"), ("back", "everybody", "front"), ("email", "workitem")
QUEUES, SEGMENTS = ("claims", "complaints", "gone", "questions"), (None, "gold", "silver")
AGENTS = tuple(f"agent{i}" for i in range(6))
TRANSITIONS = [(1735686000 - 10**7, 3600), (1774746000, 7200), (1792890000, 3600)]


def _calendar(calendar_id: str, weekly: dict[str, tuple[str, ...]]) -> Calendar:
    config = CalendarConfig(
        id=calendar_id, name=calendar_id, time_zone="Europe/Berlin", weekly=WeeklyHours(**weekly),
        exceptions=(CalendarException(date(2026, 3, 30), ("10:00-11:00",)),),
    )  # fmt: skip
    return Calendar(freeze(config, {date(2026, 3, 31): "Closed"}, TRANSITIONS, 2026, 2026))


CLOCKS: dict[str, Clock] = {
    "wall": WALL,
    "office": _calendar("office", dict.fromkeys(WEEKDAYS[:5], ("08:00-12:00", "13:00-18:00"))),
    "late": _calendar("late", dict.fromkeys(WEEKDAYS, ("00:00-01:00", "10:00-20:00", "22:00-24:00"))),
}


def points(*pairs: tuple[str, int]) -> tuple[PointConfig, ...]:
    return tuple(PointConfig(age, priority) for age, priority in pairs)


SCHEMAS = {
    schema.id: schema
    for schema in (
        SchemaConfig(id="rising", name="r", points=points(("0h", 100), ("1h", 160), ("3h", 300)), slope_after=7),
        SchemaConfig(
            id="falling", name="f", clock="office", points=points(("-30m", 280), ("90m", 100)), slope_after=-3
        ),
        SchemaConfig(
            id="steps", name="s", clock="late", interpolation=Interpolation.STEPS,
            points=points(("-1h", 90), ("0h", 100), ("45m", 220), ("2h", 130)), value_weight=3,
        ),
        SchemaConfig(
            id="capped", name="c", clock="office", points=points(("0h", 50), ("70m", 120)), slope_after=100,
            maximum=217,
        ),
        SchemaConfig(id="flat", name="l", points=points(("0h", 160))),
        SchemaConfig(
            id="parallel", name="p", clock="office", points=points(("0h", 100), ("1h", 160), ("2h", 100)),
            slope_after=60,
        ),
    )
}  # fmt: skip


def random_queues(rnd: Random) -> dict[str, QueueConfig]:
    def one(queue_id: str) -> QueueConfig:
        groups = rnd.sample(GROUPS, rnd.choice([0, 0, 1, 2, 3]))
        steps = rnd.sample(
            [
                RelaxationStep(after="0s", skill="german", level=4),
                RelaxationStep(after="10m", drop_skill="english"),
                RelaxationStep(after="15m", skill="motor", level=rnd.randint(1, 5)),
                RelaxationStep(after="30m", group=rnd.choice(GROUPS)),
                RelaxationStep(after="30m", drop_skill="motor"),
            ],
            rnd.choice([0, 0, 1, 3]),
        )
        return QueueConfig(
            id=queue_id,
            name=queue_id,
            groups=[QueueGroupConfig(g, rnd.choice(["0s", "0s", "5m", "30m"])) for g in groups],
            delivery=rnd.choice([Delivery.PUSH, Delivery.PUSH, Delivery.BOTH, Delivery.PULL]),
            hours=rnd.choice([None, None, None, "office", "late"]),
            limit=rnd.choice([None, None, 1, 2]),
            segment_by="ext.customerSegment",
            prefer_last_agent=rnd.choice([None, LastAgentConfig("2h", "15m")]),
            relaxation=sorted(steps, key=lambda s: int(str(s.after)[:-1])),
        )

    return {queue_id: one(queue_id) for queue_id in QUEUES if queue_id != "gone"}


def random_requirement(rnd: Random) -> Requirement:
    skills = rnd.sample(SKILLS, rnd.choice([0, 0, 1, 1, 2]))
    agents = rnd.sample(AGENTS[:3], rnd.choice([0, 0, 0, 0, 1, 2]))
    groups = rnd.sample(GROUPS, rnd.choice([0, 0, 0, 0, 1]))
    return Requirement(
        skills=tuple(sorted((skill, rnd.choice([1, 3, 5, 6])) for skill in skills)),
        agents=tuple(agents),
        agents_only=bool(agents) and rnd.random() < 0.3,
        groups=tuple(groups),
        groups_only=bool(groups) and rnd.random() < 0.3,
        prefer_for=rnd.choice([0, 5 * MINUTE, 20 * MINUTE]),
        excluded=tuple(rnd.sample(AGENTS, rnd.choice([0, 0, 0, 1]))),
        relaxation=rnd.choice(
            [(), (), (Relaxation(10 * MINUTE, skill="motor", level=2), Relaxation(HOUR, "german"))]
        ),
    )


def instant(rnd: Random, now: int, before: int, after: int) -> datetime:
    """Mostly on a grid of five minutes, so that things coincide."""
    micros = now + rnd.randint(-before, after) * 5 * MINUTE
    return from_micros(micros + rnd.choice([0, 0, 0, 0, -1, 1]))


def random_item(rnd: Random, number: int, now: int) -> PlainItem:
    queued, anchor = instant(rnd, now, 15, 0), instant(rnd, now, 40, 8)
    reserved = rnd.choice([None, None, None, None, rnd.choice(AGENTS)])
    reopened = instant(rnd, now, 5, 0) if rnd.random() < 0.15 else None
    pauses = [(from_micros(now - 3 * HOUR), from_micros(now - rnd.randint(1, 3) * HOUR))]
    item = WorkItem(
        number=ItemNumber(number),
        id=ItemId(UUID(int=rnd.getrandbits(120))),
        status=Status.QUEUED,
        capture_point="rest",
        capture_id=str(number),
        media_type=rnd.choice(MEDIA),
        queue_id=rnd.choice(QUEUES) if rnd.random() < 0.4 else "claims",
        schema_id=rnd.choice(list(SCHEMAS)),
        business_value=rnd.choice([0, 0, 10, -20]),
        priority_fixed=rnd.choice([None, None, None, None, 160, 200]),
        priority_adjustment=rnd.choice([0, 0, 0, 60, -7]),
        received_at=queued,
        created_at=anchor,
        anchor_at=anchor,
        reopened_at=reopened,
        assigned_at=rnd.choice([None, instant(rnd, now, 10, 0)]) if reopened else None,
        last_agent=rnd.choice([None, *AGENTS[:3]]),
        pauses=pauses if rnd.random() < 0.2 else [],
        queued_at=queued,
        requirement=random_requirement(rnd),
        segment=rnd.choice(SEGMENTS),
        reserved_for=reserved,
        reserved_until=instant(rnd, now, 1, 10) if reserved and rnd.random() < 0.8 else None,
        excluded=[
            Exclusion(a, instant(rnd, now, 2, 4), "declined")
            for a in rnd.sample(AGENTS, rnd.choice([0, 0, 1, 2]))
        ],
    )
    service = LastService(rnd.choice(AGENTS), now - rnd.randint(0, 40) * 5 * MINUTE)
    return PlainItem(
        item,
        weight=rnd.choice([0, 1, 1, 2, 3]),
        handle_time=rnd.choice([None, None, 9 * MINUTE, 30 * MINUTE, 3 * HOUR]),
        last_service=rnd.choice([None, None, service]),
    )


def random_agent(rnd: Random, agent_id: str, now: int) -> Agent:
    def state() -> MediaState:
        kind = rnd.choice([AgentState.READY] * 7 + list(AgentState))
        until = instant(rnd, now, 1, 3) if kind is AgentState.AFTER_WORK and rnd.random() < 0.7 else None
        return MediaState(kind, until=until, pending=rnd.choice([None] * 8 + [AgentState.NOT_READY]))

    start = instant(rnd, now, 6, 6)
    absences = (Absence(start, from_micros(to_micros(start) + 25 * MINUTE)),)
    return Agent(
        id=agent_id,
        name=agent_id,
        active=rnd.random() < 0.95,
        groups=tuple(rnd.sample(GROUPS, rnd.choice([1, 2, 3]))),
        skills=tuple(
            AgentSkill(s, rnd.choice([2, 5, 6, 10]), instant(rnd, now, 1, 5) if rnd.random() < 0.15 else None)
            for s in rnd.sample(SKILLS, rnd.choice([1, 2, 3, 3]))
        ),
        capacity=Capacity(
            rnd.choice([1, 2, 3, 5]), rnd.choice([{}, {}, {"email": 1}, {"email": 0, "workitem": 2}])
        ),
        working_hours=rnd.choice([None, None, None, "office", "late"]),
        absences=absences if rnd.random() < 0.15 else (),
        states={"*": state(), "email": state()} if rnd.random() < 0.3 else {"*": state()},
    )


def random_load(rnd: Random, now: int) -> Load:
    media = {name: rnd.choice([0, 0, 1]) for name in MEDIA}
    return Load(
        weight=sum(media.values()) * rnd.choice([1, 1, 2]),
        media=media,
        open_offer=rnd.random() < 0.1,
        idle_since=now - rnd.randint(0, 4) * MINUTE,
    )


class TwinWorld:
    """Every change is told to both worlds."""

    def __init__(self, rnd: Random, now: int = START) -> None:
        self.rnd = rnd
        self.now = now
        queues = random_queues(rnd)
        schemas = {s.id: compile_schema(s, CLOCKS[s.clock]) for s in SCHEMAS.values()}
        compiled = {q.id: compile_queue(q, "queue") for q in queues.values()}
        self.plain = PlainWorld(queues, dict(SCHEMAS), CLOCKS)
        self.world = World(compiled, schemas, CLOCKS, 7)
        self.number = 0

    def fill(self, items: int, agents: int) -> None:
        for agent_id in AGENTS[:agents]:
            self.change_agent(agent_id)
        for _ in range(items):
            self.add_item()
        for key in [(q, s) for q in QUEUES for s in SEGMENTS]:
            if self.rnd.random() < 0.2:
                self.count(key, 1)

    def add_item(self, priority: int | None = None) -> int:
        """One more item, of this fixed priority if one is given."""
        self.number += 1
        self.put(self.number, priority)
        return self.number

    def put(self, number: int, priority: int | None = None) -> None:
        plain = random_item(self.rnd, number, self.now)
        if priority is not None:
            plain.item = replace(plain.item, priority_fixed=priority, business_value=0)
        self.plain.items[number] = plain
        item = plain.item
        assert item.queue_id is not None
        assert item.schema_id is not None
        waiting = backlog_item(
            item,
            queue=self.world.queues.get(item.queue_id),
            schema=compile_schema(SCHEMAS[item.schema_id], CLOCKS[SCHEMAS[item.schema_id].clock]),
            weight=plain.weight,
            handle_time=plain.handle_time,
            last_service=plain.last_service,
        )
        self.world.backlog.put(waiting, self.now)

    def remove(self, number: int) -> None:
        del self.plain.items[number]
        self.world.backlog.remove(number)

    def change_agent(self, agent_id: str) -> None:
        agent, load = random_agent(self.rnd, agent_id, self.now), random_load(self.rnd, self.now)
        self.plain.agents[agent_id] = agent
        self.plain.loads[agent_id] = load
        self.world.put_agent(agent)
        self.world.put_load(agent_id, load)

    def count(self, key: tuple[str, str | None], change: int) -> None:
        self.plain.outstanding[key] = self.plain.outstanding.get(key, 0) + change
        self.world.count_outstanding(*key, change)

    def step(self) -> None:
        """Time goes on: by a microsecond, some minutes, to an hour's edge, or over the weekend."""
        minute = 5 * MINUTE
        self.now += self.rnd.choice(
            [
                1,
                minute,
                minute,
                minute - 1,
                3 * minute,
                HOUR,
                3 * HOUR,
                17 * HOUR,
                self.rnd.randint(1, HOUR),
                3 * DAY,
            ]
        )
