"""Decision records: counts that reconcile, parts that add up, reasons and changes told in words."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.agent import Absence, Agent, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.decision import (
    RUNNERS_UP,
    Decision,
    explain_waiting,
    of_plain,
    sentences,
    to_plain,
    why_not,
)
from openiwd.domain.distribution import distribute, for_agent, next_for
from openiwd.domain.eligibility import Load, Reason
from openiwd.domain.instant import HOUR, MINUTE, from_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.packed_decision import MAX_BYTES, unpack
from openiwd.domain.queue import Delivery, QueueConfig, QueueGroupConfig, compile_queue
from openiwd.domain.recorder import Recorder, record
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.schema import SchemaConfig, compile_schema, shown, standing
from openiwd.domain.upcoming import MAX_AGENTS, ChangeKind, changes_for
from openiwd.domain.world import World
from tests.unit.random_world import CLOCKS, START, TwinWorld, points

seeds = st.integers(0, 2**40)
SCHEMA = compile_schema(
    SchemaConfig(id="motor", name="Motor", points=points(("0h", 200), ("2h", 320)), value_weight=2),
    CLOCKS["wall"],
)
READY = {"*": MediaState(AgentState.READY)}


def world_of(*agents: Agent, **queue: Any) -> World:
    compiled = compile_queue(QueueConfig(id="motor_l2", name="Motor L2", **queue), "queue")
    world = World({"motor_l2": compiled}, {"motor": SCHEMA}, CLOCKS, 41)
    for agent in agents:
        world.put_agent(agent)
    return world


def agent(agent_id: str, level: int = 6, states: dict[str, MediaState] = READY, **rest: Any) -> Agent:
    return Agent(
        id=agent_id, name=agent_id, skills=(AgentSkill("motor_claims", level),), states=states, **rest
    )


def waiting(world: World, number: int = 1, waited: int = HOUR, **rest: Any) -> BacklogItem:
    value = rest.pop("business_value", 0)
    values: dict[str, Any] = {
        "requirement": Requirement(skills=(("motor_claims", 6),)),
        "standing": standing(
            SCHEMA, START - waited, 0, value, rest.pop("adjustment", 0), rest.pop("fixed", None)
        ),
    }
    item = BacklogItem(
        number=number, id=UUID(int=number), queue_id="motor_l2", queued_at=START - waited, anchor_at=START - waited,
        business_value=value, **{**values, **rest},
    )  # fmt: skip
    world.backlog.put(item, START)
    return item


def keys(decision: Decision) -> list[str]:
    return [key for key, _ in sentences(decision)]


def test_a_choice_is_told_with_its_reasons() -> None:
    world = world_of(
        agent("anna", 7), agent("ben", 3), agent("carl", 9, {"*": MediaState(AgentState.NOT_READY)})
    )
    waiting(world, 1, business_value=50, adjustment=7)
    for number in range(2, 10):
        waiting(world, number, waited=HOUR - number * MINUTE)
    choice = for_agent(world, world.agents["anna"], START)
    assert choice is not None
    decision = record(world, choice, START)
    assert (decision.item_number, decision.agent_id, decision.kind) == (1, "anna", GrantKind.PUSH)
    assert decision.rule_set_version == 41
    assert decision.priority.total == 260 + 100 + 7
    assert decision.priority.curve == 260
    assert decision.priority.age == HOUR
    assert (decision.priority.value, decision.priority.adjustment) == (100, 7)
    assert decision.excluded == {"skill": 1, "notReady": 1}
    assert (decision.considered, decision.eligible) == (3, 1)
    assert decision.skills == (("motor_claims", 6, 7),)
    assert [number for number, _ in decision.runners_up] == [2, 3, 4, 5, 6]
    told = sentences(decision)
    assert told[0] == ("decision.push", {"agent": "anna", "waiting": 9})
    assert ("decision.skill", {"skill": "motor_claims", "needed": 6, "level": 7}) in told
    assert ("decision.excluded.skill", {"count": 1}) in told
    assert ("decision.runnerUp", {"item": 2, "priority": 258, "difference": -109}) in told


def test_a_waiting_item_says_what_would_change_that() -> None:
    busy = Load(weight=1)
    world = world_of(
        *(agent(f"low{i}", 5) for i in range(4)),
        agent("declined", 8),
        agent("busy", 9),
        agent("away", 9, absences=(Absence(from_micros(START - HOUR), from_micros(START + 30 * MINUTE)),)),
    )
    world.put_load("busy", busy)
    requirement = Requirement(
        skills=(("motor_claims", 6),), relaxation=(Relaxation(62 * MINUTE, skill="motor_claims", level=5),)
    )
    item = waiting(world, requirement=requirement, excluded=(("declined", START + 20 * MINUTE),))
    waiting(world, 2, waited=30 * MINUTE, requirement=requirement)
    waiting(world, 3, waited=40 * MINUTE, requirement=requirement)
    decision = explain_waiting(world, item, START)
    assert decision.excluded == {"skill": 4, "declined": 1, "capacity": 1, "absent": 1}
    assert (decision.rank, decision.waiting, decision.eligible) == (1, 3, 0)
    assert [number for number, _ in decision.runners_up] == [3, 2]
    assert [(c.at - START, c.kind, c.gained) for c in decision.changes] == [
        (2 * MINUTE, ChangeKind.RELAXATION, 4),
        (20 * MINUTE, ChangeKind.EXCLUSION_END, 1),
        (30 * MINUTE, ChangeKind.ABSENCE_END, 1),
    ]
    told = dict(sentences(decision))
    assert sentences(decision)[0] == ("decision.waiting.allBusy", {})
    assert told["decision.change.relaxation.skill"] == {
        "step": 1, "skill": "motor_claims", "level": 5, "at": "2026-03-27T09:02:00+00:00", "gained": 4,
    }  # fmt: skip
    assert told["decision.rank"] == {"rank": 1, "waiting": 3}


@pytest.mark.parametrize(
    ("agents", "queue", "item", "key"),
    [
        ([], {}, {}, "decision.waiting.noAgents"),
        ([agent("a", 3)], {}, {}, "decision.waiting.nobodyQualifies"),
        ([agent("a", 7, {})], {}, {}, "decision.waiting.noneReady"),
        ([agent("a", 7, capacity=Capacity(0))], {}, {}, "decision.waiting.allBusy"),
        ([agent("a")], {"hours": "late"}, {}, "decision.waiting.next"),
        ([agent("a")], {"delivery": Delivery.PULL}, {}, "decision.waiting.delivery"),
        ([agent("a")], {}, {"reserved_for": "b"}, "decision.waiting.reserved"),
        ([agent("a")], {}, {"last_agent": "b", "last_agent_until": START + 1}, "decision.waiting.preferred"),
        ([agent("a")], {"groups": [QueueGroupConfig("g")]}, {}, "decision.waiting.nobodyQualifies"),
    ],
)
def test_the_headline_names_the_cause(
    agents: list[Agent], queue: dict[str, Any], item: dict[str, Any], key: str
) -> None:
    world = world_of(*agents, **queue)
    assert keys(explain_waiting(world, waiting(world, **item), START))[0] == key


def test_a_fixed_priority_has_no_other_parts() -> None:
    world = world_of(agent("anna"))
    decision = explain_waiting(world, waiting(world, fixed=77, business_value=9, adjustment=3), START)
    assert decision.priority.total == decision.priority.fixed == 77
    assert decision.priority.curve is None
    assert "decision.priority.fixed" in keys(decision)


def test_why_not_names_the_reason_or_the_better_item() -> None:
    world = world_of(agent("anna"), agent("ben", 2))
    first, second = waiting(world, 1), waiting(world, 2, waited=MINUTE)
    anna, ben = world.agents["anna"], world.agents["ben"]
    assert why_not(world, second, ben, START).reason is Reason.SKILL
    assert why_not(world, second, anna, START) == (None, world.backlog.get(first.number))
    assert why_not(world, first, anna, START) == (None, None)


def test_a_sample_is_named_as_one() -> None:
    world = world_of(*(agent(f"agent{i:04}", 7 if i == 777 else 3) for i in range(1000)))
    waiting(world)
    choice = for_agent(world, world.agents["agent0777"], START)
    assert choice is not None
    decision = record(world, choice, START)
    assert decision.agents == 1000
    assert MAX_AGENTS <= decision.considered <= MAX_AGENTS + 1
    assert decision.is_sampled
    assert decision.eligible == 1
    assert "decision.sampled" in keys(decision)


@settings(max_examples=500, deadline=None)
@given(seeds, st.integers(1, 12), st.integers(0, 6))
def test_records_reconcile_and_survive_packing(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    twin.step()
    world, plain, now = twin.world, twin.plain, twin.now
    waits = [
        explain_waiting(world, item, now) for item in sorted(world.backlog.items(), key=lambda i: i.number)
    ]
    pushed = distribute(world, now)
    pulled = [c for a in world.agents.values() if (c := next_for(world, a, now)) is not None]
    passes = {choice: Recorder(world).begin([choice], now, choice.kind) for choice in (*pushed, *pulled)}
    made = [passes[choice].record(choice) for choice in pushed]
    for choice, recorded in passes.items():
        packed, decision = recorded.pack(choice), recorded.record(choice)
        assert len(packed) <= MAX_BYTES
        told = unpack(packed)
        shorter = decision.runners_up[: len(told.runners_up)]
        assert told == msgspec.structs.replace(decision, runners_up=shorter)
    for decision in (*waits, *(recorded.record(choice) for choice, recorded in passes.items())):
        assert decision.considered == decision.agents == agents
        assert decision.eligible + sum(decision.excluded.values()) == agents
        kind = (decision.kind or GrantKind.PUSH).value
        able = [a for a in plain.agents.values() if plain.eligible(a, decision.item_number, now, kind)]
        assert decision.eligible == len(able)
        parts = decision.priority
        assert parts.total == shown(plain.priority(decision.item_number, now))
        if parts.fixed is None:
            assert parts.curve is not None
            whole = Fraction(str(parts.curve)) + Fraction(str(parts.value)) + parts.adjustment
            assert shown(whole) == parts.total
        assert of_plain(msgspec.json.decode(msgspec.json.encode(to_plain(decision)))) == decision
        assert all(change.at > now for change in decision.changes)
        for key, params in sentences(decision):
            assert key.startswith("decision.")
            assert msgspec.json.encode(params)
    for decision in made:
        assert decision.agent_id is not None
        held = [
            n
            for n in plain.order(now)
            if n != decision.item_number and plain.eligible(plain.agents[decision.agent_id], n, now)
        ]
        assert [number for number, _ in decision.runners_up] == held[:RUNNERS_UP]


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(1, 6), st.integers(1, 6))
def test_gains_are_the_agents_whom_an_instant_opens_the_item_to(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    for item in list(twin.world.backlog.items()):
        able = could_but_for_presence(twin, item.number, twin.now)
        changes = changes_for(twin.world, item, twin.now)
        for at, together in groupby(changes, key=lambda change: change.at):
            then = could_but_for_presence(twin, item.number, at)
            assert {change.gained for change in together} == {len(then - able)}
            able = then


def could_but_for_presence(twin: TwinWorld, number: int, now: int) -> set[str]:
    """As if everybody were logged in, ready and free."""
    found = set[str]()
    plain = twin.plain
    plain.outstanding = {}
    kept_agents, kept_loads = dict(plain.agents), dict(plain.loads)
    for agent_id, one in kept_agents.items():
        plain.loads[agent_id] = Load()
        plain.agents[agent_id] = msgspec.structs.replace(
            one, states=READY, capacity=Capacity(100, {m: 0 for m, n in one.capacity.media.items() if n == 0})
        )
        if plain.eligible(plain.agents[agent_id], number, now):
            found.add(agent_id)
    plain.agents.update(kept_agents)
    plain.loads.update(kept_loads)
    return found
