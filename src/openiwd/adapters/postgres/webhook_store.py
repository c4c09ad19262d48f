"""Webhooks: their secrets, their places in the log, their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import event_of, json_rows
from openiwd.domain.event import LoggedEvent
from openiwd.ports.webhook import (
    Delivery,
    DeliveryCount,
    DeliveryQuery,
    DeliveryState,
    StoredSecret,
    WebhookState,
)

_COLUMNS: Final = Delivery.__struct_fields__
WEBHOOK_SQL: Final = named_sql("webhook", columns=", ".join(_COLUMNS))


def _delivery_of(record: asyncpg.Record) -> Delivery:
    values = dict(record.items())
    return Delivery(**{**values, "state": DeliveryState(values["state"])})


class WebhookReading:
    """The part of `Reading` that webhooks need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def webhook_secrets(self, webhook_id: str) -> list[StoredSecret]:
        records = await self._connection.fetch(WEBHOOK_SQL["secrets"], webhook_id)
        return [StoredSecret(**dict(record.items())) for record in records]

    async def webhook_states(self) -> dict[str, WebhookState]:
        records = await self._connection.fetch(WEBHOOK_SQL["states"])
        return {record["webhook_id"]: WebhookState(**dict(record.items())) for record in records}

    async def delivery_counts(self) -> dict[str, DeliveryCount]:
        records = await self._connection.fetch(WEBHOOK_SQL["counts"])
        return {record["webhook_id"]: DeliveryCount(**dict(record.items())) for record in records}

    async def due_deliveries(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        records = await self._connection.fetch(WEBHOOK_SQL["due"], webhook_id, now, limit)
        return [_delivery_of(record) for record in records]

    async def deliveries(self, query: DeliveryQuery) -> list[Delivery]:
        generation, pos = query.before or (None, None)
        state = None if query.state is None else query.state.value
        records = await self._connection.fetch(
            WEBHOOK_SQL["deliveries"], query.webhook_id, state, query.failing, generation, pos, query.limit
        )
        return [_delivery_of(record) for record in records]

    async def delivery(self, webhook_id: str, delivery_id: UUID) -> Delivery | None:
        record = await self._connection.fetchrow(WEBHOOK_SQL["delivery"], webhook_id, delivery_id)
        return None if record is None else _delivery_of(record)

    async def events_at(self, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], LoggedEvent]:
        if not places:
            return {}
        generations, positions = zip(*places, strict=True)
        records = await self._connection.fetch(WEBHOOK_SQL["events_at"], generations, positions)
        return {(r["generation"], r["pos"]): event_of(r) for r in records}

    async def place_at(self, instant: datetime) -> tuple[int, int]:
        """By halving: places are dense, and instants grow with them but for the moments between clocks."""
        head = await self._connection.fetchrow(WEBHOOK_SQL["head"])
        if head is None:
            return 1, 0
        low, high = head["first"], head["last"] + 1
        while low < high:
            middle = (low + high) // 2
            at = await self._connection.fetchval(WEBHOOK_SQL["instant_at"], head["generation"], middle)
            if at is not None and at < instant:
                low = middle + 1
            else:
                high = middle
        return head["generation"], low - 1


class WebhookWriting:
    """The part of `Writing` that webhooks need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin_webhook(self, webhook_id: str) -> None:
        await self._connection.execute(WEBHOOK_SQL["begin"], webhook_id)

    async def move_webhook(self, webhook_id: str, old: tuple[int, int], new: tuple[int, int]) -> bool:
        moved = await self._connection.fetchval(WEBHOOK_SQL["move"], webhook_id, *old, *new)
        return moved is not None

    async def save_receiver(self, state: WebhookState) -> None:
        await self._connection.execute(
            WEBHOOK_SQL["save_receiver"],
            state.webhook_id,
            state.failures,
            state.failing_since,
            state.paused_until,
            state.last_error,
            state.last_success_at,
        )

    async def add_webhook_secret(self, webhook_id: str, secret: StoredSecret) -> None:
        await self._connection.execute(WEBHOOK_SQL["add_secret"], webhook_id, *asdict(secret).values())

    async def limit_webhook_secrets(self, webhook_id: str, keep: UUID, until: datetime) -> None:
        await self._connection.execute(WEBHOOK_SQL["limit_secrets"], webhook_id, keep, until)
        await self._connection.execute(WEBHOOK_SQL["drop_secrets"], webhook_id, keep)

    async def plan_deliveries(self, planned: Sequence[Delivery]) -> int:
        if not planned:
            return 0
        first = planned[0]
        records = await self._connection.fetch(
            WEBHOOK_SQL["plan"], json_rows([asdict(d) for d in planned]), first.webhook_id, first.planned_at
        )
        return len(records)

    async def record_deliveries(self, tried: Sequence[Delivery]) -> None:
        if tried:
            await self._connection.execute(WEBHOOK_SQL["record"], json_rows([asdict(d) for d in tried]))

    async def park_expired(self, webhook_id: str, before: datetime, now: datetime, limit: int) -> int:
        return len(await self._connection.fetch(WEBHOOK_SQL["park_expired"], webhook_id, before, now, limit))

    async def replay_deliveries(
        self,
        webhook_id: str,
        now: datetime,
        limit: int,
        *,
        ids: Collection[UUID] | None = None,
        since: datetime | None = None,
        parked: bool = False,
    ) -> int:
        wanted = None if ids is None else list(ids)
        records = await self._connection.fetch(
            WEBHOOK_SQL["replay"], webhook_id, now, wanted, since, parked, limit
        )
        return len(records)

    async def forget_deliveries(self, delivered: datetime, parked: datetime, limit: int) -> int:
        return len(await self._connection.fetch(WEBHOOK_SQL["forget"], delivered, parked, limit))

    async def drop_deliveries(self, webhook_id: str, limit: int) -> int:
        return len(await self._connection.fetch(WEBHOOK_SQL["drop"], webhook_id, limit))
