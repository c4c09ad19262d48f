"""Emails written by people: a reply, a forward, or a new one. Whole, with its Message-ID, before any try."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import UUID

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import AttachedFile
from openiwd.domain.email.outbound import Composition, OutboundFile, SendingState, compose, require_step
from openiwd.domain.email.reading import read_email
from openiwd.domain.errors import ConflictError, NotFoundError, TooLargeError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import People, StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command
from openiwd.usecases.email_draft import MAX_TO, Draft, Surroundings, composed, require_written
from openiwd.usecases.email_view import REVIEW
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.work_item import apply_one

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices
    from openiwd.usecases.tenant_runtime import TenantRuntime

SEND: Final = "emails.send"
MAX_BYTES: Final = 25 * 1024 * 1024


async def write(
    services: TenantServices,
    caller: Caller,
    item: WorkItem,
    draft: Draft,
    files: Sequence[OutboundFile] = (),
    *,
    email_id: UUID | None = None,
    not_before: datetime | None = None,
) -> StoredEmail:
    """Puts an email of the item into the outbound queue. It is sent once, or its failure is told.

    With an id of the author's own, the same email written again is answered as before. Until `not_before` it can
    be taken back.
    """
    caller.require_item(SEND, item)
    require_written(draft.kind)
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        around = Surroundings(
            mailboxes=await all_mailboxes(reading), earlier=await reading.emails_of_item(item.number)
        )
        threads = await reading.threads_of_item(item.number)
    known = next((e for e in around.earlier if e.id == email_id), None)
    email_id = email_id or runtime.new_id()
    composition, mailbox, answered = await composed(services, draft, around, files, email_id)
    if known is not None:
        return _same(known, composition)
    raw = await asyncio.to_thread(compose, composition)
    require_size(raw, mailbox)
    state = SendingState.IN_REVIEW if _is_reviewed(caller, draft, mailbox) else SendingState.QUEUED
    email = await stored_outbound(runtime, caller.actor, composition, mailbox.id, raw, email_id, state)
    email.next_try_at = not_before
    if draft.replaces is not None:
        _require_replaceable(caller, draft.replaces, around.earlier)
    email.thread_id = answered.thread_id if answered is not None else next(iter(threads), None)
    await _store(runtime, caller, item, email, raw, draft.replaces)
    return email


def require_size(raw: bytes, mailbox: Mailbox) -> None:
    """TooLargeError when the mailbox does not take as much."""
    if len(raw) > min(MAX_BYTES * 4 // 3 + 100_000, mailbox.max_bytes * 4 // 3):
        raise TooLargeError(
            f"the email has {len(raw)} bytes", field="files", hint=f"at most {mailbox.max_bytes} are allowed"
        )


async def _store(
    runtime: TenantRuntime,
    caller: Caller,
    item: WorkItem,
    email: StoredEmail,
    raw: bytes,
    replaces: UUID | None,
) -> None:
    """The email, its original and the item's event, in one transaction; what it replaces is withdrawn in it."""
    thread_id = email.thread_id

    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value}
        if email.state == SendingState.IN_REVIEW.value:
            told["status"] = email.state
        return noted(present, ctx, EventType.EMAIL_WRITTEN, email=told)

    async def along(tx: Writing, present: WorkItem) -> None:
        email.thread_id = thread_id or runtime.new_id()
        if thread_id is None:
            await tx.add_email_thread(email.thread_id, present.number, runtime.now())
        await tx.keep_email_content(email.sha256, raw)
        if not await tx.add_email(email):
            raise ConflictError("this email is there already", code="writtenAlready", field="id")
        if replaces is not None:
            await _withdraw(tx, replaces)

    command = Command(
        action=Action.UPDATE, caller=caller, item_id=item.id, privilege=SEND, custom=change, along=along
    )
    await apply_one(runtime, command)


def _is_reviewed(caller: Caller, draft: Draft, mailbox: Mailbox) -> bool:
    """Where the mailbox asks for it, all is reviewed that is written by those who do not review themselves."""
    return draft.review or (mailbox.review and not caller.may(REVIEW))


def _require_replaceable(caller: Caller, replaced: UUID, earlier: Sequence[StoredEmail]) -> None:
    found = next((e for e in earlier if e.id == replaced), None)
    if found is None:
        raise NotFoundError("the item has no such email", field="replaces", hint="see its emails")
    if found.author != caller.actor:
        raise ConflictError("somebody else wrote it", code="notYours", field="replaces")


async def _withdraw(tx: Writing, email_id: UUID) -> None:
    email = await tx.lock_email(email_id)
    if email is None:
        raise NotFoundError("there is no such email", field="replaces")
    require_step(SendingState(email.state), SendingState.WITHDRAWN)
    email.state = SendingState.WITHDRAWN.value
    if not await tx.update_email(email):
        raise TransactionRetryError("the email changed meanwhile")


def _same(known: StoredEmail, composition: Composition) -> StoredEmail:
    """The email as it was written before; one that was changed since then is not taken for it."""
    if (known.text_new, known.html, known.recipients) != (
        composition.text,
        composition.html,
        composition.recipients,
    ):
        raise ConflictError(
            "this email was written before, with another text or to others",
            code="writtenAlready",
            field="id",
            hint="see the item's emails: it may be on its way",
        )
    return known


async def stored_outbound(
    runtime: TenantRuntime,
    author: str,
    composition: Composition,
    mailbox_id: str,
    raw: bytes,
    email_id: UUID,
    state: SendingState,
) -> StoredEmail:
    """The email as it is stored; its thread is not known yet."""
    parsed = await asyncio.to_thread(read_email, raw)
    if len(composition.recipients) > MAX_TO:
        raise ConflictError(f"an email has at most {MAX_TO} recipients", code="tooMany", field="to")
    now = runtime.now()
    return StoredEmail(
        id=email_id,
        thread_id=None,
        mailbox_id=mailbox_id,
        direction="out",
        kind=composition.kind,
        state=state.value,
        at=now,
        queued_at=now if state is SendingState.QUEUED else None,
        message_id=composition.message_id,
        in_reply_to=[composition.in_reply_to] if composition.in_reply_to else [],
        refs=composition.references,
        sender_name=composition.sender.name,
        sender=composition.sender.address,
        people=People(to=composition.to, cc=composition.cc, bcc=composition.bcc),
        subject=composition.subject,
        text_new=composition.text,
        html=composition.html,
        files=[
            AttachedFile(ordinal=f.ordinal, file_name=f.file_name, content_type=f.content_type, size=f.size)
            for f in parsed.files
        ],
        size=len(raw),
        sha256=sha256(raw).digest(),
        author=author,
        recipients=composition.recipients,
    )
