"""Emails as people and programs see them. Reads only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from openiwd.domain.email.address import Address
from openiwd.domain.email.message import AttachedFile
from openiwd.domain.email.reading import file_bytes
from openiwd.domain.email.thread import Suggestion
from openiwd.domain.errors import ForbiddenError, NotFoundError
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import EmailMove, StoredEmail
from openiwd.usecases.email_reach import within_reach

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

READ = "workitems.read"
REVIEW = "emails.review"


class EmailView(Struct, kw_only=True, rename="camel"):
    """One email. `text` is what is new in it; HTML is sanitised and without pictures from elsewhere."""

    id: UUID
    thread_id: UUID | None
    mailbox: str
    direction: str
    kind: str
    status: str
    at: datetime
    dated_at: datetime | None
    sent_at: datetime | None
    message_id: str | None
    sender: Address | None
    to: list[Address]
    cc: list[Address]
    bcc: list[Address]
    reply_to: list[Address]
    subject: str
    text: str
    signature: str
    quoted: str
    html: str | None
    language: str | None
    """As detected; null where the text does not tell."""
    files: list[AttachedFile]
    notes: list[str]
    size: int
    evidence: str | None
    suggestions: list[Suggestion]
    duplicate_of: UUID | None
    reports_on: UUID | None
    author: str | None
    attempts: int
    next_try_at: datetime | None
    reason: str | None
    deliveries: list[dict[str, Any]]


class ThreadView(Struct, kw_only=True):
    """The emails of an item, oldest first, and what people have moved, newest first."""

    emails: list[EmailView]
    moves: list[EmailMove]


def email_view(email: StoredEmail) -> EmailView:
    """The public form."""
    people = email.people
    return EmailView(
        id=email.id,
        thread_id=email.thread_id,
        mailbox=email.mailbox_id,
        direction=email.direction,
        kind=email.kind.value,
        status=email.state,
        at=email.at,
        dated_at=email.dated_at,
        sent_at=email.sent_at,
        message_id=email.message_id,
        sender=Address(email.sender_name or "", email.sender) if email.sender else None,
        to=people.to,
        cc=people.cc,
        bcc=people.bcc,
        reply_to=people.reply_to,
        subject=email.subject,
        text=email.text_new,
        signature=email.text_signature,
        quoted=email.text_quoted,
        html=email.html,
        language=email.language,
        files=email.files,
        notes=email.notes,
        size=email.size,
        evidence=email.evidence,
        suggestions=email.suggestions,
        duplicate_of=email.duplicate_of,
        reports_on=email.reports_on,
        author=email.author,
        attempts=email.attempts,
        next_try_at=email.next_try_at,
        reason=email.error,
        deliveries=email.deliveries,
    )


async def thread_of(services: TenantServices, caller: Caller, item: WorkItem) -> ThreadView:
    """All emails of an item."""
    caller.require_item(READ, item)
    async with services.runtime.store.reading() as reading:
        emails = await reading.emails_of_item(item.number)
        moves = await reading.email_moves(await reading.threads_of_item(item.number))
    return ThreadView(emails=[email_view(e) for e in emails], moves=moves)


async def email_of_item(
    services: TenantServices, caller: Caller, item: WorkItem, email_id: UUID
) -> StoredEmail:
    """One email of an item."""
    caller.require_item(READ, item)
    async with services.runtime.store.reading() as reading:
        found = next((e for e in await reading.emails_of_item(item.number) if e.id == email_id), None)
    if found is None:
        raise NotFoundError("the item has no such email", field="emailId", hint="see its emails")
    return found


async def original(services: TenantServices, email: StoredEmail) -> bytes:
    """The raw message of an email that the caller may read."""
    async with services.runtime.store.reading() as reading:
        raw = await reading.email_content(email.sha256)
    if raw is None:
        raise NotFoundError("the message is gone", field="emailId")
    return raw


async def file_of_email(
    services: TenantServices, email: StoredEmail, ordinal: int
) -> tuple[AttachedFile, bytes]:
    """A file of an email with its bytes; ForbiddenError for types that the mailbox blocks."""
    info = next((f for f in email.files if f.ordinal == ordinal), None)
    if info is None:
        raise NotFoundError("the email has no such file", field="ordinal", hint="see its files")
    if info.is_blocked:
        raise ForbiddenError(
            f"files such as {info.file_name} are not handed out",
            code="blockedFile",
            hint="the mailbox's settings say which",
        )
    content = await asyncio.to_thread(file_bytes, await original(services, email), ordinal)
    if content is None:
        raise NotFoundError("the email has no such file", field="ordinal")
    return info, content


async def aside(services: TenantServices, caller: Caller, state: str) -> list[EmailView]:
    """What is in quarantine, was dropped, or has an unknown outcome; the latest first."""
    caller.require(REVIEW)
    async with services.runtime.store.reading() as reading:
        found = await reading.emails_aside(state, 200)
        return [email_view(e) for e in await within_reach(reading, caller, REVIEW, found)]
