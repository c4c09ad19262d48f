"""Speaks to a tenant's external router while this process holds the lease to, and knows the order of what waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.gws import GwsSettings
from openiwd.processes.loop import forever, loop_errors
from openiwd.usecases.integration import unsealed
from openiwd.usecases.integration_settings import KIND, stored_settings
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.routing import ASKED_AT_ONCE, Routing
from openiwd.usecases.routing_record import ROUTER

log = structlog.get_logger()

LEASE: Final = "routing"
HOLD_SECONDS: Final = 1.0
STANDBY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 10.0
"""How soon a connection is found that the log has not told of."""
PLAN_SECONDS: Final = 1.0
PLAN_PAUSE_SECONDS: Final = 0.05
"""Between two plans while the log grows all the time."""
ADVANCE_SECONDS: Final = 0.2
TIDY_SECONDS: Final = 3_600.0
FAILED_SECONDS: Final = 1.0

requests = Counter(
    "iwd_router_steps_total", "Steps of submissions to external routers", ["tenant", "outcome"]
)
open_submissions = Gauge(
    "iwd_router_submissions", "Open submissions to external routers", ["tenant", "state"]
)
router_away = Gauge("iwd_router_away", "1 while an external router does not answer", ["tenant"])


class LeaseLostError(Exception):
    """Another process speaks to the router now."""


class ChangedError(Exception):
    """The connection is configured anew."""


class RoutingTenant:
    """Idle without a configured router; else stands by until the lease is free, then speaks to it."""

    def __init__(self, platform: Platform, services: TenantServices) -> None:
        self._platform = platform
        self._services = services
        self._has_changed = asyncio.Event()
        services.feed.tell(self._hear)

    def _hear(self, events: Sequence[LoggedEvent]) -> None:
        if any(e.type == EventType.CONFIGURATION_CHANGED and e.body.get("kind") == KIND for e in events):
            self._has_changed.set()

    async def step(self) -> float:
        self._has_changed.clear()
        found = await self._settings()
        if found is None or not found[0].enabled:
            await self._wait_for_change()
            return 0.0
        if not await self._lease():
            return STANDBY_SECONDS
        try:
            # In a task of its own, as the decider's is.
            await asyncio.get_running_loop().create_task(self._run(*found), name="routing")
        except* (LeaseLostError, FencedError):
            log.info("no longer speaking to the router", tenant=self._services.tenant.id)
        except* ChangedError:
            log.info("the router is configured anew", tenant=self._services.tenant.id)
        except* UnavailableError:
            raise
        return 0.0

    async def _wait_for_change(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._has_changed.wait()
        except TimeoutError:
            return

    async def _settings(self) -> tuple[GwsSettings, int] | None:
        async with self._services.runtime.store.reading() as reading:
            return await stored_settings(reading)

    async def _lease(self) -> bool:
        epoch = await self._platform.control.take_lease(
            self._services.tenant.id, LEASE, self._platform.process_id
        )
        return epoch is not None

    async def _run(self, stored: GwsSettings, revision: int) -> None:
        services, tenant = self._services, self._services.tenant.id
        settings = unsealed(self._platform, tenant, stored)
        async with services.runtime.store.writing() as tx:
            epoch = await tx.take_over_router(ROUTER.value)
        router = self._platform.connect_router(settings)
        routing = Routing(
            services, router, settings, epoch, random.random, lambda o: requests.labels(tenant, o).inc()
        )
        log.info("speaking to the router", tenant=tenant, epoch=epoch)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold_lease(revision))
                group.create_task(_until_fenced("routing plan", routing.plan, self._planned))
                group.create_task(_until_fenced("routing", routing.advance, _advanced))
                group.create_task(_until_fenced("routing tidying", routing.tidy, _tidied))
                group.create_task(forever("routing counts", self._tell))
        finally:
            services.router_failure = None
            router_away.labels(tenant).set(0)
            await router.close()

    async def _hold_lease(self, revision: int) -> None:
        while True:
            if not await self._lease():
                raise LeaseLostError
            if self._has_changed.is_set():
                self._has_changed.clear()
                found = await self._settings()
                if found is None or found[1] != revision:
                    raise ChangedError
            await asyncio.sleep(HOLD_SECONDS)

    async def _planned(self, _: int) -> None:
        picture = self._services.picture
        if picture is None:
            await asyncio.sleep(PLAN_SECONDS)
            return
        await asyncio.sleep(PLAN_PAUSE_SECONDS)
        await self._services.feed.wait(picture.cursor, PLAN_SECONDS)

    async def _tell(self) -> float:
        tenant = self._services.tenant.id
        async with self._services.runtime.store.reading() as reading:
            counts = await reading.submission_counts()
            state = await reading.router_state(ROUTER.value)
        for name in ("submitting", "submitted", "working", "recalling"):
            open_submissions.labels(tenant, name).set(counts.get(name, 0))
        router_away.labels(tenant).set(1 if state is not None and state.away_since is not None else 0)
        return 5.0


async def _advanced(done: int) -> None:
    if done < ASKED_AT_ONCE:
        await asyncio.sleep(ADVANCE_SECONDS)


async def _tidied(done: int) -> None:
    await asyncio.sleep(1.0 if done >= 1_000 else TIDY_SECONDS)


async def _until_fenced(
    name: str, act: Callable[[], Awaitable[int]], then: Callable[[int], Awaitable[None]]
) -> None:
    """As `forever`, but another process's taking over ends it: that is no error of a step."""
    while True:
        try:
            await then(await act())
        except FencedError:
            raise
        except Exception:
            loop_errors.labels(name).inc()
            log.exception("background step failed", loop=name)
            await asyncio.sleep(FAILED_SECONDS)
