"""Opens one asyncpg connection the way OpenIWD speaks to PostgreSQL: UTC, a name, jsonb as JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

APPLICATION_NAME = "openiwd"
JSONB_VERSION = b"\x01"

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def encode_jsonb(value: Any) -> bytes:
    """A value as binary jsonb; a `msgspec.Raw` passes through as it is."""
    return JSONB_VERSION + _encoder.encode(value)


def decode_jsonb(data: bytes) -> Any:
    return _decoder.decode(data[1:])


def jsonb_column(values: Iterable[Any]) -> list[msgspec.Raw | None]:
    """Values as a `jsonb[]` parameter; None is SQL NULL.

    Encoded here because the driver would take a value that is itself a list for a further dimension.
    """
    return [None if value is None else msgspec.Raw(_encoder.encode(value)) for value in values]


CONNECT_SECONDS: Final = 15.0
"""A server that is away refuses at once; one that is overloaded takes its time for the handshake."""


async def open_connection(
    dsn: str, *, settings: Mapping[str, str] | None = None, connect_timeout: float = CONNECT_SECONDS
) -> Connection:
    """A new connection; driver errors come through as they are."""
    connection: Connection = await asyncpg.connect(
        dsn,
        timeout=connect_timeout,
        server_settings={"application_name": APPLICATION_NAME, "timezone": "UTC", **(settings or {})},
    )
    try:
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=encode_jsonb, decoder=decode_jsonb, format="binary"
        )
    except BaseException:
        connection.terminate()
        raise
    return connection
