"""The emails of an item as shown: who, when, what, what became of the sending, and what people can do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from openiwd.domain.email.address import Address
from openiwd.domain.email.delivery_report import Delivery
from openiwd.domain.email.message import AttachedFile, EmailKind
from openiwd.domain.email.outbound import SendingState
from openiwd.domain.email.quotation import split_text
from openiwd.domain.privilege import Caller
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import EmailMove
from openiwd.usecases.email_picture import blocked_pictures
from openiwd.usecases.email_thread import MERGE
from openiwd.usecases.email_view import EmailView, ThreadView
from openiwd.usecases.email_withdrawal import WITHDRAWN
from openiwd.usecases.email_writing import SEND
from openiwd.web.item.around_view import size_text
from openiwd.web.item.history_view import actor_name
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import initials

LOOKS: Final = {
    "queued": ("accent", "clock"),
    "sending": ("accent", "send"),
    "handingOver": ("accent", "send"),
    "sent": ("ok", "check"),
    "failed": ("bad", "alert"),
    "unknown": ("warn", "alert"),
    "inReview": ("accent", "user"),
    "returned": ("warn", "undo"),
    WITHDRAWN: ("", "undo"),
}
PREVIEW: Final = 140
MOST_SHOWN: Final = 60_000
"""Characters of one email that are shown; the rest is in the original."""
TOLD_KINDS: Final = frozenset(
    {
        EmailKind.INBOUND_NDR,
        EmailKind.INBOUND_REPORT,
        EmailKind.INBOUND_DISPOSITION,
        EmailKind.INBOUND_AUTO_REPLY,
        EmailKind.OUTBOUND_ACKNOWLEDGEMENT,
        EmailKind.OUTBOUND_AUTO_RESPONSE,
        EmailKind.OUTBOUND_REDIRECT,
    }
)
"""Kinds that are said: all others are what one expects."""


class FileLine(NamedTuple):
    name: str
    size: str
    href: str
    """Empty for what the mailbox does not hand out."""


class Sending(NamedTuple):
    """What became of an email of ours; `choices` are a person's possible words on it."""

    css: str
    icon: str
    text: str
    lines: list[str]
    choices: list[tuple[str, str]]
    can_withdraw: bool
    can_write_again: bool


class Suggested(NamedTuple):
    href: str
    text: str
    item_id: str


class EmailCard(NamedTuple):
    id: str
    outbound: bool
    author: str
    initials: str
    address: str
    to_line: str
    headers: list[tuple[str, str]]
    moment: Moment | None
    kind: str
    preview: str
    text: str
    is_cut: bool
    quoted: str
    signature: str
    has_html: bool
    blocked_pictures: int
    files: list[FileLine]
    sending: Sending | None
    notes: list[str]
    suggestions: list[Suggested]
    can_split: bool
    is_open: bool


class MoveLine(NamedTuple):
    id: str
    text: str
    moment: Moment | None
    reason: str
    can_undo: bool


class Thread(NamedTuple):
    emails: list[EmailCard]
    moves: list[MoveLine]
    can_write: bool
    can_merge: bool


def person_text(person: Address) -> str:
    return person.name or person.address


def people_text(people: Sequence[Address]) -> str:
    return ", ".join(str(p) for p in people)


def may(caller: Caller, privilege: str, item: WorkItem) -> bool:
    scope = caller.privileges.get(privilege)
    return scope is not None and caller.covers(scope, item)


def thread_view(
    item: WorkItem, found: ThreadView, caller: Caller, shown: Shown, *, sends: bool = True
) -> Thread:
    """Oldest first; the last one is open, and each that somebody must decide on. `sends`: some mailbox does."""
    can_write, can_merge = may(caller, SEND, item), may(caller, MERGE, item)
    last = found.emails[-1].id if found.emails else None
    cards = [
        _card(
            e,
            item,
            shown,
            can_write=can_write,
            can_split=can_merge and len(found.emails) > 1,
            is_last=e.id == last,
        )
        for e in found.emails
    ]
    moves = [_move(m, shown, can_merge=can_merge) for m in found.moves]
    return Thread(cards, moves, can_write and (sends or bool(cards)), can_merge)


def _card(
    email: EmailView, item: WorkItem, shown: Shown, *, can_write: bool, can_split: bool, is_last: bool
) -> EmailCard:
    outbound = email.direction == "out"
    text, quoted, signature = _parts(email, outbound=outbound)
    author = person_text(email.sender) if email.sender else shown.t("mail.nobody")
    sending = _sending(email, shown, can_write=can_write) if outbound else None
    undecided = sending is not None and bool(sending.choices)
    return EmailCard(
        id=str(email.id),
        outbound=outbound,
        author=author,
        initials=initials(author),
        address=email.sender.address if email.sender else "",
        to_line=", ".join(person_text(p) for p in email.to[:3]) + (" …" if len(email.to) > 3 else ""),
        headers=_headers(email, shown),
        moment=shown.times.moment(email.sent_at or email.at),
        kind=shown.t(f"mail_kind.{email.kind}") if email.kind in TOLD_KINDS else "",
        preview=" ".join(text.split())[:PREVIEW],
        text=text[:MOST_SHOWN].strip("\r\n"),
        is_cut=len(text) > MOST_SHOWN,
        quoted=quoted[:MOST_SHOWN].strip("\r\n"),
        signature=signature.strip("\r\n"),
        has_html=bool(email.html),
        blocked_pictures=blocked_pictures(email.html),
        files=[file_line(item, email, f) for f in email.files if not f.is_inline],
        sending=sending,
        notes=email.notes,
        suggestions=[
            Suggested(f"/items/{s.item_id}", shown.t(f"mail_suggested.{s.evidence.value}"), str(s.item_id))
            for s in email.suggestions
            if s.item_id != item.id
        ],
        can_split=can_split,
        is_open=is_last or undecided,
    )


def _parts(email: EmailView, *, outbound: bool) -> tuple[str, str, str]:
    """New text, quoted text, signature. Emails of ours are stored in one piece."""
    if not outbound:
        return email.text, email.quoted, email.signature
    parts = split_text(email.text)
    return parts.new, parts.quoted, parts.signature


def file_line(item: WorkItem, email: EmailView, file: AttachedFile) -> FileLine:
    href = f"/iwd/v3/items/{item.id}/emails/{email.id}/files/{file.ordinal}"
    return FileLine(file.file_name, size_text(file.size), "" if file.is_blocked else href)


def _headers(email: EmailView, shown: Shown) -> list[tuple[str, str]]:
    t = shown.t
    found = [
        ("from", str(email.sender) if email.sender else ""),
        ("to", people_text(email.to)),
        ("cc", people_text(email.cc)),
        ("bcc", people_text(email.bcc)),
        ("reply_to", people_text(email.reply_to)),
        ("subject", email.subject),
        ("date", shown.times.exact(email.dated_at or email.sent_at or email.at)),
        ("language", t.named("mail_language", email.language) if email.language else ""),
        ("author", actor_name(email.author, shown) if email.author else ""),
        ("evidence", t(f"mail_evidence.{email.evidence}") if email.evidence else ""),
    ]
    return [(t(f"mail_header.{name}"), value) for name, value in found if value]


def _sending(email: EmailView, shown: Shown, *, can_write: bool) -> Sending:
    t = shown.t
    state = WITHDRAWN if email.reason == WITHDRAWN and email.status == "failed" else email.status
    css, icon = LOOKS.get(state, ("", "mail"))
    lines = [email.reason] if email.reason and state != WITHDRAWN else []
    choices: list[str] = []
    if state == SendingState.UNKNOWN:
        lines.append(t("mail.unknown_text"))
        choices = ["sent", "queued", "failed"]
    elif state == SendingState.FAILED:
        choices = ["queued"]
    at = email.sent_at if state == SendingState.SENT else email.next_try_at
    text = t(
        f"mail_state.{_key(email, state, shown)}", at=shown.times.clock(at) if at else "", n=email.attempts
    )
    return Sending(
        css,
        icon,
        text,
        [*lines, *_deliveries(email, shown)],
        [(c, t(f"mail_settle.{c}")) for c in choices] if can_write else [],
        can_withdraw=can_write and state == SendingState.QUEUED,
        can_write_again=can_write and state in (SendingState.FAILED, WITHDRAWN, "returned"),
    )


def _key(email: EmailView, state: str, shown: Shown) -> str:
    """What is said of a state; of one that waits, for what."""
    if state == SendingState.QUEUED and email.next_try_at is not None:
        if email.attempts:
            return "put_off"
        return "soon" if email.next_try_at > shown.times.now else state
    return state


def _deliveries(email: EmailView, shown: Shown) -> list[str]:
    """What other mail systems have told of it, recipient by recipient."""
    t = shown.t
    lines = []
    for told in email.deliveries:
        delivery = str(told.get("delivery") or "")
        known = delivery in {d.value for d in Delivery}
        lines.append(
            t(
                f"mail_delivery.{delivery}" if known else "mail_delivery.other",
                address=str(told.get("address") or ""),
                reason=str(told.get("reason") or told.get("status") or ""),
            ).rstrip(" :")
        )
    return list(dict.fromkeys(lines))


def _move(move: EmailMove, shown: Shown, *, can_merge: bool) -> MoveLine:
    key = f"mail_move.{move.kind}" if move.undone_at is None else f"mail_move.{move.kind}_undone"
    text = shown.t(key, n=len(move.emails), actor=actor_name(move.actor, shown))
    return MoveLine(
        str(move.id),
        text,
        shown.times.moment(move.undone_at or move.at),
        move.reason or "",
        can_merge and move.undone_at is None,
    )
