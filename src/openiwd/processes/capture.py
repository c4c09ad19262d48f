"""Reads the capture points of a tenant in this process: those whose lease it has. Others stand by for each of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import Counter

from openiwd.domain.capture.answer import Outcome
from openiwd.domain.capture.place import storable
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import FencedError, OpenIwdError, UnavailableError
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_point import StoredPoint, stored_points
from openiwd.usecases.capture_reader import CaptureReader
from openiwd.usecases.capture_secret import unsealed
from openiwd.usecases.platform import Platform, TenantServices

log = structlog.get_logger()

LEASE_SECONDS: Final = 5.0
RENEW_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 5.0
"""After this a reader that has failed is begun anew."""
KEY_DAYS: Final = 30
"""For so long it is known what was taken of a source without an order."""
CLOSED_ERROR_DAYS: Final = 30
OPEN_ERROR_DAYS: Final = 90
"""So long the error inbox keeps an entry."""

records_taken = Counter(
    "iwd_capture_records_total",
    "Records of capture points by outcome",
    ["tenant", "capture_point", "outcome"],
)


def counting(tenant_id: str) -> Callable[[str, Outcome, int], None]:
    """Counts what became of records of a tenant's capture points, however they came."""

    def count(point_id: str, outcome: Outcome, records: int) -> None:
        records_taken.labels(tenant_id, point_id, outcome.value).inc(records)

    return count


class _Reading:
    """One capture point that this process reads."""

    def __init__(self, platform: Platform, services: TenantServices, stored: StoredPoint) -> None:
        self.revision = stored.revision
        self._platform = platform
        self._services = services
        self._point = stored.point
        self._reader: CaptureReader | None = None
        self._failure: dict[str, Any] = {"state": "starting"}
        self._away_since: datetime | None = services.runtime.now()
        """Of the reader that failed, for the next one: only what was read ends it."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"capture {stored.point.id}")

    @property
    def is_over(self) -> bool:
        return self._task.done()

    def told(self) -> dict[str, Any]:
        if self._reader is not None:
            return self._reader.told()
        since = None if self._away_since is None else self._away_since.isoformat()
        return {**self._failure, "awaySince": since}

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        """Until stopped or fenced; whatever else goes wrong is told, and begun anew after a pause."""
        fenced = False
        while not fenced:
            try:
                await self._read()
            except* FencedError:
                log.info("no longer reading", tenant=self._services.tenant.id, point=self._point.id)
                fenced = True
            except* OpenIwdError as group:
                self._fail(_first(group), "away" if group.subgroup(UnavailableError) else "failed")
            except* Exception as group:
                log.exception("reading failed", tenant=self._services.tenant.id, point=self._point.id)
                self._fail(_first(group), "failed")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self) -> None:
        services, point = self._services, self._point
        async with services.runtime.store.writing() as tx:
            epoch = await tx.take_over_capture(point.id)
        adapter = self._platform.capture_adapters[point.kind]
        ready = opened(point, services.tenant.id)
        readable = unsealed(self._platform, services.tenant.id, point)
        async with adapter.open(readable, services.tenant.id) as source:
            self._reader = CaptureReader(services, ready, source, epoch, self._away_since)
            try:
                # In a task of its own, as in `background`: a group that fails marks the task that waits for it.
                await asyncio.get_running_loop().create_task(self._reader.run())
            finally:
                self._away_since, self._reader = self._reader.status.away_since, None

    def _fail(self, error: BaseException, state: str) -> None:
        text = error.message if isinstance(error, OpenIwdError) else f"{type(error).__name__}: {error}"
        now = self._services.runtime.now()
        self._away_since = self._away_since or now
        self._failure = {"state": state, "lastError": storable(text)[:500], "lastErrorAt": now.isoformat()}


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class CapturingTenant:
    """Takes the leases of a tenant's capture points and reads those that it gets."""

    def __init__(self, platform: Platform, services: TenantServices) -> None:
        self._platform = platform
        self._services = services
        self._host = socket.gethostname()
        self._reading: dict[str, _Reading] = {}

    async def step(self) -> float:
        """Prolongs its leases, takes free ones, and follows changes of the configuration."""
        store = self._services.runtime.store
        async with store.reading() as reading:
            wanted = {p.point.id: p for p in await stored_points(reading) if self._reads(p.point)}
        for point_id, one in list(self._reading.items()):
            if point_id not in wanted or wanted[point_id].revision != one.revision or one.is_over:
                await self._end(point_id)
        if not wanted:
            return RENEW_SECONDS
        told = {i: self._reading[i].told() if i in self._reading else {"state": "starting"} for i in wanted}
        async with store.writing() as tx:
            held = await tx.take_capture_leases(self._platform.process_id, self._host, told, LEASE_SECONDS)
        for point_id in self._reading.keys() - held:
            await self._end(point_id)
        for point_id in held - self._reading.keys():
            log.info("reading", tenant=self._services.tenant.id, point=point_id)
            self._reading[point_id] = _Reading(self._platform, self._services, wanted[point_id])
        return RENEW_SECONDS

    def _reads(self, point: CapturePoint) -> bool:
        adapter = self._platform.capture_adapters.get(point.kind)
        return point.enabled and adapter is not None and adapter.available

    async def _end(self, point_id: str) -> None:
        one = self._reading.pop(point_id)
        await one.stop()
        async with self._services.runtime.store.writing() as tx:
            await tx.give_up_capture_leases(self._platform.process_id, [point_id])

    async def tidy(self) -> float:
        """Forgets long ago taken keys, and old entries of the error inbox."""
        now = self._services.runtime.now()
        closed, opened = now - timedelta(days=CLOSED_ERROR_DAYS), now - timedelta(days=OPEN_ERROR_DAYS)
        async with self._services.runtime.store.writing() as tx:
            gone = await tx.forget_capture_keys(now - timedelta(days=KEY_DAYS), 5_000)
        async with self._services.runtime.store.writing() as tx:
            gone += await tx.forget_capture_errors(closed, opened, 1_000)
        return 1.0 if gone else 3_600.0

    async def stop(self) -> None:
        """Ends all readers; others take over at once."""
        for one in self._reading.values():
            await one.stop()
        self._reading.clear()
        with suppress(UnavailableError):  # then the leases run out by themselves
            async with self._services.runtime.store.writing() as tx:
                await tx.give_up_capture_leases(self._platform.process_id)
