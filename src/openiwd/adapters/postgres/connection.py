"""Opens one asyncpg connection the way OpenIWD speaks to PostgreSQL: UTC, a name, jsonb as JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

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


UNFIXED: Final = 10_000
"""From here on a server numbers types by itself; those below are the same in every PostgreSQL."""
_types: Final[dict[int, asyncpg.Record]] = {}
"""By number, what a connection before was told of arrays."""


class _Statement(NamedTuple):
    """Of types that were known: nothing was prepared."""

    name: str = "known"


class _Connection(asyncpg.Connection):
    """Knows PostgreSQL's own arrays from connections before it. A new one that asks for them costs the server six times
    what opening it does, and tenants by the hundred take connections from each other all the time.
    """

    async def _introspect_types(
        self,
        typeoids: Iterable[int],
        timeout: float | None,  # noqa: ASYNC109 - the driver's signature
    ) -> tuple[Any, Any]:
        """The driver's own: where a later one calls it otherwise, types are asked for again, and a test says so."""
        wanted = list(typeoids)
        if all(oid in _types for oid in wanted):
            return [_types[oid] for oid in wanted], _Statement()
        told: tuple[Any, Any] = await super()._introspect_types(wanted, timeout)  # type: ignore[misc]
        _types.update({r["oid"]: r for r in told[0] if r["oid"] < UNFIXED and r["elemtype"]})
        return told


CONNECT_SECONDS: Final = 15.0
"""A server that is away refuses at once; one that is overloaded takes its time for the handshake."""


async def open_connection(
    dsn: str, *, settings: Mapping[str, str] | None = None, connect_timeout: float = CONNECT_SECONDS
) -> Connection:
    """A new connection; driver errors come through as they are."""
    connection: Connection = await asyncpg.connect(
        dsn,
        timeout=connect_timeout,
        connection_class=_Connection,
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
