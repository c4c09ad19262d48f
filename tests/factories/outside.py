"""Outside systems that hand over messages: a table, a topic, a queue; each can be filled, and asked what came back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aio_pika
import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import text
from yarl import URL

from openiwd.adapters.source_database.engine import make_engine
from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.capture.point import CapturePoint
from tests.servers.postgres import PostgresServer

Message = dict[str, Any]
AT_ONCE = 200
"""Messages on their way to a broker."""
COLUMNS = ("message", "captureid", "subject", "kind", "line", "reason")
ALL_COLUMNS = (
    *COLUMNS, "id", "actor", "resultcode", "duedatetime", "business_value",
    "art", "nr", "first", "last", "faellig", "betrag", "sparte", "marken", "rest",
)  # fmt: skip
"""What the suite of the messages says, and the words of a system with names of its own."""


class Outside(Protocol):
    """One outside system with a place of its own for a test."""

    source: dict[str, Any]
    """The settings of the capture point."""

    async def put(self, *messages: Message) -> None: ...
    async def put_garbage(self) -> None:
        """Something that is no message at all."""
        ...

    async def replies(self) -> list[dict[str, Any]]:
        """What was said of each message, taken or refused, in the order in which they were put."""
        ...

    async def told(self) -> list[dict[str, Any]]:
        """All notifications, as far as this way tells of them."""
        ...


async def answers_of(outside: Outside) -> list[tuple[str | None, str]]:
    """(captureId, outcome) of what was taken, in order."""
    return [(r.get("captureId"), r["outcome"]) for r in await outside.replies() if r["outcome"] != "error"]


def point_of(outside: Outside, point_id: str = "outside", **fields: Any) -> CapturePoint:
    body = {"id": point_id, "name": "Outside", "source": outside.source, **fields}
    return msgspec.convert(body, CapturePoint)


async def postgres_source(server: PostgresServer) -> tuple[str, str]:
    """URL and password of a fresh database of the test run's server, which listens on a socket only."""
    parts = urlsplit(server.dsn(await server.create_database()))
    query = parse_qs(parts.query)
    role = f"source_{uuid4().hex[:10]}"
    connection = await asyncpg.connect(parts.geturl())
    try:
        # The server hashes in few rounds to be quick; the driver of foreign databases demands what is usual.
        await connection.execute("SET scram_iterations = 4096")
        await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        await connection.execute(f"GRANT ALL ON SCHEMA public TO {role}")
    finally:
        await connection.close()
    socket = f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"
    return f"postgresql://{role}@{parts.path}?unix_sock={socket}", role


# A table ---------------------------------------------------------------------------------------------------


def tables(columns: Sequence[str]) -> tuple[str, str]:
    said = ", ".join(f"{name} VARCHAR({1_000 if name == 'subject' else 200})" for name in columns)
    return (
        f"""CREATE TABLE handed_over (seq INTEGER PRIMARY KEY, {said}, state VARCHAR(20) NOT NULL, item VARCHAR(40),
        item_status VARCHAR(40), error VARCHAR(500), error_code VARCHAR(60), error_field VARCHAR(200))""",
        """CREATE TABLE told (captureid VARCHAR(200), kind VARCHAR(40), status VARCHAR(40),
        previous_status VARCHAR(40), reason VARCHAR(200), cursor_text VARCHAR(60))""",
    )


UPDATE = """UPDATE handed_over SET state = :outcome, item = :itemId, item_status = :status, error = :error,
    error_code = :errorCode, error_field = :errorField WHERE seq = :row_seq"""
REPLIES = """SELECT state, captureid, item, item_status, error, error_code, error_field FROM handed_over
    WHERE state <> 'new' ORDER BY seq"""
HOOKED = ("captured", "queued", "held", "canceled", "completed")
HOOK = """INSERT INTO told (captureid, kind, status, previous_status, reason, cursor_text)
    VALUES (:captureId, :notification, :status, :previousStatus, :reason, :cursor)"""
TOLD = "SELECT captureid, kind, status, previous_status, reason, cursor_text FROM told"


class Table:
    """Implements `Outside`."""

    def __init__(
        self, url: str, password: str | None, folder: Path | None, columns: Sequence[str] = COLUMNS
    ) -> None:
        self._names = ("seq", *columns)
        listed = ", ".join(self._names)
        self.source = {
            "kind": "database",
            "url": url,
            "captureQuery": f"SELECT {listed} FROM handed_over WHERE state = 'new' ORDER BY seq LIMIT :most",
            "updateQuery": UPDATE,
            "keyColumns": ["seq"],
            "hooks": dict.fromkeys(HOOKED, HOOK),
            "pollSeconds": 0.1,
        }
        if password:
            self.source["password"] = password
        self._engine = make_engine(msgspec.convert(self.source, DatabaseSource), folder)
        self._next = 1
        self.run(*[(sql, {}) for sql in tables(columns)])

    def run(self, *statements: tuple[str, Any]) -> None:
        with self._engine.begin() as connection:
            for sql, values in statements:
                connection.execute(text(sql), values)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    async def put(self, *messages: Message) -> None:
        rows = []
        for message in messages:
            folded = {k.casefold(): None if v is None else str(v) for k, v in message.items()}
            unknown = folded.keys() - set(self._names)
            assert not unknown, f"the table has no {unknown}"
            rows.append({**{name: folded.get(name) for name in self._names}, "seq": self._next})
            self._next += 1
        values = ", ".join(f":{name}" for name in self._names)
        sql = f"INSERT INTO handed_over ({', '.join(self._names)}, state) VALUES ({values}, 'new')"
        await asyncio.to_thread(self.run, (sql, rows))

    async def put_garbage(self) -> None:
        await self.put({"message": "explode", "captureId": "x"})

    async def replies(self) -> list[dict[str, Any]]:
        return [
            {
                "outcome": outcome, "captureId": capture_id, "id": item, "status": status,
                "error": {"message": error, "code": code, "field": field},
            }
            for outcome, capture_id, item, status, error, code, field in await asyncio.to_thread(self.rows, REPLIES)
        ]  # fmt: skip

    async def told(self) -> list[dict[str, Any]]:
        names = ("captureId", "notification", "status", "previousStatus", "reason", "cursor")
        return [dict(zip(names, row, strict=True)) for row in await asyncio.to_thread(self.rows, TOLD)]

    def close(self) -> None:
        self._engine.dispose()


# A topic ---------------------------------------------------------------------------------------------------


class Topic:
    """Implements `Outside`. One partition: messages keep their order."""

    def __init__(self, servers: list[str], producer: AIOKafkaProducer) -> None:
        name = f"t{uuid4().hex[:10]}"
        self.topics = {use: f"{name}-{use}" for use in ("inbound", "processed", "error", "notification")}
        self.source = {
            "kind": "kafka",
            "servers": servers,
            **{f"{use}Topic": topic for use, topic in self.topics.items()},
        }
        self._servers = servers
        self.producer = producer

    async def put(self, *messages: Message) -> None:
        waiting = [
            await self.producer.send(self.topics["inbound"], json.dumps(m).encode(), partition=0)
            for m in messages
        ]
        await asyncio.gather(*waiting)

    async def put_garbage(self) -> None:
        await self.producer.send_and_wait(self.topics["inbound"], b"\xff{no json", partition=0)

    async def read(self, *uses: str) -> list[dict[str, Any]]:
        """All that these topics have."""
        topics = [self.topics[use] for use in uses]
        for topic in topics:
            await self.producer.partitions_for(topic)
        consumer = AIOKafkaConsumer(*topics, bootstrap_servers=self._servers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
            found = []
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    found += [(m.timestamp, m.partition, m.offset, m.value) for m in messages]
        finally:
            await consumer.stop()
        return [json.loads(value) for *_, value in sorted(found)]

    async def replies(self) -> list[dict[str, Any]]:
        found = [reply_of(m) for m in await self.read("processed", "error")]
        return sorted(found, key=lambda m: int(m["position"].rpartition(" ")[2]))

    async def told(self) -> list[dict[str, Any]]:
        return await self.read("notification")


def reply_of(message: dict[str, Any]) -> dict[str, Any]:
    """A message of the place for answers, or of that for errors."""
    return message if "outcome" in message else {**message, "outcome": "error", "error": message["reason"]}


@asynccontextmanager
async def topic(servers: list[str]) -> AsyncIterator[Topic]:
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5)
    await producer.start()
    try:
        made = Topic(servers, producer)
        for name in made.topics.values():
            await producer.partitions_for(name)
        yield made
    finally:
        await producer.stop()


# A queue ---------------------------------------------------------------------------------------------------


class Queue:
    """Implements `Outside`."""

    def __init__(self, url: str, channel: aio_pika.abc.AbstractChannel) -> None:
        name = f"t{uuid4().hex[:10]}"
        self.queues = {use: f"{name}.{use}" for use in ("inbound", "processed", "error", "notification")}
        self.source = {
            "kind": "amqp",
            "url": url,
            "password": "guest",
            **{f"{use}Queue": queue for use, queue in self.queues.items()},
        }
        self.channel = channel
        self._sent: dict[str, int] = {}
        self._seen: dict[str, list[dict[str, Any]]] = {use: [] for use in self.queues}

    async def put(self, *messages: Message) -> None:
        for start in range(0, len(messages), AT_ONCE):
            part = messages[start : start + AT_ONCE]
            await asyncio.gather(*(self.put_raw(json.dumps(m).encode()) for m in part))

    async def put_raw(self, body: bytes, **properties: Any) -> None:
        message_id = uuid4().hex
        self._sent[f"message {message_id}"] = len(self._sent)
        sent = aio_pika.Message(body, message_id=message_id, delivery_mode=2, **properties)
        await self.channel.default_exchange.publish(sent, routing_key=self.queues["inbound"])

    async def put_garbage(self) -> None:
        await self.put_raw(b"\xff{no json")

    async def read(self, use: str) -> list[dict[str, Any]]:
        """All that the queue has ever given."""
        queue = await self.channel.declare_queue(self.queues[use], durable=True)
        left = queue.declaration_result.message_count or 0
        if left:
            async with queue.iterator() as messages:
                async for message in messages:
                    self._seen[use].append(json.loads(message.body))
                    await message.ack()
                    left -= 1
                    if not left:
                        break
        return self._seen[use]

    async def replies(self) -> list[dict[str, Any]]:
        found = [reply_of(m) for m in [*await self.read("processed"), *await self.read("error")]]
        return sorted(found, key=lambda m: self._sent[m["position"]])

    async def told(self) -> list[dict[str, Any]]:
        return await self.read("notification")


@asynccontextmanager
async def queue(url: str) -> AsyncIterator[Queue]:
    connection = await aio_pika.connect(str(URL(url).with_password("guest")))
    async with connection:
        made = Queue(url, await connection.channel())
        for name in made.queues.values():
            await made.channel.declare_queue(name, durable=True)
        yield made
