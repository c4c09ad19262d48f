"""Drafts on trial: the running canary and its counts, and what shadows have found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from openiwd.adapters.postgres.connection import Connection, jsonb_column
from openiwd.adapters.postgres.live_writing import json_value
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.canary import Sides, Tripped
from openiwd.domain.shadow import Divergence
from openiwd.ports.trial import CanaryBody, LiveRules, ShadowFindings, StoredCanary, StoredShadow

TRIAL_SQL: Final = named_sql("trial")


def _canary_of(record: asyncpg.Record) -> StoredCanary:
    values = dict(record.items())
    values["body"] = msgspec.convert(values["body"], CanaryBody)
    values["sides"] = msgspec.convert(values["sides"], Sides)
    values["tripped"] = msgspec.convert(values["tripped"], list[Tripped])
    return StoredCanary(**values)


class TrialReading:
    """The part of `Reading` that trials need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def live_rules(self) -> LiveRules:
        record = await self._connection.fetchrow(TRIAL_SQL["live_rules"])
        return LiveRules(*(record or (None, None)))

    async def _canary(self, query: str, *arguments: object) -> StoredCanary | None:
        record = await self._connection.fetchrow(TRIAL_SQL[query], *arguments)
        return None if record is None else _canary_of(record)

    async def running_canary(self) -> StoredCanary | None:
        return await self._canary("running_canary")

    async def canary_of(self, draft_id: UUID) -> StoredCanary | None:
        return await self._canary("canary_of", draft_id)

    async def unfinished_canary(self) -> StoredCanary | None:
        return await self._canary("unfinished_canary")

    async def rolled_back_canaries(self) -> list[StoredCanary]:
        return [_canary_of(r) for r in await self._connection.fetch(TRIAL_SQL["rolled_back_canaries"])]

    async def judged_by(self, version: int, after: int, limit: int) -> list[tuple[int, UUID]]:
        records = await self._connection.fetch(TRIAL_SQL["judged_by"], version, after, limit)
        return [(r["number"], r["id"]) for r in records]

    async def last_rule_set(self) -> int:
        version: int = await self._connection.fetchval(TRIAL_SQL["last_rule_set"])
        return version

    async def shadows(self) -> list[StoredShadow]:
        records = await self._connection.fetch(TRIAL_SQL["shadows"])
        return [StoredShadow(**dict(r.items())) for r in records]

    async def shadow(self, draft_id: UUID) -> StoredShadow | None:
        record = await self._connection.fetchrow(TRIAL_SQL["shadow"], draft_id)
        return None if record is None else StoredShadow(**dict(record.items()))

    async def shadow_counts(self, draft_id: UUID) -> dict[tuple[str, str], int]:
        records = await self._connection.fetch(TRIAL_SQL["shadow_counts"], draft_id)
        return {(r["category_path"], r["kind"]): r["items"] for r in records}

    async def shadow_divergences(
        self, draft_id: UUID, before: int | None, limit: int, *, kind: str | None, category: str | None
    ) -> list[tuple[int, Divergence]]:
        records = await self._connection.fetch(
            TRIAL_SQL["shadow_divergences"], draft_id, before, limit, kind, category
        )
        return [(r["number"], msgspec.convert(r["body"], Divergence)) for r in records]


class TrialWriting:
    """The part of `Writing` that trials need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def share_live_rules(self) -> LiveRules:
        record = await self._connection.fetchrow(TRIAL_SQL["share_live_rules"])
        return LiveRules(*(record or (None, None)))

    async def lock_live_rules(self) -> LiveRules:
        record = await self._connection.fetchrow(TRIAL_SQL["lock_live_rules"])
        return LiveRules(*(record or (None, None)))

    async def start_canary(self, canary: StoredCanary, document: Mapping[str, Any], calendars: Any) -> None:
        c = canary
        await self._connection.execute(
            TRIAL_SQL["insert_trial_rules"],
            c.version,
            document,
            calendars,
            c.body.name,
            c.started_at,
            c.body.started_by,
        )
        await self._connection.execute(
            TRIAL_SQL["insert_canary"],
            c.version,
            c.draft_id,
            json_value(c.body),
            c.started_at,
            c.first_number,
            c.generation,
            c.pos,
            json_value(c.sides),
        )
        await self._connection.execute(TRIAL_SQL["set_canary"], c.version)

    async def end_canary(
        self, version: int, outcome: str, by: str, now: datetime, tripped: Sequence[Tripped]
    ) -> None:
        await self._connection.execute(
            TRIAL_SQL["end_canary"], version, outcome, by, now, json_value(tripped)
        )
        await self._connection.execute(TRIAL_SQL["set_canary"], None)

    async def left_canary(self, version: int, now: datetime) -> None:
        await self._connection.execute(TRIAL_SQL["left_canary"], version, now)

    async def count_canary(
        self, version: int, sides: Sides, *, seen: tuple[int, int], upto: tuple[int, int]
    ) -> bool:
        counted = await self._connection.fetchval(
            TRIAL_SQL["count_canary"], version, json_value(sides), *seen, *upto
        )
        return counted is not None

    async def save_shadow(self, shadow: StoredShadow) -> None:
        s = shadow
        await self._connection.execute(TRIAL_SQL["delete_shadow"], s.draft_id)
        await self._connection.execute(
            TRIAL_SQL["insert_shadow"],
            s.draft_id,
            s.sample,
            s.started_at,
            s.started_by,
            s.draft_revision,
            s.live_version,
            s.counted_from,
        )

    async def stop_shadow(self, draft_id: UUID, now: datetime) -> bool:
        return await self._connection.fetchval(TRIAL_SQL["stop_shadow"], draft_id, now) is not None

    async def restart_shadow(
        self, draft_id: UUID, *, draft_revision: int, live_version: int, now: datetime
    ) -> bool:
        begun = await self._connection.fetchval(
            TRIAL_SQL["restart_shadow"], draft_id, draft_revision, live_version, now
        )
        if begun is None:
            return False
        await self._connection.execute(TRIAL_SQL["forget_shadow_counts"], draft_id)
        await self._connection.execute(TRIAL_SQL["forget_shadow_divergences"], draft_id)
        return True

    async def fault_shadow(self, draft_id: UUID, fault: str | None) -> None:
        await self._connection.execute(TRIAL_SQL["fault_shadow"], draft_id, fault)

    async def add_shadow_findings(
        self, draft_id: UUID, of: tuple[int, int], found: ShadowFindings, *, keep: int
    ) -> bool:
        added = await self._connection.fetchval(
            TRIAL_SQL["add_shadow_sums"], draft_id, *of, found.looked, found.diverged, found.shed
        )
        if added is None:
            return False
        keys = sorted(found.counts)
        if keys:
            await self._connection.execute(
                TRIAL_SQL["add_shadow_counts"],
                draft_id,
                [path for path, _ in keys],
                [kind for _, kind in keys],
                [found.counts[key] for key in keys],
            )
        if found.divergences:
            paths = [path for path, _ in found.divergences]
            bodies = jsonb_column(divergence for _, divergence in found.divergences)
            await self._connection.execute(TRIAL_SQL["add_shadow_divergences"], draft_id, paths, bodies)
            await self._connection.execute(TRIAL_SQL["trim_shadow_divergences"], draft_id, keep)
        return True
