"""Settings of outside sources: a source database, Kafka, AMQP, webhooks of others. Pure."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.capture.answer import NotificationKind

SECRET: Final = "********"  # noqa: S105 - what is shown in a secret's place
"""Stands for a secret that is kept: read so, and sent back so, it stays as it was."""
SecretText = Annotated[str, Meta(max_length=2_000, extra={"secret": True})]
"""A setting that nobody reads back."""
Sql = Annotated[str, Meta(min_length=1, max_length=20_000)]
Column = Annotated[str, Meta(min_length=1, max_length=128)]
Topic = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
QueueName = Annotated[str, Meta(min_length=1, max_length=255)]


class DatabaseSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="database"
):
    """Messages are rows of a table that is asked again and again."""

    url: Annotated[str, Meta(min_length=1, max_length=1_000)]
    """`postgresql://user@host:5432/name`, `mariadb://user@host/name`, `sqlite:///file.db` (below the tenant's folder);
    `mssql` and `oracle` by the same way, experimental.
    """
    password: SecretText | None = None
    capture_query: Sql
    """Gives the rows that wait, each with the columns that the mapping reads. `:most` is how many are taken at once."""
    update_query: Sql
    """Run for each row after it was taken (or refused): it must take the row out of what the capture query gives."""
    key_columns: Annotated[list[Column], Meta(min_length=1, max_length=8)] = msgspec.field(
        default_factory=lambda: ["id"]
    )
    """What names a message uniquely: a row that comes again under a known key is not taken twice."""
    hooks: dict[NotificationKind, Sql] = {}
    """Run for each notification of that kind."""
    tls: bool = False
    """Encrypted, with the server's certificate checked (PostgreSQL, MariaDB, MySQL; others say it in the URL)."""
    poll_seconds: Annotated[float, Meta(ge=0.1, le=3_600)] = 5.0
    """So long after a look that found nothing comes the next."""
    timeout_seconds: Annotated[float, Meta(ge=1, le=600)] = 30.0


class KafkaSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="kafka"
):
    """Messages are JSON values of a topic."""

    servers: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=300)]], Meta(min_length=1, max_length=20)
    ]
    """`host:port` of some of the cluster's brokers."""
    inbound_topic: Topic
    processed_topic: Topic | None = None
    """Gets the answer to each message that was taken."""
    error_topic: Topic | None = None
    """Gets each message that was refused, with the reason."""
    notification_topic: Topic | None = None
    group: Annotated[str, Meta(max_length=200)] = ""
    """Under which offsets are committed for others to see; empty: `openiwd-<tenant>-<capture point>`."""
    start: Literal["earliest", "latest"] = "earliest"
    """Where a partition begins that was never read."""
    security: Literal["plaintext", "ssl", "saslPlaintext", "saslSsl"] = "plaintext"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: Annotated[str, Meta(max_length=200)] = ""
    password: SecretText | None = None


class AmqpSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="amqp"
):
    """Messages are JSON bodies of a queue (AMQP 0-9-1: RabbitMQ)."""

    url: Annotated[str, Meta(pattern=r"^amqps?://", max_length=1_000)]
    """`amqp://user@host:5672/vhost`, without the password."""
    password: SecretText | None = None
    inbound_queue: QueueName
    processed_queue: QueueName | None = None
    """Gets the answer to each message that was taken; one with `reply_to` is answered there besides."""
    error_queue: QueueName | None = None
    notification_queue: QueueName | None = None
    declare: bool = True
    """Makes the queues, durable, where they are not there yet."""


class WebhookSource(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="kind", tag="webhook"
):
    """Messages are posted to `/iwd/v3/capture/{id}` by whoever has the secret, in whatever JSON they have."""

    secret: SecretText | None = None
    check: Literal["signature", "bearer", "headerSignature"] = "signature"
    """signature: as our own webhooks sign (`OpenIWD-Signature`); bearer: `Authorization: Bearer <secret>`;
    headerSignature: hex HMAC-SHA256 of the body in the header named, `sha256=` before it or not.
    """
    header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,80}$")] = "X-Hub-Signature-256"
    records: Annotated[str, Meta(max_length=200)] = ""
    """Where in the body the records are (`data.entities`); empty: the body is one, or a list of them."""
