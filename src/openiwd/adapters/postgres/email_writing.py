"""Writes mailboxes and emails, in one transaction. Decides nothing about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.email_reading import COLUMNS, EMAIL_SQL, email_of
from openiwd.ports.email import EmailMove, MailboxConsent, MailboxCursor, MailboxLease, StoredEmail

_JSON: Final = frozenset({"people", "files", "headers", "suggestions", "deliveries"})


def _value(email: StoredEmail, column: str) -> Any:
    value = getattr(email, column)
    return msgspec.Raw(msgspec.json.encode(value)) if column in _JSON else value


class EmailWriting:
    """The part of `Writing` that mailboxes and emails need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save_mailbox_secret(self, mailbox_id: str, name: str, sealed: bytes | None) -> None:
        if sealed is None:
            await self._connection.execute(EMAIL_SQL["delete_mailbox_secret"], mailbox_id, name)
        else:
            await self._connection.execute(EMAIL_SQL["save_mailbox_secret"], mailbox_id, name, sealed)

    async def keep_tenant_secret(self, name: str, sealed: bytes) -> bytes:
        await self._connection.execute(EMAIL_SQL["keep_tenant_secret"], name, sealed)
        stored: bytes = await self._connection.fetchval(EMAIL_SQL["tenant_secret"], name)
        return stored

    async def save_mailbox_status(
        self, mailbox_id: str, direction: str, *, ok: bool, error: str | None, now: datetime
    ) -> None:
        await self._connection.execute(
            EMAIL_SQL["save_mailbox_status"], mailbox_id, direction, ok, error, now
        )

    async def take_mailbox_leases(
        self, holder: UUID, mailbox_ids: Sequence[str], seconds: float
    ) -> list[MailboxLease]:
        records = await self._connection.fetch(
            EMAIL_SQL["take_mailbox_leases"], holder, list(mailbox_ids), seconds
        )
        return [MailboxLease(**dict(r.items())) for r in records]

    async def note_mailbox_test(self, mailbox_id: str, settings: bytes, now: datetime) -> None:
        await self._connection.execute(EMAIL_SQL["note_mailbox_test"], mailbox_id, settings, now)

    async def end_mailbox_leases(self, holder: UUID) -> None:
        await self._connection.execute(EMAIL_SQL["end_mailbox_leases"], holder)
        await self._connection.execute(EMAIL_SQL["end_email_holder"], holder)

    async def note_email_holder(self, holder: UUID, most: int) -> None:
        await self._connection.execute(EMAIL_SQL["note_email_holder"], holder, most)

    async def add_mailbox_consent(self, consent: MailboxConsent, now: datetime) -> None:
        await self._connection.execute(EMAIL_SQL["forget_mailbox_consents"], now)
        await self._connection.execute(
            EMAIL_SQL["add_mailbox_consent"],
            *(consent.state, consent.mailbox_id, consent.actor, consent.session, consent.sealed),
            consent.expires_at,
        )

    async def take_mailbox_consent(self, state: bytes, now: datetime) -> MailboxConsent | None:
        record = await self._connection.fetchrow(EMAIL_SQL["take_mailbox_consent"], state, now)
        return None if record is None else MailboxConsent(**dict(record.items()))

    async def claim_automatic_mail(self, address: str, now: datetime, quiet_since: datetime) -> bool:
        found = await self._connection.fetchval(EMAIL_SQL["claim_automatic_mail"], address, now, quiet_since)
        return found is not None

    async def release_email(self, email: StoredEmail) -> bool:
        found = await self._connection.fetchval(
            EMAIL_SQL["release_email"],
            *(email.id, email.revision, email.thread_id, email.kind.value, email.message_id, email.notes),
        )
        return found is not None

    async def age_emails(self, dropped_before: datetime, quarantined_before: datetime, most: int) -> int:
        await self._connection.execute(EMAIL_SQL["forget_automatic_mail"], dropped_before)
        gone: int = await self._connection.fetchval(
            EMAIL_SQL["age_emails"], dropped_before, quarantined_before, most
        )
        return gone

    async def erase_emails(self, addresses: Sequence[str], thread_ids: Sequence[UUID]) -> list[UUID]:
        records = await self._connection.fetch(EMAIL_SQL["erase_emails"], list(addresses), list(thread_ids))
        await self._connection.execute(EMAIL_SQL["blank_email_contents"], [r["sha256"] for r in records])
        return [r["id"] for r in records]

    async def share_mailbox_lease(self, mailbox_id: str) -> MailboxLease | None:
        record = await self._connection.fetchrow(EMAIL_SQL["share_mailbox_lease"], mailbox_id)
        return None if record is None else MailboxLease(**dict(record.items()))

    async def save_mailbox_cursor(self, cursor: MailboxCursor) -> None:
        await self._connection.execute(
            EMAIL_SQL["save_mailbox_cursor"],
            cursor.mailbox_id,
            cursor.folder,
            cursor.uid_validity,
            cursor.last_uid,
            cursor.token,
        )

    async def keep_email_content(self, sha256: bytes, content: bytes) -> None:
        await self._connection.execute(EMAIL_SQL["keep_email_content"], sha256, len(content), content)

    async def add_email_thread(self, thread_id: UUID, item_number: int, now: datetime) -> None:
        await self._connection.execute(EMAIL_SQL["add_email_thread"], thread_id, item_number, now)

    async def add_email(self, email: StoredEmail) -> bool:
        values = [_value(email, column) for column in COLUMNS]
        return await self._connection.fetchval(EMAIL_SQL["add_email"], *values) is not None

    async def lock_email(self, email_id: UUID) -> StoredEmail | None:
        record = await self._connection.fetchrow(EMAIL_SQL["lock_email"], email_id)
        return None if record is None else email_of(record)

    async def update_email(self, email: StoredEmail) -> bool:
        found = await self._connection.fetchval(
            EMAIL_SQL["update_email"],
            *(email.id, email.revision, email.thread_id, email.state, email.kind.value, email.evidence),
            *(_value(email, "suggestions"), email.attempts, email.attempt_epoch, email.attempt_at),
            *(email.next_try_at, email.sent_at, email.error, _value(email, "deliveries"), email.message_id),
            email.queued_at,
        )
        return found is not None

    async def move_emails(self, ids: Sequence[UUID], from_thread: UUID, to_thread: UUID) -> int:
        return len(await self._connection.fetch(EMAIL_SQL["move_emails"], list(ids), from_thread, to_thread))

    async def add_email_move(self, move: EmailMove) -> None:
        await self._connection.execute(
            EMAIL_SQL["add_email_move"],
            *(
                move.id,
                move.at,
                move.actor,
                move.kind,
                move.emails,
                move.from_thread,
                move.to_thread,
                move.reason,
            ),
        )

    async def end_email_move(self, move_id: UUID, now: datetime, by: str) -> bool:
        return await self._connection.fetchval(EMAIL_SQL["end_email_move"], move_id, now, by) is not None
