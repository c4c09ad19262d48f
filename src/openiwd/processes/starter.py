"""The starter rule set of a tenant without demo: one department, ready to be replaced by the tenant's own."""

from __future__ import annotations

from openiwd.domain.privilege import system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.wiring import Wiring
from openiwd.usecases.rule_set import publish

STARTER = """\
name: Starter
timeZone: UTC
defaultCategory: general
schemas:
  - id: standard
    name: Standard
    anchor: created
    points:
      - {age: 0h, priority: 100}
      - {age: 8h, priority: 500}
      - {age: 24h, priority: 900}
    sla: 24h
    slopeAfter: 10
    maximum: 1000
queues:
  - {id: general, name: General, delivery: both}
categories:
  - id: work
    name: Work
    schema: standard
    queue: general
    children:
      - {id: general, name: General}
"""


async def publish_starter(wiring: Wiring, tenant: Tenant) -> None:
    """Publishes the starter rule set if the tenant has none."""
    services = await wiring.platform.services(tenant.id)
    async with services.runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return
    await publish(services, wiring.holidays, STARTER, system("setup", tenant.id), comment="Starter rule set")
