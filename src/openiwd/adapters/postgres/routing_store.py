"""Submissions to external routers, and the epoch of who speaks to a router."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec.structs import asdict

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import json_rows
from openiwd.domain.errors import FencedError
from openiwd.domain.routing import Ending, Recall, RemoteState, Submission, SubmissionState
from openiwd.ports.routing import RouterState, SubmissionQuery

_COLUMNS: Final = Submission.__struct_fields__
_TYPES: Final = {
    **dict.fromkeys(("id", "item_id", "assignment_id"), "uuid"),
    **dict.fromkeys(("revision", "attempts", "absences"), "int"),
    **{name: "timestamptz" for name in _COLUMNS if name.endswith("_at")},
    "item_number": "bigint",
}
ROUTING_SQL: Final = named_sql(
    "routing",
    columns=", ".join(_COLUMNS),
    types=", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in _COLUMNS),
    assignments=", ".join(f"{name} = u.{name}" for name in _COLUMNS if name != "id"),
)


_ENUMS: Final = {"state": SubmissionState, "recall": Recall, "remote_state": RemoteState, "ending": Ending}


def _submission_of(record: asyncpg.Record) -> Submission:
    values = dict(record.items())
    for name, kind in _ENUMS.items():
        values[name] = None if values[name] is None else kind(values[name])
    return Submission(**values)


def _rows(submissions: Sequence[Submission]) -> str:
    return json_rows([asdict(one) for one in submissions])


class RoutingReading:
    """The part of `Reading` that routing needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def router_state(self, router: str) -> RouterState | None:
        record = await self._connection.fetchrow(ROUTING_SQL["router_state"], router)
        return None if record is None else RouterState(**dict(record.items()))

    async def open_submissions(self) -> list[Submission]:
        return [_submission_of(r) for r in await self._connection.fetch(ROUTING_SQL["open"])]

    async def due_submissions(self, now: datetime, limit: int) -> list[Submission]:
        return [_submission_of(r) for r in await self._connection.fetch(ROUTING_SQL["due"], now, limit)]

    async def refused_items(self, now: datetime) -> set[tuple[int, str]]:
        records = await self._connection.fetch(ROUTING_SQL["refused"], now)
        return {(r["item_number"], r["queue_id"]) for r in records}

    async def submissions(self, query: SubmissionQuery) -> list[Submission]:
        begun_at, last = query.before or (None, None)
        state = None if query.state is None else query.state.value
        records = await self._connection.fetch(
            ROUTING_SQL["listed"], state, query.item_id, begun_at, last, query.limit
        )
        return [_submission_of(r) for r in records]

    async def submission_counts(self) -> dict[str, int]:
        return {r["state"]: r["submissions"] for r in await self._connection.fetch(ROUTING_SQL["counts"])}

    async def submission_endings(self, since: datetime) -> dict[str, int]:
        return {
            r["ending"]: r["submissions"] for r in await self._connection.fetch(ROUTING_SQL["endings"], since)
        }

    async def waiting_for_router(self, queue_ids: Sequence[str]) -> int:
        count: int = await self._connection.fetchval(ROUTING_SQL["waiting"], list(queue_ids))
        return count


class RoutingWriting:
    """The part of `Writing` that routing needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_over_router(self, router: str) -> int:
        epoch: int = await self._connection.fetchval(ROUTING_SQL["take_over"], router)
        return epoch

    async def hold_router_epoch(self, router: str, epoch: int) -> None:
        if await self._connection.fetchval(ROUTING_SQL["hold_epoch"], router) != epoch:
            raise FencedError("another process speaks to the router now", epoch=epoch)

    async def note_router(self, router: str, error: str | None, now: datetime) -> None:
        await self._connection.execute(ROUTING_SQL["note_router"], router, error, now)

    async def add_submissions(self, submissions: Sequence[Submission]) -> None:
        if submissions:
            await self._connection.execute(ROUTING_SQL["add"], _rows(submissions))

    async def save_submissions(self, submissions: Sequence[Submission]) -> set[UUID]:
        if not submissions:
            return set()
        return {r["id"] for r in await self._connection.fetch(ROUTING_SQL["save"], _rows(submissions))}

    async def hint_submissions(self, ids: Sequence[str], now: datetime) -> int:
        return len(await self._connection.fetch(ROUTING_SQL["hint"], list(ids), now))

    async def forget_submissions(self, before: datetime, limit: int) -> int:
        return len(await self._connection.fetch(ROUTING_SQL["forget"], before, limit))
