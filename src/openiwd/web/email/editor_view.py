"""An email as its author begins it: to whom, under which subject, what is quoted below. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.email.address import Address
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import EmailKind
from openiwd.domain.email.outbound import reply_subject
from openiwd.domain.email.quotation import split_text
from openiwd.domain.email.rich_text import forwarded, html_of_text, parts_of_html, reply_quotation
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases.email_view import EmailView
from openiwd.web.item.around_view import size_text
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import TimeText

MAX_QUOTED: Final = 100_000
_SPECIAL: Final = re.compile(r'[,;<>"@]')


class Mode(StrEnum):
    REPLY = "reply"
    REPLY_ALL = "replyAll"
    FORWARD = "forward"
    NEW = "new"
    AGAIN = "again"
    """What was taken back or has failed is written anew."""


KINDS: Final = {
    Mode.REPLY: EmailKind.OUTBOUND_REPLY,
    Mode.REPLY_ALL: EmailKind.OUTBOUND_REPLY,
    Mode.FORWARD: EmailKind.OUTBOUND_REDIRECT,
    Mode.NEW: EmailKind.OUTBOUND_NEW,
}


class Original(NamedTuple):
    """A file of the email that is forwarded or written again."""

    ordinal: int
    name: str
    size: str


class Editing(NamedTuple):
    mode: Mode
    email_id: str
    answers: str
    mailbox: str
    mailboxes: list[tuple[str, str]]
    to: str
    cc: str
    bcc: str
    subject: str
    html: str
    """Sanitised."""
    signature: str
    below: str
    originals: list[Original]


class Source(NamedTuple):
    """What an email is begun from: the item with its emails, the mailboxes, how its reader says things."""

    item: WorkItem
    emails: Sequence[EmailView]
    mailboxes: Mapping[str, Mailbox]
    times: TimeText
    t: Catalogue
    """In the language of whom it goes to."""


def mode_of(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError as error:
        raise InvalidInputError("this is no way to write an email", field="mode") from error


def begin(source: Source, mode: Mode, answers: str, email_id: UUID) -> Editing:
    """The editor's first state."""
    answered = answered_by(source, mode, answers)
    sending = {i: m for i, m in source.mailboxes.items() if m.enabled and m.sends}
    named = answered.mailbox if answered is not None else ""
    mailbox = named if named in sending else next(iter(sending), "")
    to, cc, bcc = _people(source, mode, answered)
    return Editing(
        mode=mode,
        email_id=str(email_id),
        answers=str(answered.id) if answered is not None else "",
        mailbox=mailbox,
        mailboxes=[(i, f"{m.display_name or m.name} <{m.address}>") for i, m in sorted(sending.items())],
        to=to,
        cc=cc,
        bcc=bcc,
        subject=_subject(source, mode, answered),
        html=_written_before(answered) if mode is Mode.AGAIN and answered else "",
        signature=sending[mailbox].signature if mailbox else "",
        below=below_of(source, mode, answered),
        originals=[
            Original(f.ordinal, f.file_name, size_text(f.size))
            for f in (answered.files if answered is not None and mode in (Mode.FORWARD, Mode.AGAIN) else [])
            if not f.is_blocked and not f.is_inline
        ],
    )


def answered_by(source: Source, mode: Mode, answers: str) -> EmailView | None:
    """The email named, else the latest that came in; a new one answers none."""
    if mode is Mode.NEW:
        return None
    found = next((e for e in source.emails if str(e.id) == answers), None)
    if found is None and mode is not Mode.AGAIN:
        found = next((e for e in reversed(source.emails) if e.direction == "in"), None)
    if found is None:
        raise InvalidInputError("there is no email to answer", field="answers", hint="write a new one")
    return found


def kind_of(source: Source, mode: Mode, answered: EmailView | None) -> tuple[EmailKind, str | None]:
    """The kind of what is written, and the email that it answers: written again, it answers what it did before."""
    if mode is not Mode.AGAIN or answered is None:
        return KINDS.get(mode, EmailKind.OUTBOUND_NEW), str(answered.id) if answered is not None else None
    kind = EmailKind(answered.kind)
    before = [e for e in source.emails if e.at < answered.at and e.direction == "in"]
    if kind is EmailKind.OUTBOUND_NEW or not before:
        return EmailKind.OUTBOUND_NEW, None
    return kind, str(before[-1].id)


def address_text(person: Address) -> str:
    """As an author writes it; a name with commas in it stands in quotation marks."""
    if not person.name:
        return person.address
    name = person.name.replace('"', "'")
    return f'"{name}" <{person.address}>' if _SPECIAL.search(name) else f"{name} <{person.address}>"


def addresses_text(people: Sequence[Address]) -> str:
    return ", ".join(address_text(p) for p in people)


def split_recipients(text: str) -> list[str]:
    """Recipients as typed: between commas, semicolons or lines, but not inside of quotation marks or brackets."""
    found, part, closing = [], "", ""
    for sign in text:
        if not closing and sign in ",;\n":
            found.append(part)
            part = ""
            continue
        part += sign
        if closing:
            closing = "" if sign == closing else closing
        elif sign in '"<':
            closing = '"' if sign == '"' else ">"
    return [p.strip() for p in (*found, part) if p.strip()]


def _people(source: Source, mode: Mode, answered: EmailView | None) -> tuple[str, str, str]:
    match mode:
        case Mode.REPLY | Mode.REPLY_ALL if answered is not None:
            own = {a for m in source.mailboxes.values() for a in m.own_addresses}
            if answered.direction == "in":
                first = answered.reply_to or ([answered.sender] if answered.sender else [])
            else:
                first = answered.to
            taken = {*own, *(a.address for a in first)}
            others = [a for a in (*answered.to, *answered.cc) if a.address not in taken]
            cc = list({a.address: a for a in others}.values()) if mode is Mode.REPLY_ALL else []
            return addresses_text(first), addresses_text(cc), ""
        case Mode.AGAIN if answered is not None:
            return addresses_text(answered.to), addresses_text(answered.cc), addresses_text(answered.bcc)
        case Mode.NEW:
            contact = source.item.contact or {}
            emails = contact.get("emails") or []
            person = Address(str(contact.get("name") or ""), str(emails[0])) if emails else None
            return address_text(person) if person else "", "", ""
        case _:
            return "", "", ""


def _subject(source: Source, mode: Mode, answered: EmailView | None) -> str:
    if answered is None:
        return source.item.subject or ""
    if mode is Mode.FORWARD:
        return f"Fwd: {answered.subject}"[:500]
    return answered.subject if mode is Mode.AGAIN else reply_subject(answered.subject)


def _written_before(answered: EmailView) -> str:
    """The author's own part of an email of ours."""
    parts = parts_of_html(answered.html or "")
    if parts is not None:
        return parts[0]
    text = split_text(answered.text).new.rstrip()
    return html_of_text(text) if text else ""


def below_of(source: Source, mode: Mode, answered: EmailView | None) -> str:
    """What is quoted below: each line marked in a reply, as it was in a forward."""
    if answered is None:
        return ""
    if mode is Mode.AGAIN:
        return split_text(answered.text).quoted.strip("\n")
    text, head = _whole_text(answered), _head(source, mode, answered)
    if mode is Mode.FORWARD:
        return f"{head}\n\n{text}"
    return "\n".join([head, *(f"> {line}".rstrip() for line in text.splitlines())])


def below_html_of(source: Source, mode: Mode, answered: EmailView | None) -> str:
    """The same with its formatting, where it has some and is not too long for that."""
    if answered is None:
        return ""
    if mode is Mode.AGAIN:
        parts = parts_of_html(answered.html or "")
        return parts[1] if parts is not None else html_of_text(below_of(source, mode, answered))
    html = answered.html or ""
    original = html if 0 < len(html) <= MAX_QUOTED else html_of_text(_whole_text(answered))
    head = _head(source, mode, answered)
    return forwarded(head, original) if mode is Mode.FORWARD else reply_quotation(head, original)


def _whole_text(answered: EmailView) -> str:
    return f"{answered.text}{answered.signature}{answered.quoted}".rstrip()[:MAX_QUOTED]


def _head(source: Source, mode: Mode, answered: EmailView) -> str:
    """Who wrote what is quoted, and when."""
    name = str(answered.sender) if answered.sender else ""
    date = source.times.exact(answered.dated_at or answered.at)
    if mode is Mode.FORWARD:
        to = addresses_text(answered.to)
        return source.t("mail_quote.forward", name=name, date=date, subject=answered.subject, to=to)
    return source.t("mail_quote.reply", name=name, date=date)
