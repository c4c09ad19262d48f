"""Distribution against the reference model, over random worlds in which time goes on."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from openiwd.domain import backlog_state, burst, fit_table, selection
from openiwd.domain.agent import Agent, AgentSkill, AgentState, MediaState
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import Choice, distribute, for_agent, for_item, next_change, next_for
from openiwd.domain.eligibility import Load
from openiwd.domain.instant import HOUR
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Delivery, QueueConfig, compile_queue
from openiwd.domain.requirement import Requirement
from openiwd.domain.schema import Standing
from openiwd.domain.serving import Servings
from openiwd.domain.world import World
from tests.unit.random_world import AGENTS, QUEUES, SEGMENTS, START, TwinWorld

seeds = st.integers(0, 2**40)


def assert_same_decisions(twin: TwinWorld) -> None:
    world, plain, now = twin.world, twin.plain, twin.now
    for agent in plain.agents.values():
        pushed, pulled = for_agent(world, agent, now), next_for(world, agent, now)
        assert (pushed.item.number if pushed else None) == plain.for_agent(agent, now)
        assert (pulled.item.number if pulled else None) == plain.for_agent(agent, now, "pull")
        assert world.flexibility(agent, now) == plain.flexibility(agent, now)
    for number in plain.items:
        item = world.backlog.get(number)
        assert item is not None
        chosen = for_item(world, item, now)
        assert (chosen.agent_id if chosen else None) == plain.for_item(number, now)
        for agent in plain.agents.values():
            for kind in GrantKind:
                is_free = world.exclusion(agent, item, now, kind) is None
                assert is_free == plain.eligible(agent, number, now, kind.value)
    for few in (0, 10):  # both ways of a pass
        found = distribute(world, now, few)
        assert [(c.item.number, c.agent_id) for c in found] == plain.distribute(now)
    assert [c.priority for c in found] == [plain.priority(c.item.number, now) for c in found]


@pytest.mark.timeout(300)
@settings(max_examples=500, deadline=None)
@given(seeds, st.integers(0, 14), st.integers(1, 6))
def test_decisions_equal_the_reference(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    assert_same_decisions(twin)
    twin.step()
    assert_same_decisions(twin)


@settings(max_examples=400, deadline=None)
@given(seeds, st.integers(1, 30), st.integers(1, 6))
def test_after_a_pass_each_agent_has_the_best_item_to_be_had(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    twin.step()
    given_to = {c.agent_id: c.item.number for c in distribute(twin.world, twin.now)}
    place = {number: rank for rank, number in enumerate(twin.plain.order(twin.now))}
    handed_out = set(given_to.values())
    for number, agent_id in twin.plain.pairs(twin.now):
        item = twin.plain.items[number].item
        assert item.queue_id is not None
        if number in handed_out or twin.plain.queues[item.queue_id].limit is not None:
            continue
        assert agent_id in given_to
        assert place[given_to[agent_id]] < place[number]


@settings(max_examples=400, deadline=None)
@given(seeds, st.integers(1, 10), st.integers(1, 5))
def test_nothing_becomes_possible_before_the_next_change(seed: int, items: int, agents: int) -> None:
    """Who can take what grows at no instant before the one named: the timer may sleep till then."""
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    twin.step()
    possible = twin.plain.pairs(twin.now)
    at = next_change(twin.world, twin.now)
    assert at is None or at > twin.now
    checks = [twin.now + 1, twin.now + twin.rnd.randint(1, 10**10)]
    if at is not None:
        checks = [twin.now + 1, (twin.now + at) // 2, at - 1]
    for now in checks:
        if at is None or twin.now < now < at:
            assert twin.plain.pairs(now) <= possible


def test_an_agent_taken_for_another_demand_is_passed_over() -> None:
    """The item's first agent declined it, the second was taken meanwhile: it goes to the third."""
    pushed = compile_queue(QueueConfig(id="q", name="Q"), "queue")
    pulled = compile_queue(QueueConfig(id="p", name="P", delivery=Delivery.PULL), "queue")
    world = World({"q": pushed, "p": pulled}, {}, {})
    ready = {"*": MediaState(AgentState.READY)}
    for since, agent_id in enumerate(("first", "declined", "skilled", "last")):
        skills = (AgentSkill("german" if agent_id == "skilled" else "english", 5),)
        world.put_agent(Agent(id=agent_id, name=agent_id, skills=skills, states=ready))
        world.put_load(agent_id, Load(idle_since=since))

    def put(number: int, priority: int, **rest: Any) -> None:
        own = Standing("", "wall", 0, 0, priority)
        values: dict[str, Any] = {"queue_id": "q", "queued_at": START, "anchor_at": START, "standing": own}
        world.backlog.put(BacklogItem(number=number, id=UUID(int=number), **{**values, **rest}), START)

    put(1, 30)
    put(2, 20, requirement=Requirement(skills=(("german", 3),)))
    put(3, 10, excluded=(("declined", START + HOUR),))
    put(4, 50, queue_id="p", requirement=Requirement(skills=(("english", 3),)))
    assert [world.flexibility(agent, START) for agent in world.agents.values()] == [2, 2, 2, 2]
    chosen = [(c.item.number, c.agent_id) for c in distribute(world, START)]
    assert chosen == [(1, "first"), (2, "skilled"), (3, "last")]


MANY = tuple(f"agent{n:02}" for n in range(16))


@pytest.mark.timeout(300)
@settings(max_examples=60, deadline=None)
@given(seeds, st.booleans())
def test_single_arrivals_find_their_agents_at_rest(seed: int, alike: bool) -> None:
    """Many agents, items one by one, of equal priority or not; of what is chosen, only some becomes a grant."""
    rnd = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_MANY", 1)
        patch.setattr(burst, "_SHARED", rnd.choice([0, 99]))
        patch.setattr(burst, "_ALL", rnd.choice([0, 99]))
        patch.setattr(backlog_state, "_SPARE", 0)
        patch.setattr(fit_table, "_SPARE", rnd.choice([0, 99]))
        twin = TwinWorld(Random(seed))
        for agent_id in MANY:
            twin.change_agent(agent_id)
        for _ in range(25):
            for _ in range(rnd.choice([0, 1, 1, 3])):
                twin.add_item(priority=160 if alike else None)
            if rnd.random() < 0.2:
                twin.step()
            if rnd.random() < 0.1:
                twin.change_agent(rnd.choice(MANY))
            for choice in pass_of(twin, rnd.choice([0, 2, 32])):
                if rnd.random() < 0.6:
                    grant(twin, choice)


def pass_of(twin: TwinWorld, few: int) -> list[Choice]:
    found = distribute(twin.world, twin.now, few)
    assert [(c.item.number, c.agent_id) for c in found] == twin.plain.distribute(twin.now)
    return found


def grant(twin: TwinWorld, choice: Choice) -> None:
    """The agent has an offer, the item waits no longer, one more is outstanding."""
    twin.remove(choice.item.number)
    load = replace(twin.plain.load(choice.agent_id), open_offer=True)
    twin.plain.loads[choice.agent_id] = load
    twin.world.put_load(choice.agent_id, load)
    twin.count((choice.item.queue_id, choice.item.segment), 1)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_what_is_forgotten_of_profiles_is_found_anew(seed: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(12, 6)
    world = twin.world
    world.servings = Servings(world.backlog, world.table, limit=100)
    for _ in range(3):
        for agent in twin.plain.agents.values():
            choice = for_agent(world, agent, twin.now)
            assert (choice.item.number if choice else None) == twin.plain.for_agent(agent, twin.now)
            assert world.flexibility(agent, twin.now) == twin.plain.flexibility(agent, twin.now)
        twin.add_item()
    assert world.servings.kept < 600  # the one in use, and what fits into the limit


class DistributionMachine(RuleBasedStateMachine):
    """Items come, change and go, agents change, time passes; the index and the reference agree throughout."""

    @initialize(seed=seeds)
    def begin(self, seed: int) -> None:
        self.twin = TwinWorld(Random(seed))
        self.twin.fill(4, 3)

    @rule(count=st.integers(1, 5))
    def arrive(self, count: int) -> None:
        for _ in range(count):
            self.twin.add_item()

    @precondition(lambda self: self.twin.plain.items)
    @rule(pick=st.integers(0, 1000))
    def change(self, pick: int) -> None:
        numbers = list(self.twin.plain.items)
        self.twin.put(numbers[pick % len(numbers)])

    @precondition(lambda self: self.twin.plain.items)
    @rule(pick=st.integers(0, 1000))
    def leave(self, pick: int) -> None:
        numbers = list(self.twin.plain.items)
        self.twin.remove(numbers[pick % len(numbers)])

    @rule(agent=st.sampled_from(AGENTS))
    def change_agent(self, agent: str) -> None:
        self.twin.change_agent(agent)

    @rule(queue=st.sampled_from(QUEUES), segment=st.sampled_from(SEGMENTS))
    def count(self, queue: str, segment: str | None) -> None:
        held = self.twin.plain.outstanding.get((queue, segment), 0)
        self.twin.count((queue, segment), -1 if held else 1)

    @rule(steps=st.integers(1, 4))
    def wait(self, steps: int) -> None:
        for _ in range(steps):
            self.twin.step()

    @invariant()
    def agree(self) -> None:
        twin = self.twin
        order = twin.world.backlog.order(twin.now)
        assert [item.number for item, _ in order] == twin.plain.order(twin.now)
        assert [p for _, p in order] == [twin.plain.priority(i.number, twin.now) for i, _ in order]
        for few in (0, 10):
            found = distribute(twin.world, twin.now, few)
            assert [(c.item.number, c.agent_id) for c in found] == twin.plain.distribute(twin.now)


TestDistributionMachine = pytest.mark.timeout(300)(DistributionMachine.TestCase)
TestDistributionMachine.settings = settings(max_examples=120, stateful_step_count=20, deadline=None)
