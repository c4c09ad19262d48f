"""Simulations of small tenants end without a violation, the same seed says the same, and wrong grants are found."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace as replaced
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from openiwd.domain import distribution
from openiwd.domain.agent import Absence, Agent, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import Choice
from openiwd.domain.instant import DAY, HOUR, MINUTE, from_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Delivery, QueueConfig, QueueGroupConfig, compile_queue
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.schema import Standing, priority_at
from openiwd.domain.simulation import faults, invariants, rulebook, run
from openiwd.domain.simulation.dice import Bag, Dice
from openiwd.domain.simulation.run import Simulation
from openiwd.domain.simulation.summary import Summary
from openiwd.domain.simulation.tenant import SMALL, Size, make_tenant
from openiwd.domain.simulation.working_time import START, make_clocks
from openiwd.domain.world import World


def bag(seed: int) -> Bag:
    def dice(part: str, /) -> Dice:
        return Random(f"{seed}/{part}")

    return dice


def size(seed: int, **changed: Any) -> Size:
    values: dict[str, Any] = {
        "agents": 2 + seed % 4,
        "items": 20 + seed % 30,
        "hours": 80 if seed % 20 == 3 else 5 + seed % 4,
        "skills": 10 + seed % 5,
        "signatures": 8 + seed % 20,
        "faults": seed % 2 == 1,
    }
    return Size(**{**values, **changed})


def simulate(seed: int, **changed: Any) -> Summary:
    return Simulation(size(seed, **changed), seed, bag(seed)).run()


@pytest.mark.parametrize("tens", range(20))
def test_no_invariant_is_violated(tens: int) -> None:
    for seed in range(10 * tens, 10 * tens + 10):
        summary = simulate(seed)
        assert summary.violated == {}, (seed, summary.violations)
        counts = summary.counts
        ends = sum(counts[f"{where} at the end"] for where in ("waiting", "in hand", "held"))
        assert counts["created"] == size(seed).items
        assert counts["created"] == counts.get("completed", 0) + counts.get("canceled", 0) + ends


def test_a_larger_tenant_sees_everything_that_can_happen() -> None:
    summary = simulate(11, agents=20, items=450, hours=12, skills=12, signatures=24, faults=True)
    assert summary.violated == {}
    for name in (
        *(
            "accepted",
            "declined",
            "timed out",
            "pulled",
            "completed",
            "canceled",
            "updated",
            "held",
            "resumed",
        ),
        *("transferred", "returned", "logins", "agents lost", "deciders lost", "notifications repeated"),
    ):
        assert summary.counts[name] > 0, name
    assert summary.checks["grants"] == summary.counts["offers"] + summary.counts["pulled"]
    assert summary.checks["grants"] == summary.checks["compared with the whole backlog"]
    assert summary.service_level.share is not None
    assert 0 < summary.service_level.share < 1
    assert summary.waits.count == sum(queue.waits.count for queue in summary.queues)
    assert sum(queue.arrived for queue in summary.queues) == 450
    waits = summary.waits
    assert [waits.p50, waits.p90, waits.p99, waits.max] == sorted(
        [waits.p50 or 0, waits.p90 or 0, waits.p99 or 0, waits.max or 0]
    )
    assert summary.utilisation.overall is not None
    assert 0 < summary.utilisation.overall < 1


def test_in_a_large_tenant_decisions_are_sampled() -> None:
    summary = simulate(3, agents=10, items=invariants.WORLD_OF_FEW + 500, hours=6, faults=False)
    assert summary.violated == {}
    assert 0 < summary.checks["compared with the whole backlog"] < summary.checks["grants"]


def test_the_same_seed_gives_the_same_bytes_whatever_the_hashes() -> None:
    code = (
        "import msgspec, sys\n"
        "from tests.unit.test_simulation import simulate\n"
        "sys.stdout.write(msgspec.json.encode(simulate(5, agents=12, items=150)).decode())\n"
    )
    root = Path(__file__).resolve().parents[2]
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": hashes, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for hashes in ("0", "1", "4711")
    ]
    assert said[0] == said[1] == said[2] == msgspec.json.encode(simulate(5, agents=12, items=150))
    assert said[0] != msgspec.json.encode(simulate(6, agents=12, items=150))


def test_a_stopwatch_moves_nothing() -> None:
    ticks: Iterator[float] = iter(range(10**9))
    measured = Simulation(size(4), 4, bag(4), lambda: next(ticks))
    assert msgspec.json.encode(measured.run()) == msgspec.json.encode(simulate(4))
    assert measured.decision_seconds > 0


def test_instants_of_large_tenants_lie_on_whole_seconds() -> None:
    tenant = make_tenant(size(1, items=SMALL + 1), bag(1))
    assert tenant.on_grid(tenant.start + 1) == tenant.start + 1_000_000
    assert tenant.on_grid(tenant.start) == tenant.start


def test_the_tenant_has_weekends_a_holiday_and_a_change_of_the_clocks() -> None:
    clocks = make_clocks()
    saturday, monday = START + DAY, START + 3 * DAY
    assert clocks["office"].between(saturday, saturday + DAY) == 0
    assert clocks["west"].between(monday, monday + DAY - 6 * HOUR) == 0
    assert clocks["office"].between(monday, monday + DAY) > 0
    assert clocks["extended"].between(monday - 2 * HOUR, monday + 18 * HOUR) == 6 * HOUR
    assert clocks["office"].offset_at(START) != clocks["office"].offset_at(monday)


def test_the_rulebook_reads_priorities_as_the_schemas_do() -> None:
    simulation = Simulation(size(8, items=300, signatures=60), 8, bag(8))
    simulation.run()
    rules = rulebook.Rulebook(simulation.tenant)
    seen = set()
    for item in simulation.scene.store.items.values():
        schema = simulation.tenant.schemas[item.kind.schema_id]
        for now in (START, START + 3 * HOUR + 1, START + 2 * DAY + 7, START + 9 * DAY):
            expected = priority_at(schema, item.waiting.standing, now)
            assert rules.priority(item, now) == expected
        seen.add(schema.id)
    assert len(seen) > 4


@pytest.mark.parametrize("module", [rulebook, invariants])
def test_the_observer_asks_the_decision_code_nothing(module: Any) -> None:
    """It may name its types; functions of it would let it err as the code does that it watches."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    allowed = {"Choice", "World", "BacklogItem"}
    decides = ("backlog", "backlog_item", "distribution", "eligibility", "upcoming", "curve", "decision")
    used = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] in decides
        for alias in node.names
    }
    assert used <= allowed


# Wrong decisions are found ------------------------------------------------------------------------------

Distribute = Callable[[World, int], list[Choice]]


def found(
    monkeypatch: pytest.MonkeyPatch, wrong: Distribute, seeds: int = 12, **changed: Any
) -> Counter[str]:
    """What the observer says of a decision code that errs."""
    monkeypatch.setattr(run, "distribute", wrong)
    counts: Counter[str] = Counter()
    for seed in range(seeds):
        counts.update(simulate(seed, **{"faults": False, **changed}).violated)
    return counts


def test_the_second_best_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(world: World, now: int) -> list[Choice]:
        chosen = distribution.distribute(world, now)
        for index, choice in enumerate(chosen):
            agent = world.agents[choice.agent_id]
            able = list(distribution.eligible_items(world, agent, now, GrantKind.PUSH))
            taken = {other.item.number for other in chosen}
            rest = [item for item in able[1:] if item.number not in taken]
            if rest:
                priority = world.backlog.priority(rest[0].number, now)
                chosen[index] = Choice(rest[0], choice.agent_id, choice.kind, priority)
        return chosen

    assert found(monkeypatch, wrong)["best item"] > 0


def test_a_pass_that_grants_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, lambda _world, _now: [], seeds=3)["idle agent"] > 0


def test_a_pass_that_forgets_an_agent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, lambda w, n: distribution.distribute(w, n)[1:])["idle agent"] > 0


def test_a_wrong_priority_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(world: World, now: int) -> list[Choice]:
        return [
            c._replace(priority=c.priority + Fraction(1, 10**9)) for c in distribution.distribute(world, now)
        ]

    assert set(found(monkeypatch, wrong, seeds=3)) == {"priority"}


def test_an_item_given_to_somebody_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(world: World, now: int) -> list[Choice]:
        chosen = distribution.distribute(world, now)
        others = [a.id for a in world.agents.values() if a.id not in {c.agent_id for c in chosen}]
        return [c._replace(agent_id=others.pop()) if others else c for c in chosen]

    counts = found(monkeypatch, wrong)
    assert counts["eligible"] > 0
    assert counts["capacity"] > 0


def test_an_item_chosen_as_it_was_before_a_change_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(world: World, now: int) -> list[Choice]:
        return [
            c._replace(item=replace(c.item, revision=c.item.revision - 1))
            for c in distribution.distribute(world, now)
        ]

    assert found(monkeypatch, wrong, seeds=2)["waiting"] > 0


def test_a_timer_that_sleeps_too_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "next_change", lambda _world, _now: None)
    assert found(monkeypatch, distribution.distribute)["timer"] > 0


def test_a_picture_made_anew_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "distribute", lambda world, _now: [id(world)])
    monkeypatch.setattr(faults, "_plain", lambda choices: choices)
    counts = found(monkeypatch, distribution.distribute, seeds=6, faults=True)
    assert set(counts) == {"rebuilt"}


def test_a_lost_item_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(size(2), 2, bag(2))
    simulation.run()
    watch, world = simulation.scene.watch, simulation.scene.picture.world
    waiting = next(iter(world.backlog.items()), None)
    watch.created += waiting is None
    if waiting is not None:
        world.backlog.remove(waiting.number)
    watch.after_pass(world, simulation.scene.now)
    assert watch.counts["conservation"] == 1


# Each rule of eligibility, broken one at a time ---------------------------------------------------------

NOW = START + 2 * HOUR
AGENT = Agent(
    id="anna",
    name="Anna",
    groups=("group0",),
    skills=(AgentSkill("motor", 5), AgentSkill("german", 9, from_micros(NOW))),
    capacity=Capacity(3, {"chat": 1, "letter": 0}),
    working_hours="day",
    states={"*": MediaState(AgentState.READY)},
)
NOWHERE = Standing("flat", "wall", 0, 0)


def waiting(**changed: Any) -> BacklogItem:
    values: dict[str, Any] = {
        "number": 1,
        "id": UUID(int=1),
        "queue_id": "open",
        "media_type": "chat",
        "weight": 2,
        "requirement": Requirement(skills=(("motor", 5),)),
        "queued_at": NOW - 10 * MINUTE,
        "standing": NOWHERE,
        "anchor_at": NOW,
    }
    return BacklogItem(**{**values, **changed})


def refusal(
    agent: Agent = AGENT,
    hands: rulebook.Hands | None = None,
    kind: GrantKind = GrantKind.PUSH,
    outstanding: int = 0,
    now: int = NOW,
    **changed: Any,
) -> str | None:
    queues = {
        config.id: compile_queue(config, "queue")
        for config in (
            QueueConfig(id="open", name="Open"),
            QueueConfig(id="pull", name="Pull", delivery=Delivery.PULL),
            QueueConfig(id="limited", name="Limited", limit=2),
            QueueConfig(id="west", name="West", hours="west"),
            QueueConfig(id="other", name="Other", groups=[QueueGroupConfig("group1")]),
            QueueConfig(id="overflow", name="Overflow", groups=[QueueGroupConfig("group0", "10m")]),
        )
    }
    tenant = replaced(make_tenant(size(1), bag(1)), queues=queues)
    item = waiting(**changed)
    counts = {(item.queue_id, item.segment): outstanding}
    return rulebook.Rulebook(tenant).refusal(agent, hands or rulebook.Hands(), item, now, kind, counts)


def with_state(state: AgentState, **rest: Any) -> Agent:
    return replace(AGENT, states={"*": MediaState(state, **rest)})


def asking(**asked: Any) -> Requirement:
    return Requirement(**{"prefer_for": 15 * MINUTE, **asked})


AWAY = Absence(from_micros(NOW + 5 * MINUTE), from_micros(NOW + HOUR))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"queue_id": "pull"}, "delivery"),
        ({"queue_id": "pull", "kind": GrantKind.PULL}, None),
        ({"kind": GrantKind.PULL}, "delivery"),
        ({"kind": GrantKind.PULL, "reserved_for": "anna"}, None),
        ({"queue_id": "limited", "outstanding": 1}, None),
        ({"queue_id": "limited", "outstanding": 2}, "segment limit"),
        ({"queue_id": "west"}, "queue hours"),
        ({"queue_id": "other"}, "group"),
        ({"queue_id": "overflow"}, None),
        ({"queue_id": "overflow", "now": NOW - 1}, "group"),
        ({"media_type": "letter"}, "media"),
        ({"requirement": asking(skills=(("motor", 6),))}, "skill"),
        ({"requirement": asking(skills=(("german", 1),))}, "skill"),
        ({"requirement": asking(skills=(("german", 1),)), "now": NOW - 1}, None),
        (
            {"requirement": asking(skills=(("motor", 6),), relaxation=(Relaxation(10 * MINUTE, "motor"),))},
            None,
        ),
        (
            {
                "requirement": asking(
                    skills=(("motor", 9),), relaxation=(Relaxation(MINUTE, skill="motor", level=5),)
                )
            },
            None,
        ),
        (
            {"queue_id": "other", "requirement": asking(relaxation=(Relaxation(MINUTE, group="group0"),))},
            None,
        ),
        ({"requirement": asking(excluded=("anna",))}, "excluded"),
        ({"requirement": asking(agents=("bert",))}, "preferred"),
        ({"requirement": asking(agents=("bert", "anna"))}, None),
        ({"requirement": asking(agents=("bert",), prefer_for=10 * MINUTE)}, None),
        ({"requirement": asking(agents=("bert",), agents_only=True, prefer_for=MINUTE)}, "requested"),
        ({"requirement": asking(groups=("group1",), groups_only=True)}, "requested"),
        ({"requirement": asking(agents=("bert",), groups=("group0",))}, None),
        ({"last_agent": "bert", "last_agent_until": NOW + 1}, "preferred"),
        ({"last_agent": "bert", "last_agent_until": NOW}, None),
        ({"reserved_for": "bert"}, "reserved"),
        ({"reserved_for": "bert", "reserved_until": NOW}, None),
        ({"reserved_for": "anna", "queue_id": "other"}, None),
        ({"excluded": (("anna", NOW + 1),)}, "declined"),
        ({"excluded": (("anna", NOW),)}, None),
        ({"agent": with_state(AgentState.LOGGED_OUT)}, "logged out"),
        ({"agent": with_state(AgentState.NOT_READY)}, "state"),
        ({"agent": with_state(AgentState.NOT_READY), "queue_id": "pull", "kind": GrantKind.PULL}, None),
        ({"agent": with_state(AgentState.READY, pending=AgentState.NOT_READY)}, "state"),
        ({"agent": with_state(AgentState.AFTER_WORK)}, "state"),
        ({"agent": with_state(AgentState.AFTER_WORK, until=from_micros(NOW + 1))}, "state"),
        ({"agent": with_state(AgentState.AFTER_WORK, until=from_micros(NOW))}, None),
        ({"agent": replace(AGENT, absences=(AWAY,)), "handle_time": 5 * MINUTE}, None),
        ({"agent": replace(AGENT, absences=(AWAY,)), "handle_time": 5 * MINUTE + 1}, "working time"),
        ({"agent": replace(AGENT, absences=(AWAY,)), "now": NOW + 5 * MINUTE}, "working time"),
        ({"agent": replace(AGENT, working_hours="late")}, "working time"),
        ({"handle_time": 3 * HOUR}, None),
        ({"handle_time": 3 * HOUR + 1}, "working time"),
        ({"hands": rulebook.Hands(offers=1)}, "offer open"),
        ({"hands": rulebook.Hands(weight=1)}, None),
        ({"hands": rulebook.Hands(weight=2)}, "capacity"),
        ({"hands": rulebook.Hands(weight=1, media={"chat": 1})}, "media capacity"),
        ({"hands": rulebook.Hands(weight=1, media={"email": 1})}, None),
    ],
)
def test_the_rulebook_refuses(given: dict[str, Any], expected: str | None) -> None:
    assert refusal(**given) == expected
