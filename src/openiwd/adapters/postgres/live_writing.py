"""Writes what is live beside the items: agents, rule sets, objects, what hangs on items, jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.live_reading import (
    AGENT_SQL,
    AROUND_SQL,
    BULK_SQL,
    NAMED_KINDS,
    RULE_SET_SQL,
    TENANT_SQL,
    VIEW_KIND,
    agent_of,
    object_sql,
)
from openiwd.domain.agent import Agent, AgentProfile
from openiwd.domain.errors import ConflictError, NotFoundError, RevisionMismatchError
from openiwd.ports.tenant_store import AttachmentInfo, Note, PublishedRuleSet, TransactionRetryError

_FAILED = "error"


def json_value(value: Any) -> msgspec.Raw:
    """Any value as one jsonb parameter: None as JSON null, a list not as an array of parameters."""
    return msgspec.Raw(msgspec.json.encode(value))


class LiveWriting:
    """The part of `Writing` that is about everything but items, events and contacts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # Rule sets

    async def prepare_rules(self, preparation_id: UUID, rule_set: PublishedRuleSet) -> None:
        await self._connection.execute(
            RULE_SET_SQL["prepare_rules"],
            preparation_id,
            rule_set.version,
            rule_set.document,
            rule_set.calendars,
        )

    async def forget_prepared(self, preparation_id: UUID) -> None:
        await self._connection.execute(RULE_SET_SQL["forget_prepared"], preparation_id)

    async def publish(
        self, rule_set: PublishedRuleSet, *, expected: int | None, draft: UUID | None = None
    ) -> None:
        live = await self._connection.fetchval(RULE_SET_SQL["lock_live_version"])
        if live != expected:
            raise RevisionMismatchError(
                f"version {live} is live, not {expected}",
                field="version",
                hint="load the live rule set again",
            )
        stored = await self._connection.fetchval(
            RULE_SET_SQL["insert_rule_set"],
            rule_set.version,
            rule_set.document,
            rule_set.calendars,
            rule_set.source,
            rule_set.comment,
            rule_set.published_at,
            rule_set.published_by,
            rule_set.preparation,
        )
        if stored is None:
            raise ConflictError(f"version {rule_set.version} exists already", field="version")
        await self._connection.execute(
            RULE_SET_SQL["overtake_canary"], rule_set.published_at, rule_set.published_by, draft
        )
        await self._connection.execute(RULE_SET_SQL["make_live"], rule_set.version)

    # Agents

    async def save_agent(self, profile: AgentProfile, *, revision: int | None) -> Agent:
        record = await self._connection.fetchrow(
            AGENT_SQL["save_agent"], profile.id, profile.active, profile, revision
        )
        if record is None:
            raise _changed_meanwhile("agent", profile.id, revision)
        return agent_of(record)

    async def save_agent_state(self, agent: Agent) -> None:
        stored = await self._connection.fetchval(
            AGENT_SQL["save_agent_state"],
            agent.id,
            agent.states,
            agent.session,
            agent.seen_by,
            agent.logged_in_at,
        )
        if stored is None:
            raise NotFoundError(f"there is no agent '{agent.id}'", field="agent")

    async def lock_agent(self, agent_id: str) -> Agent | None:
        record = await self._connection.fetchrow(AGENT_SQL["lock_agent"], agent_id)
        return None if record is None else agent_of(record)

    async def agents_seen(self, ids: Sequence[str], process_id: UUID) -> None:
        await self._connection.execute(AGENT_SQL["agents_seen"], list(ids), process_id)

    async def delete_agent(self, agent_id: str) -> bool:
        return await self._connection.fetchval(AGENT_SQL["delete_agent"], agent_id) is not None

    # Configuration objects

    async def save_object(self, kind: str, body: Mapping[str, Any], *, revision: int | None) -> int:
        content = {key: value for key, value in body.items() if key not in ("id", "revision")}
        if kind in NAMED_KINDS:
            arguments = (body["id"], body["name"], body.get("description", ""), revision)
            stored = await self._connection.fetchval(object_sql(kind, "save_named"), *arguments)
        elif kind == VIEW_KIND:
            owner, shared = content.pop("owner"), content.pop("shared", False)
            stored = await self._connection.fetchval(
                object_sql(kind, "save_view"), body["id"], owner, shared, content, revision
            )
        else:
            stored = await self._connection.fetchval(
                object_sql(kind, "save_body"), body["id"], content, revision
            )
        if stored is None:
            raise _changed_meanwhile(kind, body["id"], revision)
        saved: int = stored
        return saved

    async def delete_object(self, kind: str, object_id: str | UUID) -> bool:
        return await self._connection.fetchval(object_sql(kind, "delete"), object_id) is not None

    # Around an item

    async def add_note(self, number: int, note: Note) -> bool:
        values = note.id, number, note.at, note.author, note.text
        return await self._connection.fetchval(AROUND_SQL["add_note"], *values) is not None

    async def add_attachment(self, number: int, info: AttachmentInfo, content: bytes) -> None:
        await self._connection.execute(
            AROUND_SQL["add_attachment"],
            info.id,
            number,
            info.at,
            info.author,
            info.file_name,
            info.content_type,
            len(content),
            sha256(content).digest(),
            content,
        )

    async def add_link(self, number: int, kind: str, other: int, at: datetime, author: str) -> None:
        await self._connection.execute(AROUND_SQL["add_link"], number, kind, other, at, author)

    # Clock, places of readers, idempotency

    async def set_virtual_now(self, now: datetime) -> datetime:
        moved: datetime = await self._connection.fetchval(TENANT_SQL["set_virtual_now"], now)
        return moved

    async def save_checkpoint(self, name: str, value: Any) -> None:
        await self._connection.execute(TENANT_SQL["save_checkpoint"], name, json_value(value))

    async def forget_idempotent(self, before: datetime, limit: int) -> int:
        return len(await self._connection.fetch(TENANT_SQL["forget_idempotent"], before, limit))

    async def save_idempotent(
        self, key: str, request_hash: bytes, status: int, response: Any, item_number: int | None = None
    ) -> None:
        """Raises ConflictError when the key has an answer already: the transaction must not commit then."""
        stored = await self._connection.fetchval(
            TENANT_SQL["save_idempotent"], key, request_hash, status, json_value(response), item_number
        )
        if stored is None:
            raise ConflictError("this idempotency key is in use", field="Idempotency-Key", hint="try again")

    # Bulk jobs

    async def create_bulk_job(self, job: Mapping[str, Any], numbers: Sequence[int]) -> bool:
        made = await self._connection.fetchval(
            BULK_SQL["create_bulk_job"],
            job["id"],
            job["action"],
            json_value(job["request"]),
            job["actor"],
            job.get("dry_run", False),
            len(numbers),
            job["created_at"],
            job.get("prepared", True),
        )
        if made is not None:
            await self._connection.execute(BULK_SQL["add_bulk_items"], job["id"], numbers)
        return made is not None

    async def record_bulk(self, job_id: UUID, results: Sequence[tuple[int, str, Any]]) -> None:
        if not results:
            return
        ordinals, outcomes, details = zip(*results, strict=True)
        jsons = [None if detail is None else json_value(detail) for detail in details]
        recorded = await self._connection.fetch(
            BULK_SQL["record_bulk_items"], job_id, ordinals, outcomes, jsons
        )
        if len(recorded) != len(results):
            raise TransactionRetryError("another process works on this bulk run", hint="read on")
        failed = sum(record["outcome"] == _FAILED for record in recorded)
        await self._connection.execute(BULK_SQL["count_bulk"], job_id, len(recorded), failed)

    async def finish_bulk_job(self, job_id: UUID, status: str, error: str | None, now: datetime) -> None:
        await self._connection.execute(BULK_SQL["finish_bulk_job"], job_id, status, error, now)


def _changed_meanwhile(kind: str, object_id: str, revision: int | None) -> RevisionMismatchError:
    return RevisionMismatchError(
        f"{kind} '{object_id}' is no longer at revision {revision}",
        field="revision",
        hint="load it again and repeat the change",
    )
