"""Emails of ours: the message to be sent, whole and fixed before the first try, and the states of its sending."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

from openiwd.domain.email.address import Address, wire_form
from openiwd.domain.email.message import EmailKind, ParsedEmail
from openiwd.domain.errors import ConflictError

_PREFIX: Final = re.compile(r"^\s*(?:(?:re|aw|sv|antw|rif|tr|odp)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_AUTOMATIC: Final = {
    EmailKind.OUTBOUND_ACKNOWLEDGEMENT: "auto-replied",
    EmailKind.OUTBOUND_AUTO_RESPONSE: "auto-replied",
    EmailKind.OUTBOUND_REPORT: "auto-generated",
}


class SendingState(StrEnum):
    """`sending` begins when the holder of the mailbox takes the email, `handingOver` just before its content is sent:
    from then on only an answer proves what became of it, and without one it is `unknown`. An email that somebody else
    looks at first is `inReview` until it is approved (`queued`), or `returned` to its author.
    """

    IN_REVIEW = "inReview"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    QUEUED = "queued"
    SENDING = "sending"
    HANDING_OVER = "handingOver"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


_NEXT: Final[dict[SendingState, set[SendingState]]] = {
    SendingState.IN_REVIEW: {SendingState.QUEUED, SendingState.RETURNED, SendingState.WITHDRAWN},
    SendingState.RETURNED: {SendingState.WITHDRAWN},
    SendingState.WITHDRAWN: set(),
    SendingState.QUEUED: {SendingState.SENDING, SendingState.FAILED},
    SendingState.SENDING: {SendingState.HANDING_OVER, SendingState.QUEUED, SendingState.FAILED},
    SendingState.HANDING_OVER: {
        SendingState.SENT,
        SendingState.QUEUED,
        SendingState.FAILED,
        SendingState.UNKNOWN,
    },
    SendingState.UNKNOWN: {SendingState.SENT, SendingState.QUEUED, SendingState.FAILED},
    SendingState.SENT: {SendingState.FAILED},
    SendingState.FAILED: {SendingState.QUEUED},
}
"""From `unknown` only a person or proof leads on; from `sent` to `failed` a bounce."""


def require_step(before: SendingState, after: SendingState) -> None:
    """ConflictError when sending does not go that way."""
    if after not in _NEXT[before]:
        raise ConflictError(
            f"an email that is {before.value} does not become {after.value}",
            code="invalidSendingState",
            field="status",
            hint=f"possible: {', '.join(sorted(s.value for s in _NEXT[before]))}",
        )


class OutboundFile(Struct, frozen=True, kw_only=True):
    file_name: str
    content_type: str
    content: bytes


class Composition(Struct, frozen=True, kw_only=True):
    """Everything that an email of ours consists of. `bcc` is for the envelope only."""

    kind: EmailKind
    message_id: str
    date: datetime
    sender: Address
    to: list[Address]
    cc: list[Address] = []
    bcc: list[Address] = []
    reply_to: Address | None = None
    subject: str
    text: str
    html: str | None = None
    in_reply_to: str | None = None
    references: list[str] = []
    files: list[OutboundFile] = []
    loops: int = 0

    @property
    def recipients(self) -> list[str]:
        """The envelope's recipients, each once."""
        return list(dict.fromkeys(wire_form(a.address) for a in (*self.to, *self.cc, *self.bcc)))

    @property
    def is_ascii(self) -> bool:
        """Whether all addresses that headers name can be written for any server."""
        named = (self.sender, *self.to, *self.cc, *([self.reply_to] if self.reply_to else []))
        return all(wire_form(a.address).isascii() for a in named)


def compose(composition: Composition) -> bytes:
    """The message as it goes over the wire: the same composition gives the same bytes."""
    c = composition
    message = EmailMessage(policy=(SMTP if c.is_ascii else SMTPUTF8).clone(max_line_length=78))
    message["Message-ID"] = f"<{c.message_id}>"
    message["Date"] = format_datetime(c.date)
    message["From"] = _header(c.sender)
    for name, people in (("To", c.to), ("Cc", c.cc), ("Reply-To", [c.reply_to] if c.reply_to else [])):
        if people:
            message[name] = [_header(person) for person in people]
    message["Subject"] = _one_line(c.subject)
    if c.in_reply_to:
        message["In-Reply-To"] = f"<{c.in_reply_to}>"
    if c.references:
        message["References"] = " ".join(f"<{one}>" for one in c.references[-20:])
    message["X-OpenIWD-Loop"] = str(c.loops + 1)
    if c.kind in _AUTOMATIC:
        message["Auto-Submitted"] = _AUTOMATIC[c.kind]
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(_lines(c.text), cte="quoted-printable")
    if c.html is not None:
        message.add_alternative(_lines(c.html), subtype="html", cte="quoted-printable")
    for file in c.files:
        main, _, sub = file.content_type.partition("/")
        if main in ("", "multipart", "message") or not sub:
            main, sub = "application", "octet-stream"
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=_one_line(file.file_name))
    _fix_boundaries(message, c.message_id)
    return message.as_bytes()


def with_hidden_recipients(raw: bytes, recipients: Sequence[str]) -> bytes:
    """For providers without an envelope: who gets it beside To and Cc is named in a Bcc, which they take off."""
    headers = BytesHeaderParser(policy=SMTP).parsebytes(raw)
    named = {
        a.addr_spec.lower() for name in ("To", "Cc") for h in headers.get_all(name, []) for a in h.addresses
    }
    hidden = [r for r in recipients if r.lower() not in named]
    return b"Bcc: " + ",\r\n ".join(hidden).encode() + b"\r\n" + raw if hidden else raw


def _fix_boundaries(message: EmailMessage, message_id: str) -> None:
    """Boundaries are drawn by chance otherwise, and the bytes would differ from try to try."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{sha256(f'{message_id}/{number}'.encode()).hexdigest()[:40]}")


def _header(person: Address) -> HeaderAddress:
    local, _, domain = wire_form(person.address).rpartition("@")
    return HeaderAddress(_one_line(person.name), local, domain)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text).strip()


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def reply_subject(subject: str) -> str:
    """The subject of a reply: one `Re:`, however many prefixes there were."""
    return f"Re: {_PREFIX.sub('', subject).strip()}".strip()[:500]


def reply_references(email: ParsedEmail) -> list[str]:
    """What a reply to an email refers to: what that one did, and itself."""
    before = email.references or email.in_reply_to
    own = [email.message_id] if email.message_id else []
    return list(dict.fromkeys([*before, *own]))[-20:]


def quoted(email: ParsedEmail, *, intro: str) -> str:
    """The original below an answer, each line marked."""
    lines = email.text.rstrip().splitlines()[:2_000]
    return "\n".join([intro, *(f"> {line}".rstrip() for line in lines)])
