"""Files taken into items: read, mapped, judged and committed, by the loop of a capture point on a real tenant."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.capture.files import make
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.adapters.files.adapter import FileAdapter
from openiwd.domain.capture.point import CapturePoint, FileSource
from openiwd.domain.privilege import system
from openiwd.domain.work_item import ItemSubmission
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import CONTROL_DATABASE, ensure_tenant, prepare_databases
from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_reader import CaptureReader
from openiwd.usecases.intake import MAX_FLUSH
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.rule_set import publish

RULES = """
name: Capture
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 8h, priority: 100}]}]
queues: [{id: q, name: Q}]
categories: [{id: claims, name: Claims, schema: s, queue: q}]
"""
_numbers = count()


class Taking:
    """A tenant, and a folder that is read into it."""

    def __init__(self, wiring: Wiring, folder: Path) -> None:
        self._wiring = wiring
        self._folder = folder
        self._point = CapturePoint(id="files", name="Files", source=FileSource(folder="in", settle_seconds=0))

    async def rate(self, form: str, records: int) -> float:
        """Records per second, from the drop until the file is put away."""
        services = await self._wiring.platform.services("bench")
        made = make(self._folder, form, records, f"{next(_numbers)}-")
        async with services.runtime.store.writing() as tx:
            epoch = await tx.take_over_capture("files")
        async with FileAdapter(self._folder / "root").open(self._point, "bench") as source:
            inbound = self._folder / "root" / "bench" / "in" / "inbound"
            shutil.move(made, inbound / made.name)
            reader = CaptureReader(services, opened(self._point, "bench"), source, epoch)
            started = time.perf_counter()
            while await reader.step():
                pass
            seconds = time.perf_counter() - started
        if reader.status.created != records:
            raise RuntimeError(
                f"{reader.status.created} of {records} were created: {reader.status.last_error}"
            )
        return records / seconds

    @property
    def platform(self) -> Platform:
        return self._wiring.platform

    async def services(self) -> TenantServices:
        return await self._wiring.platform.services("bench")

    async def add_point(self, body: dict[str, Any]) -> None:
        services = await self.services()
        async with services.runtime.store.writing() as tx:
            await tx.save_object(
                "capture_point", msgspec.to_builtins(msgspec.convert(body, CapturePoint)), revision=None
            )

    async def intake_rate(self, records: int) -> float:
        """The same items handed to intake in whole flushes: what the core can take at all."""
        services = await self._wiring.platform.services("bench")
        number = next(_numbers)
        new = [ItemSubmission(capture_id=f"{number}-{n}", subject=f"Claim {n}") for n in range(records)]
        caller = system("bench")
        started = time.perf_counter()
        for start in range(0, records, MAX_FLUSH):
            await services.intake.submit_all(new[start : start + MAX_FLUSH], caller)
        return records / (time.perf_counter() - started)


@asynccontextmanager
async def opened_tenant(postgres: EmbeddedPostgres, folder: Path) -> AsyncIterator[Taking]:
    """A tenant with rules, and a folder that is read into it."""
    tenant = Tenant(id="bench", name="Bench", database_name="iwd-bench")
    await prepare_databases(postgres.dsn(), tenant)
    wiring = Wiring(database_dsn(postgres.dsn(), CONTROL_DATABASE), budget=10)
    try:
        await ensure_tenant(wiring, tenant)
        await publish(
            await wiring.platform.services("bench"), wiring.holidays, RULES, system("bench"), comment=""
        )
        yield Taking(wiring, folder)
    finally:
        await wiring.close()
