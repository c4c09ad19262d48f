"""The simulation can fail: each rule of the decision code, taken out of it alone, is noticed within a few seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from openiwd.domain import eligibility
from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Eligibility, Profile, Reason, profile_of
from openiwd.domain.fit_table import Circles
from openiwd.domain.simulation.item_life import ItemLife
from openiwd.domain.simulation.picture import Picture
from openiwd.domain.simulation.stored import StoredItem
from openiwd.domain.world import World
from tests.unit.test_simulation import simulate

SEEDS = 40
"""At most; most mutants are found by the first."""
Patch = Callable[[pytest.MonkeyPatch], None]


def _nothing(*_: Any, **__: Any) -> None:
    """In place of what should happen or refuse."""


def _without(reason: Reason) -> Patch:
    """The decision code no longer knows this reason of an agent who is there."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        whole = Eligibility.unavailable

        def mutant(self: Eligibility, *asked: Any) -> Reason | None:
            found = whole(self, *asked)
            return None if found is reason else found

        monkeypatch.setattr(Eligibility, "unavailable", mutant)

    return patch


def _everybody_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eligibility, "unavailable", _nothing)


def _queues_never_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Eligibility, "closed", _nothing)


def _declines_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "exclusion", lambda *_: None)
    monkeypatch.setattr(Eligibility, "left_out", lambda *_: False)


def _one_level_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def mutant(_: World, agent: Agent, now: int) -> Profile:
        made = profile_of(agent, now)
        return made._replace(skills={skill: level + 1 for skill, level in made.skills.items()})

    monkeypatch.setattr(World, "profile", mutant)


def _skills_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def mutant(_: World, agent: Agent, now: int) -> Profile:
        lasting = tuple(replace(own, until=None) for own in agent.skills)
        return profile_of(replace(agent, skills=lasting), now)

    monkeypatch.setattr(World, "profile", mutant)


def _who_somebody_is_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def mutant(self: World, agent: Agent, now: int) -> Profile:
        known = self._profiles.get(agent.id)
        if known is None:
            known = self._profiles[agent.id] = (now, now, profile_of(agent, now))
        return known[2]

    monkeypatch.setattr(World, "profile", mutant)


def _asks_otherwise(change: Callable[[Demand], Demand]) -> Patch:
    """The decision code reads what an item asks for otherwise, of one agent and of all at once."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        number, requested, preferred = Circles.number, eligibility._requested, eligibility._preferred
        monkeypatch.setattr(Circles, "number", lambda self, demand: number(self, change(demand)))
        monkeypatch.setattr(eligibility, "_requested", lambda p, demand: requested(p, change(demand)))
        monkeypatch.setattr(eligibility, "_preferred", lambda p, demand: preferred(p, change(demand)))

    return patch


def _without_requested_agents(demand: Demand) -> Demand:
    asked = demand.signature
    agents = () if asked.agents_only else asked.agents
    return demand._replace(signature=asked._replace(agents=agents, agents_only=False))


def _without_requested_groups(demand: Demand) -> Demand:
    asked = demand.signature
    groups = () if asked.groups_only else asked.groups
    return demand._replace(signature=asked._replace(groups=groups, groups_only=False))


def _without_preferred(demand: Demand) -> Demand:
    asked = demand.signature
    agents, groups = (asked.agents, asked.agents_only), (asked.groups, asked.groups_only)
    return demand._replace(
        signature=asked._replace(agents=agents[0] if agents[1] else (), groups=groups[0] if groups[1] else ())
    )


def _without_last_agent(demand: Demand) -> Demand:
    return demand._replace(preferred=None)


def _what_is_in_hands_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "count_outstanding", _nothing)


def _what_has_ended_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picture, "end", _nothing)


def _an_update_does_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Picture.show_item

    def mutant(self: Picture, item: StoredItem, now: int) -> None:
        if not (item.waits and item.number in self.world.backlog):
            whole(self, item, now)

    monkeypatch.setattr(Picture, "show_item", mutant)


def _loads_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [0]
    whole = Picture.show_load

    def mutant(self: Picture, agent_id: str) -> None:
        calls[0] += 1
        if calls[0] % 7:
            whole(self, agent_id)

    monkeypatch.setattr(Picture, "show_load", mutant)


def _a_grant_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ItemLife.grant

    def mutant(self: ItemLife, choice: Any) -> bool:
        item = self._scene.store.items[choice.item.number]
        again = whole(self, choice)
        self._scene.watch.granted(item, choice.agent_id, self._scene.now, offered=False)
        return again

    monkeypatch.setattr(ItemLife, "grant", mutant)


MUTANTS: list[tuple[Patch, set[str]]] = [
    (_everybody_is_free, {"eligible"}),
    (_without(Reason.CAPACITY), {"eligible"}),
    (_without(Reason.SHIFT_END), {"eligible"}),
    (_queues_never_close, {"eligible"}),
    (_declines_are_forgotten, {"eligible"}),
    (_one_level_more, {"eligible"}),
    (_skills_never_end, {"eligible"}),
    (_who_somebody_is_is_looked_at_once, {"eligible"}),
    (_asks_otherwise(_without_requested_agents), {"eligible"}),
    (_asks_otherwise(_without_requested_groups), {"eligible"}),
    (_asks_otherwise(_without_preferred), {"eligible"}),
    (_asks_otherwise(_without_last_agent), {"eligible"}),
    (_what_is_in_hands_is_not_counted, {"outstanding"}),
    (_what_has_ended_still_counts, {"outstanding"}),
    (_an_update_does_not_arrive, {"waiting", "priority"}),
    (_loads_are_old, {"eligible", "idle agent", "timer", "rebuilt"}),
    (_a_grant_is_made_twice, {"one agent"}),
]
NAMES = [
    *("free", "capacity", "shift end", "queue", "declined", "level"),
    *("skill end", "skill end seen late", "agent requested", "group requested", "preferred", "last agent"),
    *("uncounted", "counted for ever"),
    *("updated", "load", "twice"),
]


@pytest.mark.parametrize(("mutant", "signs"), MUTANTS, ids=NAMES)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, mutant: Patch, signs: set[str]) -> None:
    mutant(monkeypatch)
    for seed in range(SEEDS):
        if signs & simulate(seed).violated.keys():
            return
    raise AssertionError(f"not found in {SEEDS} seeds")
