"""The past of the queues: stays kept beside the log, the order of a past instant, histories up to one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import asyncpg

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.rows import event_of
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.stay_order import STAY_SQL, order_sql, stays_at
from openiwd.domain.event import LoggedEvent
from openiwd.domain.past_order import PastCurves
from openiwd.domain.queue_stay import Line, Stay
from openiwd.ports.queue_stay import PastPlace, StayCursor

_COLUMNS: Final = (
    "item_number", "from_at", "to_at", "anchor", "business_value", "priority_adjustment", "priority_fixed", "span",
    "item_id", "queue_id", "schema_id", "pauses",
)  # fmt: skip


class StayReading:
    """The part of `Reading` that looks into the past."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def stay_cursor(self) -> StayCursor:
        return _cursor(await self._connection.fetchrow(STAY_SQL["cursor"]))

    async def waiting_stays(self, numbers: Collection[int]) -> dict[int, Stay]:
        records = await self._connection.fetch(STAY_SQL["waiting"], list(numbers))
        return {record["item_number"]: _stay(record) for record in records}

    async def past_order(
        self, at: datetime, queue_id: str | None, curves: PastCurves, limit: int, offset: int
    ) -> list[PastPlace]:
        places = await self._places(queue_id)
        if not places:
            return []
        arguments = Arguments()
        statement = order_sql(at, places, curves, limit, offset, arguments)
        records = await self._connection.fetch(statement, *arguments.values)
        return [
            PastPlace(r["item_id"], r["item_number"], _whole(r["whole"]) + Fraction(int(r["rest"]), curves.scale))
            for r in records
        ]  # fmt: skip

    async def count_waited(self, at: datetime, queue_id: str | None, most: int) -> int:
        places = await self._places(queue_id)
        if not places:
            return 0
        arguments = Arguments()
        parts = [f"({stays_at(at, queues, schema, arguments)})" for schema, queues in places.items()]
        limit = arguments.add(most, "int")
        statement = (
            f"SELECT count(*) FROM (SELECT FROM ({' UNION ALL '.join(parts)}) AS stay LIMIT {limit}) AS found"
        )
        found: int = await self._connection.fetchval(statement, *arguments.values)
        return found

    async def _places(self, queue_id: str | None) -> dict[str, list[str]]:
        """The queues of each schema that any stay has."""
        found: dict[str, list[str]] = {}
        for record in await self._connection.fetch(STAY_SQL["places"]):
            if queue_id in (None, record["queue_id"]):
                found.setdefault(record["schema_id"], []).append(record["queue_id"])
        return found

    async def histories(
        self, item_ids: Collection[UUID], until: datetime | None, before: tuple[int, int] | None = None
    ) -> dict[UUID, list[LoggedEvent]]:
        if before is not None:
            records = await self._connection.fetch(STAY_SQL["histories_before"], list(item_ids), *before)
        else:
            records = await self._connection.fetch(STAY_SQL["histories_until"], list(item_ids), until)
        found: dict[UUID, list[LoggedEvent]] = {}
        for record in records:
            found.setdefault(record["item_id"], []).append(event_of(record))
        return found

    async def subject_history(
        self, subject_id: str, kinds: Sequence[str], until: datetime
    ) -> list[LoggedEvent]:
        records = await self._connection.fetch(STAY_SQL["subject_history"], subject_id, list(kinds), until)
        return [event_of(record) for record in records]

    async def version_at(self, at: datetime) -> int | None:
        version: int | None = await self._connection.fetchval(STAY_SQL["version_at"], at)
        return version


class StayWriting:
    """The part of `Writing` that keeps stays."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_stay_cursor(self) -> StayCursor:
        return _cursor(await self._connection.fetchrow(STAY_SQL["lock_cursor"]))

    async def save_stays(self, ended: Sequence[Stay], begun: Sequence[Stay]) -> None:
        if ended:
            await self._connection.execute(
                STAY_SQL["end"],
                [stay.item_number for stay in ended],
                [stay.until for stay in ended],
                [stay.span for stay in ended],
            )
        if begun:
            await self._connection.copy_records_to_table(
                "queue_stay", records=[_row(stay) for stay in begun], columns=_COLUMNS
            )

    async def move_stay_cursor(self, to: StayCursor) -> None:
        await self._connection.execute(STAY_SQL["move_cursor"], *to)


def _cursor(record: asyncpg.Record | None) -> StayCursor:
    return StayCursor(1, 0, None) if record is None else StayCursor(*record)


def _whole(value: Decimal) -> Fraction:
    return Fraction(int(value))


def _stay(record: asyncpg.Record) -> Stay:
    line = Line(
        record["queue_id"],
        record["schema_id"],
        record["business_value"],
        record["priority_adjustment"],
        record["priority_fixed"],
        record["anchor"],
        tuple(record["pauses"] or ()),
    )
    return Stay(
        item_number=record["item_number"], item_id=record["item_id"], line=line, since=record["from_at"]
    )


def _row(stay: Stay) -> tuple[Any, ...]:
    line = stay.line
    return (
        stay.item_number, stay.since, stay.until, line.anchor, line.business_value, line.priority_adjustment,
        line.priority_fixed, stay.span, stay.item_id, line.queue_id, line.schema_id, list(line.pauses) or None,
    )  # fmt: skip
