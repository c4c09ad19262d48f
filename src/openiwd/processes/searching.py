"""Keeps a tenant's search index while this process holds the lease to: one loop follows the log, one builds anew."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import Final, cast

import structlog
from prometheus_client import Counter, Gauge

from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.ports.search_index import SearchAwayError, SearchServer
from openiwd.processes.loop import forever
from openiwd.processes.settings import SearchSettings
from openiwd.usecases.indexed_search import IndexedSearch, IndexHealth
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.search_feeding import SearchFeeding

log = structlog.get_logger()

LEASE: Final = "search"
HOLD_SECONDS: Final = 1.0
STANDBY_SECONDS: Final = 1.0
FOLLOW_SECONDS: Final = 0.2
"""Between two parts of the log: each part ends with a refresh, which costs the server something."""
WAIT_SECONDS: Final = 1.0
REASON_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 3.0
"""So soon every process knows how the index is, also one in which nobody searches."""
TIDY_SECONDS: Final = 10.0
"""For so long the index before stays, for searches that are asking it."""

index_up = Gauge(
    "iwd_search_index_up", "0 while searches do without the index: away, or far behind", ["tenant"]
)
lag_events = Gauge("iwd_search_lag_events", "Events that the search index does not show yet", ["tenant"])
lag_seconds = Gauge("iwd_search_lag_seconds", "How long the search index has been behind the log", ["tenant"])
written = Counter("iwd_search_documents_total", "Documents written into the search index", ["tenant"])
failures = Counter("iwd_search_failures_total", "Failed attempts to keep the search index", ["tenant"])
builds = Counter("iwd_search_builds_total", "Search indexes built anew", ["tenant"])


def search_server(settings: SearchSettings) -> SearchServer:
    """The server's client, which is an extra."""
    try:
        module = import_module("openiwd.adapters.search.opensearch_server")
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"the client of the search server is not installed ({error.name})",
            field="OPENIWD_SEARCH_URL",
            code="extraMissing",
            hint="install it with: pip install 'openiwd[search]'",
        ) from error
    server = module.OpenSearchServer(
        settings.urls,
        prefix=settings.prefix,
        user=settings.user,
        password=settings.password,
        ca=settings.ca_file,
    )
    return cast("SearchServer", server)


class LeaseLostError(Exception):
    """Another process keeps the index now."""


class IndexingTenant:
    """Stands by until the tenant's lease is free; then keeps the index, as long as it holds it."""

    def __init__(self, platform: Platform, services: TenantServices, indexed: IndexedSearch) -> None:
        self._platform = platform
        self._services = services
        self._indexed = indexed
        self._tenant = services.tenant.id
        self._even_at = self._built_at = time.monotonic()
        self._is_tidy = False

    async def step(self) -> float:
        if not await self._lease():
            return STANDBY_SECONDS
        feeding = SearchFeeding(self._services, self._indexed, written.labels(self._tenant).inc)
        try:
            # In a task of its own, as the decider's is.
            await asyncio.get_running_loop().create_task(self._run(feeding), name="keeping the search index")
        except* LeaseLostError:
            log.info("no longer keeping the search index", tenant=self._tenant)
        except* UnavailableError:
            raise
        return 0.0

    async def look(self) -> float:
        """How the index is for searches of this process, whether it keeps it or not."""
        await self._indexed.look()
        is_down = self._indexed.health in (IndexHealth.AWAY, IndexHealth.BEHIND)
        index_up.labels(self._tenant).set(0.0 if is_down else 1.0)
        return LOOK_SECONDS

    async def _lease(self) -> bool:
        epoch = await self._platform.control.take_lease(self._tenant, LEASE, self._platform.process_id)
        return epoch is not None

    async def _run(self, feeding: SearchFeeding) -> None:
        self._even_at = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hold_lease())
            group.create_task(forever("search index", lambda: self._follow(feeding)))
            group.create_task(forever("search index building", lambda: self._build(feeding)))

    async def _hold_lease(self) -> None:
        while True:
            if not await self._lease():
                raise LeaseLostError
            await asyncio.sleep(HOLD_SECONDS)

    async def _follow(self, feeding: SearchFeeding) -> float:
        head = self._services.feed.head
        try:
            more = await feeding.follow()
        except SearchAwayError as error:
            return self._failed(error)
        finally:
            self._tell(feeding)
        if more:
            return 0.0
        if head is not None:
            await self._services.feed.wait(head, WAIT_SECONDS)
        return FOLLOW_SECONDS

    async def _build(self, feeding: SearchFeeding) -> float:
        try:
            reason = await feeding.reason()
            if reason is None:
                if not self._is_tidy and time.monotonic() - self._built_at > TIDY_SECONDS:
                    await feeding.tidy()
                    self._is_tidy = True
                return REASON_SECONDS
            log.info("building a search index", tenant=self._tenant, reason=reason)
            built = await feeding.build(reason)
        except SearchAwayError as error:
            return self._failed(error)
        builds.labels(self._tenant).inc()
        self._is_tidy, self._built_at = False, time.monotonic()
        log.info("search index built", tenant=self._tenant, index=built.index, items=built.items)
        return REASON_SECONDS

    def _failed(self, error: SearchAwayError) -> float:
        failures.labels(self._tenant).inc()
        log.warning("the search index is not kept", tenant=self._tenant, error=error.message)
        return AWAY_SECONDS

    def _tell(self, feeding: SearchFeeding) -> None:
        now = time.monotonic()
        if feeding.is_even:
            self._even_at = now
        lag_events.labels(self._tenant).set(feeding.lag)
        lag_seconds.labels(self._tenant).set(0.0 if feeding.is_even else now - self._even_at)
