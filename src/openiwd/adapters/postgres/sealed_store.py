"""All sealed values of a tenant, and new seals for them. Opens none."""

from __future__ import annotations

from typing import Final

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.ports.sealed import SealedValue

SEALED_SQL: Final = named_sql("sealed")


class SealedReading:
    """The part of `Reading` that changing keys needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def sealed_values(self) -> list[SealedValue]:
        records = await self._connection.fetch(SEALED_SQL["sealed_values"])
        return [SealedValue(**dict(record.items())) for record in records]


class SealedWriting:
    """The part of `Writing` that changing keys needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reseal_value(self, value: SealedValue, sealed: bytes) -> bool:
        query = SEALED_SQL[f"reseal_{value.kind}"]
        arguments = (value.owner, value.name, value.sealed, sealed)
        return await self._connection.fetchval(query, *arguments) is not None
