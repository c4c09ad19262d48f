"""Emails that have no item, or an outcome that nobody knows: what they are and why they lie here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from openiwd.domain.email.outbound import SendingState
from openiwd.ports.email import DROPPED, QUARANTINED, StoredEmail
from openiwd.web.item.around_view import size_text
from openiwd.web.item.history_view import actor_name
from openiwd.web.item.row_view import Shown
from openiwd.web.item.thread_view import MOST_SHOWN, PREVIEW
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import initials

PATH: Final = "/configuration/quarantine"
UNKNOWN: Final = SendingState.UNKNOWN.value
IN_REVIEW: Final = SendingState.IN_REVIEW.value
STATES: Final = (IN_REVIEW, QUARANTINED, DROPPED, UNKNOWN)


class Choice(NamedTuple):
    key: str
    text: str
    href: str
    current: bool
    amount: str


class AsideCard(NamedTuple):
    id: str
    author: str
    initials: str
    address: str
    to_line: str
    subject: str
    moment: Moment | None
    mailbox: str
    preview: str
    text: str
    reasons: list[str]
    files: list[str]
    item_href: str
    can_discard: bool


def choices_of(state: str, amounts: Mapping[str, str], shown: Shown) -> list[Choice]:
    t = shown.t
    return [
        Choice(
            s, t(f"mail_aside.{s}"), PATH if s == QUARANTINED else f"{PATH}?state={s}", s == state, amounts[s]
        )
        for s in STATES
    ]


def aside_card(
    email: StoredEmail, mailboxes: Mapping[str, str], filters: Mapping[str, str], shown: Shown
) -> AsideCard:
    """One email, with the reasons why it is not with an item (or, of ours, what is not known)."""
    t = shown.t
    outbound = email.direction == "out"
    named = email.sender_name or email.sender or t("mail.nobody")
    author = actor_name(email.author, shown) if email.state == IN_REVIEW and email.author else named
    text = f"{email.text_new}{email.text_signature}{email.text_quoted}"
    return AsideCard(
        id=str(email.id),
        author=author,
        initials=initials(author),
        address=email.sender or "",
        to_line=", ".join(email.recipients[:3] if outbound else [a.address for a in email.people.to[:3]]),
        subject=email.subject or t("queue.no_subject"),
        moment=shown.times.moment(email.at),
        mailbox=mailboxes.get(email.mailbox_id, email.mailbox_id),
        preview=" ".join(text.split())[:PREVIEW],
        text=text[:MOST_SHOWN].strip("\r\n"),
        reasons=_reasons(email, filters, shown),
        files=[f"{f.file_name} · {size_text(f.size)}" for f in email.files],
        item_href="",
        can_discard=email.state == QUARANTINED,
    )


def _reasons(email: StoredEmail, filters: Mapping[str, str], shown: Shown) -> list[str]:
    t = shown.t
    found: list[str] = []
    if email.state == IN_REVIEW:
        return []
    if email.state == UNKNOWN:
        return [said(email.error, t) if email.error else t("mail.unknown_text")]
    if email.filter_id is not None:
        found.append(t("mail_aside.by_filter", name=filters.get(email.filter_id, email.filter_id)))
    elif email.state == DROPPED:
        found.append(t("mail_aside.by_person"))
    if email.duplicate_of is not None:
        found.append(t("mail_aside.duplicate"))
    return [*found, *(said(note, t) for note in email.notes)]
