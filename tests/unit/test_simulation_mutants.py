"""The simulation can fail: each rule of the decision code, taken out of it alone, is noticed within a few seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openiwd.domain.agent import Agent
from openiwd.domain.eligibility import Eligibility, Profile, Reason, profile_of
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
    (_what_is_in_hands_is_not_counted, {"outstanding"}),
    (_what_has_ended_still_counts, {"outstanding"}),
    (_an_update_does_not_arrive, {"waiting", "priority"}),
    (_loads_are_old, {"eligible", "idle agent", "timer", "rebuilt"}),
    (_a_grant_is_made_twice, {"one agent"}),
]
NAMES = [
    *("free", "capacity", "shift end", "queue", "declined", "level", "uncounted", "counted for ever"),
    *("updated", "load", "twice"),
]


@pytest.mark.parametrize(("mutant", "signs"), MUTANTS, ids=NAMES)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, mutant: Patch, signs: set[str]) -> None:
    mutant(monkeypatch)
    for seed in range(SEEDS):
        if signs & simulate(seed).violated.keys():
            return
    raise AssertionError(f"not found in {SEEDS} seeds")
