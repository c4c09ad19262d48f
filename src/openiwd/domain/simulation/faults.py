"""Faults in virtual time: the decider lost and its picture made anew, notifications that come twice or late."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from openiwd.domain.distribution import Choice, distribute
from openiwd.domain.instant import HOUR, MINUTE
from openiwd.domain.simulation.agenda import Act, Event
from openiwd.domain.simulation.dice import Bag
from openiwd.domain.simulation.scene import Scene

DECIDER_LOST_EVERY: Final = 6 * HOUR
REPEATED_EVERY: Final = 2 * MINUTE
AGENT_LOST_EVERY: Final = 24 * HOUR
"""Of each agent."""
_REMEMBERED: Final = 64


class Faults:
    """Strikes at random; what is stored stays."""

    def __init__(self, scene: Scene, bag: Bag) -> None:
        self._scene = scene
        self._dice = bag("faults")
        self._told: deque[Event] = deque(maxlen=_REMEMBERED)

    def begin(self) -> None:
        for act in (Act.LOSE_DECIDER, Act.REPEAT, Act.LOSE_AGENT):
            self._again(act)

    def again_after(self, strike: Callable[[], None]) -> Callable[[Event], None]:
        """The fault, which will strike again some time."""

        def happen(event: Event) -> None:
            strike()
            self._again(event.act)

        return happen

    def _again(self, act: Act) -> None:
        every = {
            Act.LOSE_DECIDER: DECIDER_LOST_EVERY,
            Act.REPEAT: REPEATED_EVERY,
            Act.LOSE_AGENT: AGENT_LOST_EVERY / max(1, len(self._scene.tenant.agents)),
        }[act]
        scene = self._scene
        wait = max(scene.tenant.grain, int(self._dice.expovariate(1 / every)))
        scene.agenda.add(scene.tenant.on_grid(scene.now + wait), act)

    def told(self, event: Event) -> None:
        """Remembers what the decider was notified of."""
        if self._dice.random() < 0.2:
            self._told.append(event)

    def repeat(self) -> None:
        """The decider is told again of items and agents it knows, and reads what is stored of them."""
        scene = self._scene
        for event in self._told:
            item = scene.store.items.get(event.number)
            if item is not None:
                scene.picture.show_item(item, scene.now)
            if event.agent_id:
                scene.picture.show_agent(event.agent_id)
                scene.picture.show_load(event.agent_id)
        scene.tally.counts["notifications repeated"] += len(self._told)
        self._told.clear()

    def lose_decider(self) -> None:
        """Another one takes over with what is stored, and must choose as the lost one would have done."""
        scene = self._scene
        before = distribute(scene.picture.world, scene.now)
        scene.picture.rebuild(scene.now)
        scene.tally.counts["deciders lost"] += 1
        after = distribute(scene.picture.world, scene.now)
        if _plain(before) != _plain(after):
            scene.watch.complain(
                "rebuilt", scene.now, f"{len(before)} choices, then {len(after)}, not the same"
            )


def _plain(choices: list[Choice]) -> list[tuple[int, str]]:
    return [(choice.item.number, choice.agent_id) for choice in choices]
