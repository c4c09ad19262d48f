"""A tenant where this process may decide: it stands by with a warm picture, or decides and runs the tenant's timers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Set as AbstractSet
from typing import Final
from uuid import UUID

import structlog

from openiwd.domain.errors import FencedError, UnavailableError
from openiwd.ports.tenant_store import Cursor
from openiwd.processes.loop import forever
from openiwd.usecases import agent as agent_use
from openiwd.usecases import alarm_watch, dashboard, queue_stay, report_delivery, retention, timer
from openiwd.usecases.canary_watch import CanaryWatch
from openiwd.usecases.decider import Decider
from openiwd.usecases.picture import Picture
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.presence import Stranded
from openiwd.usecases.priority_sample import PrioritySampler

log = structlog.get_logger()

HOLD_SECONDS: Final = 1.0
"""How often the deciding process asks whether it still is; what it writes is fenced anyhow."""
STANDBY_SECONDS: Final = 0.5
"""How often a process that stands by asks whether the decider's lease is over."""
TIMER_SECONDS: Final = 0.5
STRANDED_CHECK_SECONDS: Final = 2.0
ALARM_SECONDS: Final = 5.0
"""How often causes of alarms are looked for."""
ALARM_SHARE: Final = 10.0
"""A look that takes long, with very many alarms open, is followed by a pause so many times as long."""
ALARM_SECONDS_AT_MOST: Final = 15.0
ALARM_PAUSE_SECONDS: Final = 0.5
ALARM_PAUSE_SHARE: Final = 3.0
"""Of a look after which more is to be written: what else is written, and pages, have three quarters of the time."""
RETENTION_SECONDS: Final = 3600.0
"""How often it is looked for what is old enough to go."""
STAY_SECONDS: Final = 5.0
"""How often the past of the queues is brought up to the log."""
STAY_PAUSE_SECONDS: Final = 0.02
"""Between two parts of a long log, for those who have something to do now."""
CANARY_SECONDS: Final = 0.5
"""How often a running canary is looked at."""
REPORT_SECONDS: Final = 20.0
"""How often it is asked whether a report is to go out by email."""
SAMPLE_SECONDS: Final = 20.0
"""How often it is asked whether a quarter of an hour has begun whose backlog is to be kept."""


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
