"""Wiring: the only place where adapters are built and handed to use cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from openiwd.adapters.cloud_mail.http_oauth import HttpOAuth
from openiwd.adapters.digital_channels.client import DigitalChannelsClient
from openiwd.adapters.files.adapter import FileAdapter
from openiwd.adapters.gws.breaker import Breaker
from openiwd.adapters.gws.client import GwsClient
from openiwd.adapters.gws.session import GwsSession
from openiwd.adapters.holidays.source import LibraryHolidaySource
from openiwd.adapters.html.nh3_cleaner import Nh3Cleaner
from openiwd.adapters.language.langid import LangidGuesser
from openiwd.adapters.memory.runtime_cache import MemoryRuntimeCache
from openiwd.adapters.oidc.openid_connect import OpenIdConnect
from openiwd.adapters.outbound.http_outbound import HttpOutbound
from openiwd.adapters.peer.http_peers import HttpPeers
from openiwd.adapters.postgres.control_store import PostgresControlStore
from openiwd.adapters.postgres.mart import PostgresMart
from openiwd.adapters.postgres.migrate import pending
from openiwd.adapters.postgres.migrations.history import History
from openiwd.adapters.postgres.pools import CONTROL, TenantPools
from openiwd.adapters.postgres.provisioning import PostgresProvisioning, ServerDatabases
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.adapters.redis.server import RedisServer
from openiwd.adapters.secret_box.aes_gcm import AesGcmBox
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.errors import NotFoundError, UnavailableError
from openiwd.domain.gws import GwsSettings
from openiwd.domain.network_address import Network
from openiwd.domain.rate_limit import Limits
from openiwd.domain.tenant_life import mart_database_of
from openiwd.ports.capture import CaptureAdapter
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.capture_kinds import outside
from openiwd.processes.database import database_dsn, database_of
from openiwd.processes.identity import new_id
from openiwd.processes.mail_provider import MailProviders
from openiwd.processes.searching import search_server
from openiwd.processes.settings import SearchSettings
from openiwd.processes.sharing import Sharing, redis_cache
from openiwd.usecases.email_tool import EmailTools
from openiwd.usecases.passing_on import PassingOn
from openiwd.usecases.platform import Platform
from openiwd.usecases.rate_limits import RateLimits
from openiwd.usecases.rule_set import compile_published
from openiwd.usecases.tenant_owner import Tenants
from openiwd.usecases.tenant_runtime import TenantRuntime, VirtualClock

MOST_BREAKERS: Final = 1_000


class SystemClock:
    """The machine's clock, in UTC, to the microsecond."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def mart_database(tenant: Tenant) -> str:
    """Each tenant's mart is a database of its own."""
    return mart_database_of(tenant.database_name)


class Wiring:
    """One process's adapters: connection pools, stores, platform."""

    def __init__(
        self,
        control_dsn: str,
        *,
        budget: int = 60,
        secret_keys: Sequence[str] = (),
        outbound_allowed: Sequence[Network] = (),
        capture_dir: Path | None = None,
        mart_server: str | None = None,
        cloud: CloudAddresses | None = None,
        redis: RedisServer | None = None,
        limits: Limits | None = None,
        search: SearchSettings | None = None,
    ) -> None:
        self.control_dsn = control_dsn
        self.mart_server = mart_server
        """Any database of the server where the marts are; None: where the tenants are."""
        self.marts: dict[str, PostgresMart] = {}
        self.process_id = new_id()
        self.databases: dict[str, str] = {}
        self.behind: set[str] = set()
        """Tenants whose databases could not be brought to this version's schema."""
        self.pools = TenantPools(self._dsn_of, budget=budget)
        self.control = PostgresControlStore(self.pools)
        self.holidays = LibraryHolidaySource()
        self.peers = HttpPeers()
        self.outbound = HttpOutbound(outbound_allowed)
        self.breakers: dict[bytes, Breaker] = {}
        """Of Digital Channels, by what the settings say."""
        self.search_server = None if search is None else search_server(search)
        cloud = cloud or CloudAddresses()
        self.oauth = HttpOAuth(cloud, self.outbound)
        box = AesGcmBox(secret_keys)
        cache = redis_cache(redis) if redis is not None else None
        allowances = RateLimits(MemoryRuntimeCache(), cache, limits)
        self.platform = self._platform(box, cloud, capture_dir, allowances)
        # Without a key for all processes, copies could not be told from forgeries: then none are made.
        self.sharing = Sharing(cache, self.platform, box if secret_keys else None) if cache else None
        self.provisioning = PostgresProvisioning(self.pools, lambda: self.control_dsn)
        self.server_databases = ServerDatabases(
            lambda name: database_dsn(self.control_dsn, name),
            lambda name: database_dsn(self.mart_server or self.control_dsn, name),
            lambda: database_of(self.control_dsn),
        )
        self.platform.tenants = Tenants(
            self.provisioning, self.server_databases, self.platform, self.holidays, new_id
        )

    def _platform(
        self, box: AesGcmBox, cloud: CloudAddresses, capture_dir: Path | None, limits: RateLimits
    ) -> Platform:
        adapters: dict[str, CaptureAdapter] = {"file": FileAdapter(capture_dir), **outside(capture_dir)}
        return Platform(
            self.control,
            self._runtime,
            self.process_id,
            passing_on=PassingOn(self.control, self.peers, self.process_id),
            outbound=self.outbound,
            secrets=box,
            capture_adapters=adapters,
            email_tools=EmailTools(
                box, Nh3Cleaner(), MailProviders(cloud), self.oauth, cloud, LangidGuesser()
            ),
            limits=limits,
            make_router=lambda settings: GwsClient(self.outbound, settings),
            make_channels=self._channels,
            search_server=self.search_server,
            identity_provider=OpenIdConnect(self.outbound),
        )

    def _channels(self, settings: GwsSettings) -> DigitalChannelsClient:
        """Each connection is for one question: what it finds out of a service that is away, the next one knows."""
        if len(self.breakers) >= MOST_BREAKERS:
            self.breakers.clear()
        told = blake2b(msgspec.json.encode(settings), digest_size=16).digest()
        asking = GwsSession(self.outbound, settings, self.breakers.setdefault(told, Breaker()))
        return DigitalChannelsClient(asking, settings.nexus, settings.workspace)

    def _dsn_of(self, tenant_id: str) -> str:
        if tenant_id == CONTROL:
            return self.control_dsn
        database = self.databases.get(tenant_id)
        if database is None:
            raise NotFoundError(f"there is no tenant '{tenant_id}'", field="tenant")
        return database_dsn(self.control_dsn, database)

    def mart(self, tenant: Tenant) -> PostgresMart:
        """The tenant's data mart, whether or not its database is there already."""
        if tenant.id not in self.marts:
            name = mart_database(tenant)
            self.marts[tenant.id] = PostgresMart(
                lambda: database_dsn(self.mart_server or self.control_dsn, name)
            )
        return self.marts[tenant.id]

    async def _runtime(self, tenant: Tenant) -> TenantRuntime:
        self.databases[tenant.id] = tenant.database_name
        await self._check_schema(tenant)
        store = PostgresTenantStore(tenant, self.pools)
        clock: Any = SystemClock()
        if tenant.clock == "virtual":
            async with store.reading() as reading:
                clock = VirtualClock(await reading.virtual_now())
        runtime = TenantRuntime(store, clock, new_id, compile_published, self.mart(tenant))
        if self.sharing is not None:
            runtime.on_commit = partial(self.sharing.fan_out.log_has_grown, tenant.id)
        return runtime

    async def _check_schema(self, tenant: Tenant) -> None:
        """One that was behind is asked again: somebody may have brought it up to date."""
        if tenant.id not in self.behind:
            return
        if await pending(History.TENANT, database_dsn(self.control_dsn, tenant.database_name)):
            raise UnavailableError(
                "this tenant's database is being brought up to date",
                code="tenantBehind",
                hint="try again later; the log of the server's start says what is in the way",
                retry_after=30,
            )
        self.behind.discard(tenant.id)

    async def close(self) -> None:
        await self.peers.close()
        await self.outbound.close()
        await self.oauth.close()
        if self.search_server is not None:
            await self.search_server.close()
        for mart in self.marts.values():
            await mart.close()
        if self.sharing is not None:
            await self.sharing.cache.close()
        await self.pools.close()


def is_root() -> bool:
    return os.geteuid() == 0
