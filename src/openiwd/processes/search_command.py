"""What `openiwd search` does: asks the process that keeps the index for a new one, and tells how the index is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.processes.settings import Settings
from openiwd.processes.wiring import Wiring
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.search_feeding import Built, ask_for_index, last_built

BUDGET = 4
POLL_SECONDS = 0.5


class Status(Struct, kw_only=True, rename="camel"):
    """A tenant's index, and the log that it follows."""

    tenant: str
    index: str | None
    shown_to: str | None
    """The place in the log up to which it shows everything."""
    head: str
    built: Built | None


@asynccontextmanager
async def _tenants(settings: Settings, tenant_id: str | None) -> AsyncIterator[list[TenantServices]]:
    if settings.database_url is None:
        raise InvalidInputError("there is no database to ask", hint="set OPENIWD_DATABASE_URL")
    if settings.search is None:
        raise InvalidInputError("no search server is configured", hint="set OPENIWD_SEARCH_URL")
    wiring = Wiring(settings.database_url, budget=BUDGET, search=settings.search)
    try:
        found = [t for t in await wiring.control.tenants() if t.active and tenant_id in (None, t.id)]
        if not found:
            raise NotFoundError(
                f"there is no active tenant '{tenant_id}'" if tenant_id else "there is no active tenant"
            )
        yield [await wiring.platform.services(t.id) for t in found]
    finally:
        await wiring.close()


async def status(settings: Settings, tenant_id: str | None) -> list[Status]:
    """Of each active tenant, or of the one named."""
    async with _tenants(settings, tenant_id) as tenants:
        return [await _status(services) for services in tenants]


async def _status(services: TenantServices) -> Status:
    state = None if services.indexed is None else await services.indexed.index.state()
    async with services.runtime.store.reading() as reading:
        head = await reading.head()
    return Status(
        tenant=services.tenant.id,
        index=None if state is None else state.name,
        shown_to=None if state is None else str(state.cursor),
        head=str(head),
        built=await last_built(services.runtime.store),
    )


async def reindex(settings: Settings, tenant_id: str | None, tell: Callable[[str, Built], None]) -> None:
    """Asks for a new index for each tenant, and waits until it is in use; `tell` hears how far it is."""
    async with _tenants(settings, tenant_id) as tenants:
        for services in tenants:
            store, asked_at = services.runtime.store, datetime.now(UTC)
            await ask_for_index(store, asked_at)
            while True:
                built = await last_built(store)
                if built is not None and built.begun_at >= asked_at:
                    tell(services.tenant.id, built)
                    if built.done_at is not None:
                        break
                await asyncio.sleep(POLL_SECONDS)
