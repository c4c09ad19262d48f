"""Publishes the starter rule set in a tenant without demo."""

from __future__ import annotations

from openiwd.domain.privilege import system
from openiwd.domain.starter import STARTER
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.wiring import Wiring
from openiwd.usecases.rule_set import publish


async def publish_starter(wiring: Wiring, tenant: Tenant) -> None:
    """Publishes the starter rule set if the tenant has none."""
    services = await wiring.platform.services(tenant.id)
    async with services.runtime.store.reading() as reading:
        if await reading.live_version() is not None:
            return
    await publish(services, wiring.holidays, STARTER, system("setup", tenant.id), comment="Starter rule set")
