"""Reads a raw message: from its parts to one `ParsedEmail`. Whatever comes in, an email comes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from openiwd.domain.email.address import Address, normal, read_addresses
from openiwd.domain.email.charset import decode
from openiwd.domain.email.header import Headers
from openiwd.domain.email.message import AttachedFile, ParsedEmail
from openiwd.domain.email.mime import Part, read_parts
from openiwd.domain.email.text_form import text_of_html, unflowed

MAX_TEXT: Final = 512 * 1024
MAX_HTML: Final = 2 * 1024 * 1024
MAX_SUBJECT: Final = 512
MAX_REFERENCES: Final = 100
KEPT_HEADERS: Final = (
    *(
        "auto-submitted",
        "content-language",
        "feedback-id",
        "importance",
        "list-id",
        "list-unsubscribe",
        "precedence",
    ),
    *(
        "x-auto-response-suppress",
        "x-autoreply",
        "x-autoreply-from",
        "x-autorespond",
        "x-autorespond-to",
        "x-loop",
    ),
    *(
        "x-failed-recipients",
        "x-mailer",
        "x-openiwd-loop",
        "x-priority",
        "x-spam-flag",
        "x-spam-status",
        "user-agent",
    ),
)
_MESSAGE_ID: Final = re.compile(r"<([^<>\s]{1,996})>")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"<>|:*?\\/\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_META_CHARSET: Final = re.compile(
    rb"""<meta[^>]{1,300}charset\s*=\s*["']?([A-Za-z0-9_:-]{1,40})""", re.IGNORECASE
)
_EXTENSIONS: Final = {
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/plain": ".txt",
    "text/html": ".html",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "application/ms-tnef": ".dat",
    "message/delivery-status": ".txt",
    "text/rfc822-headers": ".txt",
}


def read_email(raw: bytes) -> ParsedEmail:
    """The email in a raw message. Never raises."""
    return read_message(raw)[0]


def read_message(raw: bytes) -> tuple[ParsedEmail, Part]:
    """The email in a raw message, and its parts. Never raises."""
    root, notes = read_parts(raw)
    bodies = _Bodies(notes)
    bodies.take(root)
    text, html = bodies.text(), bodies.html()
    if not text.strip() and html:
        text = text_of_html(html)[:MAX_TEXT]
    headers = root.headers
    if not headers.fields:
        notes.append("the message has no headers")
    email = ParsedEmail(
        message_id=next(iter(message_ids(headers.plain("message-id"))), None),
        in_reply_to=message_ids(headers.plain("in-reply-to"))[:MAX_REFERENCES],
        references=message_ids(headers.plain("references"))[-MAX_REFERENCES:],
        subject=(headers.text("subject") or "")[:MAX_SUBJECT],
        sender=_sender(headers, notes),
        reply_to=read_addresses(headers.plain("reply-to"))[:20],
        to=read_addresses(", ".join(headers.every("to")))[:500],
        cc=read_addresses(", ".join(headers.every("cc")))[:500],
        return_path=_return_path(headers),
        delivered_to=_delivered_to(headers),
        date=read_date(headers.plain("date")),
        text=text,
        html=html,
        files=bodies.files,
        headers={name: headers.plain(name)[:1_000] for name in KEPT_HEADERS if headers.raw(name) is not None},
        received_count=len(headers.every("received")),
        size=len(raw),
        notes=notes[:50],
    )
    return email, root


def file_bytes(raw: bytes, ordinal: int) -> bytes | None:
    """The bytes of an attached file of a raw message, by its number in `ParsedEmail.files`."""
    root, notes = read_parts(raw)
    bodies = _Bodies(notes)
    bodies.take(root)
    if not 0 <= ordinal < len(bodies.parts):
        return None
    return bodies.parts[ordinal].content()[0]


def parts_of(root: Part) -> list[Part]:
    """A part and all below it, those of enclosed messages too, in order."""
    found, ahead = [], [root]
    while ahead:
        part = ahead.pop()
        found.append(part)
        ahead.extend(reversed(part.parts))
    return found


def message_ids(value: str) -> list[str]:
    """The ids of Message-ID, In-Reply-To or References, without their brackets; a bare one counts too."""
    found = _MESSAGE_ID.findall(value)
    if not found and "@" in value:
        found = [word.strip("<>,;\"'") for word in value.split() if "@" in word][:1]
    return [one for one in dict.fromkeys(found) if one]


def read_date(value: str) -> datetime | None:
    """The instant of a Date header; None where it is none or absurd."""
    try:
        found = parsedate_to_datetime(value)
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        found = found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError, AttributeError):
        return None
    return found if 1990 <= found.year <= 2200 else None


def _sender(headers: Headers, notes: list[str]) -> Address | None:
    for name in ("from", "sender", "reply-to", "return-path"):
        found = read_addresses(headers.plain(name))
        if found:
            if name != "from":
                notes.append("there is no usable From")
            return found[0]
    notes.append("there is no sender")
    return None


def _return_path(headers: Headers) -> str | None:
    value = headers.raw("return-path")
    return None if value is None else normal(headers.plain("return-path"))


def _delivered_to(headers: Headers) -> list[str]:
    values = [v for name in ("delivered-to", "x-original-to", "envelope-to") for v in headers.every(name)]
    return list(dict.fromkeys(a.address for v in values for a in read_addresses(v)))[:20]


class _Bodies:
    """Sorts parts into text, HTML and files. The files keep their parts, in the same order."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._texts: list[str] = []
        self._htmls: list[str] = []
        self.files: list[AttachedFile] = []
        self.parts: list[Part] = []

    def text(self) -> str:
        return self._joined(self._texts, "\n\n", MAX_TEXT, "text")

    def html(self) -> str | None:
        return self._joined(self._htmls, "<hr>", MAX_HTML, "HTML") or None

    def _joined(self, parts: list[str], between: str, most: int, name: str) -> str:
        whole = between.join(part for part in parts if part.strip())
        if len(whole) > most:
            self._notes.append(f"the {name} is cut after {most} characters")
        return whole[:most]

    def take(self, root: Part) -> None:
        ahead = [(root, False)]
        while ahead:
            part, is_related = ahead.pop()
            if part.is_multipart and part.parts:
                below = part.content_type == "multipart/related"
                ahead.extend((inner, below or is_related) for inner in reversed(part.parts))
            else:
                self._leaf(part, is_related=is_related)

    def _leaf(self, part: Part, *, is_related: bool) -> None:
        is_text = part.content_type in ("text/plain", "text/html", "text/enriched")
        if (
            is_text
            and part.disposition != "attachment"
            and not (part.file_name and self._texts + self._htmls)
        ):
            self._body(part)
        else:
            self._file(part, is_related=is_related)

    def _body(self, part: Part) -> None:
        content, note = part.content()
        is_html = part.content_type == "text/html"
        declared = part.parameters.get("charset") or (_charset_of_html(content) if is_html else None)
        text, charset_note = decode(content[: 4 * MAX_HTML], declared)
        for one in (note, charset_note):
            if one is not None and one not in self._notes:
                self._notes.append(one)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if is_html:
            self._htmls.append(text)
            return
        if part.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, deletes_space=part.parameters.get("delsp", "").lower() == "yes")
        self._texts.append(text)

    def _file(self, part: Part, *, is_related: bool) -> None:
        content, note = part.content()
        if note is not None and note not in self._notes:
            self._notes.append(note)
        content_id = part.headers.plain("content-id").strip("<> ")[:200] or None
        is_image = part.content_type.startswith("image/")
        self.parts.append(part)
        self.files.append(
            AttachedFile(
                ordinal=len(self.files),
                file_name=_file_name(part, len(self.files) + 1),
                content_type=part.content_type,
                size=len(content),
                content_id=content_id,
                is_inline=is_image
                and content_id is not None
                and (is_related or part.disposition == "inline"),
            )
        )


def _charset_of_html(content: bytes) -> str | None:
    match = _META_CHARSET.search(content[:4_096])
    return None if match is None else match[1].decode("ascii")


def _file_name(part: Part, number: int) -> str:
    given = re.split(r"[\\/]", part.file_name)[-1]
    clean = _UNSAFE.sub("", given).strip(" .")[-200:]
    if clean:
        return clean
    if part.content_type == "message/rfc822" and part.parts:
        subject = _UNSAFE.sub("", part.parts[0].headers.text("subject") or "").strip(" .")[:80]
        return f"{subject or 'message'}.eml"
    return f"attachment-{number}{_EXTENSIONS.get(part.content_type, '')}"
