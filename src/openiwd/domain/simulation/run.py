"""Runs a simulation: takes the events of an instant, lets the decision code decide, goes on to the next.

Sleeps as the decider would, until the next event or the instant that `next_change` names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from openiwd.domain.distribution import Choice, distribute, next_change, next_for
from openiwd.domain.simulation.agenda import Act, Event
from openiwd.domain.simulation.agent_life import AgentLife
from openiwd.domain.simulation.dice import Bag
from openiwd.domain.simulation.faults import Faults
from openiwd.domain.simulation.item_life import ItemLife
from openiwd.domain.simulation.scene import Scene
from openiwd.domain.simulation.summary import Summary
from openiwd.domain.simulation.tenant import Size, make_tenant

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Told the virtual time gone by in microseconds, and how many items have arrived."""


def _unmeasured() -> float:
    return 0.0


class Simulation:
    """One run. `stopwatch` measures the decision code for `decision_seconds`, and moves nothing else."""

    def __init__(self, size: Size, seed: int, bag: Bag, stopwatch: Callable[[], float] = _unmeasured) -> None:
        self.seed = seed
        self.tenant = make_tenant(size, bag)
        self.scene = Scene(self.tenant, bag)
        self.decisions = 0
        self.decision_seconds = 0.0
        self._agents = AgentLife(self.scene, bag)
        self._items = ItemLife(self.scene, self._agents, bag)
        self._faults = Faults(self.scene, bag) if size.faults else None
        self._acts = self._of_life()
        if self._faults is not None:
            self._acts |= self._of_faults(self._faults)
        self._stopwatch = stopwatch
        self._wakes_at: int | None = None

    def run(self, progress: Progress | None = None) -> Summary:
        """From beginning to end."""
        scene, tenant = self.scene, self.tenant
        self._agents.begin()
        self._items.begin()
        if self._faults is not None:
            self._faults.begin()
        self._decide()
        while (at := self._next_instant()) is not None and at <= tenant.end:
            scene.watch.before_waking(at)
            scene.now = at
            while scene.agenda.next_at() == at:
                self._happen(scene.agenda.pop())
            self._decide()
            if progress is not None:
                progress(at - tenant.start, scene.watch.created)
        scene.now = tenant.end
        return scene.tally.summary(tenant, scene.store, scene.watch, self.seed)

    def _next_instant(self) -> int | None:
        following = self.scene.agenda.next_at()
        if following is None or self._wakes_at is None:
            return self._wakes_at if following is None else following
        return min(following, self._wakes_at)

    def _decide(self) -> None:
        """One pass, and another where an offer was accepted on the spot: that agent may take more."""
        scene = self.scene
        again = True
        while again:
            again = False
            for choice in self._chosen():
                scene.watch.judge(choice, scene.now)
                again |= self._items.grant(choice)
        scene.watch.after_pass(scene.picture.world, scene.now)
        following = scene.agenda.next_at()
        # All instants lie on the grid: nothing can come between this one and the next.
        if following is not None and following <= scene.now + self.tenant.grain:
            self._wakes_at = None
        else:
            self._wakes_at = self._timed(lambda: next_change(scene.picture.world, scene.now))

    def _chosen(self) -> list[Choice]:
        scene = self.scene
        choices = self._timed(lambda: distribute(scene.picture.world, scene.now))
        scene.tally.counts["passes"] += 1
        self.decisions += len(choices)
        return choices

    def _timed(self, decide: Callable[[], T]) -> T:
        started = self._stopwatch()
        decided = decide()
        self.decision_seconds += self._stopwatch() - started
        return decided

    def _pull(self, event: Event) -> None:
        scene = self.scene
        if not self._agents.may_pull(event):
            return
        agent = scene.store.agents[event.agent_id].agent
        choice = self._timed(lambda: next_for(scene.picture.world, agent, scene.now))
        if choice is not None:
            self.decisions += 1
            scene.watch.judge(choice, scene.now)
            self._items.grant(choice)
        self._agents.ask_again(event.agent_id)

    def _happen(self, event: Event) -> None:
        self._acts[event.act](event)
        if self._faults is not None:
            self._faults.told(event)

    def _of_life(self) -> dict[Act, Callable[[Event], None]]:
        items, agents = self._items, self._agents
        return {
            Act.ARRIVE: items.arrive,
            Act.ANSWER: items.answer,
            Act.TIME_OUT: items.time_out,
            Act.FINISH: items.finish,
            Act.RESUME: items.resume,
            Act.CANCEL: items.cancel,
            Act.UPDATE: items.update,
            Act.LOG_IN: agents.log_in,
            Act.LOG_OUT: agents.log_out,
            Act.PAUSE: agents.pause,
            Act.READY: agents.ready,
            Act.WRAP_UP_END: agents.end_wrap_up,
            Act.PULL: self._pull,
            Act.LEAVE: lambda event: agents.leave(event, items),
            Act.FIND_AGENT: agents.find,
            Act.ABANDON: lambda event: agents.abandon(event, items),
        }

    def _of_faults(self, faults: Faults) -> dict[Act, Callable[[Event], None]]:
        return {
            Act.LOSE_AGENT: faults.again_after(lambda: self._agents.lose(self._items)),
            Act.LOSE_DECIDER: faults.again_after(faults.lose_decider),
            Act.REPEAT: faults.again_after(faults.repeat),
        }
