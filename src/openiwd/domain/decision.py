"""Decision records: why an item went to an agent (see recorder), or why it still waits. Pure; told in words.

The words are message keys with parameters; their texts lie in the catalogues.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.distribution import eligible_items
from openiwd.domain.eligibility import OF_QUEUE, Reason
from openiwd.domain.instant import from_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.schema import Exact, Schema, hundredths, of_hundredths, shown
from openiwd.domain.upcoming import ChangeKind, changes_for, sample
from openiwd.domain.world import World

RUNNERS_UP = 5

Number = int | float
"""A priority or a part of one, as shown: two decimals at most."""


class PriorityParts(Struct, frozen=True, omit_defaults=True):
    """What a priority is made of: curve at an age + value part + adjustment; or the fixed priority alone."""

    total: Number = field(name="t")
    curve: Number | None = field(default=None, name="c")
    age: int | None = field(default=None, name="a")
    """Microseconds on the schema's clock."""
    value: Number = field(default=0, name="v")
    adjustment: int = field(default=0, name="j")
    fixed: int | None = field(default=None, name="f")
    schema_id: str | None = field(default=None, name="s")


class NextChange(Struct, frozen=True, omit_defaults=True):
    at: int = field(name="t")
    kind: str = field(name="k")
    gained: int = field(default=0, name="g")
    params: dict[str, str | int] = field(default={}, name="p")


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision, or the state of one that is not yet made (`agent_id` None). Short keys when packed."""

    at: int = field(name="t")
    rule_set_version: int | None = field(default=None, name="r")
    kind: GrantKind | None = field(default=None, name="k")
    agent_id: str | None = field(default=None, name="a")
    item_number: int = field(name="i")
    revision: int = field(default=1, name="v")
    priority: PriorityParts = field(name="p")
    waiting: int = field(default=0, name="w")
    """Items in the backlog at that instant."""
    rank: int | None = field(default=None, name="n")
    considered: int = field(default=0, name="c")
    """Agents looked at; fewer than `agents` where a sample stood for all."""
    agents: int = field(default=0, name="g")
    eligible: int = field(default=0, name="e")
    excluded: dict[str, int] = field(default={}, name="x")
    """Agents by the first reason that excludes them."""
    skills: tuple[tuple[str, int, int], ...] = field(default=(), name="s")
    """Skills asked for: name, level needed, level of the agent chosen (0 while none is)."""
    runners_up: tuple[tuple[int, Number], ...] = field(default=(), name="u")
    changes: tuple[NextChange, ...] = field(default=(), name="h")
    of_pass: bool = field(default=False, name="o")
    """One of many choices of a pass: runners-up are then only the next ones chosen of the same demand."""

    @property
    def is_sampled(self) -> bool:
        return self.considered < self.agents


class WhyNot(NamedTuple):
    """Why an agent does not get an item: a reason, or else the better item that the agent gets first."""

    reason: Reason | None
    better: BacklogItem | None


def to_plain(decision: Decision) -> dict[str, Any]:
    """Plain JSON values under short keys, defaults left out."""
    values: dict[str, Any] = msgspec.to_builtins(decision)
    return values


def of_plain(values: dict[str, Any]) -> Decision:
    return msgspec.convert(values, Decision)


def explain_waiting(world: World, item: BacklogItem, now: int) -> Decision:
    """Why the item still waits: who is excluded and for which reason, and what will change that."""
    demand = world.demand(item, now)
    considered, excluded, eligible = _counted(world, item, demand, now)
    changes = changes_for(world, item, now)
    return Decision(
        at=now,
        rule_set_version=world.rule_set_version,
        item_number=item.number,
        revision=item.revision,
        priority=_parts(world, item, now),
        waiting=len(world.backlog),
        rank=world.backlog.rank(item.number, now),
        considered=considered,
        agents=len(world.agents),
        eligible=eligible,
        excluded=excluded,
        skills=tuple((skill, level, 0) for skill, level in demand.signature.skills),
        runners_up=shown_items(world, world.backlog.behind(item.number, now, RUNNERS_UP), now),
        changes=tuple(NextChange(c.at, c.kind, c.gained, c.params) for c in changes),
    )


def why_not(
    world: World, item: BacklogItem, agent: Agent, now: int, kind: GrantKind = GrantKind.PUSH
) -> WhyNot:
    """Why this agent does not have this item; neither reason nor better item: it is the agent's next one."""
    reason = world.exclusion(agent, item, now, kind)
    if reason is not None:
        return WhyNot(reason, None)
    best = next(iter(eligible_items(world, agent, now, kind)), None)
    return WhyNot(None, None if best is None or best.number == item.number else best)


def _counted(world: World, item: BacklogItem, demand: Demand, now: int) -> tuple[int, dict[str, int], int]:
    """How many agents were looked at, by which reasons they are excluded, and how many are eligible."""
    eligibility = world.eligibility(now)
    looked_at = sample(world.agents.values())
    closed = eligibility.of_queue(demand, item.segment)
    if closed is not None:
        return len(looked_at), {closed.value: len(looked_at)}, 0
    reasons = Counter(
        eligibility.reason(agent, world.load(agent.id), item, demand, with_queue=False) for agent in looked_at
    )
    eligible = reasons.pop(None, 0)
    return len(looked_at), {str(reason): count for reason, count in reasons.most_common()}, eligible


class Parts(NamedTuple):
    """`PriorityParts` in whole hundredths, but for what is a whole number anyway."""

    total: int
    curve: int | None
    age: int | None
    value: int
    adjustment: int
    fixed: int | None
    schema_id: str | None


def parts_of(
    schema: Schema | None, elapsed: int | None, item: BacklogItem, total: int, exact: Exact
) -> Parts:
    """What the exact priority (in hundredths `total`) is made of; `elapsed` is what the schema's clock shows."""
    own = item.standing
    if own.fixed is not None:
        return Parts(total, None, None, 0, 0, own.fixed, None)
    if schema is None or elapsed is None:
        return Parts(total, None, None, 0, int(own.constant), None, None)
    # Whole numbers instead of fractions: this is reckoned for every claim.
    constant, weight = own.constant, schema.value_weight
    whole, part = constant.numerator, constant.denominator
    value, value_part = weight.numerator * item.business_value, weight.denominator
    above, below = exact.numerator, exact.denominator
    return Parts(
        total,
        hundredths(above * part - whole * below, below * part),
        elapsed - own.origin,
        hundredths(value, value_part),
        (whole * value_part - value * part) // (part * value_part),
        None,
        schema.id,
    )


def told_parts(parts: Parts) -> PriorityParts:
    """The parts as they are shown."""
    return PriorityParts(
        of_hundredths(parts.total),
        curve=None if parts.curve is None else of_hundredths(parts.curve),
        age=parts.age,
        value=of_hundredths(parts.value),
        adjustment=parts.adjustment,
        fixed=parts.fixed,
        schema_id=parts.schema_id,
    )


def _parts(world: World, item: BacklogItem, now: int) -> PriorityParts:
    schema = world.backlog.schema(item.standing.schema_id)
    exact = world.backlog.priority(item.number, now)
    total = hundredths(exact.numerator, exact.denominator)
    elapsed = None if schema is None else schema.clock.elapsed(now)
    return told_parts(parts_of(schema, elapsed, item, total, exact))


def shown_items(world: World, items: list[BacklogItem], now: int) -> tuple[tuple[int, Number], ...]:
    return tuple((one.number, shown(world.backlog.priority(one.number, now))) for one in items)


# Words -----------------------------------------------------------------------------------------------------------

Sentence = tuple[str, dict[str, Any]]


def sentences(decision: Decision) -> list[Sentence]:
    """The record as message keys with parameters, in the order in which it is told."""
    told: list[Sentence] = [_headline(decision)]
    if decision.rank is not None:
        told.append(("decision.rank", {"rank": decision.rank, "waiting": decision.waiting}))
    told.extend(_skills(decision))
    told.extend(_priority(decision.priority))
    scope = {"considered": decision.considered, "agents": decision.agents, "eligible": decision.eligible}
    told.append(("decision.sampled" if decision.is_sampled else "decision.considered", scope))
    for reason, count in decision.excluded.items():
        told.append((f"decision.excluded.{reason}", {"count": count}))
    for change in decision.changes:
        params = {**change.params, "at": from_micros(change.at).isoformat(), "gained": change.gained}
        told.append((_change_key(change), params))
    if decision.of_pass:
        told.append(("decision.ofPass", {}))
    for number, priority in decision.runners_up:
        told.append(
            (
                "decision.runnerUp",
                {
                    "item": number,
                    "priority": priority,
                    "difference": _rounded(priority - decision.priority.total),
                },
            )
        )
    told.append(
        (
            "decision.made",
            {"at": from_micros(decision.at).isoformat(), "ruleSetVersion": decision.rule_set_version},
        )
    )
    return told


def _headline(decision: Decision) -> Sentence:
    """The one sentence that answers the question."""
    if decision.agent_id is not None:
        kind = (decision.kind or GrantKind.PUSH).value
        return f"decision.{kind}", {"agent": decision.agent_id, "waiting": decision.waiting}
    if decision.eligible:
        return "decision.waiting.next", {"eligible": decision.eligible}
    reasons = {Reason(reason): count for reason, count in decision.excluded.items()}
    if not reasons:
        return "decision.waiting.noAgents", {}
    for reason in OF_QUEUE.intersection(reasons):
        return f"decision.waiting.{reason.value}", {}
    lasting = (Reason.INACTIVE, Reason.MEDIA, Reason.EXCLUDED, Reason.REQUESTED, Reason.GROUP, Reason.SKILL)
    if not decision.is_sampled and all(reason in lasting for reason in reasons):
        return "decision.waiting.nobodyQualifies", {}
    if Reason.RESERVED in reasons:
        return "decision.waiting.reserved", {}
    if Reason.PREFERRED in reasons and not any(_could_soon(other) for other in reasons):
        return "decision.waiting.preferred", {}
    if Reason.CAPACITY in reasons or Reason.MEDIA_CAPACITY in reasons or Reason.OFFERED in reasons:
        return "decision.waiting.allBusy", {}
    return "decision.waiting.noneReady", {}


def _could_soon(reason: Reason) -> bool:
    """Whether agents excluded for this reason qualify for the item, all else aside."""
    return list(Reason).index(reason) >= list(Reason).index(Reason.DECLINED)


def _skills(decision: Decision) -> list[Sentence]:
    chosen = decision.agent_id is not None
    key = "decision.skill" if chosen else "decision.needs"
    return [
        (
            key,
            {"skill": skill, "needed": needed, "level": level}
            if chosen
            else {"skill": skill, "needed": needed},
        )
        for skill, needed, level in decision.skills
    ]


def _priority(parts: PriorityParts) -> list[Sentence]:
    if parts.fixed is not None:
        return [("decision.priority.fixed", {"priority": parts.total})]
    told: list[Sentence] = [("decision.priority.total", {"priority": parts.total})]
    if parts.curve is not None:
        told.append(
            (
                "decision.priority.curve",
                {"priority": parts.curve, "age": parts.age, "schema": parts.schema_id},
            )
        )
    if parts.value:
        told.append(("decision.priority.value", {"priority": parts.value}))
    if parts.adjustment:
        told.append(("decision.priority.adjustment", {"priority": parts.adjustment}))
    return told


def _change_key(change: NextChange) -> str:
    if change.kind != ChangeKind.RELAXATION:
        return f"decision.change.{change.kind}"
    what = next(name for name in ("dropSkill", "skill", "group") if name in change.params)
    return f"decision.change.relaxation.{what}"


def _rounded(value: Number) -> Number:
    return shown(Fraction(str(value)))
