"""The decider's picture in the simulation: a `World` kept true from what is stored, or made anew from it."""

from __future__ import annotations

from openiwd.domain.simulation.stored import Store, StoredItem
from openiwd.domain.simulation.tenant import Tenant
from openiwd.domain.world import World


class Picture:
    """Tells the world each change, through its public methods alone."""

    def __init__(self, tenant: Tenant, store: Store) -> None:
        self._tenant = tenant
        self._store = store
        self.world = World(tenant.queues, tenant.schemas, tenant.clocks)

    def rebuild(self, now: int) -> None:
        """Forgets everything and reads what is stored."""
        self.world = World(self._tenant.queues, self._tenant.schemas, self._tenant.clocks)
        for agent_id in self._store.agents:
            self.show_agent(agent_id)
            self.show_load(agent_id)
        for item in self._store.items.values():
            if item.waits:
                self.show_item(item, now)
            elif item.agent_id:
                self.begin(item)

    def show_item(self, item: StoredItem, now: int) -> None:
        """The item as stored: it waits, or it does not."""
        if item.waits:
            self.world.backlog.put(item.waiting, now)
        else:
            self.world.backlog.remove(item.waiting.number)

    def show_agent(self, agent_id: str) -> None:
        self.world.put_agent(self._store.agents[agent_id].agent)

    def show_load(self, agent_id: str) -> None:
        self.world.put_load(agent_id, self._store.agents[agent_id].load())

    def begin(self, item: StoredItem) -> None:
        """The item has come into somebody's hands."""
        self.world.count_outstanding(item.waiting.queue_id, item.waiting.segment, 1)

    def end(self, item: StoredItem) -> None:
        self.world.count_outstanding(item.waiting.queue_id, item.waiting.segment, -1)
