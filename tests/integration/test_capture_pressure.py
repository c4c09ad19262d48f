"""When IWD is slower than a source: the reader goes no more than a batch ahead, so what waits stays where it is;
nothing is lost, and it goes on by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from openiwd.adapters.amqp import source as amqp_source
from openiwd.adapters.files.json_form import BLOCK
from openiwd.adapters.postgres.pools import Limits
from openiwd.domain.capture.answer import Notification
from openiwd.ports.capture import CaptureSource, SourceHealth, SourceRecord, Taken
from openiwd.processes.database import database_dsn
from openiwd.usecases import capture_reader
from tests.factories.api import World
from tests.factories.capture import FileWay, OutsideWay, ReadWay, reading, set_point, way_by
from tests.factories.outside import Queue
from tests.servers.until import until

BATCH = 50
MESSAGES = 2 * BATCH + 30
NOTE = "x" * 8_000
"""So that what waits is many times what a file's reader has in its hands."""


class Counted:
    """A source that counts what it gave, and what came back acknowledged."""

    def __init__(self, source: CaptureSource) -> None:
        self.given = 0
        self.acknowledged = 0
        self.furthest = 0
        self._source = source

    async def read(self, most: int) -> Sequence[SourceRecord]:
        found = await self._source.read(most)
        self.given += len(found)
        self.furthest = max(self.furthest, self.given - self.acknowledged)
        return found

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        over = await self._source.acknowledge(taken)
        self.acknowledged += len(taken)
        return over

    async def notify(self, notifications: Sequence[Notification]) -> None:
        await self._source.notify(notifications)

    async def ping(self) -> SourceHealth:
        return await self._source.ping()


@asynccontextmanager
async def nothing_can_be_stored(api: World) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A lock on all items, until the connection's transaction is rolled back."""
    services = await api.services()
    dsn = database_dsn(api.wiring.control_dsn, services.tenant.database_name)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE item IN EXCLUSIVE MODE")
        yield connection
    finally:
        await connection.close()


async def waits_outside(way: ReadWay) -> bool:
    """Whether what was not read yet is not in this process either."""
    match way:
        case FileWay():
            (taken,) = (way.folder / ".taken").iterdir()
            read = max(_positions_in(taken))
            whole = taken.stat().st_size
            return read <= whole * (BATCH + 1) / MESSAGES + 2 * BLOCK < whole
        case OutsideWay(outside=Queue() as queue):
            left = await queue.channel.declare_queue(queue.queues["inbound"], durable=True, passive=True)
            return (left.declaration_result.message_count or 0) >= MESSAGES - BATCH
        case _:
            return True


def _positions_in(path: Path) -> list[int]:
    """How far this process has read in a file that it has open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        if descriptor.exists() and descriptor.resolve() == path.resolve():
            told = (Path("/proc/self/fdinfo") / descriptor.name).read_text()
            found.append(int(told.split()[1]))
    return found


@pytest.mark.parametrize("kind", ["file", "kafka", "amqp"])
async def test_a_slow_tenant_slows_its_source_down(
    api: World, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(capture_reader, "BATCH", BATCH)
    monkeypatch.setattr(amqp_source, "PREFETCH", BATCH)
    # What is locked is told soon; a batch may take its time on a slow machine.
    api.wiring.pools.limits = Limits(lock=100, transaction=60_000, idle_in_transaction=60_000)
    async with way_by(kind, request.getfixturevalue, tmp_path) as way:
        assert isinstance(way, ReadWay)
        await set_point(api, way)
        wanted = [f"c{n:04}" for n in range(MESSAGES)]
        await way.hand_over([{"captureId": c, "kind": "claim", "note": NOTE} for c in wanted])
        sources: list[Counted] = []

        def counted(source: CaptureSource) -> CaptureSource:
            sources.append(Counted(source))
            return sources[-1]

        async with nothing_can_be_stored(api) as lock, reading(api, wrap=counted) as reader:
            (source,) = sources
            running = asyncio.create_task(reader.run())
            try:
                await until(lambda: running.done() or reader.status.away_since, seconds=60)
                assert 0 < source.given <= BATCH, "it has tried for as long as a transaction may wait"
                assert source.acknowledged == 0
                assert await waits_outside(way)
                await lock.execute("ROLLBACK")
                await until(lambda: running.done() or source.acknowledged >= MESSAGES, seconds=90)
                assert not running.done()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            stored = await lock.fetch("SELECT capture_id FROM item ORDER BY capture_id")
        assert source.furthest <= BATCH
        assert [row["capture_id"] for row in stored] == wanted, "each once"
        assert [a["captureId"] for a in await way.answers(MESSAGES)] == wanted
