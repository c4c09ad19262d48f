"""What an author's draft becomes: from whom, to whom, under which subject, as text and as HTML. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.email.address import Address, domain_of, is_address, normal
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import EmailKind
from openiwd.domain.email.outbound import Composition, OutboundFile, reply_subject
from openiwd.domain.email.rich_text import html_of_text, whole_html
from openiwd.domain.email.text_form import text_of_html
from openiwd.domain.email.token import message_id_for
from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.work_item import check_text
from openiwd.ports.email import StoredEmail
from openiwd.usecases.item_note import clean_file_name

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_TO: Final = 100
MAX_TEXT: Final = 500_000
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
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    """Left out, it is made from the HTML."""
    html: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    """Is sent beside the text, sanitised and without pictures."""
    review: bool = False
    """Whether somebody else looks at it before it is sent, also where the mailbox does not ask for that."""
    replaces: UUID | None = None
    """An email that came back from review, or is still in it: this one goes in its place."""
    below: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    """What is quoted: stands below text and signature."""
    below_html: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    """The same for the HTML; left out, it is made from `below`."""


WRITTEN: Final = frozenset({EmailKind.OUTBOUND_REPLY, EmailKind.OUTBOUND_NEW, EmailKind.OUTBOUND_REDIRECT})


def require_written(kind: EmailKind) -> None:
    """InvalidInputError for kinds that nobody writes by hand."""
    if kind not in WRITTEN:
        raise InvalidInputError(
            f"nobody writes an email of the kind {kind.value}",
            field="kind",
            hint=f"use {', '.join(sorted(k.value for k in WRITTEN))}",
        )


class Surroundings(Struct, frozen=True, kw_only=True):
    """What a draft is completed from."""

    mailboxes: Mapping[str, Mailbox]
    earlier: Sequence[StoredEmail]
    """All emails of the item, oldest first."""

    @property
    def own(self) -> frozenset[str]:
        """The addresses of all mailboxes of the tenant."""
        return frozenset(a for m in self.mailboxes.values() for a in m.own_addresses)


async def composed(
    services: TenantServices,
    draft: Draft,
    around: Surroundings,
    files: Sequence[OutboundFile],
    email_id: UUID,
) -> tuple[Composition, Mailbox, StoredEmail | None]:
    """The email as it is to be sent, from which mailbox, and what it answers."""
    answered = _answered(draft, around.earlier)
    mailbox = _mailbox(draft, around.mailboxes, answered)
    to, cc, bcc = _people(draft, answered, around.own)
    _check_texts(draft)
    key = await services.email_tools.mark_key(services.runtime)
    is_reply = answered is not None and draft.kind is EmailKind.OUTBOUND_REPLY
    text, html = _bodies(services, draft, mailbox.signature)
    composition = Composition(
        kind=draft.kind,
        message_id=message_id_for(email_id, domain_of(normal(mailbox.address)), key),
        date=services.runtime.now().replace(microsecond=0),
        sender=Address(mailbox.display_name or mailbox.name, normal(mailbox.address)),
        to=to,
        cc=cc,
        bcc=bcc,
        subject=draft.subject if draft.subject is not None else _subject(draft, answered),
        text=text,
        html=html,
        in_reply_to=answered.message_id if is_reply and answered else None,
        references=_references(answered) if is_reply and answered else [],
        files=[_file(f) for f in files],
    )
    return composition, mailbox, answered


def _references(answered: StoredEmail) -> list[str]:
    own = [answered.message_id] if answered.message_id else []
    return list(dict.fromkeys([*answered.refs, *own]))[-20:]


def _check_texts(draft: Draft) -> None:
    for field, text in (
        ("subject", draft.subject or ""),
        ("text", draft.text),
        ("html", draft.html or ""),
        ("below", draft.below),
        ("belowHtml", draft.below_html or ""),
    ):
        check_text(text, field)


def _bodies(services: TenantServices, draft: Draft, signature: str) -> tuple[str, str | None]:
    """Text and HTML, each whole. What has only HTML gets its text from it."""
    clean = services.email_tools.cleaner.clean_written
    written = None if draft.html is None else clean(draft.html)
    text = draft.text if draft.text or written is None else text_of_html(written)
    if not text.strip():
        raise InvalidInputError("the email is empty", field="text", hint="write a text")
    html = None
    if written is not None:
        below = draft.below_html
        quoted = clean(below) if below is not None else html_of_text(draft.below) if draft.below else ""
        html = whole_html(written, signature, quoted)
    return whole_text(text, signature, draft.below), html


def _answered(draft: Draft, earlier: Sequence[StoredEmail]) -> StoredEmail | None:
    if draft.answers is not None:
        found = next((e for e in earlier if str(e.id) == draft.answers), None)
        if found is None:
            raise NotFoundError("the item has no such email", field="answers", hint="see its emails")
        return found
    if draft.kind is EmailKind.OUTBOUND_NEW:
        return None
    return next((e for e in reversed(earlier) if e.direction == "in"), None)


def _mailbox(draft: Draft, mailboxes: Mapping[str, Mailbox], answered: StoredEmail | None) -> Mailbox:
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


def _people(
    draft: Draft, answered: StoredEmail | None, own: frozenset[str]
) -> tuple[list[Address], list[Address], list[Address]]:
    to, cc = _recipients(draft, answered, own)
    bcc = _addresses(draft.bcc, "bcc")
    if not to and not cc and not bcc:
        raise InvalidInputError("nobody is named to send to", field="to", hint="name an address")
    return to, cc, bcc


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
        if not is_address(address):
            raise InvalidInputError(
                f"'{text[:80]}' is no address",
                field=f"{field}[{number}]",
                hint="write name@example.com, or Name <name@example.com>",
            )
        found.append(Address(name.strip().strip('"'), address))
    return list({a.address: a for a in found}.values())
