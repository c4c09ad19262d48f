"""The data marts of a whole installation in one process (`openiwd up`): a loop per tenant, fed over HTTP as any.

Follows the control database; each mart has a key of its own, made from the folder's secret again at each start.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

import structlog

from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.identity import new_id
from openiwd.processes.loop import ended, forever
from openiwd.processes.mart import INTERVAL_SECONDS, MartLoop
from openiwd.processes.tenant_watch import AWAKE_AT_MOST
from openiwd.processes.wiring import Wiring, mart_database
from openiwd.usecases.mart_run import MartSource
from openiwd.usecases.tenant_access import MART_PRIVILEGES
from openiwd.usecases.user import KEY_PREFIX, hash_secret

log = structlog.get_logger()

BATCH: Final = 5_000
"""Small, for the sake of what else this one process does."""
FOLLOW_SECONDS: Final = 2.0
"""How soon a tenant that is made, suspended or changed is seen; marts start one after the other."""
MANY_SECONDS: Final = 600.0
"""Between two runs of a mart where there are so many tenants that idle ones rest: a run wakes its tenant."""
KEY_NAME: Final = "data mart (openiwd up)"
PRIVILEGES: Final = (*MART_PRIVILEGES, "workitems.read")
"""Attributes of `data` can be dimensions of reports."""


def mart_key(folder_secret: str, tenant_id: str) -> str:
    """The same key at each start; nowhere written down."""
    made = hmac.digest(folder_secret.encode(), f"data mart of {tenant_id}".encode(), sha256)
    return KEY_PREFIX + urlsafe_b64encode(made).decode().rstrip("=")


class MartFolder:
    """Starts and stops the loops."""

    def __init__(self, wiring: Wiring, url: str, folder_secret: str) -> None:
        self._wiring = wiring
        self._url = url
        self._secret = folder_secret
        self._loops: dict[str, tuple[Tenant, float, MartLoop]] = {}
        self._following: asyncio.Task[None] | None = None

    @property
    def tenants(self) -> list[str]:
        """Whose marts are loaded here."""
        return list(self._loops)

    def start(self) -> None:
        following = forever("data marts", self.step)
        self._following = asyncio.get_running_loop().create_task(following, name="data marts")

    async def stop(self) -> None:
        if self._following is not None:
            await ended([self._following])
        for tenant_id in list(self._loops):
            await self._end(tenant_id)

    async def step(self) -> float:
        """Ends what is no longer to run, begins what has changed, and one loop more."""
        active = [t for t in await self._wiring.control.tenants() if t.active and t.clock == "real"]
        interval = INTERVAL_SECONDS if len(active) <= AWAKE_AT_MOST else MANY_SECONDS
        wanted = {t.id: t for t in active}
        for tenant_id, (tenant, known, _) in list(self._loops.items()):
            now = wanted.get(tenant_id)
            if now is None or known != interval or _told(now) != _told(tenant):
                await self._end(tenant_id)
        fresh = next((t for t in active if t.id not in self._loops), None)
        if fresh is not None:
            await self._begin(fresh, interval)
        return FOLLOW_SECONDS

    async def _begin(self, tenant: Tenant, interval: float) -> None:
        key = mart_key(self._secret, tenant.id)
        if await self._wiring.control.api_key(hash_secret(key)) is None:
            await self._wiring.platform.identities.create_key(
                new_id(), tenant.id, KEY_NAME, privileges=PRIVILEGES, secret=key
            )
        source = MartSource(
            tenant_id=tenant.id,
            time_zone=tenant.time_zone,
            feed=HttpReportingFeed(self._url, key),
            batch=BATCH,
        )
        loop = MartLoop(
            self._wiring.mart(tenant), source, lambda: self._wiring.control_dsn, mart_database(tenant),
            interval=interval,
        )  # fmt: skip
        self._loops[tenant.id] = tenant, interval, loop
        loop.start()
        log.info("data mart started", tenant=tenant.id)

    async def _end(self, tenant_id: str) -> None:
        *_, loop = self._loops.pop(tenant_id)
        await loop.stop()


def _told(tenant: Tenant) -> tuple[str, str]:
    """What a loop was told of its tenant at its beginning."""
    return tenant.database_name, tenant.time_zone
