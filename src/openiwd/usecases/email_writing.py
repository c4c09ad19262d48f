"""Emails written by people: a reply, a forward, or a new one. Whole, with its Message-ID, before any try."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.email.address import Address, domain_of, is_address, normal
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import AttachedFile, EmailKind
from openiwd.domain.email.outbound import (
    Composition,
    OutboundFile,
    SendingState,
    compose,
    reply_subject,
    require_step,
)
from openiwd.domain.email.reading import read_email
from openiwd.domain.email.token import message_id_for
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import WorkItem, check_text
from openiwd.ports.email import People, StoredEmail
from openiwd.ports.tenant_store import TransactionRetryError, Writing
from openiwd.usecases.command import Command
from openiwd.usecases.email_view import REVIEW
from openiwd.usecases.item_note import clean_file_name
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.work_item import apply_one

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices
    from openiwd.usecases.tenant_runtime import TenantRuntime

SEND: Final = "emails.send"
MAX_TO: Final = 100
MAX_TEXT: Final = 500_000
MAX_BYTES: Final = 25 * 1024 * 1024
AddressText = Annotated[str, Meta(max_length=400)]


class Draft(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An email as its author wants it. What is left out follows from the email that is answered."""

    kind: EmailKind = EmailKind.OUTBOUND_REPLY
    """OutboundReply, OutboundNew or OutboundRedirect (a forward)."""
    answers: str | None = None
    """The id of the email that is answered or forwarded; without it the item's latest inbound one."""
    mailbox: str | None = None
    to: Annotated[list[AddressText], Meta(max_length=MAX_TO)] | None = None
    cc: Annotated[list[AddressText], Meta(max_length=MAX_TO)] | None = None
    bcc: Annotated[list[AddressText], Meta(max_length=MAX_TO)] = []
    reply_all: bool = False
    subject: Annotated[str, Meta(max_length=500)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    html: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    review: bool = False
    """Whether somebody else looks at it before it is sent, also where the mailbox does not ask for that."""
    replaces: UUID | None = None
    """An email that came back from review, or is still in it: this one goes in its place."""
    below: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    """What is quoted: stands below text and signature."""


WRITTEN: Final = frozenset({EmailKind.OUTBOUND_REPLY, EmailKind.OUTBOUND_NEW, EmailKind.OUTBOUND_REDIRECT})


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
    if draft.kind not in WRITTEN:
        raise InvalidInputError(
            f"nobody writes an email of the kind {draft.kind.value}",
            field="kind",
            hint=f"use {', '.join(sorted(k.value for k in WRITTEN))}",
        )
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        mailboxes = await all_mailboxes(reading)
        earlier = await reading.emails_of_item(item.number)
        threads = await reading.threads_of_item(item.number)
    known = next((e for e in earlier if e.id == email_id), None)
    answered = _answered(draft, earlier)
    mailbox = _mailbox(draft, mailboxes, answered)
    own = frozenset(a for m in mailboxes.values() for a in m.own_addresses)
    email_id = email_id or runtime.new_id()
    composition = await _composition(services, draft, mailbox, answered, own, files, email_id)
    if known is not None:
        return _same(known, composition)
    raw = await asyncio.to_thread(compose, composition)
    if len(raw) > min(MAX_BYTES * 4 // 3 + 100_000, mailbox.max_bytes * 4 // 3):
        raise TooLargeError(
            f"the email has {len(raw)} bytes", field="files", hint=f"at most {mailbox.max_bytes} are allowed"
        )
    state = SendingState.IN_REVIEW if _is_reviewed(caller, draft, mailbox) else SendingState.QUEUED
    email = await stored_outbound(runtime, caller.actor, composition, mailbox.id, raw, email_id, state)
    email.next_try_at = not_before
    if draft.replaces is not None:
        _require_replaceable(caller, draft.replaces, earlier)
    thread_id = answered.thread_id if answered is not None else next(iter(threads), None)

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
        if draft.replaces is not None:
            await _withdraw(tx, draft.replaces)

    command = Command(
        action=Action.UPDATE, caller=caller, item_id=item.id, privilege=SEND, custom=change, along=along
    )
    await apply_one(runtime, command)
    return email


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
    if (known.text_new, known.recipients) != (composition.text, composition.recipients):
        raise ConflictError(
            "this email was written before, with another text or to others",
            code="writtenAlready",
            field="id",
            hint="see the item's emails: it may be on its way",
        )
    return known


def _answered(draft: Draft, earlier: list[StoredEmail]) -> StoredEmail | None:
    if draft.answers is not None:
        found = next((e for e in earlier if str(e.id) == draft.answers), None)
        if found is None:
            raise NotFoundError("the item has no such email", field="answers", hint="see its emails")
        return found
    if draft.kind is EmailKind.OUTBOUND_NEW:
        return None
    return next((e for e in reversed(earlier) if e.direction == "in"), None)


def _mailbox(draft: Draft, mailboxes: dict[str, Mailbox], answered: StoredEmail | None) -> Mailbox:
    """The one named, else the one that got the email, else the only one that sends."""
    sending = {i: m for i, m in mailboxes.items() if m.enabled and m.sends}
    named = draft.mailbox or (answered.mailbox_id if answered is not None else None)
    if named is None and len(sending) == 1:
        return next(iter(sending.values()))
    if named is None or named not in sending:
        raise InvalidInputError(
            "a mailbox is needed" if named is None else f"the mailbox '{named[:80]}' sends nothing",
            field="mailbox",
            hint=f"use one of: {', '.join(sorted(sending)) or '(none is enabled for sending)'}",
        )
    return sending[named]


async def _composition(
    services: TenantServices,
    draft: Draft,
    mailbox: Mailbox,
    answered: StoredEmail | None,
    own: frozenset[str],
    files: Sequence[OutboundFile],
    email_id: UUID,
) -> Composition:
    to, cc = _recipients(draft, answered, own)
    bcc = _addresses(draft.bcc, "bcc")
    if not to and not cc and not bcc:
        raise InvalidInputError("nobody is named to send to", field="to", hint="name an address")
    subject = draft.subject if draft.subject is not None else _subject(draft, answered)
    for field, text in (
        ("subject", subject),
        ("text", draft.text),
        ("html", draft.html or ""),
        ("below", draft.below),
    ):
        check_text(text, field)
    key = await services.email_tools.mark_key(services.runtime)
    is_reply = answered is not None and draft.kind is EmailKind.OUTBOUND_REPLY
    references = (
        [*answered.refs, *([answered.message_id] if answered.message_id else [])]
        if is_reply and answered
        else []
    )
    html = None if draft.html is None else services.email_tools.cleaner.clean(draft.html)
    return Composition(
        kind=draft.kind,
        message_id=message_id_for(email_id, domain_of(normal(mailbox.address)), key),
        date=services.runtime.now().replace(microsecond=0),
        sender=Address(mailbox.display_name or mailbox.name, normal(mailbox.address)),
        to=to,
        cc=cc,
        bcc=bcc,
        subject=subject,
        text=whole_text(draft.text, mailbox.signature, draft.below),
        html=html,
        in_reply_to=answered.message_id if is_reply and answered else None,
        references=list(dict.fromkeys(references))[-20:],
        files=[_file(f) for f in files],
    )


def whole_text(text: str, signature: str, below: str) -> str:
    """What is sent: the text, the mailbox's signature, and what is quoted."""
    signed = f"{text.rstrip()}\n\n-- \n{signature}\n" if signature else text
    return f"{signed.rstrip()}\n\n{below}" if below else signed


def _file(file: OutboundFile) -> OutboundFile:
    return OutboundFile(
        file_name=clean_file_name(file.file_name), content_type=file.content_type, content=file.content
    )


def _subject(draft: Draft, answered: StoredEmail | None) -> str:
    if answered is None:
        return ""
    if draft.kind is EmailKind.OUTBOUND_REDIRECT:
        return f"Fwd: {answered.subject}"[:500]
    return reply_subject(answered.subject)


def _recipients(
    draft: Draft, answered: StoredEmail | None, own: frozenset[str]
) -> tuple[list[Address], list[Address]]:
    """As named; a reply goes to whom the answered email says, to all its people where asked for, never to ourselves."""
    to = None if draft.to is None else _addresses(draft.to, "to")
    cc = None if draft.cc is None else _addresses(draft.cc, "cc")
    if answered is None or draft.kind is not EmailKind.OUTBOUND_REPLY:
        return to or [], cc or []
    if answered.direction == "in":
        sender = [Address(answered.sender_name or "", answered.sender)] if answered.sender else []
        first, others = answered.people.reply_to or sender, [*answered.people.to, *answered.people.cc]
    else:
        first, others = answered.people.to, answered.people.cc
    if to is None:
        to = first
    if cc is None:
        taken = {*own, *(a.address for a in to)}
        cc = [a for a in others if a.address not in taken] if draft.reply_all else []
    return to, cc


def _addresses(texts: Sequence[str], field: str) -> list[Address]:
    """`Name <address>` or a bare address each."""
    found = []
    for number, text in enumerate(texts):
        check_text(text, field)
        name, _, rest = text.rpartition("<")
        address = normal(rest.rstrip("> ") if name or text.startswith("<") else text)
        if not is_address(address) or not address.isascii():
            raise InvalidInputError(
                f"'{text[:80]}' is no address",
                field=f"{field}[{number}]",
                hint="write name@example.com, or Name <name@example.com>",
            )
        found.append(Address(name.strip().strip('"'), address))
    return list({a.address: a for a in found}.values())


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
