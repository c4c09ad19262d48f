"""Records of tables, a topic, a queue and posted bodies taken into items, each beside the plain read of its like."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pymysql
from aiokafka import AIOKafkaConsumer

from benchmarks.capture.taking import Taking, opened_tenant
from openiwd.adapters.amqp.source import AmqpAdapter
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.adapters.kafka.source import KafkaAdapter
from openiwd.adapters.source_database.source import DatabaseAdapter
from openiwd.processes.capture_kinds import Opener
from openiwd.usecases.capture_batch import opened
from openiwd.usecases.capture_reader import CaptureReader
from openiwd.usecases.capture_webhook import receive
from tests.factories.outside import (
    Message,
    Outside,
    Queue,
    Table,
    Topic,
    point_of,
    postgres_source,
    queue,
    topic,
)
from tests.servers import kafka, mariadb, rabbitmq
from tests.servers.postgres import PostgresServer, stop_pids
from tests.servers.shared import Starting

Measure = Callable[[int], Awaitable[float]]
BODY = 100
"""Records in each posted body."""
SECRET = "a-secret-of-the-benchmark-alone"


def messages(count: int) -> list[Message]:
    mark = uuid.uuid4().hex[:8]
    return [
        {"captureId": f"{mark}-{n}", "subject": f"Claim {n} about water", "kind": "claim"}
        for n in range(count)
    ]


class Sides:
    """One kind of source: ours, and a second one of its like that is only read."""

    def __init__(self, kind: str, tenant: Taking, adapter: Opener, ours: Outside, plain: Outside) -> None:
        self._tenant = tenant
        self._adapter = adapter
        self._ours, self._plain = ours, plain
        self._point = point_of(ours, kind)

    async def take(self, count: int) -> float:
        """Records per second from the open source until the last one is acknowledged."""
        await self._ours.put(*messages(count))
        services = await self._tenant.services()
        async with services.runtime.store.writing() as tx:
            epoch = await tx.take_over_capture(self._point.id)
        async with self._adapter.open(self._point, "bench") as source:
            reader = CaptureReader(services, opened(self._point, "bench"), source, epoch)
            started = time.perf_counter()
            while reader.status.records < count:
                await reader.step()
            seconds = time.perf_counter() - started
        if reader.status.created != count:
            raise RuntimeError(f"{reader.status.created} of {count} were created: {reader.status.last_error}")
        return count / seconds

    async def read(self, count: int) -> float:
        """Records per second by the client alone."""
        await self._plain.put(*messages(count))
        match self._plain:
            case Table():
                return await asyncio.to_thread(_select, self._plain, count)
            case Topic():
                return await _consume(self._plain, count)
            case Queue():
                return await _get(self._plain, count)
            case _:
                raise TypeError(type(self._plain).__name__)


def _select(table: Table, count: int) -> float:
    started = time.perf_counter()
    found = table.rows(
        "SELECT seq, message, captureid, subject, kind, line, reason FROM handed_over WHERE state = 'new'"
    )
    seconds = time.perf_counter() - started
    table.run(("UPDATE handed_over SET state = 'read'", {}))
    _all(len(found), count)
    return count / seconds


async def _consume(topic: Topic, count: int) -> float:
    consumer = AIOKafkaConsumer(
        topic.topics["inbound"],
        bootstrap_servers=topic.source["servers"],
        group_id=f"plain-{topic.topics['inbound']}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        found, started = 0, time.perf_counter()
        while found < count:
            for batch in (await consumer.getmany(timeout_ms=1_000)).values():
                found += sum(1 for m in batch if msgspec.json.decode(m.value or b""))
        seconds = time.perf_counter() - started
        await consumer.commit()
    finally:
        await consumer.stop()
    _all(found, count)
    return count / seconds


async def _get(queue: Queue, count: int) -> float:
    await queue.channel.set_qos(prefetch_count=500)
    inbound = await queue.channel.declare_queue(queue.queues["inbound"], durable=True)
    found, started = 0, time.perf_counter()
    async with inbound.iterator() as incoming:
        async for message in incoming:
            msgspec.json.decode(message.body)
            await message.ack()
            found += 1
            if found == count:
                break
    return count / (time.perf_counter() - started)


def _all(found: int, count: int) -> None:
    if found != count:
        raise RuntimeError(f"{found} records instead of {count}")


class Posted:
    """Bodies posted to a webhook capture point, handed to what the route calls; and the same bodies only decoded."""

    def __init__(self, tenant: Taking) -> None:
        self._tenant = tenant

    def _bodies(self, count: int) -> list[bytes]:
        sent = messages(count)
        return [msgspec.json.encode(sent[n : n + BODY]) for n in range(0, count, BODY)]

    async def take(self, count: int) -> float:
        services, bodies = await self._tenant.services(), self._bodies(count)
        headers, done = {"authorization": f"Bearer {SECRET}"}, 0
        started = time.perf_counter()
        for body in bodies:
            answers = await receive(self._tenant.platform, services, "webhook", headers, body)
            done += sum(1 for a in answers if not a.failed)
        seconds = time.perf_counter() - started
        _all(done, count)
        return count / seconds

    async def read(self, count: int) -> float:
        bodies = self._bodies(count)
        started = time.perf_counter()
        found = sum(len(msgspec.json.decode(body)) for body in bodies)
        seconds = time.perf_counter() - started
        _all(found, count)
        return count / seconds


async def _tables(postgres: EmbeddedPostgres) -> tuple[Table, Table]:
    server = PostgresServer(postgres.dsn())
    return Table(*await postgres_source(server), None), Table(*await postgres_source(server), None)


def _maria_tables(port: int) -> tuple[Table, Table]:
    made = []
    for _ in range(2):
        name = f"t{uuid.uuid4().hex[:12]}"
        with (
            pymysql.connect(
                host="127.0.0.1", port=port, user="source", password=mariadb.PASSWORD
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        url = f"mariadb://source@127.0.0.1:{port}/{name}?charset=utf8mb4"
        made.append(Table(url, mariadb.PASSWORD, None))
    return made[0], made[1]


@asynccontextmanager
async def outside(
    postgres: EmbeddedPostgres, folder: Path
) -> AsyncIterator[tuple[Taking, dict[str, Sides | Posted]]]:
    """A tenant, and every kind of source on a real server of its own; stopped by their pids."""
    pids = folder / "servers.pids"

    def begun(name: str) -> Starting:
        (folder / name).mkdir()
        return Starting(folder / name, pids)

    try:
        async with AsyncExitStack() as stack:
            tenant = await stack.enter_async_context(opened_tenant(postgres, folder))
            webhook: dict[str, Any] = {"kind": "webhook", "secret": SECRET, "check": "bearer"}
            await tenant.add_point({"id": "webhook", "name": "Webhook", "source": webhook})
            database = DatabaseAdapter(folder)
            port = int(mariadb.start(begun("mariadb"))["port"])
            servers = kafka.start(begun("kafka"))["servers"]
            url = str(rabbitmq.start(begun("rabbitmq"))["url"])
            sides: dict[str, Sides | Posted] = {
                "postgresql": Sides("postgresql", tenant, database, *await _tables(postgres)),
                "mariadb": Sides("mariadb", tenant, database, *_maria_tables(port)),
                "kafka": Sides(
                    "kafka",
                    tenant,
                    KafkaAdapter(),
                    await stack.enter_async_context(topic(servers)),
                    await stack.enter_async_context(topic(servers)),
                ),
                "amqp": Sides(
                    "amqp",
                    tenant,
                    AmqpAdapter(),
                    await stack.enter_async_context(queue(url)),
                    await stack.enter_async_context(queue(url)),
                ),
                "webhook": Posted(tenant),
            }
            yield tenant, sides
    finally:
        if pids.exists():
            stop_pids(pids)
