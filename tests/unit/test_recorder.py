"""Records of many choices, made from what lasts between passes, are those that are made for each choice alone."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from openiwd.domain.agent_sample import AgentSample
from openiwd.domain.agent_traits import CODES
from openiwd.domain.distribution import distribute, next_for
from openiwd.domain.eligibility import Reason
from openiwd.domain.offer import GrantKind
from openiwd.domain.packed_decision import CHANGES, REASONS
from openiwd.domain.recorder import FEW, Recorder, record
from openiwd.domain.upcoming import ChangeKind
from tests.unit.random_world import TwinWorld


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 60), st.integers(1, 20))
def test_what_is_kept_between_passes_never_grows_old(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    world, recorder = twin.world, Recorder(twin.world)
    for n in range(12):
        if n % 3 == 0:
            twin.step()
        for agent_id in list(world.agents)[
            n % 3 :: 4
        ]:  # without any time passing, so that what is kept still counts
            twin.change_agent(agent_id)
        check_pulls(twin, recorder)
        check_pass(twin, recorder)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 40), st.integers(1, 20))
def test_the_sample_says_of_each_agent_what_eligibility_says(seed: int, items: int, agents: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, agents)
    world, kept = twin.world, AgentSample(twin.world)
    for n in range(6):
        if n % 2:
            twin.step()
        for agent_id in list(world.agents)[n % 3 :: 4]:
            twin.change_agent(agent_id)
        kept.refresh(twin.now)
        world.backlog.advance(twin.now)
        pools = [pool for pool in world.backlog.pools.values() if pool.live]
        for kind in GrantKind:
            eligibility = world.eligibility(twin.now, kind)
            for pool, misfits in zip(pools, kept.misfits(pools, kind).tolist(), strict=True):
                asked = pool.demand.signature
                of_kind = (asked.media, asked.weight, pool.demand.handle_time)
                busy = kept.unavailable(of_kind, eligibility).tolist()
                for agent, misfit, unavailable in zip(kept.agents, misfits, busy, strict=True):
                    assert misfit == CODES[eligibility.misfit(agent, pool.demand)]
                    load = world.load(agent.id)
                    reason = eligibility.unavailable(agent, load, *of_kind)
                    assert misfit or unavailable == CODES[reason]


def check_pulls(twin: TwinWorld, recorder: Recorder) -> None:
    world, now = twin.world, twin.now
    for agent in list(world.agents.values())[:3]:
        if (choice := next_for(world, agent, now)) is not None:
            assert recorder.begin([choice], now, choice.kind).record(choice) == record(world, choice, now)


def check_pass(twin: TwinWorld, recorder: Recorder) -> None:
    world, now = twin.world, twin.now
    choices = distribute(world, now)
    together = recorder.begin(choices, now)
    is_large = len(choices) > FEW
    for n, choice in enumerate(choices):
        alone, shared = record(world, choice, now), together.record(choice)
        assert shared.of_pass is is_large
        assert replace(shared, runners_up=(), of_pass=False) == replace(alone, runners_up=())
        if is_large:
            demand = world.demand(choice.item, now)
            behind = [c for c in choices[n + 1 :] if world.demand(c.item, now) == demand]
            assert [number for number, _ in shared.runners_up] == [c.item.number for c in behind[:5]]
        else:
            assert shared.runners_up == alone.runners_up


def test_everything_that_a_record_can_name_has_a_place() -> None:
    assert set(REASONS) == {reason.value for reason in Reason}
    assert set(CHANGES) == {kind.value for kind in ChangeKind}
