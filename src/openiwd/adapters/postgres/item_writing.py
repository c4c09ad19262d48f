"""Writes items, events and how offers end, in one transaction. Decides nothing: the domain has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import asyncpg

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.item_reading import ITEM_SQL
from openiwd.adapters.postgres.live_reading import OFFER_SQL
from openiwd.adapters.postgres.log_reading import EVENT_SQL
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import (
    ARRIVAL_COLUMNS,
    INSERT_COLUMNS,
    all_arriving,
    json_rows,
    json_text,
    record_type,
    sort_key,
)
from openiwd.domain.event import Event
from openiwd.domain.offer import ClosedOffer, WrapUp
from openiwd.domain.work_item import ItemNumber, WorkItem


class _Columns:
    """A set of columns that new items are written with."""

    def __init__(self, names: Sequence[str]) -> None:
        parts = {"insert_columns": ", ".join(names), "insert_types": record_type(names)}
        self.insert = named_sql("item", **parts)["insert_items"]
        self.values = attrgetter(*names)
        self.copied = ("number", *names, "submission_hash")


ARRIVAL: Final = _Columns(ARRIVAL_COLUMNS)
_ALL: Final = _Columns(INSERT_COLUMNS)
_EVENT_VALUES: Final = attrgetter("at", "type", "actor", "item_id", "item_number", "revision", "subject_id")

COPIED_FROM: Final = 8
"""As many new items as this are copied in: a third of an INSERT's work for the server, for three more round trips."""


class ItemWriting:
    """The part of `Writing` that is about items, events and offers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def insert_items(self, items: Sequence[WorkItem], hashes: Sequence[bytes]) -> dict[Any, ItemNumber]:
        if not items:
            return {}
        order = sorted(range(len(items)), key=lambda n: sort_key(items[n]))
        items, hashes = [items[n] for n in order], [hashes[n] for n in order]
        columns = ARRIVAL if all_arriving(items) else _ALL
        if len(items) >= COPIED_FROM:
            copied = await self._copy(items, hashes, columns)
            if copied is not None:
                return copied
        records = await self._connection.fetch(columns.insert, json_rows(items), hashes)
        return {record["id"]: ItemNumber(record["number"]) for record in records}

    async def _copy(
        self, items: Sequence[WorkItem], hashes: Sequence[bytes], columns: _Columns
    ) -> dict[Any, ItemNumber] | None:
        """None when this has to be left to the INSERT.

        Copying knows no ON CONFLICT for what another transaction inserts at this instant, and the driver has errors of
        its own for values that do not fit.
        """
        points, ids = [item.capture_point for item in items], [item.capture_id for item in items]
        free = await self._connection.fetch(ITEM_SQL["reserve_numbers"], points, ids)
        if not free:
            return {}
        values = columns.values
        rows = [(number, *values(items[place - 1]), hashes[place - 1]) for place, number in free]
        await self._connection.execute("SAVEPOINT copying")
        try:
            await self._connection.copy_records_to_table("item", records=rows, columns=columns.copied)
        except (asyncpg.UniqueViolationError, asyncpg.DataError, OverflowError):
            await self._connection.execute("ROLLBACK TO copying")
            return None
        return {items[place - 1].id: ItemNumber(number) for place, number in free}

    async def update_items(self, items: Sequence[tuple[int, WorkItem]]) -> set[ItemNumber]:
        if not items:
            return set()
        rows = [item for _, item in items]
        await self._lock([item.number for item in rows])
        records = await self._connection.fetch(
            ITEM_SQL["update_items"], json_rows(rows), [revision for revision, _ in items]
        )
        return {ItemNumber(record["number"]) for record in records}

    async def delete_items(self, items: Sequence[tuple[int, WorkItem]]) -> set[ItemNumber]:
        if not items:
            return set()
        numbers = [item.number for _, item in items]
        await self._lock(numbers)
        records = await self._connection.fetch(
            ITEM_SQL["delete_items"], numbers, [revision for revision, _ in items]
        )
        return {ItemNumber(record["number"]) for record in records}

    async def _lock(self, numbers: Sequence[int]) -> None:
        if len(numbers) > 1:
            await self._connection.execute(ITEM_SQL["lock_items"], numbers)

    async def append_events(self, events: Sequence[Event]) -> int:
        """The position of the last event; the log stands still for all others until this transaction ends."""
        if not events:
            raise ValueError("there are no events to append")
        at, kinds, actors, ids, numbers, revisions, subjects = zip(*map(_EVENT_VALUES, events), strict=True)
        last: int = await self._connection.fetchval(
            EVENT_SQL["append_events"], at, kinds, actors, ids, numbers, revisions, subjects,
            [json_text(event.body) for event in events],
            [None if event.personal is None else json_text(event.personal) for event in events],
        )  # fmt: skip
        return last

    async def close_offers(self, closed: Sequence[ClosedOffer]) -> None:
        if closed:
            ids, outcomes, at, reasons = zip(*closed, strict=True)
            await self._connection.execute(OFFER_SQL["close_offers"], ids, outcomes, at, reasons)

    async def add_wrap_ups(self, wrap_ups: Sequence[WrapUp]) -> None:
        if wrap_ups:
            await self._connection.execute(
                OFFER_SQL["add_wrap_ups"],
                [w.assignment_id for w in wrap_ups],
                [w.agent_id for w in wrap_ups],
                [w.item_number for w in wrap_ups],
                [w.media_type for w in wrap_ups],
                [w.weight for w in wrap_ups],
                [w.until for w in wrap_ups],
            )

    async def end_wrap_ups(self, agent_id: str | None, now: datetime) -> None:
        if agent_id is None:
            await self._connection.execute(OFFER_SQL["end_wrap_ups_over"], now)
        else:
            await self._connection.execute(OFFER_SQL["end_wrap_ups_of_agent"], agent_id)
