"""Alarms, their causes among the items, what raises them and who wants to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from openiwd.adapters.postgres.connection import Connection, jsonb_column
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.alarm import Alarm, AlarmKind, AlarmObject, Cause
from openiwd.domain.requirement import NO_REQUIREMENT, Requirement
from openiwd.domain.unserved import Waiting
from openiwd.ports.alarm import AlarmQuery

_CONDITION: Final = named_sql("alarm")["condition"]
ALARM_SQL: Final = named_sql("alarm", condition=_CONDITION)


def _sql(name: str, *, cleared: bool) -> str:
    text = ALARM_SQL[name].replace("{state}", "NOT NULL" if cleared else "NULL")
    return text.replace("{order}", "cleared_at" if cleared else "since")


LISTED: Final = {cleared: _sql("alarms", cleared=cleared) for cleared in (False, True)}
COUNTED: Final = {cleared: _sql("count", cleared=cleared) for cleared in (False, True)}


def alarm_of(record: asyncpg.Record) -> Alarm:
    values = dict(record.items())
    kind, of = AlarmKind(values.pop("kind")), AlarmObject(values.pop("object"))
    return Alarm(kind=kind, object=of, **values)


class AlarmReading:
    """The part of `Reading` that alarms need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def alarms(self, query: AlarmQuery) -> list[Alarm]:
        at, last = query.before or (None, None)
        records = await self._connection.fetch(
            LISTED[query.cleared], *_conditions(query), at, last, query.limit
        )
        return [alarm_of(record) for record in records]

    async def alarm(self, alarm_id: UUID) -> Alarm | None:
        record = await self._connection.fetchrow(ALARM_SQL["alarm"], alarm_id)
        return None if record is None else alarm_of(record)

    async def count_alarms(self, query: AlarmQuery) -> dict[str, int]:
        records = await self._connection.fetch(COUNTED[query.cleared], *_conditions(query), query.limit)
        return {record["kind"]: record["alarms"] for record in records}

    async def open_alarms(self, kinds: Sequence[str]) -> dict[tuple[str, str], UUID]:
        records = await self._connection.fetch(ALARM_SQL["open_alarms"], list(kinds))
        return {(r["kind"], r["object_id"]): r["id"] for r in records}

    async def count_open_alarms(self) -> dict[str, int]:
        records = await self._connection.fetch(ALARM_SQL["count_open"])
        return {record["kind"]: record["alarms"] for record in records}

    async def due_causes(
        self, kind: AlarmKind, after: datetime | None, until: datetime, limit: int
    ) -> list[Cause]:
        records = await self._connection.fetch(ALARM_SQL["due_causes"], kind.value, after, until, limit)
        return [_of_item(kind, r, r["since"], due=r["since"].isoformat()) for r in records]

    async def errorheld_causes(self, limit: int) -> list[Cause]:
        records = await self._connection.fetch(ALARM_SQL["errorheld_causes"], limit)
        return [_of_item(AlarmKind.ERRORHELD, r, r["since"], error=r["error"]) for r in records]

    async def declined_causes(
        self, allowed: Mapping[str, int], otherwise: int, limit: int, now: datetime
    ) -> list[Cause]:
        records = await self._connection.fetch(
            ALARM_SQL["declined_causes"], list(allowed), list(allowed.values()), otherwise, limit
        )
        return [_of_item(AlarmKind.DECLINED, r, now, declines=r["declines"]) for r in records]

    async def ended_item_alarms(
        self,
        now: datetime,
        soon: datetime,
        allowed: Mapping[str, int],
        otherwise: int,
        off: Sequence[str],
        limit: int,
    ) -> list[UUID]:
        records = await self._connection.fetch(
            ALARM_SQL["ended_item_alarms"],
            now,
            soon,
            list(allowed),
            list(allowed.values()),
            otherwise,
            list(off),
            limit,
        )
        return [record["id"] for record in records]

    async def longest_waiting(self, queues: Sequence[str], before: datetime, limit: int) -> list[Waiting]:
        records = await self._connection.fetch(ALARM_SQL["longest_waiting"], list(queues), before, limit)
        return [
            Waiting(**{**dict(r.items()), "requirement": _requirement(r["requirement"])}) for r in records
        ]

    async def alarm_setting(self) -> tuple[dict[str, Any] | None, int]:
        record = await self._connection.fetchrow(ALARM_SQL["setting"])
        return (None, 0) if record is None else (record["body"], record["revision"])

    async def alarm_subscription(self, owner: str) -> tuple[dict[str, Any] | None, int]:
        record = await self._connection.fetchrow(ALARM_SQL["subscription"], owner)
        return (None, 0) if record is None else (record["body"], record["revision"])

    async def alarm_subscriptions(self) -> dict[str, dict[str, Any]]:
        records = await self._connection.fetch(ALARM_SQL["subscriptions"])
        return {record["owner"]: record["body"] for record in records}


def _requirement(value: dict[str, Any]) -> Requirement:
    return msgspec.convert(value, Requirement) if value else NO_REQUIREMENT


def _conditions(query: AlarmQuery) -> list[Any]:
    def listed(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else list(values)

    return [
        listed(query.kinds),
        query.acknowledged,
        query.owner,
        listed(query.categories),
        listed(query.queues),
        listed(query.scope_categories),
        listed(query.scope_queues),
        query.with_agents,
    ]


def _of_item(kind: AlarmKind, record: asyncpg.Record, since: datetime, **detail: Any) -> Cause:
    return Cause(
        kind=kind,
        object=AlarmObject.ITEM,
        object_id=str(record["id"]),
        item_number=record["number"],
        since=since,
        detail=detail,
    )


class AlarmWriting:
    """The part of `Writing` that alarms need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def raise_alarms(self, causes: Sequence[tuple[UUID, Cause]], now: datetime) -> set[UUID]:
        records = await self._connection.fetch(
            ALARM_SQL["raise"],
            [alarm_id for alarm_id, _ in causes],
            [cause.kind.value for _, cause in causes],
            [cause.object.value for _, cause in causes],
            [cause.object_id for _, cause in causes],
            [cause.item_number for _, cause in causes],
            [cause.since for _, cause in causes],
            jsonb_column(cause.detail for _, cause in causes),
            now,
        )
        return {record["id"] for record in records}

    async def clear_alarms(self, ids: Sequence[UUID], now: datetime) -> list[Alarm]:
        return [alarm_of(r) for r in await self._connection.fetch(ALARM_SQL["clear"], list(ids), now)]

    async def save_alarm(self, alarm: Alarm, revision: int) -> bool:
        found = await self._connection.fetchval(
            ALARM_SQL["save"],
            alarm.id,
            alarm.owner,
            alarm.acknowledged_by,
            alarm.acknowledged_at,
            revision,
        )
        return found is not None

    async def acknowledge_alarms(self, ids: Sequence[UUID], by: str, at: datetime) -> list[Alarm]:
        records = await self._connection.fetch(ALARM_SQL["acknowledge"], list(ids), by, at)
        return [alarm_of(record) for record in records]

    async def save_alarm_setting(self, body: Mapping[str, Any], revision: int | None) -> int | None:
        saved: int | None = await self._connection.fetchval(ALARM_SQL["save_setting"], body, revision)
        return saved

    async def save_alarm_subscription(self, owner: str, body: Mapping[str, Any]) -> int:
        saved: int = await self._connection.fetchval(ALARM_SQL["save_subscription"], owner, body)
        return saved

    async def forget_alarms(self, before: datetime, limit: int) -> int:
        return len(await self._connection.fetch(ALARM_SQL["forget"], before, limit))
