"""One tenant's database: lends reading and writing, and grants items for the decider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from prometheus_client import Histogram

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

USE: Final = Histogram(
    "iwd_db_use_duration_seconds",
    "How long a connection to a tenant's database was used at a time, waiting for one included.",
    ["tenant", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)


class PostgresTenantStore:
    """Implements `openiwd.ports.tenant_store.TenantStore`."""

    def __init__(self, tenant: Tenant, pools: TenantPools) -> None:
        self.tenant = tenant
        self._pools = pools
        self._reading = USE.labels(tenant.id, "reading")
        self._writing = USE.labels(tenant.id, "writing")
        self._claiming = USE.labels(tenant.id, "claim")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        with self._reading.time(), driver_errors():
            async with self._pools.acquire(self.tenant.id, reading=True) as connection:
                yield PostgresReading(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        with self._writing.time(), driver_errors():
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
        with self._claiming.time(), driver_errors():
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
