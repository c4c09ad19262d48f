"""Emails in quarantine or dropped by a filter: released into an item by a person, or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import EmailKind
from openiwd.domain.errors import ConflictError, NotFoundError, OpenIwdError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import ContactInput, ItemSubmission, WorkItem
from openiwd.ports.email import DROPPED, QUARANTINED, STORED, StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.email_intake import CAPTURE_POINT, MAX_DESCRIPTION
from openiwd.usecases.email_view import REVIEW
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices


async def release(
    services: TenantServices, caller: Caller, email_id: UUID, into: WorkItem | None = None
) -> WorkItem:
    """Makes an item of an email that lies aside, or adds it to one; the item."""
    caller.require(REVIEW)
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        email = _lying_aside(await reading.email(email_id))
        mailboxes = await all_mailboxes(reading)
        threads = [] if into is None else await reading.threads_of_item(into.number)
    if into is not None:
        caller.require_item(REVIEW, into)

    async def also(tx: Writing, results: Sequence[Result]) -> None:
        current = _lying_aside(await tx.lock_email(email_id))
        _make_ready(current)
        current.thread_id = next(iter(threads), None) or runtime.new_id()
        if not threads:
            done = next(r for r in results if isinstance(r, Done))
            await tx.add_email_thread(current.thread_id, done.item.number, runtime.now())
        if not await tx.update_email(current):
            raise TransactionRetryError("the email changed meanwhile")

    if into is not None:
        command = _joining(caller, into, email)
    else:
        submission = _submission(email, mailboxes.get(email.mailbox_id))
        command = Command(action=Action.CREATE, caller=caller, submission=submission, internal=True)
    (result,) = await apply(runtime, [command], also=also, atomic=True)
    if isinstance(result, OpenIwdError):
        raise result
    return result.item


def _lying_aside(email: StoredEmail | None) -> StoredEmail:
    if email is None:
        raise NotFoundError("there is no such email", field="id", hint="see what lies aside")
    if email.state not in (QUARANTINED, DROPPED):
        raise ConflictError(
            f"the email is {email.state}", code="notAside", field="id", hint="it has an item already"
        )
    return email


def _make_ready(email: StoredEmail) -> None:
    """As an email of an item. A Message-ID that another one has names that one only."""
    if email.duplicate_of is not None:
        email.message_id = None
    if email.kind is EmailKind.INBOUND_CUSTOMER_REPLY:
        email.kind = EmailKind.INBOUND_NEW
    email.state = STORED


def _joining(caller: Caller, into: WorkItem, email: StoredEmail) -> Command:
    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value, "evidence": "person"}
        extra = {"agent": present.assigned_to} if present.assigned_to else {}
        return noted(present, ctx, EventType.EMAIL_RECEIVED, email=told, **extra)

    return Command(action=Action.UPDATE, caller=caller, item_id=into.id, privilege=REVIEW, custom=change)


def _submission(email: StoredEmail, mailbox: Mailbox | None) -> ItemSubmission:
    contact = ContactInput(name=email.sender_name or None, emails=[email.sender]) if email.sender else None
    return ItemSubmission(
        capture_id=f"{email.mailbox_id}/{email.sha256.hex()[:40]}",
        capture_point=CAPTURE_POINT,
        media_type="email",
        channel="email",
        category=(mailbox.category or None) if mailbox is not None else None,
        subject=email.subject or None,
        description=email.text_new.strip()[:MAX_DESCRIPTION] or None,
        contact=contact,
        data={
            "email": {
                "id": str(email.id),
                "mailbox": email.mailbox_id,
                "kind": email.kind.value,
                "from": email.sender,
                "attachments": len(email.files),
                "size": email.size,
            }
        },
    )


async def discard(services: TenantServices, caller: Caller, email_id: UUID) -> StoredEmail:
    """An email in quarantine is dropped: it can be released for a while still."""
    caller.require(REVIEW)
    async with services.runtime.store.writing() as tx:
        email = _lying_aside(await tx.lock_email(email_id))
        email.state = DROPPED
        if email.duplicate_of is not None:
            email.message_id = None
        if not await tx.update_email(email):
            raise TransactionRetryError("the email changed meanwhile")
    return email
