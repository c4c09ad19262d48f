"""The line of bulk runs goes on, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from openiwd.domain.errors import UnavailableError
from openiwd.usecases import bulk_run
from openiwd.usecases.bulk_run import BulkRuns
from openiwd.usecases.platform import TenantServices


async def test_a_failure_that_cannot_be_recorded_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = uuid4(), uuid4()
    worked: list[UUID] = []
    recorded: list[UUID] = []
    done = asyncio.Event()

    async def work(_: Any, job_id: UUID) -> None:
        worked.append(job_id)
        if job_id == broken:
            raise ValueError(job_id)

    async def record(_: BulkRuns, job_id: UUID, __: Exception) -> None:
        if not recorded and worked.count(broken) == 1:
            raise UnavailableError("the database is away")
        recorded.append(job_id)
        done.set()

    monkeypatch.setattr(bulk_run, "run", work)
    monkeypatch.setattr(BulkRuns, "_failed", record)
    monkeypatch.setattr(bulk_run, "PAUSE_SECONDS", 0.0)
    runs = BulkRuns(cast("TenantServices", None))
    runs.start(broken)
    runs.start(sound)
    async with asyncio.timeout(10):
        await done.wait()
    assert worked == [broken, sound, broken]
    assert recorded == [broken]
    await runs.close()
