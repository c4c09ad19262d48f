"""A queue of AMQP 0-9-1 as a source of records. A message is acknowledged after its item is committed.

A connection that is lost is made anew; what was not acknowledged on it comes again, and is known by its message id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, cast

import aio_pika
import msgspec
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError
from yarl import URL

from openiwd.domain.capture.answer import Answer, Notification
from openiwd.domain.capture.json_body import fields_of, refused
from openiwd.domain.capture.outside_source import AmqpSource
from openiwd.domain.capture.place import place_key
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.ports.capture import MAX_RAW, CaptureSource, SourceHealth, SourceRecord, Taken

PREFETCH: Final = 1_000
"""As many as a batch may have; more would only wait here."""
CONNECT_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 15
WAIT_SECONDS: Final = 1.0
SEND_SECONDS: Final = 30.0
SHORT_BYTES: Final = 255
_encode: Final = msgspec.json.Encoder().encode


@contextmanager
def amqp_errors() -> Iterator[None]:
    try:
        yield
    except (AMQPError, DeliveryError, OSError, TimeoutError, ChannelInvalidStateError) as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise UnavailableError(f"AMQP: {said}", retry_after=5) from error


class _Link:
    """One connection: a channel that consumes, and one that sends."""

    def __init__(
        self, connection: AbstractConnection, consuming: AbstractChannel, sending: AbstractChannel
    ) -> None:
        self.connection = connection
        self.consuming = consuming
        self.sending = sending
        self.arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    @property
    def is_open(self) -> bool:
        return not (self.connection.is_closed or self.consuming.is_closed or self.sending.is_closed)


class AmqpCaptureSource:
    """Implements `openiwd.ports.capture.CaptureSource`."""

    def __init__(self, settings: AmqpSource) -> None:
        self._settings = settings
        self._link: _Link | None = None
        self._linking = asyncio.Lock()

    async def start(self) -> None:
        with amqp_errors():
            await self._linked()

    async def close(self) -> None:
        if self._link is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._link.connection.close()
            except (AMQPError, OSError, TimeoutError):
                return  # it is gone already

    async def _linked(self) -> _Link:
        async with self._linking:
            if self._link is not None and self._link.is_open:
                return self._link
            if self._link is not None:
                await self._link.connection.close()
            self._link = await self._connect()
            return self._link

    async def _connect(self) -> _Link:
        settings = self._settings
        url = URL(settings.url)
        if settings.password:
            url = url.with_password(settings.password)
        connection = await aio_pika.connect(
            url.update_query(heartbeat=HEARTBEAT_SECONDS), timeout=CONNECT_SECONDS
        )
        try:
            consuming, sending = await connection.channel(), await connection.channel()
            link = _Link(connection, consuming, sending)
            await consuming.set_qos(prefetch_count=PREFETCH)
            for name in self._queues():
                await sending.declare_queue(name, durable=True, passive=not settings.declare)
            queue = await consuming.get_queue(settings.inbound_queue, ensure=False)
            await queue.consume(link.arrived.put)
        except BaseException:
            await connection.close()
            raise
        return link

    def _queues(self) -> list[str]:
        s = self._settings
        named = (s.inbound_queue, s.processed_queue, s.error_queue, s.notification_queue)
        return [name for name in named if name is not None]

    async def read(self, most: int) -> Sequence[SourceRecord]:
        with amqp_errors():
            link = await self._linked()
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    found = [await link.arrived.get()]
            except TimeoutError:
                return ()
            while len(found) < most and not link.arrived.empty():
                found.append(link.arrived.get_nowait())
        return [record_of(message) for message in found]

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        """Answers and errors first. What came on a connection that is lost cannot be acknowledged: it comes again."""
        with amqp_errors():
            await self._send([sent for each in taken for sent in self._told(each)])
            for record, _ in taken:
                message: AbstractIncomingMessage = record.context
                if not message.channel.is_closed and not message.processed:
                    await message.ack()
        return ()

    def _told(self, taken: Taken) -> list[tuple[str, aio_pika.Message, bool]]:
        """(queue, message, whether the queue must be there)."""
        record, answer = taken
        message: AbstractIncomingMessage = record.context
        found = []
        queue = self._settings.error_queue if answer.failed else self._settings.processed_queue
        if queue is not None:
            body = error_of(record, answer) if answer.failed else _encode(answer)
            found.append((queue, _message(body, message.message_id), True))
        if message.reply_to:
            reply = _message(_encode(answer), message.correlation_id or message.message_id)
            found.append((message.reply_to, reply, False))
        return found

    async def notify(self, notifications: Sequence[Notification]) -> None:
        queue = self._settings.notification_queue
        if queue is not None:
            with amqp_errors():
                await self._send([(queue, _message(_encode(n), n.capture_id), True) for n in notifications])

    async def _send(self, messages: Sequence[tuple[str, aio_pika.Message, bool]]) -> None:
        """Returns when the broker has confirmed all of them."""
        if not messages:
            return
        exchange = (await self._linked()).sending.default_exchange
        async with asyncio.timeout(SEND_SECONDS):
            await asyncio.gather(
                *(exchange.publish(m, routing_key=queue, mandatory=needed) for queue, m, needed in messages)
            )

    async def ping(self) -> SourceHealth:
        with amqp_errors():
            link = await self._linked()
            queue = await link.sending.declare_queue(self._settings.inbound_queue, passive=True)
        return SourceHealth(backlog=queue.declaration_result.message_count or 0)


def _message(body: bytes, correlation_id: str | None) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        correlation_id=None if correlation_id is None else _short(correlation_id),
    )


def _short(text: str) -> str:
    """As much as a property of a message holds. A captureId can be longer: the body has all of it."""
    return text.encode()[:SHORT_BYTES].decode(errors="ignore")


def record_of(message: AbstractIncomingMessage) -> SourceRecord:
    """A message as a record; what is no JSON object is one with a fault."""
    headers: dict[str, Any] = dict(message.headers or {})
    named = headers.get("message") or message.type
    record = SourceRecord(
        fields={},
        stream="messages",
        key=place_key([message.message_id]) if message.message_id else None,
        position=f"message {message.message_id or message.delivery_tag}"[:500],
        message=str(named)[:60] if named else None,
        raw=message.body[: 4 * MAX_RAW].decode("utf-8", "replace")[:MAX_RAW],
        context=message,
    )
    try:
        record.fields = fields_of(message.body, "body")
    except InvalidInputError as error:
        record.fault = error
    return record


def error_of(record: SourceRecord, answer: Answer) -> bytes:
    return refused(answer, record.position, None if record.fault is not None else record.fields, record.raw)


class AmqpAdapter:
    """Opens sources for `openiwd.ports.capture.CaptureAdapter`."""

    @asynccontextmanager
    async def open(self, point: CapturePoint, tenant_id: str) -> AsyncIterator[CaptureSource]:
        del tenant_id  # a broker knows no tenants of ours
        source = AmqpCaptureSource(cast("AmqpSource", point.source))
        try:
            await source.start()
            yield source
        finally:
            await source.close()
