"""A topic of Kafka as a source of records. Offsets are committed after the items are; the core knows what came twice.

Partitions are assigned by hand: one process reads, by the core's lease, so no group has to agree on anything.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, cast

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from openiwd.domain.capture.answer import Answer, Notification
from openiwd.domain.capture.json_body import fields_of, refused
from openiwd.domain.capture.outside_source import KafkaSource
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.ports.capture import MAX_RAW, CaptureSource, SourceHealth, SourceRecord, Taken

SECURITY: Final = {
    "plaintext": "PLAINTEXT",
    "ssl": "SSL",
    "saslPlaintext": "SASL_PLAINTEXT",
    "saslSsl": "SASL_SSL",
}
WAIT_MILLISECONDS: Final = 1_000
PARTITIONS_SECONDS: Final = 30.0
"""How soon a partition that was added is read."""
REQUEST_MILLISECONDS: Final = 15_000
START_SECONDS: Final = 20.0
_encode: Final = msgspec.json.Encoder().encode


@contextmanager
def kafka_errors() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise UnavailableError(f"Kafka: {said}", retry_after=5) from error


class KafkaCaptureSource:
    """Implements `openiwd.ports.capture.CaptureSource`."""

    def __init__(self, point_id: str, settings: KafkaSource, tenant_id: str) -> None:
        self._settings = settings
        shared: dict[str, Any] = {
            "bootstrap_servers": settings.servers,
            "client_id": f"openiwd-{tenant_id}-{point_id}",
            "request_timeout_ms": REQUEST_MILLISECONDS,
            "security_protocol": SECURITY[settings.security],
            "ssl_context": ssl.create_default_context()
            if settings.security.lower().endswith("ssl")
            else None,
        }
        if settings.security.startswith("sasl"):
            shared |= {
                "sasl_mechanism": settings.mechanism,
                "sasl_plain_username": settings.username,
                "sasl_plain_password": settings.password or "",
            }
        self._consumer = AIOKafkaConsumer(
            **shared,
            group_id=settings.group or f"openiwd-{tenant_id}-{point_id}",
            enable_auto_commit=False,
            auto_offset_reset=settings.start,
        )
        self._producer = AIOKafkaProducer(**shared, acks="all", enable_idempotence=True, linger_ms=2)
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._looked_at = 0.0

    async def start(self) -> None:
        with kafka_errors():
            async with asyncio.timeout(START_SECONDS):
                await self._producer.start()
                await self._consumer.start()
                await self._assign()

    async def close(self) -> None:
        for client in (self._consumer, self._producer):
            try:
                async with asyncio.timeout(REQUEST_MILLISECONDS / 1_000):
                    await client.stop()
            except (KafkaError, OSError, TimeoutError):
                continue  # it is gone already

    async def _assign(self) -> None:
        """All partitions that there are; those that are new begin where the settings say."""
        topic = self._settings.inbound_topic
        numbers = await self._producer.partitions_for(topic)
        self._looked_at = time.monotonic()
        found = frozenset(TopicPartition(topic, n) for n in numbers or ())
        if not found:
            raise UnavailableError(f"Kafka: there is no topic '{topic}'", retry_after=5)
        if found != self._assigned:
            self._consumer.assign(sorted(found))
            self._assigned = found

    async def read(self, most: int) -> Sequence[SourceRecord]:
        with kafka_errors():
            if time.monotonic() - self._looked_at > PARTITIONS_SECONDS:
                await self._assign()
            found = await self._consumer.getmany(timeout_ms=WAIT_MILLISECONDS, max_records=most)
        return [record_of(message) for messages in found.values() for message in messages]

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        """Answers and errors first: a crash between them and the commit sends them again."""
        with kafka_errors():
            await self._send([sent for each in taken for sent in self._told(each)])
            ends: dict[TopicPartition, int] = {}
            for record, _ in taken:
                partition, offset = record.context, record.offset or 0
                ends[partition] = max(ends.get(partition, 0), offset + 1)
            if ends:
                await self._consumer.commit(ends)
        return ()

    def _told(self, taken: Taken) -> list[tuple[str, bytes, bytes]]:
        record, answer = taken
        topic = self._settings.error_topic if answer.failed else self._settings.processed_topic
        if topic is None:
            return []
        value = error_of(record, answer) if answer.failed else _encode(answer)
        return [(topic, (answer.capture_id or record.position).encode(), value)]

    async def notify(self, notifications: Sequence[Notification]) -> None:
        topic = self._settings.notification_topic
        if topic is not None:
            with kafka_errors():
                await self._send([(topic, n.capture_id.encode(), _encode(n)) for n in notifications])

    async def _send(self, messages: Sequence[tuple[str, bytes, bytes]]) -> None:
        """In order, by key; returns when all are written by the cluster."""
        waiting = [await self._producer.send(topic, value, key) for topic, key, value in messages]
        if waiting:
            await asyncio.gather(*waiting)

    async def ping(self) -> SourceHealth:
        with kafka_errors():
            ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(sorted(self._assigned))
            behind = 0
            for partition, end in ends.items():
                behind += max(0, end - (await self._consumer.committed(partition) or 0))
        return SourceHealth(backlog=behind, detail=f"{len(self._assigned)} partitions")


def record_of(message: ConsumerRecord[bytes, bytes]) -> SourceRecord:
    """A message as a record; what is no JSON object is one with a fault."""
    value = message.value or b""
    headers = {name: content for name, content in message.headers if content is not None}
    record = SourceRecord(
        fields={},
        stream=f"{message.topic}/{message.partition}"[:200],
        offset=message.offset,
        position=f"{message.topic}, partition {message.partition}, offset {message.offset}",
        message=_header(headers, "message"),
        raw=value[: 4 * MAX_RAW].decode("utf-8", "replace")[:MAX_RAW],
        context=TopicPartition(message.topic, message.partition),
    )
    try:
        record.fields = fields_of(value, "value")
    except InvalidInputError as error:
        record.fault = error
    return record


def _header(headers: Mapping[str, bytes], name: str) -> str | None:
    content = headers.get(name)
    return None if content is None else content.decode("utf-8", "replace")[:60]


def error_of(record: SourceRecord, answer: Answer) -> bytes:
    return refused(answer, record.position, None if record.fault is not None else record.fields, record.raw)


class KafkaAdapter:
    """Opens sources for `openiwd.ports.capture.CaptureAdapter`."""

    @asynccontextmanager
    async def open(self, point: CapturePoint, tenant_id: str) -> AsyncIterator[CaptureSource]:
        try:
            source = KafkaCaptureSource(point.id, cast("KafkaSource", point.source), tenant_id)
        except (ValueError, KafkaError) as error:
            raise InvalidInputError(
                f"Kafka: {error}", field="source.servers", hint="write host:port"
            ) from error
        try:
            await source.start()
            yield source
        finally:
            await source.close()
