"""Mailboxes and emails: what is stored of them. Decides nothing about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.email.address import normal
from openiwd.domain.email.thread import KnownEmail, KnownThread
from openiwd.ports.email import (
    EmailHolder,
    EmailMove,
    MailboxCursor,
    MailboxLease,
    MailboxStatus,
    OutboundEmail,
    StoredEmail,
)

COLUMNS: Final = StoredEmail.__struct_fields__
EMAIL_SQL: Final = named_sql(
    "email",
    columns=", ".join(COLUMNS),
    places=", ".join(f"${n}" for n in range(1, len(COLUMNS) + 1)),
)


def email_of(record: asyncpg.Record) -> StoredEmail:
    return msgspec.convert(dict(record.items()), StoredEmail)


class EmailReading:
    """The part of `Reading` that mailboxes and emails need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def _all(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        return await self._connection.fetch(EMAIL_SQL[query], *arguments)

    async def mailbox_secrets(self) -> dict[tuple[str, str], bytes]:
        return {(r["mailbox_id"], r["name"]): r["sealed"] for r in await self._all("mailbox_secrets")}

    async def tenant_secret(self, name: str) -> bytes | None:
        sealed: bytes | None = await self._connection.fetchval(EMAIL_SQL["tenant_secret"], name)
        return sealed

    async def mailbox_statuses(self) -> list[MailboxStatus]:
        return [MailboxStatus(**dict(r.items())) for r in await self._all("mailbox_statuses")]

    async def mailbox_tests(self) -> dict[str, bytes]:
        return {r["mailbox_id"]: r["settings"] for r in await self._all("mailbox_tests")}

    async def mailbox_leases(self) -> list[MailboxLease]:
        return [MailboxLease(**dict(r.items())) for r in await self._all("mailbox_leases")]

    async def mailbox_cursors(self) -> list[MailboxCursor]:
        return [MailboxCursor(**dict(r.items())) for r in await self._all("mailbox_cursors")]

    async def email_holders(self, seconds: float) -> list[EmailHolder]:
        return [EmailHolder(**dict(r.items())) for r in await self._all("email_holders", seconds)]

    async def email(self, email_id: UUID) -> StoredEmail | None:
        record = await self._connection.fetchrow(EMAIL_SQL["email"], email_id)
        return None if record is None else email_of(record)

    async def emails_of_item(self, number: int) -> list[StoredEmail]:
        return [email_of(r) for r in await self._all("emails_of_item", number)]

    async def emails_aside(self, state: str, limit: int) -> list[StoredEmail]:
        return [email_of(r) for r in await self._all("emails_aside", state, limit)]

    async def emails_in_review(self, limit: int) -> list[StoredEmail]:
        return [email_of(r) for r in await self._all("emails_in_review", limit)]

    async def last_automatic_mail(self, address: str) -> datetime | None:
        at: datetime | None = await self._connection.fetchval(EMAIL_SQL["last_automatic_mail"], address)
        return at

    async def threads_of_contact(self, contact_id: UUID) -> list[UUID]:
        return [r["id"] for r in await self._all("threads_of_contact", contact_id)]

    async def email_content(self, sha256: bytes) -> bytes | None:
        content: bytes | None = await self._connection.fetchval(EMAIL_SQL["email_content"], sha256)
        return content

    async def inbound_email(
        self, mailbox_id: str, sha256: bytes, message_id: str | None
    ) -> StoredEmail | None:
        record = await self._connection.fetchrow(EMAIL_SQL["inbound_email"], mailbox_id, sha256, message_id)
        return None if record is None else email_of(record)

    async def known_emails(
        self, ids: Collection[UUID], message_ids: Collection[str]
    ) -> tuple[dict[UUID, KnownEmail], dict[str, KnownEmail]]:
        by_id = await self._all("known_by_id", list(ids)) if ids else []
        by_message_id = await self._all("known_by_message_id", list(message_ids)) if message_ids else []
        return (
            {r["id"]: _known(r) for r in by_id},
            {r["message_id"]: _known(r) for r in by_message_id},
        )

    async def known_threads(self, ids: Collection[UUID], own: Collection[str]) -> dict[UUID, KnownThread]:
        if not ids:
            return {}
        ours = {normal(address) for address in own}
        return {
            r["thread_id"]: KnownThread(
                thread_id=r["thread_id"],
                item_id=r["item_id"],
                addresses=frozenset(normal(a) for a in (*r["contact_addresses"], *r["addresses"])) - ours,
            )
            for r in await self._all("known_threads", list(ids))
        }

    async def threads_of_item(self, number: int) -> list[UUID]:
        return [r["id"] for r in await self._all("threads_of_item", number)]

    async def outbound_emails(
        self, mailbox_id: str, epoch: int, now: datetime, limit: int
    ) -> list[OutboundEmail]:
        records = await self._all("outbound_emails", mailbox_id, epoch, now, limit)
        return [OutboundEmail(**dict(r.items())) for r in records]

    async def email_move(self, move_id: UUID) -> EmailMove | None:
        record = await self._connection.fetchrow(EMAIL_SQL["email_move"], move_id)
        return None if record is None else EmailMove(**dict(record.items()))

    async def email_moves(self, thread_ids: Sequence[UUID]) -> list[EmailMove]:
        return [EmailMove(**dict(r.items())) for r in await self._all("email_moves", list(thread_ids))]


def _known(record: asyncpg.Record) -> KnownEmail:
    return KnownEmail(
        email_id=record["id"], thread_id=record["thread_id"], is_outbound=record["direction"] == "out"
    )
