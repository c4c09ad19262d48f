"""Reads what is live beside the items: agents, rule sets, offers, objects, what hangs on items, jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import containing
from openiwd.domain.agent import Agent, AgentProfile, AgentState, MediaState
from openiwd.domain.errors import NotFoundError
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.offer import Offer, WrapUp
from openiwd.ports.tenant_store import AgentQuery, AttachmentInfo, Link, Note, PublishedRuleSet

AGENTS_AT_ONCE: Final = 100
AGENT_SQL = named_sql("agent")
AROUND_SQL = named_sql("around")
BULK_SQL = named_sql("bulk_job")
OFFER_SQL = named_sql("offer")
RULE_SET_SQL = named_sql("rule_set")
TENANT_SQL = named_sql("tenant")

NAMED_KINDS = frozenset({"skill", "agent_group"})
BODY_KINDS = frozenset({
    "hold_reason", "capture_point", "lookup_table", "rule_set_draft", "webhook", "integration", "report_schedule",
})  # fmt: skip
MAIL_KINDS = frozenset({"mailbox", "email_filter", "standard_response"})
VIEW_KIND = "saved_view"
OBJECT_SQL = {
    kind: named_sql("object", table=kind) for kind in (*NAMED_KINDS, *BODY_KINDS, *MAIL_KINDS, VIEW_KIND)
}


def object_sql(kind: str, query: str) -> str:
    """The query for this kind of object; the kind is a table's name, so only known ones pass."""
    if kind not in OBJECT_SQL:
        raise NotFoundError(f"there are no objects of kind '{kind}'", field="kind")
    return OBJECT_SQL[kind][query]


class LiveReading:
    """The part of `Reading` that is about everything but items and events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Rule sets

    async def live_version(self) -> int | None:
        version: int | None = await self._connection.fetchval(RULE_SET_SQL["live_version"])
        return version

    async def rule_set(self, version: int) -> PublishedRuleSet | None:
        record = await self._connection.fetchrow(RULE_SET_SQL["rule_set"], version)
        return None if record is None else PublishedRuleSet(**dict(record.items()))

    async def prepared_rules(self, preparation_id: UUID) -> PublishedRuleSet | None:
        record = await self._connection.fetchrow(RULE_SET_SQL["prepared_rules"], preparation_id)
        return None if record is None else PublishedRuleSet(**dict(record.items()))

    async def rule_set_versions(self) -> list[PublishedRuleSet]:
        records = await self._connection.fetch(RULE_SET_SQL["rule_set_versions"])
        return [PublishedRuleSet(**dict(record.items())) for record in records]

    # Agents, offers

    async def agent_names(self) -> dict[str, str]:
        records = await self._connection.fetch(AGENT_SQL["agent_names"])
        return {record["id"]: record["name"] for record in records}

    async def agents(self, ids: Collection[str] | None = None) -> dict[str, Agent]:
        if ids is None:
            records = await self._connection.fetch(AGENT_SQL["agents"])
        elif not ids:
            return {}
        else:
            records = await self._connection.fetch(AGENT_SQL["agents_by_id"], list(ids))
        found: dict[str, Agent] = {}
        for start in range(0, len(records), AGENTS_AT_ONCE):
            found |= {r["id"]: agent_of(r) for r in records[start : start + AGENTS_AT_ONCE]}
            await asyncio.sleep(0)  # thousands of them would keep others waiting
        return found

    async def agents_found(self, wanted: AgentQuery, limit: int, offset: int = 0) -> list[Agent]:
        records = await self._connection.fetch(
            AGENT_SQL["agents_found"],
            *(containing(wanted.text), wanted.group, wanted.skill, wanted.active),
            *(wanted.state.value if wanted.state is not None else None, limit, offset),
        )
        return [agent_of(record) for record in records]

    async def agent_counts(self, wanted: AgentQuery) -> list[tuple[bool, AgentState, int]]:
        records = await self._connection.fetch(
            AGENT_SQL["agent_counts"], containing(wanted.text), wanted.group, wanted.skill
        )
        return [(r["active"], AgentState(r["state"]), r["size"]) for r in records]

    async def stranded_agents(self, live: Collection[UUID]) -> dict[str, str]:
        records = await self._connection.fetch(AGENT_SQL["stranded_agents"], list(live))
        return {record["id"]: str(record["seen_by"]) for record in records}

    async def wrap_ups(self, agents: Collection[str] | None = None) -> list[WrapUp]:
        if agents is None:
            records = await self._connection.fetch(OFFER_SQL["wrap_ups"])
        else:
            records = await self._connection.fetch(OFFER_SQL["wrap_ups_of_agents"], list(agents))
        return [WrapUp(**dict(record.items())) for record in records]

    async def offers_of_item(self, number: int, limit: int = 50) -> list[Offer]:
        records = await self._connection.fetch(OFFER_SQL["offers_of_item"], number, limit)
        return [Offer(**dict(record.items())) for record in records]

    async def offer(self, offer_id: UUID) -> Offer | None:
        record = await self._connection.fetchrow(OFFER_SQL["offer"], offer_id)
        return None if record is None else Offer(**dict(record.items()))

    async def epoch(self) -> int:
        epoch: int = await self._connection.fetchval(OFFER_SQL["epoch"])
        return epoch

    # Configuration objects

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        if kind in NAMED_KINDS:
            return [dict(r.items()) for r in await self._connection.fetch(object_sql(kind, "named"))]
        query = "views" if kind == VIEW_KIND else "bodies"
        return [_object_of(r) for r in await self._connection.fetch(object_sql(kind, query))]

    async def lookup_tables(self) -> dict[str, dict[str, Any]]:
        """A table's body has its keys and values under `rows`."""
        return {table["id"]: table.get("rows", {}) for table in await self.objects("lookup_table")}

    async def hold_reasons(self) -> dict[str, HoldReason]:
        records = await self._connection.fetch(object_sql("hold_reason", "bodies"))
        return {r["id"]: msgspec.convert({**r["body"], "id": r["id"]}, HoldReason) for r in records}

    # Around an item

    async def notes(self, number: int) -> list[Note]:
        records = await self._connection.fetch(AROUND_SQL["notes"], number)
        return [Note(**dict(record.items())) for record in records]

    async def attachments(self, number: int) -> list[AttachmentInfo]:
        records = await self._connection.fetch(AROUND_SQL["attachments"], number)
        return [AttachmentInfo(**dict(record.items())) for record in records]

    async def attachment(self, number: int, attachment_id: UUID) -> tuple[AttachmentInfo, bytes] | None:
        record = await self._connection.fetchrow(AROUND_SQL["attachment"], number, attachment_id)
        if record is None:
            return None
        values = dict(record.items())
        content: bytes = values.pop("content")
        return AttachmentInfo(**values), content

    async def links(self, number: int) -> list[Link]:
        records = await self._connection.fetch(AROUND_SQL["links"], number)
        return [
            Link(
                kind=record["kind"],
                item_id=record["item_id"],
                subject=record["subject"],
                status=record["status"],
                incoming=record["incoming"],
            )
            for record in records
        ]

    # Clock, places of readers, idempotency

    async def virtual_now(self) -> datetime | None:
        now: datetime | None = await self._connection.fetchval(TENANT_SQL["virtual_now"])
        return now

    async def checkpoint(self, name: str) -> Any:
        return await self._connection.fetchval(TENANT_SQL["checkpoint"], name)

    async def idempotent(self, key: str) -> tuple[bytes, int, Any] | None:
        record = await self._connection.fetchrow(TENANT_SQL["idempotent"], key)
        return None if record is None else (record["request_hash"], record["status"], record["response"])

    # Bulk jobs

    async def bulk_job(self, job_id: UUID) -> dict[str, Any] | None:
        record = await self._connection.fetchrow(BULK_SQL["bulk_job"], job_id)
        return None if record is None else camel(record)

    async def bulk_jobs(self, limit: int, actor: str | None = None) -> list[dict[str, Any]]:
        return [camel(r) for r in await self._connection.fetch(BULK_SQL["bulk_jobs"], limit, actor)]

    async def bulk_results(
        self, job_id: UUID, after: int, limit: int, outcome: str | None = None
    ) -> list[dict[str, Any]]:
        return [
            camel(r)
            for r in await self._connection.fetch(BULK_SQL["bulk_results"], job_id, after, limit, outcome)
        ]

    async def bulk_waiting(self, job_id: UUID, limit: int) -> list[tuple[int, int]]:
        records = await self._connection.fetch(BULK_SQL["bulk_waiting"], job_id, limit)
        return [(record["ordinal"], record["item_number"]) for record in records]

    async def unfinished_bulk_jobs(self) -> list[UUID]:
        return [record["id"] for record in await self._connection.fetch(BULK_SQL["unfinished_bulk_jobs"])]


def agent_of(record: asyncpg.Record) -> Agent:
    """The agent of a row: the profile as edited, with the states as last written."""
    profile = msgspec.convert(record["profile"], AgentProfile)
    return Agent(
        id=record["id"],
        name=profile.name,
        user_login=profile.user_login,
        employee_id=profile.employee_id,
        active=profile.active,
        groups=tuple(profile.groups),
        skills=tuple(profile.skills),
        capacity=profile.capacity,
        time_zone=profile.time_zone,
        working_hours=profile.working_hours,
        absences=tuple(profile.absences),
        attributes=profile.attributes,
        revision=record["revision"],
        states=msgspec.convert(record["states"], dict[str, MediaState]),
        session=record["session"],
        seen_by=None if record["seen_by"] is None else str(record["seen_by"]),
        logged_in_at=record["logged_in_at"],
    )


def _object_of(record: asyncpg.Record) -> dict[str, Any]:
    """The body with what the row knows better."""
    values = dict(record.items())
    body: Mapping[str, Any] = values.pop("body")
    return {**body, **values}


def camel(record: asyncpg.Record) -> dict[str, Any]:
    """A row as JSON names it."""
    return {_camel(name): value for name, value in record.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
