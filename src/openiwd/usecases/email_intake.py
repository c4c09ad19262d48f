"""Takes an inbound email in: stored raw first, then read, judged and tied to an item in one transaction.

The same message again is answered as before. Nothing is dropped silently, and whatever cannot be read becomes an item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.email.address import without_tag
from openiwd.domain.email.delivery_report import DeliveryReport, read_report
from openiwd.domain.email.junk import (
    CompiledFilter,
    FilterAction,
    JunkFilter,
    compile_filter,
    first_match,
    values_of,
)
from openiwd.domain.email.kind import kind_of
from openiwd.domain.email.mailbox import Mailbox, is_blocked
from openiwd.domain.email.message import EmailKind, EmailText, ParsedEmail
from openiwd.domain.email.quotation import answer_of, split_text
from openiwd.domain.email.reading import read_message
from openiwd.domain.email.thread import Threading, decide, own_email_ids, pointers, referred_ids
from openiwd.domain.email.token import email_of_message_id
from openiwd.domain.errors import DuplicateError, InvalidTransitionError, OpenIwdError, UnavailableError
from openiwd.domain.event import EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Caller, system
from openiwd.domain.transition import Change, Context, noted
from openiwd.domain.work_item import ItemSubmission, Status, WorkItem
from openiwd.ports.email import DROPPED, QUARANTINED, STORED, MailboxCursor, People, StoredEmail
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.email_acknowledgement import Prepared, prepare
from openiwd.usecases.email_item import created_number, submission_of
from openiwd.usecases.email_report import apply_report
from openiwd.usecases.mailbox import SERVICE, all_mailboxes, require_lease
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

ATTEMPTS: Final = 5
REPORTS: Final = frozenset({EmailKind.INBOUND_NDR, EmailKind.INBOUND_REPORT, EmailKind.INBOUND_DISPOSITION})
BY: Final = system("email")


class Arrival(Struct, kw_only=True):
    """A message as fetched, by whom, and its place in the mailbox."""

    raw: bytes
    mailbox_id: str
    holder: UUID
    epoch: int
    folder: str
    uid_validity: int
    uid: int
    received_at: datetime | None = None
    full_size: int | None = None
    """Set when the message is larger than allowed, and only its beginning was fetched."""

    @property
    def cursor(self) -> MailboxCursor | None:
        """None while a folder is gone through out of order (uid 0)."""
        if self.uid == 0:
            return None
        return MailboxCursor(
            mailbox_id=self.mailbox_id, folder=self.folder, uid_validity=self.uid_validity, last_uid=self.uid
        )


class Received(Struct, kw_only=True, rename="camel"):
    """What became of an inbound email: created, joined, linked, reported, duplicate, quarantined or dropped."""

    id: UUID
    outcome: str
    kind: EmailKind
    item_id: UUID | None = None
    blocked_files: int = 0
    """Attachments that the mailbox does not hand out."""


class Look(NamedTuple):
    """An email with everything that is known about it before it is decided on."""

    parsed: ParsedEmail
    report: DeliveryReport | None
    text: EmailText
    language: str | None
    html: str | None
    digest: bytes
    mailbox: Mailbox
    mailboxes: dict[str, Mailbox]
    threading: Threading
    kind: EmailKind
    filter: JunkFilter | None
    passed_over: list[str]
    """Why filters could not be asked."""
    is_own: bool

    @property
    def own_addresses(self) -> frozenset[str]:
        """Of all mailboxes of the tenant."""
        return frozenset(a for m in self.mailboxes.values() for a in m.own_addresses)


class _StoredMeanwhileError(Exception):
    """The same message was stored by somebody else in this instant: roll back and look again."""


async def receive(services: TenantServices, caller: Caller, arrival: Arrival) -> Received:
    """Stores one message and what follows from it; once it returns, the message may leave the mailbox."""
    caller.require(SERVICE)
    digest = sha256(arrival.raw).digest()
    async with services.runtime.store.writing() as tx:
        await require_lease(tx, arrival.mailbox_id, arrival.holder, arrival.epoch)
        await tx.keep_email_content(digest, arrival.raw)
    for _ in range(ATTEMPTS):
        look = await _look(services, arrival, digest)
        try:
            received = await _decide(services, arrival, look)
        except (_StoredMeanwhileError, DuplicateError, InvalidTransitionError):
            continue
        received.blocked_files = sum(is_blocked(look.mailbox, f.file_name) for f in look.parsed.files)
        return received
    raise UnavailableError("the item changed again and again meanwhile", code="busy", retry_after=1)


async def _look(services: TenantServices, arrival: Arrival, digest: bytes) -> Look:
    tools, runtime = services.email_tools, services.runtime
    key = await tools.mark_key(runtime)
    parsed, root = await asyncio.to_thread(read_message, arrival.raw)
    report = await asyncio.to_thread(read_report, parsed, root)
    text = split_text(parsed.text, parsed.marks)
    language = await asyncio.to_thread(tools.language_of, answer_of(parsed.text, parsed.marks) or text.new)
    html = None if parsed.html is None else await asyncio.to_thread(tools.cleaner.clean, parsed.html)
    async with runtime.store.reading() as reading:
        mailboxes = await all_mailboxes(reading)
        filters = _compiled(await reading.objects("email_filter"))
        own, by_message_id = await reading.known_emails(own_email_ids(parsed, key), referred_ids(parsed))
        found = pointers(parsed, own, by_message_id, key)
        addresses = {a for m in mailboxes.values() for a in m.own_addresses}
        threads = await reading.known_threads({p.thread_id for p in found}, addresses)
    mailbox = mailboxes.get(arrival.mailbox_id) or Mailbox(
        id=arrival.mailbox_id, name=arrival.mailbox_id, address="unknown@invalid"
    )
    threading = decide(parsed, found, threads)
    kind = kind_of(parsed, report, joins=threading.joins is not None)
    matched = first_match(filters, values_of(parsed, kind, mailbox.id, language), runtime.now())
    sender = without_tag(parsed.sender.address) if parsed.sender else ""
    is_own = (
        parsed.message_id is not None
        and email_of_message_id(parsed.message_id, key) is not None
        and sender in mailbox.own_addresses
    )
    return Look(
        parsed=parsed,
        report=report,
        text=text,
        language=language,
        html=html,
        digest=digest,
        mailbox=mailbox,
        mailboxes=mailboxes,
        threading=threading,
        kind=kind,
        filter=matched.filter,
        passed_over=matched.errors,
        is_own=is_own,
    )


def _compiled(raws: Sequence[dict[str, Any]]) -> list[CompiledFilter]:
    found = []
    for raw in raws:
        value = msgspec.convert({k: v for k, v in raw.items() if k != "revision"}, JunkFilter)
        found.append(compile_filter(value))
    return found


async def _decide(services: TenantServices, arrival: Arrival, look: Look) -> Received:
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        known = await reading.inbound_email(arrival.mailbox_id, look.digest, look.parsed.message_id)
        joins = look.threading.joins
        item = None if joins is None else (await reading.items_by_id([joins.item_id])).get(joins.item_id)
    if known is not None and known.sha256 == look.digest:
        return await _known(services, arrival, known)
    email = _email(services, arrival, look)
    if known is not None:
        email.notes.append("another message with this Message-ID is stored already")
        return await _aside(services, arrival, look, email, QUARANTINED, duplicate_of=known.id)
    if look.is_own:
        email.notes.append("one of our own emails came back")
        return await _aside(services, arrival, look, email, QUARANTINED)
    if look.report is not None and look.kind in REPORTS:
        reported = await apply_report(services, email, look.report, _writer(services, arrival, email, None))
        if reported is not None:
            return Received(id=email.id, outcome="reported", kind=email.kind, item_id=reported)
        email.notes.append("it reports on an email that is not ours")
        return await _aside(services, arrival, look, email, QUARANTINED)
    if look.filter is not None and look.filter.action is FilterAction.DROP:
        return await _aside(services, arrival, look, email, DROPPED)
    if item is not None and joins is not None and _may_join(item, look, runtime.now()):
        return await _join(services, arrival, look, email, item, joins.thread_id)
    return await _create(services, arrival, look, email, item)


def _email(services: TenantServices, arrival: Arrival, look: Look) -> StoredEmail:
    parsed, text = look.parsed, look.text
    notes = [*parsed.notes, *(f"a filter was passed over: {error}" for error in look.passed_over)]
    if arrival.full_size is not None:
        notes.insert(
            0, f"the message has {arrival.full_size} bytes, more than allowed: only its beginning is here"
        )
    files = [
        msgspec.structs.replace(f, is_blocked=is_blocked(look.mailbox, f.file_name)) for f in parsed.files
    ]
    return StoredEmail(
        id=services.runtime.new_id(),
        thread_id=None,
        mailbox_id=arrival.mailbox_id,
        direction="in",
        kind=look.kind,
        state=STORED,
        at=services.runtime.now(),
        dated_at=parsed.date,
        message_id=parsed.message_id,
        in_reply_to=parsed.in_reply_to,
        refs=parsed.references,
        sender_name=parsed.sender.name if parsed.sender else None,
        sender=parsed.sender.address if parsed.sender else None,
        people=People(to=parsed.to, cc=parsed.cc, reply_to=parsed.reply_to),
        subject=parsed.subject,
        text_new=text.new,
        text_signature=text.signature,
        text_quoted=text.quoted,
        html=look.html,
        language=look.language,
        files=files,
        headers=parsed.headers,
        notes=notes,
        size=arrival.full_size or parsed.size,
        sha256=look.digest,
        evidence=look.threading.evidence,
        suggestions=list(look.threading.suggestions),
        filter_id=look.filter.id if look.filter is not None else None,
    )


async def _known(services: TenantServices, arrival: Arrival, known: StoredEmail) -> Received:
    """It was stored before; only its place in the mailbox is noted again."""
    async with services.runtime.store.writing() as tx:
        await require_lease(tx, arrival.mailbox_id, arrival.holder, arrival.epoch)
        await _move_on(tx, arrival)
    return Received(id=known.id, outcome="duplicate", kind=known.kind)


async def _aside(
    services: TenantServices,
    arrival: Arrival,
    look: Look,
    email: StoredEmail,
    state: str,
    duplicate_of: UUID | None = None,
) -> Received:
    """Stored without an item, for people to look at."""
    email.state, email.duplicate_of, email.evidence = state, duplicate_of, None
    write = _writer(services, arrival, email, None)
    async with services.runtime.store.writing() as tx:
        await write(tx, [])
    return Received(id=email.id, outcome=state, kind=look.kind)


def _writer(
    services: TenantServices,
    arrival: Arrival,
    email: StoredEmail,
    continues: WorkItem | None,
    answer: Prepared | None = None,
) -> Callable[[Writing, Sequence[Result]], Awaitable[None]]:
    """Writes the email beside its item's change: lease, thread, email, link to the item that it continues, place."""
    runtime = services.runtime

    async def write(tx: Writing, results: Sequence[Result]) -> None:
        await require_lease(tx, arrival.mailbox_id, arrival.holder, arrival.epoch)
        number = created_number(results)
        if number is not None:
            email.thread_id = runtime.new_id()
            await tx.add_email_thread(email.thread_id, number, runtime.now())
        if not await tx.add_email(email):
            raise _StoredMeanwhileError
        if number is not None and continues is not None:
            await tx.add_link(number, "continues", continues.number, runtime.now(), BY.actor)
        if answer is not None and email.thread_id is not None and not await answer.write(tx, email.thread_id):
            raise _StoredMeanwhileError
        await _move_on(tx, arrival)

    return write


async def _move_on(tx: Writing, arrival: Arrival) -> None:
    cursor = arrival.cursor
    if cursor is not None:
        await tx.save_mailbox_cursor(cursor)


def _may_join(item: WorkItem, look: Look, now: datetime) -> bool:
    """An open item, or one completed not long ago; what machines answer joins in any case."""
    if not item.status.is_final or look.kind is EmailKind.INBOUND_AUTO_REPLY:
        return True
    if item.status is not Status.COMPLETED or item.completed_at is None:
        return False
    return now - item.completed_at <= timedelta(days=look.mailbox.reopen_days)


async def _join(
    services: TenantServices,
    arrival: Arrival,
    look: Look,
    email: StoredEmail,
    item: WorkItem,
    thread_id: UUID,
) -> Received:
    email.thread_id = thread_id
    commands = [Command(action=Action.UPDATE, caller=BY, item_id=item.id, internal=True, custom=_told(email))]
    if look.kind is EmailKind.INBOUND_CUSTOMER_REPLY:
        again = _again(item)
        if again is not None:
            commands.append(again)
    await _apply(services, commands, _writer(services, arrival, email, None))
    return Received(id=email.id, outcome="joined", kind=email.kind, item_id=item.id)


def _again(item: WorkItem) -> Command | None:
    """What a customer's reply does to the item: a completed one is reopened, one held for it goes on."""
    if item.status is Status.COMPLETED:
        return Command(
            action=Action.REOPEN, caller=BY, item_id=item.id, internal=True, reason="customerReply"
        )
    if item.status is Status.HELD and item.hold_wakes_on == "customerReply":
        return Command(
            action=Action.RESUME, caller=BY, item_id=item.id, internal=True, because="customerReply"
        )
    return None


def _told(email: StoredEmail) -> Callable[[WorkItem, Context], Change]:
    def change(present: WorkItem, ctx: Context) -> Change:
        told = {"id": str(email.id), "kind": email.kind.value, "evidence": email.evidence}
        extra = {"agent": present.assigned_to} if present.assigned_to else {}
        return noted(present, ctx, EventType.EMAIL_RECEIVED, email=told, **extra)

    return change


async def _create(
    services: TenantServices, arrival: Arrival, look: Look, email: StoredEmail, continues: WorkItem | None
) -> Received:
    if email.kind is EmailKind.INBOUND_CUSTOMER_REPLY:
        email.kind = EmailKind.INBOUND_NEW
    submission = _submission(services, arrival, look, email)
    capture = (submission.capture_point, submission.capture_id)
    commands = [Command(action=Action.CREATE, caller=BY, submission=submission)]
    answer = await _acknowledgement(services, look, email)
    if answer is not None:
        told = {"id": str(answer.email.id), "kind": answer.email.kind.value}
        change = _noting(EventType.EMAIL_WRITTEN, told)
        commands.append(
            Command(action=Action.UPDATE, caller=BY, capture=capture, internal=True, custom=change)
        )
    if look.filter is not None and look.filter.action is FilterAction.HOLD:
        commands.append(
            Command(
                action=Action.HOLD,
                caller=BY,
                capture=capture,
                internal=True,
                comment=f"filter {look.filter.id}",
            )
        )
    results = await _apply(services, commands, _writer(services, arrival, email, continues, answer))
    created = results[0]
    outcome = "created" if continues is None else "linked"
    return Received(id=email.id, outcome=outcome, kind=email.kind, item_id=created.item.id)


def _noting(type_: EventType, told: dict[str, Any]) -> Callable[[WorkItem, Context], Change]:
    return lambda present, ctx: noted(present, ctx, type_, email=told)


async def _acknowledgement(services: TenantServices, look: Look, email: StoredEmail) -> Prepared | None:
    """What answers the email by itself; why nothing does is noted with it."""
    if look.filter is not None and look.filter.action is FilterAction.HOLD:
        return None
    prepared = await prepare(services, look.mailbox, look.own_addresses, look.parsed, email.kind)
    if isinstance(prepared, str):
        email.notes.append(f"not acknowledged: {prepared}")
        return None
    return prepared


async def _apply(
    services: TenantServices,
    commands: list[Command],
    write: Callable[[Writing, Sequence[Result]], Awaitable[None]],
) -> list[Done]:
    results = await apply(services.runtime, commands, also=write, atomic=True)
    for result in results:
        if isinstance(result, OpenIwdError) and result.code != "notDone":
            raise result
    return [r for r in results if isinstance(r, Done)]


def _submission(services: TenantServices, arrival: Arrival, look: Look, email: StoredEmail) -> ItemSubmission:
    filter_ = look.filter
    category, adjustment = look.mailbox.category, None
    if filter_ is not None and filter_.action is FilterAction.CATEGORY:
        category = filter_.value or ""
    if filter_ is not None and filter_.action is FilterAction.PRIORITY:
        adjustment = int(filter_.value or 0)
    now = services.runtime.now()
    created = arrival.received_at
    if created is not None and not now - timedelta(days=365) <= created <= now:
        created = None
    return submission_of(email, category=category, created=created, adjustment=adjustment)
