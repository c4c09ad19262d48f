"""Emails in quarantine or dropped by a filter: released into an item by a person, discarded, or removed by age.

Emails of reports, which have no item either, are removed by age too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.email.message import EmailKind
from openiwd.domain.errors import ConflictError, NotFoundError, OpenIwdError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import DROPPED, QUARANTINED, STORED, StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command, Result
from openiwd.usecases.email_item import created_number, submission_of
from openiwd.usecases.email_reach import reached
from openiwd.usecases.email_view import REVIEW
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

DROPPED_FOR: Final = timedelta(days=30)
QUARANTINED_FOR: Final = timedelta(days=90)
REPORTS_FOR: Final = timedelta(days=30)
AT_ONCE: Final = 200


async def release(
    services: TenantServices, caller: Caller, email_id: UUID, into: WorkItem | None = None
) -> WorkItem:
    """Makes an item of an email that lies aside, or adds it to one; the item."""
    runtime = services.runtime
    email = _lying_aside((await _reached(services, caller, email_id))[0])
    async with runtime.store.reading() as reading:
        mailboxes = await all_mailboxes(reading)
        threads = [] if into is None else await reading.threads_of_item(into.number)
    if into is not None:
        caller.require_item(REVIEW, into)
    _make_ready(email)

    async def also(tx: Writing, results: Sequence[Result]) -> None:
        email.thread_id = next(iter(threads), None) or runtime.new_id()
        if not threads:
            number = into.number if into is not None else created_number(results)
            if number is None:
                return  # the command was refused; the whole transaction is
            await tx.add_email_thread(email.thread_id, number, runtime.now())
        await _leave_message_id(tx, email)
        if not await tx.release_email(email):
            raise TransactionRetryError("the email changed meanwhile")

    if into is not None:
        command = _joining(caller, into, email)
    else:
        mailbox = mailboxes.get(email.mailbox_id)
        submission = submission_of(email, category=mailbox.category if mailbox else "", created=None)
        command = Command(action=Action.CREATE, caller=caller, submission=submission, internal=True)
    results = await apply(runtime, [command], also=also, atomic=True)
    done = results[0]
    if isinstance(done, OpenIwdError):
        raise done
    return done.item


async def _reached(
    services: TenantServices, caller: Caller, email_id: UUID
) -> tuple[StoredEmail, WorkItem | None]:
    try:
        return await reached(services, caller, REVIEW, email_id)
    except NotFoundError as error:
        raise _nowhere() from error


def _nowhere() -> NotFoundError:
    return NotFoundError("there is no such email", field="id", hint="see what lies aside")


def _lying_aside(email: StoredEmail | None) -> StoredEmail:
    if email is None:
        raise _nowhere()
    if email.state not in (QUARANTINED, DROPPED):
        raise ConflictError(
            f"the email is {email.state}", code="notAside", field="id", hint="it has an item already"
        )
    return email


def _make_ready(email: StoredEmail) -> None:
    """As an email of an item."""
    if email.kind is EmailKind.INBOUND_CUSTOMER_REPLY:
        email.kind = EmailKind.INBOUND_NEW
    email.notes = [*email.notes, f"it lay aside ({email.state}) and was released by a person"]
    email.state = STORED


async def _leave_message_id(tx: Writing, email: StoredEmail) -> None:
    """A Message-ID that another email has already names that one only."""
    other = await tx.inbound_email(email.mailbox_id, b"", email.message_id)
    if other is not None and other.id != email.id:
        email.message_id = None


def _joining(caller: Caller, into: WorkItem, email: StoredEmail) -> Command:
    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value, "evidence": "person"}
        extra = {"agent": present.assigned_to} if present.assigned_to else {}
        return noted(present, ctx, EventType.EMAIL_RECEIVED, email=told, **extra)

    return Command(action=Action.UPDATE, caller=caller, item_id=into.id, privilege=REVIEW, custom=change)


async def discard(services: TenantServices, caller: Caller, email_id: UUID) -> StoredEmail:
    """An email in quarantine is dropped: restorable for a while, then removed."""
    await _reached(services, caller, email_id)
    async with services.runtime.store.writing() as tx:
        email = _lying_aside(await tx.lock_email(email_id))
        await _leave_message_id(tx, email)
        email.state = DROPPED
        if not await tx.update_email(email):
            raise TransactionRetryError("the email changed meanwhile")
    return email


async def age(services: TenantServices) -> int:
    """Removes what has lain aside for too long, and old emails of reports, some at once; how many."""
    now = services.runtime.now()
    async with services.runtime.store.writing() as tx:
        removed = await tx.age_emails(now - DROPPED_FOR, now - QUARANTINED_FOR, AT_ONCE)
        return max(removed, await tx.age_report_emails(now - REPORTS_FOR, AT_ONCE))
