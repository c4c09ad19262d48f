"""Working through bulk runs: chunk by chunk in the background, gone on with after a restart.

Chunks are small, so that no transaction is long; each chunk's outcomes are written with its changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import structlog

from openiwd.domain.errors import OpenIwdError, UnavailableError
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.bulk import Stored
from openiwd.usecases.command import Done, Result
from openiwd.usecases.reclassification import prepare
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 200
PAUSE_SECONDS: Final = 1.0
"""Before a run is tried again that the database was not there for."""
_log = structlog.get_logger("openiwd.bulk")


class BulkRuns:
    """The bulk runs of one tenant in this process, one after the other."""

    def __init__(self, services: TenantServices) -> None:
        self._services = services
        self._waiting: asyncio.Queue[UUID] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None

    def start(self, job_id: UUID) -> None:
        """Begins the run, or lines it up behind the present one."""
        self._waiting.put_nowait(job_id)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._work(), name="bulk runs")

    async def resume(self) -> int:
        """Goes on with what an earlier process left unfinished; how many runs."""
        async with self._services.runtime.store.reading() as reading:
            unfinished = await reading.unfinished_bulk_jobs()
        for job_id in unfinished:
            self.start(job_id)
        return len(unfinished)

    async def close(self) -> None:
        """Stops at once; the next start goes on."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _work(self) -> None:
        while not self._waiting.empty():
            job_id = self._waiting.get_nowait()
            try:
                await self._attempt(job_id)
            except UnavailableError as error:
                _log.warning("bulk run waits for the database", job=str(job_id), error=error.message)
                await asyncio.sleep(PAUSE_SECONDS)
                self._waiting.put_nowait(job_id)

    async def _attempt(self, job_id: UUID) -> None:
        """Works through a run, or records why it failed. UnavailableError: neither could be done."""
        try:
            await run(self._services, job_id)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of a background run: it is recorded and the next one begins
            _log.error("bulk run failed", job=str(job_id), exc_info=error)
            await self._failed(job_id, error)

    async def _failed(self, job_id: UUID, error: Exception) -> None:
        runtime = self._services.runtime
        async with runtime.store.writing() as tx:
            await tx.finish_bulk_job(job_id, "failed", str(error)[:500], runtime.now())


async def run(services: TenantServices, job_id: UUID) -> None:
    """Works through what is left of a run."""
    runtime = services.runtime
    while True:
        async with runtime.store.reading() as reading:
            row = await reading.bulk_job(job_id)
        if row is None or row["status"] != "running":
            return
        stored = msgspec.convert(row["request"], Stored)
        if not row["prepared"]:
            if not await prepare(services, job_id, stored):
                return
            continue
        async with runtime.store.reading() as reading:
            waiting = await reading.bulk_waiting(job_id, CHUNK)
            items = await reading.items_by_number([n for _, n in waiting])
        if not waiting:
            async with runtime.store.writing() as tx:
                await tx.finish_bulk_job(job_id, "done", None, runtime.now())
            return
        await _chunk(services, job_id, stored, waiting, items)


async def _chunk(
    services: TenantServices,
    job_id: UUID,
    stored: Stored,
    waiting: Sequence[tuple[int, int]],
    items: dict[int, WorkItem],
) -> None:
    """One chunk: its changes and their outcomes in one transaction."""
    present = [(ordinal, items[n]) for ordinal, n in waiting if n in items]
    gone = [
        (ordinal, "error", {"detail": "the item is gone", "code": "notFound"})
        for ordinal, n in waiting
        if n not in items
    ]
    commands = [stored.command(item.id) for _, item in present]
    recorded = False

    async def record(tx: Writing, outcomes: Sequence[Result]) -> None:
        nonlocal recorded
        recorded = True
        told = [(o, *_outcome(r)) for (o, _), r in zip(present, outcomes, strict=True)]
        await tx.record_bulk(job_id, [*told, *gone])

    outcomes = await apply(services.runtime, commands, also=record) if commands else []
    if not recorded:
        async with services.runtime.store.writing() as tx:
            await record(tx, outcomes)


def _outcome(result: Result) -> tuple[str, Any]:
    if isinstance(result, Done):
        detail = {"id": str(result.item.id), "status": result.item.status.value}
        return ("done" if result.changed else "unchanged"), detail
    return "error", {"code": result.code, "detail": result.message, **_status(result)}


def _status(error: OpenIwdError) -> dict[str, Any]:
    status = error.details.get("status")
    return {"currentStatus": status} if isinstance(status, str | Status) else {}
