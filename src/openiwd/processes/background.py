"""Background work of a serving process: leases, the log's tail, timers, presence. Loops that outlive errors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from msgspec import Struct, field

from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.domain.privilege import system
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import Cursor, Tenant
from openiwd.processes.capture import CapturingTenant, counting
from openiwd.processes.loop import ended, forever, loop_errors
from openiwd.processes.routing import RoutingTenant
from openiwd.processes.searching import IndexingTenant
from openiwd.processes.sharing import Sharing
from openiwd.processes.tenant_watch import AWAKE_AT_MOST, TOLD_SECONDS, TenantWatch
from openiwd.processes.webhooks import SendingTenant
from openiwd.usecases import agent as agent_use
from openiwd.usecases import (
    alarm_watch,
    dashboard,
    email_aside,
    queue_stay,
    report_delivery,
    retention,
    timer,
)
from openiwd.usecases.canary_watch import CanaryWatch
from openiwd.usecases.decider import Decider
from openiwd.usecases.feed import POLL_SECONDS
from openiwd.usecases.picture import Picture
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.presence import Stranded
from openiwd.usecases.priority_sample import PrioritySampler
from openiwd.usecases.shared_presence import SharedPresence
from openiwd.usecases.tenant import purge

log = structlog.get_logger()

LEASE_SECONDS: Final = 3.0
"""A process that has not renewed for so long is taken for dead (docs/adr/0005 reckons what follows from it)."""
RENEW_SECONDS: Final = 0.5
HOLD_SECONDS: Final = 1.0
"""How often the deciding process asks whether it still is; what it writes is fenced anyhow."""
STANDBY_SECONDS: Final = 0.5
"""How often a process that stands by asks whether the decider's lease is over."""
TIMER_SECONDS: Final = 0.5
PRESENCE_SECONDS: Final = 2.0
STRANDED_CHECK_SECONDS: Final = 2.0
GONE_SECONDS: Final = 86_400.0
"""For so long the row of a process that has died is kept."""
RETENTION_SECONDS: Final = 3600.0
ALARM_SECONDS: Final = 5.0
"""How often causes of alarms are looked for."""
ALARM_SHARE: Final = 10.0
"""A look that takes long, with very many alarms open, is followed by a pause so many times as long."""
ALARM_SECONDS_AT_MOST: Final = 15.0
ALARM_PAUSE_SECONDS: Final = 0.5
ALARM_PAUSE_SHARE: Final = 3.0
"""Of a look after which more is to be written: what else is written, and pages, have three quarters of the time."""
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
STAY_SECONDS: Final = 5.0
"""How often the past of the queues is brought up to the log."""
STAY_PAUSE_SECONDS: Final = 0.02
"""Between two parts of a long log, for those who have something to do now."""
PREPARE_SECONDS: Final = 0.2
"""How often it is asked whether another process is about to publish a rule set."""
CANARY_SECONDS: Final = 0.5
"""How often a running canary is looked at."""
SHADOW_SECONDS: Final = 0.05
"""How often a running shadow asks whether there is something to look at."""
SHADOW_IDLE_SECONDS: Final = 0.5
SHADOW_PAUSE: Final = 12.0
"""A look is followed by a pause so many times as long: at most a thirteenth of the time goes to shadows."""
SHADOW_WRITE_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 20.0
"""How often it is asked whether a report is to go out by email."""
SAMPLE_SECONDS: Final = 20.0
"""How often it is asked whether a quarter of an hour has begun whose backlog is to be kept."""


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


class DecidingTenant:
    """Stands by with a warm picture until the tenant's decider lease is free; then decides, as long as it holds it."""

    def __init__(self, platform: Platform, services: TenantServices, met: AbstractSet[UUID]) -> None:
        self._platform = platform
        self._services = services
        self._met = met
        self._stranded = Stranded()
        self._stays_read: Cursor | None = None
        self._canary = CanaryWatch(platform, services)
        self._sampler = PrioritySampler(services)

    async def step(self) -> float:
        """The picture outlives the loss of the lease and a database that is away, but no unexpected error."""
        services = self._services
        try:
            await self._stand_by()
            await self._decide()
        except* (LeaseLostError, FencedError):
            log.info("no longer deciding", tenant=services.tenant.id)
        except* UnavailableError:
            raise
        except* Exception:
            services.picture = None
            raise
        return 0.0

    async def _stand_by(self) -> None:
        """Until the lease is ours. No picture under a virtual clock: it stands still here while others move it."""
        services = self._services
        if services.picture is None and services.tenant.clock == "real":
            services.picture = await Picture.load(services)
        while not await self._lease():
            picture, until = services.picture, time.monotonic() + STANDBY_SECONDS
            while (left := until - time.monotonic()) > 0:
                if picture is None:
                    await asyncio.sleep(left)
                elif not await picture.stand_by():
                    await services.feed.wait(picture.cursor, left)

    async def _decide(self) -> None:
        services = self._services
        decider = await Decider.take_over(services, services.picture)
        if not await self._lease():
            return
        services.decider = decider
        log.info("deciding", tenant=services.tenant.id, epoch=decider.epoch, backlog=len(decider))
        try:
            # In a task of its own: until Python 3.13 a group one of whose tasks fails leaves the task that waits for it
            # marked as to be cancelled, and this loop would take that for the end of the process.
            await asyncio.get_running_loop().create_task(self._run(decider), name="deciding")
        finally:
            services.decider = None

    async def _lease(self) -> bool:
        """Takes or renews the decider's lease; False while another one has it."""
        epoch = await self._platform.control.take_decider_lease(
            self._services.tenant.id, self._platform.process_id
        )
        return epoch is not None

    async def _run(self, decider: Decider) -> None:
        """Until the lease is lost or something fails: deciding, timers and renewal side by side."""
        async with asyncio.TaskGroup() as group:
            group.create_task(decider.run())
            group.create_task(self._hold_lease())
            if self._services.tenant.clock == "real":
                group.create_task(forever("timers", self._timers))
                group.create_task(forever("stranded", self._lose_stranded))
                group.create_task(forever("retention", self._retention))
                group.create_task(forever("alarms", self._alarms))
                group.create_task(forever("canary", self._look_at_canary))
                group.create_task(forever("samples", self._samples))
                group.create_task(forever("stays", self._stays))
                group.create_task(forever("reports", self._reports))

    async def _hold_lease(self) -> None:
        while True:
            if not await self._lease():
                raise LeaseLostError
            await asyncio.sleep(HOLD_SECONDS)

    async def _timers(self) -> float:
        decider = self._services.decider
        touched = 0 if decider is None else await timer.run_due(self._services, decider.require_epoch)
        return 0.0 if touched >= timer.CHUNK else TIMER_SECONDS

    async def _lose_stranded(self) -> float:
        """Agents whose process has died become not ready, unless they come to another one in time."""
        live = await self._platform.control.live_processes()
        async with self._services.runtime.store.reading() as reading:
            found = await reading.stranded_agents(live)
        for agent_id, held_by in self._stranded.over(found, {str(p) for p in self._met}):
            await agent_use.lose(self._services, agent_id, held_by)
        return STRANDED_CHECK_SECONDS

    async def _alarms(self) -> float:
        began, decider = time.monotonic(), self._services.decider
        done = 0 if decider is None else await alarm_watch.watch(self._services, decider.require_epoch)
        if done >= alarm_watch.CHUNK:
            return max(ALARM_PAUSE_SECONDS, ALARM_PAUSE_SHARE * (time.monotonic() - began))
        return min(max(ALARM_SECONDS, ALARM_SHARE * (time.monotonic() - began)), ALARM_SECONDS_AT_MOST)

    async def _look_at_canary(self) -> float:
        decider = self._services.decider
        if decider is not None and await self._canary.step(decider.require_epoch):
            log.warning("canary rolled back", tenant=self._services.tenant.id)
            await alarm_watch.watch(self._services, decider.require_epoch)
        return CANARY_SECONDS

    async def _samples(self) -> float:
        await dashboard.keep_sample(self._services)
        await self._sampler.step()
        return SAMPLE_SECONDS

    async def _stays(self) -> float:
        """In larger parts, so that what waits for moments only is written once."""
        if self._services.feed.head == self._stays_read:
            return STAY_SECONDS
        head = self._services.feed.head
        if await queue_stay.extend(self._services):
            return STAY_PAUSE_SECONDS
        self._stays_read = head
        return STAY_SECONDS

    async def _reports(self) -> float:
        await report_delivery.run_due(self._services)
        return REPORT_SECONDS

    async def _retention(self) -> float:
        removed = await timer.delete_expired(self._services)
        removed = max(removed, await retention.enforce(self._services))
        await timer.forget_answers(self._services)
        await alarm_watch.forget_cleared(self._services)
        await dashboard.forget_samples(self._services)
        return 1.0 if removed >= timer.CHUNK else RETENTION_SECONDS


class LeaseLostError(Exception):
    """Another process decides now."""
