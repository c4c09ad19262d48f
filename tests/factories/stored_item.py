"""Builders: items as they are stored, without a rule set having judged them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.domain.event import Event, EventType, item_event
from openiwd.domain.work_item import ItemId, ItemNumber, Status, WorkItem
from openiwd.ports.tenant_store import TenantStore
from openiwd.processes.identity import new_id

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
LATE = START + timedelta(hours=3)
HASH = b"h" * 16


def stored_item(capture_id: str, **fields: Any) -> WorkItem:
    """A queued item, unless told otherwise; fields in snake_case."""
    values = {
        "id": ItemId(new_id()),
        "capture_point": "rest",
        "capture_id": capture_id,
        "status": Status.QUEUED,
        "received_at": START,
        "created_at": START,
    }
    return WorkItem(**{**values, **fields})


def created(item: WorkItem) -> Event:
    return item_event(EventType.CREATED, None, item, at=item.received_at, actor="system:test")


async def store_items(store: TenantStore, items: Sequence[WorkItem]) -> list[WorkItem]:
    """Inserts items with their events; they come back with their numbers, in the order given."""
    async with store.writing() as tx:
        numbers = await tx.insert_items(items, [HASH] * len(items))
        stored = [msgspec.structs.replace(i, number=ItemNumber(numbers[i.id])) for i in items]
        await tx.append_events([created(item) for item in stored])
    return stored


async def open_offers(connection: Connection, items: Sequence[WorkItem]) -> None:
    """The rows of the open offers that items have, which a claim would have written."""
    await connection.executemany(
        "INSERT INTO offer"
        " (id, item_number, item_id, agent_id, queue_id, kind, epoch, offered_at, expires_at, decision)"
        " VALUES ($1, $2, $3, $4, $5, 'push', 1, $6, $7, '')",
        [
            (i.offer_id, i.number, i.id, i.offered_to, i.queue_id or "", i.received_at, i.offer_expires_at)
            for i in items
            if i.offer_id is not None
        ],
    )


async def read_item(store: TenantStore, item: WorkItem) -> WorkItem:
    """The item as it is stored now."""
    async with store.reading() as reading:
        return (await reading.items_by_id([item.id]))[item.id]


async def update_item(store: TenantStore, revision: int, item: WorkItem) -> set[ItemNumber]:
    """The number of the item, if it had that revision."""
    async with store.writing() as tx:
        return await tx.update_items([(revision, item)])
