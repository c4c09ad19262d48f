"""Wiring: the only place where adapters are built and handed to use cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from openiwd.adapters.encryption.aes_gcm import AesGcmBox
from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.html.nh3_cleaner import Nh3Cleaner
from openiwd.adapters.peer.http_peers import HttpPeers
from openiwd.adapters.postgres.control_store import PostgresControlStore
from openiwd.adapters.postgres.pools import CONTROL, TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.errors import NotFoundError
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.identity import new_id
from openiwd.usecases.email_tool import EmailTools
from openiwd.usecases.passing_on import PassingOn
from openiwd.usecases.platform import Platform
from openiwd.usecases.rule_set import compile_published
from openiwd.usecases.tenant_runtime import TenantRuntime, VirtualClock


class SystemClock:
    """The machine's clock, in UTC, to the microsecond."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def database_dsn(control_dsn: str, database: str) -> str:
    """The same server and user, another database."""
    parts = urlsplit(control_dsn)
    return urlunsplit(parts._replace(path="/" + quote(database, safe="")))


class Wiring:
    """One process's adapters: connection pools, stores, platform."""

    def __init__(self, control_dsn: str, *, budget: int = 60, secret_keys: Sequence[bytes] = ()) -> None:
        self.control_dsn = control_dsn
        self.process_id = new_id()
        self.databases: dict[str, str] = {}
        self.pools = TenantPools(self._dsn_of, budget=budget)
        self.control = PostgresControlStore(self.pools)
        self.holidays = LibraryHolidaySource()
        self.peers = HttpPeers()
        passing_on = PassingOn(self.control, self.peers, self.process_id)
        tools = EmailTools(AesGcmBox(secret_keys) if secret_keys else None, Nh3Cleaner())
        self.platform = Platform(
            self.control, self._runtime, self.process_id, passing_on=passing_on, email_tools=tools
        )

    def _dsn_of(self, tenant_id: str) -> str:
        if tenant_id == CONTROL:
            return self.control_dsn
        database = self.databases.get(tenant_id)
        if database is None:
            raise NotFoundError(f"there is no tenant '{tenant_id}'", field="tenant")
        return database_dsn(self.control_dsn, database)

    async def _runtime(self, tenant: Tenant) -> TenantRuntime:
        self.databases[tenant.id] = tenant.database_name
        store = PostgresTenantStore(tenant, self.pools)
        clock: Any = SystemClock()
        if tenant.clock == "virtual":
            async with store.reading() as reading:
                clock = VirtualClock(await reading.virtual_now())
        return TenantRuntime(store, clock, new_id, compile_published)

    async def close(self) -> None:
        await self.peers.close()
        await self.pools.close()


def is_root() -> bool:
    return os.geteuid() == 0
