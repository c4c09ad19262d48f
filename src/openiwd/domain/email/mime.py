"""The structure of a message: a tree of parts, each with headers and its exact bytes. Bounded, and never fails.

Own, because the standard parser goes line by line through every level: deep nesting exhausts its stack.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

from msgspec import Struct, field

from openiwd.domain.email.header import Headers, base64_bytes, parameters, split

MAX_PARTS: Final = 500
MAX_DEPTH: Final = 20
MAX_MARKS: Final = 20_000
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")


class Part(Struct):
    """One part. `body` is as sent; the parts of a multipart, or the message in a message/rfc822, are below."""

    headers: Headers
    body: bytes
    content_type: str
    parameters: dict[str, str]
    disposition: str
    disposition_parameters: dict[str, str]
    parts: list[Part] = field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")

    @property
    def file_name(self) -> str:
        return self.disposition_parameters.get("filename") or self.parameters.get("name") or ""

    def content(self) -> tuple[bytes, str | None]:
        """The bytes without their transfer encoding, and what had to be mended."""
        return transfer_decoded(self.body, self.headers.plain("content-transfer-encoding"))


class _Budget:
    """What is left of the limits; shared by all parts of a message."""

    def __init__(self) -> None:
        self.parts = MAX_PARTS
        self.marks = MAX_MARKS
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < 50:
            self.notes.append(text)


def read_parts(raw: bytes) -> tuple[Part, list[str]]:
    """The tree of a message, and what was odd about it."""
    budget = _Budget()
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
        budget.note("lines ended with a bare carriage return")
    return _part(raw.lstrip(b"\r\n"), budget, 1, "text/plain"), budget.notes


def _part(content: bytes, budget: _Budget, depth: int, default_type: str) -> Part:
    headers, body = split(content)
    for one in headers.notes:
        budget.note(one)
    kind, given = parameters(headers.plain("content-type"))
    if _TYPE.fullmatch(kind) is None:
        kind = default_type if not kind or "/" in kind or kind == "text" else "application/octet-stream"
    disposition, more = parameters(headers.plain("content-disposition"))
    part = Part(headers, body, kind, given, disposition, more)
    budget.parts -= 1
    if part.is_multipart or kind in ("message/rfc822", "message/global"):
        if depth >= MAX_DEPTH:
            budget.note(f"parts are nested deeper than {MAX_DEPTH} levels")
            part.content_type = "application/octet-stream"
        elif part.is_multipart:
            _read_multipart(part, budget, depth)
        else:
            enclosed, note = part.content()
            if note is not None:
                budget.note(note)
            part.parts = [_part(enclosed, budget, depth + 1, "text/plain")]
    return part


def _read_multipart(part: Part, budget: _Budget, depth: int) -> None:
    boundary = part.parameters.get("boundary", "").encode("utf-8", "replace") or _guessed(part.body)
    pieces = _pieces(part.body, boundary, budget) if boundary else []
    if not pieces:
        budget.note("a multipart without its boundary is read as text")
        part.content_type = "text/plain"
        return
    inner = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
    for piece in pieces:
        if budget.parts <= 0:
            budget.note(f"there are more than {MAX_PARTS} parts")
            return
        part.parts.append(_part(piece, budget, depth + 1, inner))


def _guessed(body: bytes) -> bytes:
    """The boundary that a body seems to have when its header does not say."""
    match = re.search(rb"(?:^|\n)--([^\s][^\r\n]{0,70})\r?\n", body[:20_000])
    return b"" if match is None else match[1].rstrip()


def _pieces(body: bytes, boundary: bytes, budget: _Budget) -> list[bytes]:
    """The texts between the boundary's lines. Without an end mark the last one goes to the end."""
    mark = b"--" + boundary
    pieces: list[bytes] = []
    start: int | None = None
    at = 0 if body.startswith(mark) else _next(body, mark, 0)
    while at >= 0:
        budget.marks -= 1
        if budget.marks < 0:
            budget.note("there are too many boundary lines")
            break
        after = at + len(mark)
        line_end = body.find(b"\n", after)
        line_end = len(body) if line_end < 0 else line_end
        tail = body[after : min(line_end, after + 200)].strip()
        if tail not in (b"", b"--"):
            at = _next(body, mark, after)
            continue
        if start is not None:
            pieces.append(_without_line_end(body, start, at))
        start = None if tail == b"--" else min(line_end + 1, len(body))
        if start is None:
            return pieces
        if len(pieces) > MAX_PARTS:
            break
        at = _next(body, mark, line_end)
    if start is not None:
        budget.note("the last part has no end")
        pieces.append(body[start:])
    return pieces


def _next(body: bytes, mark: bytes, start: int) -> int:
    found = body.find(b"\n" + mark, start)
    return found + 1 if found >= 0 else -1


def _without_line_end(body: bytes, start: int, end: int) -> bytes:
    """The line end before a boundary belongs to the boundary."""
    piece = body[start:end]
    return piece[:-2] if piece.endswith(b"\r\n") else piece[:-1]


def transfer_decoded(body: bytes, encoding: str) -> tuple[bytes, str | None]:
    """The bytes without their transfer encoding; left as they are where they evidently are not encoded."""
    name = encoding.strip().strip('"').lower()
    match name:
        case "base64":
            return _from_base64(body)
        case "quoted-printable":
            return binascii.a2b_qp(body), None
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _from_uu(body)
        case "" | "7bit" | "8bit" | "binary":
            return body, None
        case _:
            return body, f"transfer encoding '{name[:40]}' is unknown"


_WHITE: Final = b" \t\r\n"


def _from_base64(body: bytes) -> tuple[bytes, str | None]:
    packed = body.translate(None, _WHITE)
    foreign = len(re.findall(rb"[^A-Za-z0-9+/=]", packed[:10_000]))
    if foreign * 20 > min(len(packed), 10_000):
        return body, "declared as base64, which it is not"
    return base64_bytes(body), "broken base64" if foreign else None


def _from_uu(body: bytes) -> tuple[bytes, str | None]:
    made, inside = [], False
    for line in body.splitlines():
        if not inside:
            inside = line.startswith(b"begin ")
            continue
        if line.strip() in (b"end", b"`", b""):
            continue
        try:
            made.append(binascii.a2b_uu(line))
        except binascii.Error:
            count = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                made.append(binascii.a2b_uu(line[:count]))
            except binascii.Error:
                return body, "broken uuencoding"
    return (b"".join(made), None) if inside else (body, "declared as uuencoded, which it is not")
