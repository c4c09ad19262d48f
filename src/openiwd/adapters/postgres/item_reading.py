"""Reads items: by identity, for the decider, for timers, for one agent; and counts. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import UPDATE_COLUMNS, columns, item_of, items_of, record_type
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import OpenCount, StoredSubmission

ITEM_SQL = named_sql(
    "item",
    columns=columns(),
    item_columns=columns("item"),
    assignments=", ".join(f"{name} = u.{name}" for name in UPDATE_COLUMNS),
    update_columns=", ".join(UPDATE_COLUMNS),
    update_types=record_type(UPDATE_COLUMNS),
)


class ItemReading:
    """The part of `Reading` that is about items."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _items(self, query: str, *arguments: Any) -> list[WorkItem]:
        return items_of(await self._connection.fetch(ITEM_SQL[query], *arguments))

    async def items_by_id(self, ids: Collection[UUID]) -> dict[UUID, WorkItem]:
        if not ids:
            return {}
        return {item.id: item for item in await self._items("items_by_id", list(ids))}

    async def items_by_number(self, numbers: Collection[int]) -> dict[int, WorkItem]:
        if not numbers:
            return {}
        return {item.number: item for item in await self._items("items_by_number", list(numbers))}

    async def items_by_capture(
        self, keys: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], StoredSubmission]:
        if not keys:
            return {}
        points, ids = zip(*dict.fromkeys(keys), strict=True)
        found: dict[tuple[str, str], StoredSubmission] = {}
        for record in await self._connection.fetch(ITEM_SQL["items_by_capture"], points, ids):
            submission = _stored_submission(record)
            found[submission.item.capture_point, submission.item.capture_id] = submission
        return found

    async def items_by_capture_id(self, capture_id: str) -> list[WorkItem]:
        return await self._items("items_by_capture_id", capture_id)

    async def held_by_agents(self) -> list[WorkItem]:
        return await self._items("held_by_agents")

    async def held_numbers(self) -> list[int]:
        return [record["number"] for record in await self._connection.fetch(ITEM_SQL["held_numbers"])]

    async def due_timers(self, now: datetime, limit: int) -> list[WorkItem]:
        return await self._items("due_timers", now, limit)

    async def woken_holds(self, limit: int) -> list[WorkItem]:
        return await self._items("woken_holds", limit)

    async def next_timer(self) -> datetime | None:
        at: datetime | None = await self._connection.fetchval(ITEM_SQL["next_timer"])
        return at

    async def items_of_agent(self, agent_id: str) -> list[WorkItem]:
        return await self._items("items_of_agent", agent_id)

    async def last_services(self, contacts: Collection[UUID]) -> dict[UUID, tuple[str, datetime]]:
        if not contacts:
            return {}
        records = await self._connection.fetch(ITEM_SQL["last_services"], list(contacts))
        return {r["contact_id"]: (r["last_agent"], r["assigned_at"]) for r in records}

    async def expired_items(self, now: datetime, limit: int) -> list[WorkItem]:
        return await self._items("expired_items", now, limit)

    async def open_counts(self, now: datetime) -> list[OpenCount]:
        return [OpenCount(*record) for record in await self._connection.fetch(ITEM_SQL["open_counts"], now)]

    async def status_counts(self) -> dict[str, int]:
        records = await self._connection.fetch(ITEM_SQL["status_counts"])
        return {r["status"]: r["items"] for r in records}


def _stored_submission(record: asyncpg.Record) -> StoredSubmission:
    return StoredSubmission(item_of(record), record["submission_hash"])
