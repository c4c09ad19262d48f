"""What agents do in the simulation: shifts, breaks, after-work, absences, missed offers, lost connections."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec.structs import replace

from openiwd.domain.agent import CONNECTION_LOST, AgentState, MediaState
from openiwd.domain.instant import HOUR, MINUTE, SECOND, from_micros, to_micros
from openiwd.domain.simulation.agenda import Act, Event
from openiwd.domain.simulation.dice import Bag
from openiwd.domain.simulation.scene import Scene
from openiwd.domain.simulation.stored import StoredAgent, StoredItem
from openiwd.domain.world import next_opening

_PULLS: Final = 0.2
"""The share of agents who also ask for the next item themselves."""
_READY: Final = MediaState(AgentState.READY)
_NOT_READY: Final = MediaState(AgentState.NOT_READY, reason="break")
_OUT: Final = MediaState(AgentState.LOGGED_OUT)
_LOST: Final = MediaState(AgentState.NOT_READY, reason=CONNECTION_LOST)


class Returns(Protocol):
    """How items leave an agent who is gone."""

    def give_back(self, item: StoredItem) -> None: ...

    def withdraw_offer(self, item: StoredItem, counted: str) -> None: ...


class AgentLife:
    """Each method is one event, but for `settle`, `done` and `missed`, which follow from items."""

    def __init__(self, scene: Scene, bag: Bag) -> None:
        self._scene = scene
        self._dice = bag("shifts")

    def begin(self) -> None:
        for agent_id, stored in self._scene.store.agents.items():
            self._scene.picture.show_agent(agent_id)
            self._scene.picture.show_load(agent_id)
            self._await_shift(agent_id, stored, first=True)
            for absence in stored.agent.absences:
                self._scene.agenda.add(to_micros(absence.start), Act.LEAVE, agent_id=agent_id)

    def _await_shift(self, agent_id: str, stored: StoredAgent, *, first: bool = False) -> None:
        hours, now = stored.agent.working_hours, self._scene.now
        if hours is None:
            opening: int | None = now + (int(self._dice.random() * 16 * HOUR) if first else 16 * HOUR)
        elif first and self._scene.tenant.clocks[hours].is_open(now):
            opening = now
        else:
            opening = next_opening(self._scene.tenant.clocks[hours], now)
        if opening is not None:
            late = self._dice.random() * 10 * MINUTE
            self._later(Act.LOG_IN, agent_id, opening - now + late, stored.shift)

    def _later(self, act: Act, agent_id: str, micros: float, serial: int) -> None:
        scene = self._scene
        at = max(scene.tenant.on_grid(scene.now + micros), scene.now + scene.tenant.grain)
        scene.agenda.add(at, act, agent_id=agent_id, serial=serial)

    def _show(self, agent_id: str, state: MediaState) -> None:
        """The state of all media types; one who has left out emails goes on so until they log out."""
        stored = self._scene.store.agents[agent_id]
        states = {**stored.agent.states, "*": state}
        if state.state is AgentState.LOGGED_OUT:
            states = {"*": state}
        stored.agent = replace(stored.agent, states=states)
        self._scene.picture.show_agent(agent_id)

    def _meant(self, event: Event) -> StoredAgent | None:
        stored = self._scene.store.agents[event.agent_id]
        return stored if stored.shift == event.serial else None

    def log_in(self, event: Event) -> None:
        stored = self._meant(event)
        if stored is None or stored.logged_in_at is not None:
            return
        scene, agent_id = self._scene, event.agent_id
        stored.shift += 1
        stored.logged_in_at = stored.idle_since = scene.now
        if self._dice.random() < 0.1:
            stored.agent = replace(stored.agent, states={"email": MediaState(AgentState.NOT_READY)})
        self._show(agent_id, _READY)
        scene.picture.show_load(agent_id)
        scene.tally.counts["logins"] += 1
        self._later(Act.LOG_OUT, agent_id, (7.5 + 1.5 * self._dice.random()) * HOUR, stored.shift)
        self._later(Act.PAUSE, agent_id, self._dice.expovariate(1 / (2 * HOUR)), stored.shift)
        if self._dice.random() < _PULLS:
            self.ask_again(agent_id)

    def ask_again(self, agent_id: str) -> None:
        """The agent will ask for the next item after a while."""
        stored = self._scene.store.agents[agent_id]
        self._later(Act.PULL, agent_id, self._dice.expovariate(1 / (20 * MINUTE)), stored.shift)

    def may_pull(self, event: Event) -> bool:
        """Whether the agent is still there to ask."""
        stored = self._meant(event)
        return (
            stored is not None
            and stored.logged_in_at is not None
            and not stored.lost
            and stored.agent.states["*"].pending is None
        )

    def log_out(self, event: Event) -> None:
        """After current items; a lost one later."""
        stored = self._meant(event)
        if stored is None or stored.logged_in_at is None:
            return
        if stored.lost:
            self._later(Act.LOG_OUT, event.agent_id, 10 * MINUTE, stored.shift)
            return
        present = stored.agent.states["*"]
        self._show(event.agent_id, replace(present, pending=AgentState.LOGGED_OUT))
        self.settle(event.agent_id)

    def settle(self, agent_id: str) -> None:
        """'After current items' comes true once there are none."""
        stored = self._scene.store.agents[agent_id]
        pending = stored.agent.states["*"].pending if stored.logged_in_at is not None else None
        if pending is None or stored.items:
            return
        if pending is not AgentState.LOGGED_OUT:
            self._break(agent_id, stored)
            return
        stored.settle(self._scene.now)
        stored.logged_in_at = None
        self._show(agent_id, _OUT)
        self._await_shift(agent_id, stored)

    def _break(self, agent_id: str, stored: StoredAgent) -> None:
        self._show(agent_id, _NOT_READY)
        self._later(Act.READY, agent_id, (5 + 25 * self._dice.random()) * MINUTE, stored.shift)

    def pause(self, event: Event) -> None:
        stored = self._meant(event)
        if stored is None or stored.logged_in_at is None:
            return
        state = stored.agent.states["*"]
        if not stored.lost and state.state is AgentState.READY and state.pending is None:
            if stored.items and self._dice.random() < 0.5:
                self._show(event.agent_id, replace(state, pending=AgentState.NOT_READY))
            else:
                self._break(event.agent_id, stored)
        self._later(Act.PAUSE, event.agent_id, self._dice.expovariate(1 / (2 * HOUR)), stored.shift)

    def ready(self, event: Event) -> None:
        stored = self._meant(event)
        if stored is None or stored.logged_in_at is None or stored.lost:
            return
        if stored.agent.states["*"].pending is None:
            self._show(event.agent_id, _READY)

    def missed(self, agent_id: str) -> None:
        """After a time-out, where the queue says so."""
        stored = self._scene.store.agents[agent_id]
        if stored.logged_in_at is not None and stored.agent.states["*"] == _READY:
            self._break(agent_id, stored)

    def done(self, agent_id: str) -> None:
        """An item is off the agent's hands; some write up a little before they go on."""
        self.settle(agent_id)
        stored = self._scene.store.agents[agent_id]
        if stored.items or stored.logged_in_at is None or stored.agent.states["*"] != _READY:
            return
        if self._dice.random() < 0.1:
            until = from_micros(self._scene.now + 2 * MINUTE)
            self._show(agent_id, MediaState(AgentState.AFTER_WORK, until=until))

    def end_wrap_up(self, event: Event) -> None:
        scene, stored = self._scene, self._scene.store.agents[event.agent_id]
        over = [wrap_up for wrap_up in stored.wrap_ups if wrap_up[0] <= scene.now]
        stored.wrap_ups = [wrap_up for wrap_up in stored.wrap_ups if wrap_up[0] > scene.now]
        for _, weight, media in over:
            stored.free(weight, media)
            scene.watch.wrapped(event.agent_id, weight, media)
        if over:
            scene.picture.show_load(event.agent_id)

    # Being away

    def leave(self, event: Event, items: Returns) -> None:
        """An absence starts: what was assigned returns to the queue."""
        self._give_all_back(event.agent_id, items)
        self.settle(event.agent_id)

    def _give_all_back(self, agent_id: str, items: Returns) -> None:
        stored = self._scene.store.agents[agent_id]
        for item in [item for item in stored.items.values() if not item.offered]:
            items.give_back(item)

    def lose(self, items: Returns) -> None:
        """Some agent's workspace shows no sign of life: not ready, an open offer returns, items stay."""
        agent_id = self._dice.choice(self._scene.tenant.agents).id
        stored = self._scene.store.agents[agent_id]
        if stored.logged_in_at is None or stored.lost:
            return
        stored.lost = True
        self._scene.tally.counts["agents lost"] += 1
        self._show(agent_id, replace(_LOST, pending=stored.agent.states["*"].pending))
        if stored.offer is not None:
            items.withdraw_offer(stored.items[stored.offer], "offers lost")
        away = max(SECOND, self._dice.expovariate(1 / (30 * MINUTE)))
        self._later(Act.ABANDON, agent_id, HOUR, stored.shift)
        self._later(Act.FIND_AGENT, agent_id, away, stored.shift)

    def abandon(self, event: Event, items: Returns) -> None:
        """Gone for the queues' `returnAfter`."""
        stored = self._meant(event)
        if stored is not None and stored.lost:
            self._give_all_back(event.agent_id, items)

    def find(self, event: Event) -> None:
        stored = self._scene.store.agents[event.agent_id]
        stored.lost = False
        state = stored.agent.states["*"]
        self._show(event.agent_id, replace(_READY, pending=state.pending))
        self.settle(event.agent_id)
