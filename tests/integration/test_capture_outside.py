"""One suite for every outside source (tables, a topic, a queue), on real servers: eight messages, refusals with their
reason, notifications, and exactly one item whatever dies between reading and acknowledging.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from openiwd.adapters.amqp.source import AmqpAdapter
from openiwd.adapters.kafka.source import KafkaAdapter
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.source_database.source import DatabaseAdapter
from openiwd.domain.lifecycle import Action
from openiwd.ports.capture import CaptureSource
from openiwd.ports.capture_store import CaptureErrorQuery
from openiwd.processes.capture_kinds import Opener
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_reader import CaptureReader
from openiwd.usecases.command import Command
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.work_item import apply
from tests.factories.outside import Outside, Table, point_of, postgres_source, queue, topic
from tests.factories.tenant import NOBODY, caller, make_runtime, pools_for
from tests.servers.mariadb import PASSWORD
from tests.servers.until import until

KINDS = ("sqlite", "postgresql", "mariadb", "kafka", "amqp")
ADAPTERS: dict[str, Any] = {"kafka": KafkaAdapter, "amqp": AmqpAdapter}
CLAIM = {"kind": "claim", "line": "motor"}


@pytest.fixture
async def services(tenant_database: str) -> AsyncIterator[TenantServices]:
    pools: TenantPools = pools_for(tenant_database)
    made = TenantServices(await make_runtime(pools), NOBODY)
    await made.feed.start()
    yield made
    await pools.close()


@pytest.fixture(params=KINDS)
async def outside(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outside]:
    kind = request.param
    if kind == "kafka":
        async with topic(request.getfixturevalue("kafka_servers")) as made:
            yield made
    elif kind == "amqp":
        async with queue(request.getfixturevalue("rabbitmq_url")) as made_queue:
            yield made_queue
    else:
        url, password = await _database(request, kind, tmp_path)
        table = Table(url, password, tmp_path / "t")
        yield table
        table.close()


async def _database(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> tuple[str, str | None]:
    if kind == "sqlite":
        (tmp_path / "t").mkdir()
        return "sqlite:///source.db", None
    if kind == "mariadb":
        return request.getfixturevalue("mariadb_url"), PASSWORD
    return await postgres_source(request.getfixturevalue("postgres_server"))


class Read:
    """A reader on an open source; `epoch` as a process that has the lease would have taken it."""

    def __init__(self, services: TenantServices, source: CaptureSource, reader: CaptureReader) -> None:
        self.services = services
        self.source = source
        self.reader = reader

    async def take(self, records: int) -> None:
        """Steps until so many more records were taken."""
        wanted = self.reader.status.records + records

        async def done() -> bool:
            await self.reader.step()
            return self.reader.status.records >= wanted

        await until(done)

    async def items(self) -> dict[str, str]:
        async with self.services.runtime.store.reading() as reading:
            keys = [("outside", f"c{n}") for n in range(300)] + [("outside", c) for c in "ab"]
            found = await reading.items_by_capture(keys)
        return {key[1]: s.item.status.value for key, s in found.items()}


async def reading(
    services: TenantServices, outside: Outside, tmp_path: Path, **fields: Any
) -> AsyncIterator[Read]:
    point = point_of(outside, **fields)
    adapter: Opener = ADAPTERS.get(point.kind, lambda: DatabaseAdapter(tmp_path))()
    async with services.runtime.store.writing() as tx:
        epoch = await tx.take_over_capture(point.id)
    async with adapter.open(point, "t") as source:
        yield Read(services, source, CaptureReader(services, opened(point, "t"), source, epoch))


async def test_the_eight_messages_and_their_answers(
    services: TenantServices, outside: Outside, tmp_path: Path
) -> None:
    await outside.put(
        {"captureId": "a", **CLAIM},
        {"message": "create", "captureId": "b", **CLAIM},
        {"message": "update", "captureId": "a", "subject": "Changed"},
        {"message": "hold", "captureId": "a", "reason": "waitingForCustomer"},
        {"message": "resume", "captureId": "a"},
        {"message": "cancel", "captureId": "b", "reason": "withdrawn"},
        {"message": "complete", "captureId": "a"},
        {"message": "restart", "captureId": "a"},
        {"message": "getInfo", "captureId": "a"},
        {"message": "ping"},
    )
    async for read in reading(services, outside, tmp_path):
        await read.take(10)
        assert await read.items() == {"a": "queued", "b": "canceled"}
    outcomes = [outcome for _, outcome in await outside.answers()]
    assert outcomes == ["created", "created", *["done"] * 6, "info", "pong"]


async def test_what_is_refused_goes_back_with_its_reason_and_holds_up_nobody(
    services: TenantServices, outside: Outside, tmp_path: Path
) -> None:
    await outside.put({"captureId": "c1", **CLAIM})
    await outside.put_garbage()
    await outside.put({"message": "cancel", "captureId": "nobody"}, {"captureId": "c2", **CLAIM})
    async for read in reading(services, outside, tmp_path):
        await read.take(4)
        assert await read.items() == {"c1": "queued", "c2": "queued"}
    told = await outside.errors()
    assert len(told) == 2
    assert "nobody" in told[1]
    async with services.runtime.store.reading() as store:
        inbox = await store.capture_errors(CaptureErrorQuery(capture_point="outside"))
    assert sorted(e.reason for e in inbox) == sorted(told)


async def test_what_becomes_of_items_goes_back_the_same_way(
    services: TenantServices, outside: Outside, tmp_path: Path
) -> None:
    await outside.put({"captureId": "c1", **CLAIM}, {"captureId": "c2", **CLAIM})
    kinds = ["captured", "queued", "held", "completed", "canceled"]
    async for read in reading(services, outside, tmp_path, notify={"kinds": kinds}):
        notifier = read.reader.notifier
        await notifier.step()
        await read.take(2)
        for action, capture_id in ((Action.COMPLETE, "c1"), (Action.CANCEL, "c2")):
            async with services.runtime.store.reading() as store:
                (item,) = await store.items_by_capture_id(capture_id)
            await apply(services.runtime, [Command(action=action, caller=caller(), item_id=item.id)])
        await services.feed.catch_up()
        await until(partial(_told_all, read, outside, 6))
    assert sorted(await outside.told()) == [
        ("c1", "captured"), ("c1", "completed"), ("c1", "queued"),
        ("c2", "canceled"), ("c2", "captured"), ("c2", "queued"),
    ]  # fmt: skip


async def _told_all(read: Read, outside: Outside, wanted: int) -> bool:
    await read.reader.notifier.step()
    return len(await outside.told()) >= wanted


async def test_who_dies_between_commit_and_acknowledgement_makes_no_item_twice(
    services: TenantServices, outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await outside.put(*({"captureId": f"c{n}", **CLAIM} for n in range(40)))

    async def killed(_: object) -> None:
        raise asyncio.CancelledError

    for _ in range(2):
        async for read in reading(services, outside, tmp_path):
            monkeypatch.setattr(read.source, "acknowledge", killed)
            with pytest.raises(asyncio.CancelledError):
                await read.take(40)
    async for read in reading(services, outside, tmp_path):
        await read.take(40)
        assert len(await read.items()) == 40
        assert read.reader.status.created < 40, "what was committed is known"
        async with services.runtime.store.reading() as store:
            log = await store.events(await store.oldest(), 1_000)
    assert [e.type for e in log] == ["created"] * 40
    assert len(await outside.answers()) == 40
