"""What changing a rule set stores beside it, and open items as columns for counting its effect. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import numpy as np

from openiwd.adapters.postgres.binary_copy import FixedRows
from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.like_sql import like_statement
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.errors import RevisionMismatchError
from openiwd.domain.rule_effect import LikeRows
from openiwd.domain.rule_reading import Reading as ReadAttribute
from openiwd.ports.rule_change import ImpactPart, StoredImpact

RULE_CHANGE_SQL: Final = named_sql("rule_change")
_ROWS: Final = FixedRows(
    {
        "number": ">i8",
        "revision": ">i4",
        "likeness": ">i8",
        "origin": ">i8",
        "stopped": ">i8",
        "created_at": ">i8",
    }
)
_EPOCH: Final = 946_684_800_000_000
"""PostgreSQL counts microseconds from 2000-01-01."""


class RuleChangeReading:
    """The part of `Reading` that changing a rule set needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def like_rows(
        self, read: Sequence[ReadAttribute], after: int, until: int, *, seed: int
    ) -> LikeRows:
        statement, arguments = like_statement(read, after, until, seed)
        data = bytearray()

        async def keep(piece: bytes) -> None:
            data.extend(piece)

        await self._connection.copy_from_query(statement, *arguments.values, output=keep, format="binary")
        return await asyncio.to_thread(_columns, data)

    async def last_number(self) -> int:
        number: int = await self._connection.fetchval(RULE_CHANGE_SQL["last_number"])
        return number

    async def rule_set_setting(self) -> tuple[dict[str, Any], int]:
        record = await self._connection.fetchrow(RULE_CHANGE_SQL["setting"])
        return ({}, 0) if record is None else (record["body"], record["revision"])

    async def draft_edits(self, draft_id: UUID, after: int) -> list[dict[str, Any]]:
        records = await self._connection.fetch(RULE_CHANGE_SQL["draft_edits"], draft_id, after)
        return [{**r["body"], "revision": r["revision"]} for r in records]

    async def impact(self, draft_id: UUID) -> StoredImpact | None:
        record = await self._connection.fetchrow(RULE_CHANGE_SQL["impact"], draft_id)
        return None if record is None else StoredImpact(**dict(record.items()))

    async def impact_parts(self, draft_id: UUID) -> list[ImpactPart]:
        records = await self._connection.fetch(RULE_CHANGE_SQL["impact_parts"], draft_id)
        return [ImpactPart(**dict(r.items())) for r in records]

    async def impact_numbers(self, draft_id: UUID, part: int, after: int, limit: int) -> list[int]:
        found: list[int] | None = await self._connection.fetchval(
            RULE_CHANGE_SQL["impact_numbers"], draft_id, part, after, limit
        )
        return found or []


def _columns(data: bytearray) -> LikeRows:
    """In a thread of its own: numpy lets others run meanwhile."""
    rows = _ROWS.parse(data)
    return LikeRows(
        numbers=rows["number"].astype(np.int64),
        revisions=rows["revision"].astype(np.int32),
        likeness=rows["likeness"].astype(np.int64),
        origins=rows["origin"].astype(np.int64),
        stopped=rows["stopped"].astype(np.int64),
        created=rows["created_at"].astype(np.int64) + _EPOCH,
    )


class RuleChangeWriting:
    """The part of `Writing` that changing a rule set needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save_rule_set_setting(self, body: Mapping[str, Any], *, revision: int | None) -> int:
        stored: int | None = await self._connection.fetchval(
            RULE_CHANGE_SQL["save_setting"], dict(body), revision
        )
        if stored is None:
            raise RevisionMismatchError(
                f"the settings are no longer at revision {revision}",
                field="revision",
                hint="load them again and repeat the change",
            )
        return stored

    async def add_draft_edit(self, draft_id: UUID, revision: int, body: Mapping[str, Any]) -> None:
        await self._connection.execute(RULE_CHANGE_SQL["add_draft_edit"], draft_id, revision, dict(body))

    async def begin_impact(self, draft_id: UUID, impact: StoredImpact) -> None:
        await self._connection.execute(RULE_CHANGE_SQL["forget_impact"], draft_id)
        await self._connection.execute(RULE_CHANGE_SQL["begin_impact"], draft_id, *_values(impact))

    async def move_impact(self, draft_id: UUID, impact: StoredImpact) -> bool:
        moved = await self._connection.fetchval(RULE_CHANGE_SQL["move_impact"], draft_id, *_values(impact))
        return moved is not None

    async def add_impact_part(
        self, draft_id: UUID, part: int, body: Mapping[str, Any], numbers: Collection[int]
    ) -> None:
        await self._connection.execute(
            RULE_CHANGE_SQL["add_impact_part"], draft_id, part, dict(body), list(numbers)
        )

    async def begin_bulk_items(self, job_id: UUID, preparer: UUID) -> None:
        await self._connection.execute(RULE_CHANGE_SQL["begin_bulk"], job_id, preparer)
        await self._connection.execute(RULE_CHANGE_SQL["forget_bulk_items"], job_id)

    async def add_bulk_items(self, job_id: UUID, preparer: UUID, first: int, numbers: Sequence[int]) -> bool:
        raised = await self._connection.fetchval(
            RULE_CHANGE_SQL["raise_bulk_total"], job_id, preparer, len(numbers)
        )
        if raised is None:
            return False
        await self._connection.execute(RULE_CHANGE_SQL["add_bulk_items"], job_id, first, list(numbers))
        return True

    async def bulk_prepared(self, job_id: UUID, preparer: UUID) -> None:
        await self._connection.execute(RULE_CHANGE_SQL["bulk_prepared"], job_id, preparer)


def _values(impact: StoredImpact) -> tuple[Any, ...]:
    return impact.run_id, impact.status, impact.body, impact.moved_at
