"""Reads a raw message: from its parts to one `ParsedEmail`. Whatever comes in, an email comes out."""

from __future__ import annotations

import re
from itertools import count
from typing import Final, NamedTuple

from msgspec.structs import replace

from openiwd.domain.email.address import Address, normal, read_addresses
from openiwd.domain.email.charset import decode
from openiwd.domain.email.header import Headers
from openiwd.domain.email.message import AttachedFile, ParsedEmail, TextMark
from openiwd.domain.email.mime import Part, read_parts
from openiwd.domain.email.sent_date import read_date
from openiwd.domain.email.text_form import read_html, unflowed
from openiwd.domain.email.tnef import TYPES as TNEF_TYPES
from openiwd.domain.email.tnef import Tnef, read_formatted, read_tnef

MAX_TEXT: Final = 512 * 1024
MAX_HTML: Final = 2 * 1024 * 1024
MAX_SUBJECT: Final = 512
MAX_REFERENCES: Final = 100
MAX_ID: Final = 998
"""Bytes of a Message-ID, as of a line of a header: what is longer names no message, and no index could hold it."""
MAX_COMPARED: Final = 400
"""Words of an HTML text that are looked for in the plain one."""
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
_PLAIN_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_BROKEN_ID: Final = re.compile(r"<([^<>]{1,996})>")
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

_TYPES: Final = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "txt": "text/plain",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
"""Of files in a winmail.dat, which mostly have a name only."""


def read_email(raw: bytes) -> ParsedEmail:
    """The email in a raw message. Never raises."""
    return read_message(raw)[0]


def read_message(raw: bytes) -> tuple[ParsedEmail, Part]:
    """The email in a raw message, and its parts. Never raises."""
    root, notes = read_parts(raw)
    bodies = _Bodies(notes)
    bodies.take(root)
    (text, marks), html = bodies.text(), bodies.html()
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
        marks=marks,
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
    if not found and "<" in value:  # broken by a line end
        found = ["".join(one.split()) for one in _BROKEN_ID.findall(value)]
    if not found and "@" in value:
        found = [word.strip("<>,;\"'") for word in value.split() if "@" in word][:1]
    return [one for one in dict.fromkeys(found) if 0 < len(one.encode("utf-8", "replace")) <= MAX_ID]


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


class _Body(NamedTuple):
    """A text of a message; `choice` numbers the multipart/alternative that it is one of."""

    content: str
    is_html: bool
    choice: int | None


class _Bodies:
    """Sorts parts into text, HTML and files. The files keep their parts, in the same order."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._bodies: list[_Body] = []
        self.files: list[AttachedFile] = []
        self.parts: list[Part] = []
        self._packed: list[int] = []
        """Ordinals of files that hold others."""

    def text(self) -> tuple[str, tuple[TextMark, ...]]:
        """The plain texts, and those of HTML that nothing plain stands for."""
        whole, marks = "", []
        for body in self._bodies:
            content, named = (body.content, ()) if not body.is_html else self._in_plain(body)
            if not content.strip():
                continue
            whole += "\n\n" if whole else ""
            marks += [
                replace(mark, start=mark.start + len(whole), end=mark.end + len(whole)) for mark in named
            ]
            whole += content
        return self._cut(whole, MAX_TEXT, "text"), tuple(marks)

    def html(self) -> str | None:
        parts = [body.content for body in self._bodies if body.is_html and body.content.strip()]
        return self._cut("<hr>".join(parts), MAX_HTML, "HTML") or None

    def _cut(self, whole: str, most: int, name: str) -> str:
        if len(whole) > most:
            self._notes.append(f"the {name} is cut after {most} characters")
        return whole[:most]

    def _in_plain(self, body: _Body) -> tuple[str, tuple[TextMark, ...]]:
        """The text of HTML; none where a plain text says the same, by its place or by its words."""
        plain = [b for b in self._bodies if not b.is_html and b.content.strip()]
        if body.choice is not None and any(b.choice == body.choice for b in plain):
            return "", ()
        text, marks = read_html(body.content[:MAX_HTML])
        words = set(text.split()[:MAX_COMPARED])
        known = {word for b in plain for word in b.content[:MAX_TEXT].split()}
        return ("", ()) if plain and len(words & known) * 2 >= len(words) else (text, marks)

    def take(self, root: Part) -> None:
        choices = count(1)
        ahead: list[tuple[Part, bool, int | None]] = [(root, False, None)]
        while ahead:
            part, is_related, choice = ahead.pop()
            if part.is_multipart and part.parts:
                below = part.content_type == "multipart/related"
                if part.content_type == "multipart/alternative":
                    choice = next(choices)
                ahead.extend((inner, below or is_related, choice) for inner in reversed(part.parts))
            else:
                self._leaf(part, choice, is_related=is_related)
        for ordinal in self._packed:
            self._unpack(ordinal)

    def _unpack(self, ordinal: int) -> None:
        """What Outlook has packed comes behind all other files, so that their numbers never change."""
        found = read_tnef(self.parts[ordinal].content()[0])
        if found is None or not found.is_whole:
            self._notes.append(
                "winmail.dat could not be read"
                if found is None
                else "winmail.dat could not be read to its end"
            )
        if found is None:
            return
        is_wordless = not any(body.content.strip() for body in self._bodies)
        if is_wordless:
            read_formatted(found)
            self._bodies += [
                _Body(t, h, 0) for t, h in ((found.text, False), (found.html, True)) if t.strip()
            ]
        is_told = bool(found.files or found.text.strip() or found.html.strip())
        is_unread = is_wordless and not found.is_rtf_read
        if is_unread:
            self._notes.append(
                "the formatted text in winmail.dat could not be read to its end; it stays attached"
            )
        if found.is_whole and is_told and not is_unread:
            self.files = [file for file in self.files if file.ordinal != ordinal]
        for part in packed_parts(found):
            self._file(part, is_related=bool(part.headers.fields))

    def _leaf(self, part: Part, choice: int | None, *, is_related: bool) -> None:
        is_text = part.content_type in ("text/plain", "text/html", "text/enriched")
        if is_text and part.disposition != "attachment" and not (part.file_name and self._bodies):
            self._body(part, choice)
        else:
            self._file(part, is_related=is_related)

    def _body(self, part: Part, choice: int | None) -> None:
        content, note = part.content()
        is_html = part.content_type == "text/html"
        declared = part.parameters.get("charset") or (_charset_of_html(content) if is_html else None)
        text, charset_note = decode(content[: 4 * MAX_HTML], declared)
        for one in (note, charset_note):
            if one is not None and one not in self._notes:
                self._notes.append(one)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not is_html and part.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, deletes_space=part.parameters.get("delsp", "").lower() == "yes")
        self._bodies.append(_Body(text, is_html, choice))

    def _file(self, part: Part, *, is_related: bool) -> None:
        content, note = part.content()
        if note is not None and note not in self._notes:
            self._notes.append(note)
        content_id = part.headers.plain("content-id").strip("<> ")[:200] or None
        is_image = part.content_type.startswith("image/")
        ordinal = len(self.parts)
        self.parts.append(part)
        name = _file_name(part, ordinal + 1)
        if part.content_type in TNEF_TYPES or name.lower() == "winmail.dat":
            self._packed.append(ordinal)
        self.files.append(
            AttachedFile(
                ordinal=ordinal,
                file_name=name,
                content_type=part.content_type,
                size=len(content),
                content_id=content_id,
                is_inline=is_image
                and content_id is not None
                and (is_related or part.disposition == "inline"),
            )
        )


def packed_parts(found: Tnef) -> list[Part]:
    """The files of a winmail.dat as if they were parts of the message."""
    made = []
    for file in found.files:
        ending = file.name.rpartition(".")[2].lower()
        kind = (
            file.content_type
            if _PLAIN_TYPE.fullmatch(file.content_type)
            else _TYPES.get(ending, "application/octet-stream")
        )
        named = [("content-id", f"<{file.content_id}>".encode())] if file.content_id else []
        made.append(Part(Headers(named, []), file.content, kind, {}, "attachment", {"filename": file.name}))
    return made


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
