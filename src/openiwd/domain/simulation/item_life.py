"""What happens to items in the simulation: arrival, offers and answers, handling, holds, transfers, withdrawals."""

from __future__ import annotations

from math import log
from typing import Final

from msgspec.structs import replace

from openiwd.domain.distribution import Choice
from openiwd.domain.instant import HOUR, MINUTE, SECOND
from openiwd.domain.offer import GrantKind
from openiwd.domain.simulation.agenda import Act, Event
from openiwd.domain.simulation.agent_life import AgentLife
from openiwd.domain.simulation.arrival import Arrivals, ItemMaker
from openiwd.domain.simulation.dice import Bag
from openiwd.domain.simulation.scene import Scene
from openiwd.domain.simulation.stored import NOBODY, StoredItem
from openiwd.domain.work_item import Status

DECLINED: Final = 0.03
MISSED: Final = 0.02
CANCELED: Final = 0.03
UPDATED: Final = 0.05
_RING: Final = 4 * SECOND
_SIGMA: Final = 0.8


class ItemLife:
    """Each method is one event. Offers are made by the pass and by pulls."""

    def __init__(self, scene: Scene, agents: AgentLife, bag: Bag) -> None:
        self._scene = scene
        self._agents = agents
        self._dice = bag("items")
        self._arrivals = Arrivals(scene.tenant, bag("arrivals"))
        self._maker = ItemMaker(scene.tenant, bag("new items"))

    def begin(self) -> None:
        """Those that wait already, and the first to come."""
        for _ in range(self._arrivals.earlier):
            self._arrive(self._arrivals.earlier_at())
        self._await_next()

    def _await_next(self) -> None:
        at = self._arrivals.next()
        if at is not None:
            self._scene.agenda.add(at, Act.ARRIVE)

    def arrive(self, event: Event) -> None:
        self._arrive(event.at)
        self._await_next()

    def _arrive(self, at: int) -> None:
        scene, item = self._scene, self._maker.new(at)
        scene.store.items[item.number] = item
        scene.watch.created += 1
        scene.tally.counts["created"] += 1
        scene.tally.arrived(item.waiting.queue_id)
        scene.queue(item)
        roll = self._dice.random()
        if roll < CANCELED:
            self._later(Act.CANCEL, item, self._dice.expovariate(1 / (3 * HOUR)))
        elif roll < CANCELED + UPDATED:
            self._later(Act.UPDATE, item, self._dice.expovariate(1 / HOUR))

    def _later(self, act: Act, item: StoredItem, micros: float) -> None:
        scene = self._scene
        at = max(scene.tenant.on_grid(scene.now + micros), scene.now + scene.tenant.grain)
        scene.agenda.add(at, act, number=item.number, serial=item.grant)

    # Grants and answers

    def grant(self, choice: Choice) -> bool:
        """What was chosen becomes an offer, or an assignment; whether it was accepted on the spot."""
        scene = self._scene
        item = scene.store.waiting[choice.item.number]
        queue = scene.tenant.queues[item.waiting.queue_id]
        if choice.kind is not GrantKind.PUSH:
            scene.tally.counts["pulled"] += 1
            item.waiting = replace(item.waiting, reserved_for=None, reserved_until=None)
            scene.take(item, choice.agent_id, offered=False)
            self._handle(item)
            return False
        scene.tally.counts["offers"] += 1
        scene.take(item, choice.agent_id, offered=True)
        if queue.auto_accept:
            self._accept(item)
            return True
        ring = self._dice.lognormvariate(log(_RING), _SIGMA)
        if self._dice.random() < MISSED or ring >= queue.offer_timeout:
            self._later(Act.TIME_OUT, item, queue.offer_timeout)
        else:
            self._later(Act.ANSWER, item, ring)
        return False

    def answer(self, event: Event) -> None:
        item = self._meant(event)
        if item is None or not item.offered:
            return
        if self._dice.random() < DECLINED:
            self._scene.tally.counts["declined"] += 1
            self._refused(item)
        else:
            self._accept(item)

    def time_out(self, event: Event) -> None:
        item = self._meant(event)
        if item is None or not item.offered:
            return
        self._scene.tally.counts["timed out"] += 1
        queue = self._scene.tenant.queues[item.waiting.queue_id]
        agent_id = item.agent_id
        self._refused(item)
        if queue.not_ready_on_timeout:
            self._agents.missed(agent_id)

    def _meant(self, event: Event) -> StoredItem | None:
        item = self._scene.store.items.get(event.number)
        return item if item is not None and item.grant == event.serial else None

    def _accept(self, item: StoredItem) -> None:
        scene, agent = self._scene, self._scene.store.agents[item.agent_id]
        item.status = Status.ASSIGNED
        item.waiting = replace(item.waiting, reserved_for=None, reserved_until=None)
        agent.offer = None
        scene.started(item, agent)
        scene.picture.show_load(item.agent_id)
        scene.watch.accepted(item.agent_id)
        scene.tally.counts["accepted"] += 1
        self._handle(item)

    def _refused(self, item: StoredItem) -> None:
        """Back in place; that agent is left out for a while, and nothing is reserved any longer."""
        scene, own, agent_id = self._scene, item.waiting, item.agent_id
        until = scene.now + scene.tenant.queues[own.queue_id].decline_exclusion
        scene.release(item, Status.QUEUED)
        is_last = own.last_agent == agent_id
        item.waiting = replace(
            own,
            revision=own.revision + 1,
            reserved_for=None,
            reserved_until=None,
            last_agent=None if is_last else own.last_agent,
            last_agent_until=None if is_last else own.last_agent_until,
            excluded=(*(e for e in own.excluded if e[1] > scene.now and e[0] != agent_id), (agent_id, until)),
        )
        scene.queue(item)
        self._agents.settle(agent_id)

    # Handling

    def _handle(self, item: StoredItem) -> None:
        time = self._dice.lognormvariate(log(item.kind.handle_median), _SIGMA)
        self._later(Act.FINISH, item, min(max(time, SECOND), 12 * HOUR))

    def finish(self, event: Event) -> None:
        item = self._meant(event)
        if item is None or item.status is not Status.ASSIGNED:
            return
        agent_id = item.agent_id
        if self._scene.store.agents[agent_id].lost:
            self._later(Act.FINISH, item, 2 * MINUTE)
            return
        roll = self._dice.random()
        if roll < 0.90:
            self._complete(item)
        elif roll < 0.94:
            self._hold(item)
        elif roll < 0.97:
            self._transfer(item)
        else:
            self.give_back(item)
        self._agents.done(agent_id)

    def _complete(self, item: StoredItem) -> None:
        scene, queue_id = self._scene, item.waiting.queue_id
        wrap_up, agent_id = scene.tenant.queues[queue_id].wrap_up, item.agent_id
        scene.release(item, Status.COMPLETED, wrap_up)
        if wrap_up:
            scene.agenda.add(scene.now + wrap_up, Act.WRAP_UP_END, agent_id=agent_id)
        scene.tally.counts["completed"] += 1
        scene.tally.judged(queue_id, item.due_at, scene.now)
        scene.drop(item)

    def _hold(self, item: StoredItem) -> None:
        scene = self._scene
        item.kept_for = item.agent_id
        scene.release(item, Status.HELD)
        scene.watch.aside += 1
        item.since, item.pauses = scene.now, self._dice.random() < 0.5
        scene.tally.counts["held"] += 1
        self._later(Act.RESUME, item, self._dice.expovariate(1 / HOUR))

    def resume(self, event: Event) -> None:
        item = self._meant(event)
        if item is None or item.status is not Status.HELD:
            return
        scene = self._scene
        scene.watch.aside -= 1
        scene.tally.counts["resumed"] += 1
        if item.pauses:
            item.paused = (*item.paused, (item.since, scene.now))
        self._requeue(item, reserved_for=item.kept_for)

    def _transfer(self, item: StoredItem) -> None:
        """To another agent, or to where another kind of item waits."""
        scene = self._scene
        scene.tally.counts["transferred"] += 1
        scene.release(item, Status.QUEUED)
        if self._dice.random() < 0.5:
            self._requeue(item, reserved_for=self._dice.choice(scene.tenant.agents).id)
        else:
            item.kind = self._maker.any_kind()
            self._requeue(item)

    def give_back(self, item: StoredItem) -> None:
        self._scene.tally.counts["returned"] += 1
        self._scene.release(item, Status.QUEUED)
        self._requeue(item)

    def _requeue(self, item: StoredItem, reserved_for: str | None = None) -> None:
        scene, now = self._scene, self._scene.now
        item.status, item.agent_id, item.kept_for = Status.QUEUED, NOBODY, None
        waiting = self._maker.made(item, queued_at=now, segment=item.waiting.segment)
        if reserved_for is not None:
            until = now + scene.tenant.queues[waiting.queue_id].reserve_for
            waiting = replace(waiting, reserved_for=reserved_for, reserved_until=until)
        item.waiting = waiting
        scene.queue(item)

    def withdraw_offer(self, item: StoredItem, counted: str) -> None:
        """The offer ends without the agent's doing: the item keeps its place for all."""
        self._scene.tally.counts[counted] += 1
        self._scene.release(item, Status.QUEUED)
        item.waiting = replace(item.waiting, revision=item.waiting.revision + 1)
        self._scene.queue(item)

    # What sources do

    def cancel(self, event: Event) -> None:
        """Whatever its state: an offer or assignment ends with it."""
        scene, item = self._scene, self._scene.store.items.get(event.number)
        if item is None:
            return
        scene.tally.counts["canceled"] += 1
        agent_id = item.agent_id
        if item.waits:
            item.status = Status.CANCELED
            scene.unqueue(item)
        elif agent_id:
            scene.release(item, Status.CANCELED)
        else:
            scene.watch.aside -= 1
        scene.drop(item)
        if agent_id:
            self._agents.settle(agent_id)

    def update(self, event: Event) -> None:
        """New worth; a waiting item may turn out to be of another kind."""
        scene, item = self._scene, self._scene.store.items.get(event.number)
        if item is None:
            return
        scene.tally.counts["updated"] += 1
        self._maker.value(item)
        own, waits = item.waiting, item.waits
        if waits and self._dice.random() < 0.3:
            item.kind = self._maker.any_kind()
        moved = item.kind.queue_id != own.queue_id
        fresh = self._maker.made(item, queued_at=scene.now if moved else own.queued_at, segment=own.segment)
        item.waiting = replace(
            fresh,
            excluded=own.excluded,
            reserved_for=own.reserved_for,
            reserved_until=own.reserved_until,
            last_agent=fresh.last_agent if moved else own.last_agent,
            last_agent_until=fresh.last_agent_until if moved else own.last_agent_until,
        )
        if waits:
            scene.queue(item)
