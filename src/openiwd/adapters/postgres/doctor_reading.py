"""What the doctor asks of a tenant's database: each question one or two statements, by index wherever there is one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.backlog import Wanted
from openiwd.domain.doctor.system_check import DatabaseFacts, RunFact, TableFact
from openiwd.domain.doctor.work_check import ErrorCause, Overdue
from openiwd.domain.requirement import NO_REQUIREMENT, Requirement
from openiwd.ports.doctor import LogSample

DOCTOR_SQL: Final = named_sql("doctor")
_FIRST: Final = 200
"""The items due first, of all queues, among which examples are found."""


class DoctorReading:
    """The part of `Reading` that the doctor needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def wanted(self) -> list[Wanted]:
        records = await self._connection.fetch(DOCTOR_SQL["wanted"])
        ids = await self._connection.fetch(DOCTOR_SQL["ids_of"], [r["number"] for r in records])
        named = {r["number"]: r["id"] for r in ids}
        return [
            Wanted(
                r["queue_id"] or "",
                r["media_type"],
                _requirement(r["requirement"]),
                r["items"],
                named.get(r["number"]),
            )
            for r in records
        ]

    async def overdue_waiting(self, now: datetime) -> list[Overdue]:
        records = await self._connection.fetch(DOCTOR_SQL["overdue"], now)
        first = await self._connection.fetch(DOCTOR_SQL["overdue_first"], now, _FIRST) if records else []
        examples: dict[str, list[tuple[UUID, str]]] = {}
        for r in first:
            examples.setdefault(r["queue_id"], []).append((r["id"], r["capture_id"]))
        return [
            Overdue(r["queue_id"], r["items"], r["first_due"], examples.get(r["queue_id"], [])[:3])
            for r in records
        ]

    async def error_causes(self, limit: int) -> list[ErrorCause]:
        records = await self._connection.fetch(DOCTOR_SQL["error_causes"], limit)
        return [
            ErrorCause(r["error"], r["items"], list(zip(r["ids"], r["capture_ids"], strict=True)))
            for r in records
        ]

    async def expired_offers(self, before: datetime, limit: int) -> list[tuple[UUID, str]]:
        records = await self._connection.fetch(DOCTOR_SQL["expired_offers"], before, limit)
        return [(r["item_id"], r["agent_id"]) for r in records]

    async def log_sample(self, positions: int) -> LogSample:
        end = await self._connection.fetchrow(DOCTOR_SQL["log_end"], positions)
        records = await self._connection.fetch(DOCTOR_SQL["log_items"], positions)
        differing = [r["id"] for r in records if r["revision"] != r["told"]]
        span, events = (0, 0) if end is None else (end["span"], end["events"])
        return LogSample(events, span - events, len(records), differing)

    async def running_bulk(self) -> list[RunFact]:
        return [RunFact(**r) for r in _rows(await self._connection.fetch(DOCTOR_SQL["running_bulk"]))]

    async def database_facts(self, long_seconds: int) -> DatabaseFacts:
        server = await self._connection.fetchrow(DOCTOR_SQL["server"])
        if server is None:
            raise LookupError("the server tells nothing of itself")
        tables = await self._connection.fetch(DOCTOR_SQL["tables"])
        long = await self._connection.fetch(DOCTOR_SQL["long_transactions"], long_seconds)
        invalid = await self._connection.fetch(DOCTOR_SQL["invalid_indexes"])
        return DatabaseFacts(
            size=server["size"],
            tables=[TableFact(**r) for r in _rows(tables)],
            transactions=[(r["seconds"], r["application"]) for r in long],
            connections=server["connections"],
            most_connections=server["most"],
            age=server["age"],
            invalid_indexes=[r["name"] for r in invalid],
            autovacuum=server["autovacuum"],
        )


def _rows(records: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(record.items()) for record in records]


def _requirement(value: dict[str, Any]) -> Requirement:
    return msgspec.convert(value, Requirement) if value else NO_REQUIREMENT
