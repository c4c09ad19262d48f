"""What a read email is made of: plain values, the same whatever the original looked like."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from openiwd.domain.email.address import Address


class EmailKind(StrEnum):
    """What an email is for; also the label `subtype` of metrics."""

    INBOUND_NEW = "InboundNew"
    INBOUND_CUSTOMER_REPLY = "InboundCustomerReply"
    INBOUND_NDR = "InboundNDR"
    INBOUND_REPORT = "InboundReport"
    INBOUND_DISPOSITION = "InboundDisposition"
    INBOUND_AUTO_REPLY = "InboundAutoReply"
    OUTBOUND_NEW = "OutboundNew"
    OUTBOUND_REPLY = "OutboundReply"
    OUTBOUND_ACKNOWLEDGEMENT = "OutboundAcknowledgement"
    OUTBOUND_AUTO_RESPONSE = "OutboundAutoResponse"
    OUTBOUND_REDIRECT = "OutboundRedirect"
    OUTBOUND_REPORT = "OutboundReport"
    """A report of the data mart; it has no item."""


class AttachedFile(Struct, frozen=True, kw_only=True, rename="camel"):
    """A file of an email, without its bytes: these are found again in the original by `ordinal`."""

    ordinal: int
    file_name: str
    content_type: str
    size: int
    content_id: str | None = None
    is_inline: bool = False
    """Shown inside of the text (an image with a content id that the HTML names)."""
    is_blocked: bool = False
    """Of a type that this mailbox does not let through: listed, but not handed out."""


class EmailText(Struct, frozen=True, kw_only=True):
    """The text as read: what is new in it, what is quoted, the signature. Joined they are all of it."""

    new: str
    quoted: str
    signature: str


class TextMark(Struct, frozen=True):
    """A stretch of the text that the HTML it was made from names: a quotation, or the signature."""

    start: int
    end: int
    is_signature: bool = False


class ParsedEmail(Struct, frozen=True, kw_only=True):
    """An inbound email as read. Absent headers are None or empty; `notes` says what was mended or cut."""

    message_id: str | None
    in_reply_to: list[str]
    references: list[str]
    subject: str
    sender: Address | None
    reply_to: list[Address]
    to: list[Address]
    cc: list[Address]
    return_path: str | None
    """The envelope sender: `<>` is the empty text, a header that is missing is None."""
    delivered_to: list[str]
    date: datetime | None
    text: str
    html: str | None
    """As sent: not to be shown before it is sanitised."""
    files: list[AttachedFile]
    headers: dict[str, str]
    """Those that rules and loop protection look at, names in lower case."""
    received_count: int
    size: int
    notes: list[str]
    marks: tuple[TextMark, ...] = ()
    """What the HTML says of the text, where the text was made from it."""
    is_complete: bool = True
    """False when only the headers could be read."""

    @property
    def answer_to(self) -> list[Address]:
        """Whom a reply goes to."""
        return self.reply_to or ([self.sender] if self.sender else [])
