"""What keeps a tenant from resting: one statement, each part of it by index. Decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql

_SQL: Final = named_sql("tenant_rest")


class RestReading:
    """The part of `Reading` that says what keeps a tenant from resting."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def reasons_to_wake(self, now: datetime, until: datetime) -> list[str]:
        reasons: list[str] = await self._connection.fetchval(_SQL["reasons_to_wake"], now, until)
        return reasons
