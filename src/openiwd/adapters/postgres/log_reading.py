"""Reads the event log: one item's history, and the log after a cursor, which never skips an event."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import event_of
from openiwd.domain.event import LoggedEvent
from openiwd.ports.tenant_store import Cursor

EVENT_SQL = named_sql("event")


class LogReading:
    """The part of `Reading` that is about events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def history(self, item_id: UUID) -> list[LoggedEvent]:
        return [event_of(r) for r in await self._connection.fetch(EVENT_SQL["history"], item_id)]

    async def head(self) -> Cursor:
        record = await self._connection.fetchrow(EVENT_SQL["head"])
        return Cursor(1, 0) if record is None else Cursor(record["generation"], record["pos"])

    async def oldest(self) -> Cursor:
        record = await self._connection.fetchrow(EVENT_SQL["oldest"])
        return await self.head() if record is None else Cursor(record["generation"], record["pos"])

    async def last_busy(self, events: int) -> dict[str, datetime]:
        return {r["agent"]: r["at"] for r in await self._connection.fetch(EVENT_SQL["last_busy"], events)}

    async def events(self, after: Cursor, limit: int, *, personal: bool = False) -> list[LoggedEvent]:
        """The common point with a reader that has seen another end of an earlier generation is where that
        generation ends here. A cursor past the head of the last one shares no known point: all that is kept
        comes again.
        """
        query = EVENT_SQL["events_with_personal" if personal else "events"]
        records = await self._connection.fetch(query, after.generation, after.pos, limit)
        if not records and after > await self.head():
            start = await self.oldest()
            records = await self._connection.fetch(query, start.generation, start.pos, limit)
        return [event_of(r) for r in records]
