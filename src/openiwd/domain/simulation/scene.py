"""What the parts of a running simulation share, and the steps that more than one of them takes."""

from __future__ import annotations

from openiwd.domain.simulation.agenda import Agenda
from openiwd.domain.simulation.dice import Bag
from openiwd.domain.simulation.invariants import Watch
from openiwd.domain.simulation.picture import Picture
from openiwd.domain.simulation.stored import NOBODY, Store, StoredAgent, StoredItem
from openiwd.domain.simulation.summary import Tally
from openiwd.domain.simulation.tenant import Tenant
from openiwd.domain.work_item import Status


class Scene:
    """Everything at its present instant. Each step changes what is stored first, then the picture and the observer."""

    def __init__(self, tenant: Tenant, bag: Bag) -> None:
        self.tenant = tenant
        self.now = tenant.start
        self.store = Store(tenant.agents)
        self.picture = Picture(tenant, self.store)
        self.watch = Watch(tenant, self.store, bag("checks"))
        self.tally = Tally(tenant)
        self.agenda = Agenda()

    def queue(self, item: StoredItem) -> None:
        """The item waits, or waits again; it has been stored so."""
        self.store.waiting[item.number] = item
        self.picture.show_item(item, self.now)

    def unqueue(self, item: StoredItem) -> None:
        del self.store.waiting[item.number]
        self.picture.show_item(item, self.now)

    def take(self, item: StoredItem, agent_id: str, *, offered: bool) -> None:
        """The waiting item comes into the agent's hands."""
        agent = self.store.agents[agent_id]
        own = item.waiting
        item.agent_id = agent_id
        item.grant += 1
        item.status = Status.QUEUED if offered else Status.ASSIGNED
        agent.items[own.number] = item
        agent.take(own.weight, own.media_type)
        if offered:
            agent.offer = own.number
        else:
            self.started(item, agent)
        self.unqueue(item)
        self.picture.begin(item)
        self.picture.show_load(agent_id)
        self.watch.granted(item, agent_id, self.now, offered=offered)

    def started(self, item: StoredItem, agent: StoredAgent) -> None:
        self.tally.waited(item.waiting.queue_id, self.now - item.waiting.queued_at)
        if agent.busy_since is None:
            agent.busy_since = self.now

    def release(self, item: StoredItem, status: Status, wrap_up: int = 0) -> None:
        """The item leaves its agent's hands. A wrap-up keeps the capacity for so long."""
        agent_id, offered = item.agent_id, item.offered
        agent, own = self.store.agents[agent_id], item.waiting
        del agent.items[own.number]
        if wrap_up:
            agent.wrap_ups.append((self.now + wrap_up, own.weight, own.media_type))
        else:
            agent.free(own.weight, own.media_type)
        if offered:
            agent.offer = None
        elif not agent.items:
            agent.idle_since = self.now
        if agent.busy_since is not None and not agent.assigned:
            agent.busy_time += self.now - agent.busy_since
            agent.busy_since = None
        item.agent_id, item.status = NOBODY, status
        self.picture.end(item)
        self.picture.show_load(agent_id)
        self.watch.released(item, agent_id, self.now, offered=offered, keeps=bool(wrap_up))

    def drop(self, item: StoredItem) -> None:
        """The item is finished: nothing of it is kept."""
        del self.store.items[item.number]
        self.watch.finished += 1
