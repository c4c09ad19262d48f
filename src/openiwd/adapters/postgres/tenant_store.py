"""One tenant's database: lends reading and writing, and grants items for the decider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from openiwd.adapters.postgres.doctor_reading import DOCTOR_SQL
from openiwd.adapters.postgres.driver_errors import driver_errors
from openiwd.adapters.postgres.live_reading import OFFER_SQL
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_reading import PostgresReading
from openiwd.adapters.postgres.tenant_writing import PostgresWriting
from openiwd.adapters.postgres.transaction import limited_transaction
from openiwd.domain.errors import FencedError
from openiwd.domain.work_item import ItemNumber
from openiwd.ports.tenant_store import Claim, Grant, Reading, Tenant, Writing


class PostgresTenantStore:
    """Implements `openiwd.ports.tenant_store.TenantStore`."""

    def __init__(self, tenant: Tenant, pools: TenantPools) -> None:
        self.tenant = tenant
        self._pools = pools

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        with driver_errors():
            async with self._pools.acquire(self.tenant.id, reading=True) as connection:
                yield PostgresReading(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        with driver_errors():
            async with (
                self._pools.acquire(self.tenant.id) as connection,
                limited_transaction(connection, self._pools.limits.transaction),
            ):
                yield PostgresWriting(connection)

    @asynccontextmanager
    async def examining(self, seconds: float) -> AsyncIterator[Reading]:
        with driver_errors():
            async with (
                self._pools.acquire(self.tenant.id, reading=True) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(DOCTOR_SQL["limit_statements"], f"{round(seconds * 1000)}ms")
                yield PostgresReading(connection)

    async def claim(self, epoch: int, grant: Grant, claims: Sequence[Claim]) -> set[ItemNumber]:
        # An item can be granted once: the first claim of a batch stands.
        wanted = {claim.number: claim for claim in reversed(claims)}.values()
        if not wanted:
            return set()
        *values, bodies = zip(*wanted, strict=True)
        with driver_errors():
            async with self._pools.acquire(self.tenant.id) as connection:
                granted = await connection.fetchval(
                    OFFER_SQL["claim"], epoch, *grant, *values, "\n".join(bodies)
                )
        if granted is None:
            raise FencedError("another process decides now", epoch=epoch)
        return {ItemNumber(number) for number in granted}

    async def take_over(self, process_id: UUID) -> int:
        with driver_errors():
            async with self._pools.acquire(self.tenant.id) as connection:
                epoch: int = await connection.fetchval(OFFER_SQL["take_over"], process_id)
        return epoch
