"""One raw message read as the email service reads it, told as plain values: for trying the parser on any mail.

Stores nothing and knows no tenant: what refers to another message counts as a reply to it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from openiwd.domain.email.address import WrittenAddress, written_addresses
from openiwd.domain.email.delivery_report import Delivery, DeliveryReport, read_report, stated_action
from openiwd.domain.email.kind import kind_of
from openiwd.domain.email.language import language_if_sure, words_of
from openiwd.domain.email.message import AttachedFile, EmailKind
from openiwd.domain.email.mime import Part
from openiwd.domain.email.quotation import answer_of
from openiwd.domain.email.reading import message_ids, read_message
from openiwd.domain.email.sent_date import stated_date
from openiwd.ports.html_cleaner import HtmlCleaner
from openiwd.ports.language_guesser import LanguageGuesser


class ToldFile(Struct, rename="camel"):
    filename: str
    content_type: str
    size: int
    inline: bool


class ToldRecipient(Struct):
    address: str
    status: str | None
    diagnostic: str | None


class ToldBounce(Struct):
    """A delivery report: `action` as in RFC 3464; the worst where recipients differ."""

    action: str
    recipients: list[ToldRecipient]


class ToldEmail(Struct, kw_only=True, rename="camel"):
    """What is read from a file. What the message does not have is null or empty."""

    file: str
    subject: str | None = None
    from_: list[WrittenAddress] = []
    to: list[WrittenAddress] = []
    cc: list[WrittenAddress] = []
    date: str | None = None
    """ISO 8601, with the offset that the message states."""
    message_id: str | None = None
    """Ids are told without their angle brackets."""
    in_reply_to: str | None = None
    references: list[str] = []
    text: str | None = None
    new_text: str | None = None
    """What its author wrote: without quoted text and without the signature."""
    html: str | None = None
    """Sanitised."""
    attachments: list[ToldFile] = []
    kind: EmailKind | None = None
    language: str | None = None
    bounce: ToldBounce | None = None
    defects: list[str] = []
    """What was odd about the message, and mended or cut."""


_ACTIONS: Final = {
    Delivery.FAILED: "failed",
    Delivery.DELAYED: "delayed",
    Delivery.DONE: "delivered",
    Delivery.READ: "displayed",
}


def parse(file: str, raw: bytes, cleaner: HtmlCleaner, guesser: LanguageGuesser) -> ToldEmail:
    """Everything that is read from a raw message."""
    email, root = read_message(raw)
    report = read_report(email, root)
    headers = root.headers
    answer = answer_of(email.text, email.marks)
    stated = stated_date(headers.plain("date"))
    return ToldEmail(
        file=file,
        subject=headers.text("subject"),
        from_=written_addresses(", ".join(headers.every("from"))),
        to=written_addresses(", ".join(headers.every("to"))),
        cc=written_addresses(", ".join(headers.every("cc"))),
        date=None if stated is None else stated.isoformat(),
        message_id=email.message_id or headers.plain("message-id").strip("<> ") or None,
        in_reply_to=next(iter(message_ids(headers.plain("in-reply-to"))), None),
        references=email.references,
        text=email.text or None,
        new_text=answer if email.text else None,
        html=None if email.html is None else cleaner.clean(email.html),
        attachments=[_file(f) for f in email.files],
        kind=kind_of(email, report, joins=any(headers.plain(name) for name in ("in-reply-to", "references"))),
        language=_language(answer or email.text, guesser),
        bounce=None if report is None or report.delivery is Delivery.READ else _bounce(report, root),
        defects=email.notes,
    )


def _file(file: AttachedFile) -> ToldFile:
    return ToldFile(file.file_name, file.content_type, file.size, file.is_inline)


def _language(text: str, guesser: LanguageGuesser) -> str | None:
    words = words_of(text)
    return None if words is None else language_if_sure(*guesser.guess(words))


def _bounce(report: DeliveryReport, root: Part) -> ToldBounce:
    action = _ACTIONS[report.delivery]
    if report.delivery is Delivery.DONE:
        action = stated_action(root) or action
    recipients = [ToldRecipient(r.address, r.status or None, r.reason or None) for r in report.recipients]
    return ToldBounce(action, recipients)
