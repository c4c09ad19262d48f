"""Background work of a serving process: its lease, its tenants and the loops of each. What decides: deciding.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from msgspec import Struct, field

from openiwd.domain.errors import UnavailableError
from openiwd.domain.privilege import system
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.capture import CapturingTenant, counting
from openiwd.processes.deciding import RETENTION_SECONDS, DecidingTenant
from openiwd.processes.loop import ended, forever, loop_errors
from openiwd.processes.routing import RoutingTenant
from openiwd.processes.searching import IndexingTenant
from openiwd.processes.sharing import Sharing
from openiwd.processes.tenant_watch import AWAKE_AT_MOST, TOLD_SECONDS, TenantWatch
from openiwd.processes.webhooks import SendingTenant
from openiwd.usecases import agent as agent_use
from openiwd.usecases import (
    email_aside,
)
from openiwd.usecases.feed import POLL_SECONDS
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.shared_presence import SharedPresence
from openiwd.usecases.tenant import purge

log = structlog.get_logger()

LEASE_SECONDS: Final = 3.0
"""A process that has not renewed for so long is taken for dead (docs/adr/0005 reckons what follows from it)."""
RENEW_SECONDS: Final = 0.5
PRESENCE_SECONDS: Final = 2.0
GONE_SECONDS: Final = 86_400.0
"""For so long the row of a process that has died is kept."""
SETTLE_SECONDS: Final = 3.0
"""Where there are many tenants: so long after one was woken begins what no request waits for. Most are asked for one
thing, and rest again."""
SETTLE_SECONDS_AT_MOST: Final = 30.0
"""So long one waits for room while as many as may be awake have all their loops, which share the connections."""
LIGHT_POLL_SECONDS: Final = 5.0
"""How often the log of one that waits is read for what other processes have written."""
DOCTOR_FIRST_SECONDS: Final = 30.0
DOCTOR_SECONDS: Final = 300.0
"""How often the doctor looks by itself."""
PREPARE_SECONDS: Final = 0.2
"""How often it is asked whether another process is about to publish a rule set."""
SHADOW_SECONDS: Final = 0.05
"""How often a running shadow asks whether there is something to look at."""
SHADOW_IDLE_SECONDS: Final = 0.5
SHADOW_PAUSE: Final = 12.0
"""A look is followed by a pause so many times as long: at most a thirteenth of the time goes to shadows."""
SHADOW_WRITE_SECONDS: Final = 1.0


class Loops(Struct, kw_only=True):
    """What runs for one tenant in this process."""

    services: TenantServices
    own: list[asyncio.Task[None]] = field(default_factory=list)
    deciding: list[asyncio.Task[None]] = field(default_factory=list)
    capture: list[asyncio.Task[None]] = field(default_factory=list)
    capturing: CapturingTenant | None = None
    settling: list[asyncio.Task[None]] = field(default_factory=list)
    """What will begin the rest."""
    is_whole: bool = False
    is_examined: bool = False


class Background:
    """Everything that runs beside requests in this process."""

    def __init__(
        self,
        platform: Platform,
        kind: str,
        address: str | None,
        *,
        decides: bool,
        captures: bool = False,
        holidays: HolidaySource | None = None,
        sends: bool = False,
        sharing: Sharing | None = None,
        awake_tenants: int = AWAKE_AT_MOST,
    ) -> None:
        self._platform = platform
        self._sharing = sharing
        self._holidays = holidays
        self._kind = kind
        self.address = address
        """Where other processes reach the API of this one."""
        self._awake_tenants = awake_tenants
        self._decides = decides
        self._sends = sends
        self._captures = captures
        self._met: set[UUID] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: list[asyncio.Task[None]] = []
        self._loops: dict[str, Loops] = {}
        self._may_decide = decides
        self._is_started = False
        self._prepared: dict[UUID, asyncio.Task[None]] = {}
        owner = platform.tenants
        self._watch = TenantWatch(
            platform,
            self,
            wakes_others=decides or captures,
            awake_at_most=awake_tenants,
            tell=None if owner is None else owner.store.note_use,
            told=None if owner is None else lambda: owner.store.used_lately(TOLD_SECONDS),
        )

    @property
    def running(self) -> Mapping[str, TenantServices]:
        """The tenants that are open here, with loops that run."""
        return {tenant_id: loops.services for tenant_id, loops in self._loops.items()}

    @property
    def resting(self) -> list[str]:
        """Tenants that are known here and have nothing in memory."""
        return self._watch.resting

    async def start(self) -> None:
        """Takes the process lease and opens all active tenants."""
        await self._renew()
        self._platform.on_open = self._begin
        self._spawn(self._tasks, "lease", self._renew)
        self._spawn(self._tasks, "tidy", self._tidy)
        self._spawn(self._tasks, "preparation", self._prepare)
        for name, step in self._sharing.loops() if self._sharing is not None else ():
            self._spawn(self._tasks, name, step)
        await self._watch.start()
        self._is_started = True
        self._spawn(self._watching, "tenants", self._watch.step)
        self._spawn(self._watching, "deletions", self._purge)

    async def open(self, tenant: Tenant, *, at_once: bool = True) -> TenantServices:
        """Opens a tenant and starts its loops; not `at_once`: as a request does."""
        services = await self._platform.services(tenant.id)
        await self._begin(services)
        if at_once:
            services.wanted.set()
        return services

    async def close(self, tenant_id: str) -> None:
        """Ends a tenant's loops and forgets what is in memory; another process may decide for it at once."""
        self._platform.close(tenant_id)
        loops = self._loops.pop(tenant_id, None)
        if loops is None:
            return
        await ended(loops.settling)
        loops.services.feed.end_subscriptions()
        loops.services.addressing.end()
        await ended(loops.deciding)
        if loops.deciding:
            with suppress(UnavailableError):
                await self._platform.control.give_up_decider_leases(self._platform.process_id, tenant_id)
        await self._end_capture(loops)
        await loops.services.bulk_runs.close()
        await loops.services.impact_runs.close()
        await ended(loops.own)
        with suppress(UnavailableError):
            await loops.services.shadows.flush()

    async def _begin(self, services: TenantServices) -> None:
        """Starts the loops of a tenant that has just been opened, by a request or by this process itself.

        Where there are many, at first only what the log's readers need: a dozen loops, each with its first look at the
        database, would take the time and the connections that the request waits for.
        """
        tenant = services.tenant
        known = self._loops.get(tenant.id)
        if known is not None:
            if known.services is services:
                return
            await self.close(tenant.id)  # closed and opened again before these loops were ended
        loops = self._loops[tenant.id] = Loops(services=services)
        services.captured = counting(tenant.id)
        try:
            await services.feed.start()
        except BaseException:
            del self._loops[tenant.id]
            raise
        self._spawn(loops.own, "feed", lambda: _run_feed(services))
        if self._watch.has_many:
            settling = _logged("settling", self._settle(loops))
            loops.settling.append(asyncio.get_running_loop().create_task(settling, name="settling"))
        else:
            await self._begin_rest(loops)

    async def _settle(self, loops: Loops) -> None:
        feed, wanted = loops.services.feed, loops.services.wanted
        feed.poll_seconds = LIGHT_POLL_SECONDS
        until = time.monotonic() + SETTLE_SECONDS_AT_MOST
        has_room = False
        while not (wanted.is_set() or has_room or time.monotonic() >= until):
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_SECONDS):
                    await wanted.wait()
            has_room = sum(each.is_whole for each in self._loops.values()) < self._awake_tenants
        feed.poll_seconds = POLL_SECONDS
        await self._begin_rest(loops)

    async def _begin_rest(self, loops: Loops) -> None:
        loops.is_whole = True
        services, tenant = loops.services, loops.services.tenant
        if tenant.clock == "real":
            shared = SharedPresence(services, self._sharing.cache if self._sharing is not None else None)
            self._spawn(loops.own, "presence", lambda: _presence(services, shared))
            self._spawn(loops.own, "old emails", lambda: _age_emails(services))
            self._spawn(loops.own, "doctor", lambda: self._examine(loops))
            if self._holidays is not None:
                shadowing = Shadowing(services, self._holidays)
                self._spawn(loops.own, "shadow", shadowing.step)
            if self._sends:
                self._spawn(loops.own, "webhooks", SendingTenant(self._platform, services).step)
        if self._sends and services.indexed is not None:
            indexing = IndexingTenant(self._platform, services, services.indexed)
            self._spawn(loops.own, "search", indexing.step)
            self._spawn(loops.own, "search health", indexing.look)
        if self._may_decide:
            runner = DecidingTenant(self._platform, services, self._met)
            self._spawn(loops.deciding, "decider", runner.step)
            if tenant.clock == "real":
                self._spawn(loops.deciding, "routing", RoutingTenant(self._platform, services).step)
        if self._captures and tenant.clock == "real":
            loops.capturing = CapturingTenant(self._platform, services)
            self._spawn(loops.capture, "capture", loops.capturing.step)
            self._spawn(loops.capture, "capture keys", loops.capturing.tidy)
        if self._sends and self._is_started:
            await services.bulk_runs.resume()

    def _spawn(self, into: list[asyncio.Task[None]], name: str, step: Callable[[], Awaitable[float]]) -> None:
        into.append(asyncio.get_running_loop().create_task(forever(name, step), name=name))

    async def _renew(self) -> float:
        await self._platform.control.renew_process(
            self._platform.process_id, self._kind, self.address, LEASE_SECONDS, datetime.now(UTC)
        )
        self._met |= await self._platform.control.live_processes()
        return RENEW_SECONDS

    async def _examine(self, loops: Loops) -> float:
        """For the metrics: each process tells what it sees. The first look waits until all has started."""
        if not loops.is_examined:
            loops.is_examined = True
            return DOCTOR_FIRST_SECONDS
        await self._platform.doctor.report(self._platform, loops.services)
        return DOCTOR_SECONDS

    async def _prepare(self) -> float:
        """Has ready what other processes are about to publish."""
        found = await self._platform.control.preparations(self._platform.process_id)
        self._prepared = {p: one for p, one in self._prepared.items() if p in found or not one.done()}
        for preparation_id, tenant_id in found.items():
            if preparation_id in self._prepared:
                continue
            preparations = (await self._platform.services(tenant_id)).preparations
            if preparations is not None:
                following = _logged("preparation", preparations.follow(preparation_id))
                self._prepared[preparation_id] = asyncio.get_running_loop().create_task(following)
        return PREPARE_SECONDS

    async def _tidy(self) -> float:
        await self._platform.control.forget_sessions(datetime.now(UTC))
        await self._platform.control.forget_processes(GONE_SECONDS)
        return RETENTION_SECONDS

    async def _purge(self) -> float:
        """Removes the tenants whose time of grace is over; processes that do it at once wait for each other."""
        if self._platform.tenants is not None:
            await purge(self._platform.tenants, system("retention"))
        return RETENTION_SECONDS

    async def stop_deciding(self) -> None:
        """Lets another process decide at once; this one passes on from now on what needs the decider."""
        self._may_decide = False
        await ended([t for loops in self._loops.values() for t in loops.deciding])
        with suppress(UnavailableError):  # then the lease runs out by itself
            await self._platform.control.give_up_decider_leases(self._platform.process_id)

    async def stop_capturing(self) -> None:
        """Lets others read the capture points at once."""
        self._captures = False
        for loops in list(self._loops.values()):
            await self._end_capture(loops)

    async def _end_capture(self, loops: Loops) -> None:
        await ended(loops.capture)
        capturing, loops.capturing = loops.capturing, None
        if capturing is not None:
            await capturing.stop()

    async def stop(self) -> None:
        self._platform.on_open = None
        await ended(self._watching)
        await ended([t for loops in self._loops.values() for t in loops.settling])
        await self.stop_capturing()
        await ended([t for loops in self._loops.values() for t in loops.deciding])
        await ended([*self._tasks, *self._prepared.values()])
        await ended([t for loops in self._loops.values() for t in loops.own])
        for services in self._platform.opened:
            with suppress(UnavailableError):
                await services.shadows.flush()
        await self._platform.control.end_process(self._platform.process_id)


async def _age_emails(services: TenantServices) -> float:
    """Some at once, so that no transaction gets long."""
    return 1.0 if await email_aside.age(services) >= email_aside.AT_ONCE else RETENTION_SECONDS


async def _logged(name: str, work: Awaitable[None]) -> None:
    """Runs it once; an error is logged and counted."""
    try:
        await work
    except Exception:
        loop_errors.labels(name).inc()
        log.exception("background step failed", loop=name)


async def _run_feed(services: TenantServices) -> float:
    await services.feed.run()
    return 0.0


async def _presence(services: TenantServices, shared: SharedPresence) -> float:
    await shared.take_in()
    await shared.tell()
    for agent_id in await shared.lost():
        await agent_use.lose(services, agent_id)
        services.presence.forget(agent_id)
    return PRESENCE_SECONDS


class Shadowing:
    """Lets a tenant's shadows look at what was judged here, in the time that is theirs."""

    def __init__(self, services: TenantServices, holidays: HolidaySource) -> None:
        self._shadows = services.shadows
        self._holidays = holidays
        self._written_at = 0.0

    async def step(self) -> float:
        shadows = self._shadows
        await shadows.refresh(self._holidays)
        if not shadows.is_running:
            return SHADOW_IDLE_SECONDS
        lookups = await shadows.lookups()
        began = time.perf_counter()
        looked = shadows.look(lookups)
        took = time.perf_counter() - began
        if time.monotonic() - self._written_at >= SHADOW_WRITE_SECONDS:
            await shadows.flush()
            self._written_at = time.monotonic()
        return max(SHADOW_PAUSE * took, 0.001) if looked else SHADOW_SECONDS
