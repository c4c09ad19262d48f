"""Invents a believable tenant: queues, schemas of every shape, agents, and the kinds of items that arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from math import exp
from typing import Final

from msgspec import Struct

from openiwd.domain.agent import Agent, AgentSkill
from openiwd.domain.calendar import Clock
from openiwd.domain.curve import Interpolation
from openiwd.domain.instant import HOUR, MINUTE, SECOND
from openiwd.domain.queue import (
    Delivery,
    LastAgentConfig,
    Queue,
    QueueConfig,
    QueueGroupConfig,
    compile_queue,
)
from openiwd.domain.requirement import Relaxation, RelaxationStep, Requirement
from openiwd.domain.schema import Anchor, PointConfig, Schema, SchemaConfig, compile_schema
from openiwd.domain.simulation.dice import Bag, Dice
from openiwd.domain.simulation.staff import make_agents, open_agent_time
from openiwd.domain.simulation.working_time import QUEUE_HOURS, START, make_clocks

MEDIA: Final = ("email", "workitem", "chat")
WEIGHTS: Final = {"email": 1, "workitem": 1, "chat": 2}
SEGMENTS: Final = (None, "gold", "silver", "bronze")
SMALL: Final = 20_000
"""Up to so many items instants fall between seconds too; beyond it on whole seconds, so that passes are shared."""
_LOAD: Final = 0.8
_SIGMA: Final = 0.8


class Size(Struct, frozen=True, kw_only=True, rename="camel"):
    """What to simulate. `hours` is how long items arrive and agents work."""

    agents: int
    items: int
    hours: int = 84
    skills: int = 50
    signatures: int = 2_000
    faults: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Items of one signature: where they wait, what they ask for, and how long they keep an agent busy."""

    queue_id: str
    media: str
    schema_id: str
    requirement: Requirement
    handle_median: float
    """Microseconds."""
    target_handle_time: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Tenant:
    """The invented tenant. `weights` are the running sums of how often each kind arrives."""

    size: Size
    start: int
    end: int
    grain: int
    clocks: Mapping[str, Clock]
    schemas: Mapping[str, Schema]
    schema_configs: Mapping[str, SchemaConfig]
    queues: Mapping[str, Queue]
    agents: tuple[Agent, ...]
    kinds: tuple[Kind, ...]
    weights: tuple[float, ...]

    def on_grid(self, at: float) -> int:
        """The instant, or the next one on the grid."""
        return -(-int(at) // self.grain) * self.grain


def make_tenant(size: Size, bag: Bag) -> Tenant:
    """The tenant of a seed; deterministic in its arguments."""
    dice = bag("tenant")
    clocks = make_clocks()
    configs = {config.id: config for config in _schemas()}
    groups = tuple(f"group{n}" for n in range(max(2, min(40, size.agents // 20))))
    skills = tuple(f"skill{n}" for n in range(size.skills))
    queues = _queues(dice, size, groups, skills)
    agents = make_agents(size.agents, groups, skills, bag("agents"))
    kinds = _kinds(dice, size, queues, agents, clocks)
    return Tenant(
        size=size,
        start=START,
        end=START + size.hours * HOUR,
        grain=SECOND if size.items > SMALL else dice.choice((1, SECOND, 30 * SECOND)),
        clocks=clocks,
        schemas={c.id: compile_schema(c, clocks[c.clock]) for c in configs.values()},
        schema_configs=configs,
        queues=queues,
        agents=agents,
        kinds=kinds,
        weights=tuple(accumulate(1 / (rank + 3) for rank in range(len(kinds)))),
    )


def _points(*pairs: tuple[str, int]) -> tuple[PointConfig, ...]:
    return tuple(PointConfig(age, priority) for age, priority in pairs)


def _schemas() -> tuple[SchemaConfig, ...]:
    steps = Interpolation.STEPS
    return (
        SchemaConfig(
            id="rising",
            name="Rising",
            points=_points(("0h", 100), ("2h", 220), ("8h", 600)),
            slope_after=15,
            sla="8h",
        ),
        SchemaConfig(
            id="capped",
            name="Rising under a maximum",
            clock="office",
            points=_points(("0h", 150), ("4h", 400)),
            slope_after=90,
            maximum=577,
            sla="6h",
        ),
        SchemaConfig(
            id="falling",
            name="Falling",
            points=_points(("0m", 500), ("45m", 350), ("5h", 80)),
            slope_after=-2,
            sla="1h",
        ),
        SchemaConfig(
            id="steps",
            name="Steps",
            clock="extended",
            interpolation=steps,
            points=_points(("0h", 100), ("1h", 260), ("3h", 420), ("9h", 180)),
            sla="3h",
        ),
        SchemaConfig(
            id="due",
            name="Due date",
            clock="office",
            anchor=Anchor.DUE,
            points=_points(("-8h", 60), ("-90m", 330), ("0h", 700), ("30h", 300)),
            sla="8h",
        ),
        SchemaConfig(
            id="value",
            name="Worth",
            clock="west",
            points=_points(("0h", 50), ("7h", 155)),
            slope_after=Decimal("7.5"),
            value_weight=Decimal("1.25"),
            sla="24h",
        ),
        SchemaConfig(id="flat", name="Flat", points=_points(("0h", 240))),
    )


def _queues(dice: Dice, size: Size, groups: tuple[str, ...], skills: tuple[str, ...]) -> dict[str, Queue]:
    number = max(2, min(60, size.signatures // 25))
    configs = [_queue(dice, index, size, groups, skills) for index in range(number)]
    return {config.id: compile_queue(config, "queue") for config in configs}


def _queue(
    dice: Dice, index: int, size: Size, groups: tuple[str, ...], skills: tuple[str, ...]
) -> QueueConfig:
    served = dice.sample(groups, dice.choice((0, 1, 1, 2)))
    delivery = (Delivery.PUSH,) * 8 + (Delivery.BOTH,) * 3 + (Delivery.PULL,)
    few = max(1, size.agents // 40)
    steps = [
        RelaxationStep(after="10m", skill=dice.choice(skills), level=2),
        RelaxationStep(after="45m", drop_skill=dice.choice(skills)),
        RelaxationStep(after="2h", group=dice.choice(groups)),
    ]
    return QueueConfig(
        id=f"queue{index:02}",
        name=f"Queue {index}",
        groups=[
            QueueGroupConfig(group, "0s" if place == 0 else dice.choice(("5m", "30m", "90m")))
            for place, group in enumerate(served)
        ],
        delivery=delivery[0] if index == 0 else dice.choice(delivery),
        hours=dice.choice((None, None, *QUEUE_HOURS)),
        auto_accept=dice.random() < 0.15,
        wrap_up=dice.choice(("0s", "0s", "30s", "2m")),
        limit=dice.choice((None, None, None, few, 3 * few)),
        segment_by="ext.customerSegment",
        reserve_for="1h",
        return_after="1h",
        prefer_last_agent=dice.choice((None, LastAgentConfig("30d", "10m"))),
        decline_exclusion=dice.choice(("5m", "15m")),
        not_ready_on_timeout=dice.random() < 0.7,
        relaxation=steps if dice.random() < 0.4 else [],
    )


def _kinds(
    dice: Dice,
    size: Size,
    queues: Mapping[str, Queue],
    agents: tuple[Agent, ...],
    clocks: Mapping[str, Clock],
) -> tuple[Kind, ...]:
    """Each signature is one that some agent can serve; handling times make the whole a well loaded tenant."""
    start, end = START, START + size.hours * HOUR
    mean = _LOAD * open_agent_time(agents, clocks, start, end) / max(1, size.items)
    median = min(max(mean, 20 * SECOND), 3 * HOUR) / exp(_SIGMA**2 / 2)
    return tuple(_kind(dice, queues, agents, median) for _ in range(size.signatures))


def _kind(dice: Dice, queues: Mapping[str, Queue], agents: tuple[Agent, ...], median: float) -> Kind:
    model = dice.choice(agents)
    fitting = [q for q in queues.values() if not q.groups or any(g.group in model.groups for g in q.groups)]
    queue = dice.choice(fitting or list(queues.values()))
    wanted = dice.sample(model.skills, min(len(model.skills), dice.choice((0, 1, 1, 2, 2, 3))))
    media = dice.choice(
        [m for m in MEDIA if model.capacity.media.get(m, 1) and WEIGHTS[m] <= model.capacity.total]
    )
    own = median * dice.choice((0.4, 0.8, 1.0, 1.4))
    return Kind(
        queue_id=queue.id,
        media=media,
        schema_id=dice.choice(("rising", "rising", "capped", "falling", "steps", "due", "value", "flat")),
        requirement=_requirement(dice, _wanted(dice, wanted), model, agents),
        handle_median=own,
        target_handle_time=int(own) // SECOND * SECOND if dice.random() < 0.5 else None,
    )


def _wanted(dice: Dice, own: list[AgentSkill]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((skill.skill, dice.randint(1, skill.level)) for skill in own))


def _requirement(
    dice: Dice, skills: tuple[tuple[str, int], ...], model: Agent, agents: tuple[Agent, ...]
) -> Requirement:
    roll = dice.random()
    relaxation: tuple[Relaxation, ...] = ()
    if skills and dice.random() < 0.3:
        relaxation = (
            Relaxation(20 * MINUTE, skill=skills[0][0], level=1),
            Relaxation(90 * MINUTE, drop_skill=skills[-1][0]),
        )
    other = dice.choice(agents).id
    return Requirement(
        skills=skills,
        agents=(model.id,) if roll < 0.04 else (),
        agents_only=roll < 0.015,
        groups=model.groups[:1] if 0.04 <= roll < 0.1 else (),
        groups_only=0.08 <= roll < 0.1,
        prefer_for=dice.choice((5, 15)) * MINUTE if roll < 0.1 else 0,
        excluded=(other,) if dice.random() < 0.05 and other != model.id else (),
        relaxation=relaxation,
    )
