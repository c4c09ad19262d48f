"""The outbound queue: who sends what, and what came of it. What has an unknown outcome is not sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from openiwd.domain.email.outbound import SendingState, require_step
from openiwd.domain.email.retry_policy import next_try
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.email import OutboundEmail, StoredEmail
from openiwd.ports.tenant_store import Reading, TransactionRetryError, Writing
from openiwd.usecases.command import Command, Result
from openiwd.usecases.email_reach import no_such_email, reached
from openiwd.usecases.email_writing import SEND
from openiwd.usecases.mailbox import SERVICE, all_mailboxes, require_lease
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

REPORTS: Final = "reports.schedule"
"""Who may say what became of an email without an item."""
MAX_LISTED: Final = 50
MAX_REASON: Final = 1_000
Step = Callable[[Writing], Awaitable[StoredEmail]]


class SendingStatus(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the holder of a mailbox tells of an email: taken, being handed over, and how that ended.

    `queued` with a reason means: put off by the server, to be tried again later.
    """

    status: SendingState
    holder: UUID
    epoch: int
    reason: str | None = None
    message_id: str | None = None
    """Where the provider has given it another one."""


class Told(Struct, kw_only=True, rename="camel"):
    """An email's state after a change."""

    id: UUID
    status: str
    attempts: int
    next_try_at: str | None = None
    reason: str | None = None


async def outbound(
    services: TenantServices, caller: Caller, mailbox_id: str, holder: UUID, epoch: int
) -> list[OutboundEmail]:
    """What the holder of a mailbox is to send now, and what an earlier holder has left in between."""
    caller.require(SERVICE)
    runtime = services.runtime
    async with runtime.store.writing() as tx:
        await require_lease(tx, mailbox_id, holder, epoch)
        return await tx.outbound_emails(mailbox_id, epoch, runtime.now(), MAX_LISTED)


async def content(services: TenantServices, caller: Caller, email_id: UUID) -> bytes:
    """The raw message, for sending."""
    caller.require(SERVICE)
    async with services.runtime.store.reading() as reading:
        email = await _found(reading, email_id)
        raw = await reading.email_content(email.sha256)
    if raw is None:
        raise NotFoundError("the message is gone", field="id")
    return raw


async def _found(reading: Reading, email_id: UUID) -> StoredEmail:
    email = await reading.email(email_id)
    if email is None:
        raise no_such_email(email_id)
    return email


async def tell(services: TenantServices, caller: Caller, email_id: UUID, told: SendingStatus) -> Told:
    """One step of sending, by the holder of the mailbox. What ends the sending is an event of the item too."""
    caller.require(SERVICE)
    async with services.runtime.store.reading() as reading:
        email = await _found(reading, email_id)
    if email.direction != "out":
        raise ConflictError("that is no email of ours", code="notOutbound", field="id")

    async def step(tx: Writing) -> StoredEmail:
        await require_lease(tx, email.mailbox_id, told.holder, told.epoch)
        return await _step(tx, services, email_id, told)

    if told.status in (SendingState.SENDING, SendingState.HANDING_OVER, SendingState.QUEUED):
        async with services.runtime.store.writing() as tx:
            after = await step(tx)
        if told.status is not SendingState.QUEUED or after.next_try_at is not None:
            return _told(after)
        # Put off for the last time: told as a failure below.
        told = SendingStatus(
            status=SendingState.FAILED, holder=told.holder, epoch=told.epoch, reason=after.error
        )
    return _told(await _ended(services, caller, email, told.status, step))


async def _step(tx: Writing, services: TenantServices, email_id: UUID, told: SendingStatus) -> StoredEmail:
    now = services.runtime.now()
    email = await tx.lock_email(email_id)
    if email is None:
        raise no_such_email(email_id)
    before = SendingState(email.state)
    if before is told.status and email.attempt_epoch == told.epoch:
        return email  # told twice
    if not (
        before is told.status is SendingState.SENDING
    ):  # else: begun by a holder that is gone, nothing handed over
        require_step(before, told.status)
    if before is not SendingState.QUEUED and told.status in (SendingState.HANDING_OVER, SendingState.SENT):
        _require_own_attempt(email, told)
    reason = None if told.reason is None else told.reason.replace("\x00", "")[:MAX_REASON]
    match told.status:
        case SendingState.SENDING:
            email.attempts += 1
            email.attempt_epoch, email.attempt_at = told.epoch, now
        case SendingState.QUEUED:
            mailbox = (await all_mailboxes(tx)).get(email.mailbox_id)
            policy = None if mailbox is None else mailbox.retry
            email.next_try_at = next_try(email.attempts, email.queued_at or email.at, now, policy)
            email.error = reason
        case SendingState.SENT:
            email.sent_at, email.error = now, reason
            email.message_id = told.message_id or email.message_id
        case SendingState.FAILED | SendingState.UNKNOWN:
            email.error = reason
        case SendingState.HANDING_OVER:
            pass
    email.state = told.status.value
    if told.status is SendingState.QUEUED and email.next_try_at is None:
        return email  # tried long enough; the caller makes a failure of it
    if not await tx.update_email(email):
        raise TransactionRetryError("the email changed meanwhile")
    return email


def _require_own_attempt(email: StoredEmail, told: SendingStatus) -> None:
    """Who has begun may go on; a later holder only says how it ended."""
    if told.status is SendingState.HANDING_OVER and email.attempt_epoch != told.epoch:
        raise ConflictError("another process has begun to send it", code="leaseLost", field="epoch")


async def _ended(
    services: TenantServices, caller: Caller, email: StoredEmail, status: SendingState, step: Step
) -> StoredEmail:
    """The last step together with the item's event; a failure reopens a completed item. Reports have no item."""
    if email.thread_id is None:
        async with services.runtime.store.writing() as tx:
            return await step(tx)
    item = await item_of(services, email)
    after: list[StoredEmail] = []

    async def also(tx: Writing, _: Sequence[Result]) -> None:
        after.append(await step(tx))

    results = await apply(services.runtime, _commands(item, caller, email, status), also=also, atomic=True)
    for result in results:
        if isinstance(result, OpenIwdError) and result.code != "notDone":
            raise result
    return after[-1]


async def item_of(services: TenantServices, email: StoredEmail) -> WorkItem:
    """The item whose thread the email belongs to."""
    async with services.runtime.store.reading() as reading:
        threads = await reading.known_threads([email.thread_id] if email.thread_id else [], [])
        thread = next(iter(threads.values()), None)
        item = None if thread is None else (await reading.items_by_id([thread.item_id])).get(thread.item_id)
    if item is None:
        raise NotFoundError("the email's item is gone", field="id")
    return item


def _commands(item: WorkItem, caller: Caller, email: StoredEmail, status: SendingState) -> list[Command]:
    sent = status is SendingState.SENT
    kind = EventType.EMAIL_SENT if sent else EventType.EMAIL_FAILED

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value, "status": status.value}
        extra = {"agent": present.assigned_to} if present.assigned_to and not sent else {}
        return noted(present, ctx, kind, email=told, **extra)

    commands = [Command(action=Action.UPDATE, caller=caller, item_id=item.id, internal=True, custom=change)]
    if not sent and item.status is Status.COMPLETED:
        commands.append(
            Command(
                action=Action.REOPEN,
                caller=caller,
                item_id=item.id,
                internal=True,
                reason="emailFailed" if status is SendingState.FAILED else "emailUnknown",
            )
        )
    return commands


def _told(email: StoredEmail) -> Told:
    next_at = email.next_try_at.isoformat() if email.next_try_at and email.state == "queued" else None
    return Told(
        id=email.id, status=email.state, attempts=email.attempts, next_try_at=next_at, reason=email.error
    )


async def settle(
    services: TenantServices, caller: Caller, email_id: UUID, status: SendingState, reason: str | None
) -> Told:
    """A person's word on an email: a failed or unknown one is sent again, or an unknown one counts as sent."""
    email, item = await reached(services, caller, SEND, email_id)
    if item is None:
        caller.require(REPORTS)
    if status not in (SendingState.QUEUED, SendingState.SENT, SendingState.FAILED):
        raise InvalidInputError("that is nobody's to say", field="status", hint="use queued, sent or failed")
    if email.state not in (SendingState.UNKNOWN.value, SendingState.FAILED.value):
        raise ConflictError(
            f"the email is {email.state}",
            code="invalidSendingState",
            hint="only failed or unknown ones are settled",
        )

    async def step(tx: Writing) -> StoredEmail:
        current = await tx.lock_email(email_id)
        if current is None:
            raise no_such_email(email_id)
        require_step(SendingState(current.state), status)
        current.state = status.value
        current.error = reason if status is SendingState.FAILED else None
        if status is SendingState.QUEUED:
            current.attempts, current.queued_at = 0, services.runtime.now()
            current.next_try_at = current.queued_at
        if status is SendingState.SENT:
            current.sent_at = services.runtime.now()
        if not await tx.update_email(current):
            raise TransactionRetryError("the email changed meanwhile")
        return current

    if status is SendingState.QUEUED:
        async with services.runtime.store.writing() as tx:
            return _told(await step(tx))
    return _told(await _ended(services, caller, email, status, step))
