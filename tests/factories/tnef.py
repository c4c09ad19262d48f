"""Builder: a winmail.dat as Outlook packs it."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Sequence

SIGNATURE = b"\x78\x9f\x3e\x22"
LONG_NAME, MIME_TYPE, CONTENT_ID, DATA = 0x3707, 0x370E, 0x3712, 0x3701
BEGINNING = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What packed RTF may refer to before it has begun."""
BODY, HTML, RTF = 0x1000, 0x1013, 0x1009


def _filled(data: bytes) -> bytes:
    return data + b"\x00" * (-len(data) % 4)


def text_property(number: int, text: str) -> bytes:
    data = text.encode("utf-16-le") + b"\x00\x00"
    return struct.pack("<HHII", 0x1F, number, 1, len(data)) + _filled(data)


def bytes_property(number: int, data: bytes) -> bytes:
    return struct.pack("<HHII", 0x102, number, 1, len(data)) + _filled(data)


def enclosed_property(content: bytes) -> bytes:
    data = b"\x07" * 16 + content
    return struct.pack("<HHII", 0x0D, DATA, 1, len(data)) + _filled(data)


def named_property(name: str, value: int) -> bytes:
    """One that has no number of its own, of which real ones are full."""
    text = name.encode("utf-16-le")
    return (
        struct.pack("<HH", 0x3, 0x8001) + b"\x05" * 16 + struct.pack("<II", 1, len(text)) + _filled(text)
        + struct.pack("<i", value)
    )  # fmt: skip


def attribute(level: int, number: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, number, 6, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(*each: bytes) -> bytes:
    return struct.pack("<I", len(each)) + b"".join(each)


def tnef(
    files: Sequence[tuple[str, bytes]] = (), *, message: Sequence[bytes] = (), more: bytes = b""
) -> bytes:
    """Files by name and content; properties of the message; whatever else comes behind."""
    made = SIGNATURE + struct.pack("<H", 1)
    made += attribute(1, 0x9007, struct.pack("<II", 1252, 0))
    if message:
        made += attribute(1, 0x9003, properties(named_property("x", 7), *message))
    for name, content in files:
        made += attribute(2, 0x9002, b"\x00" * 14)
        made += attribute(2, 0x8010, name.encode("cp1252", "replace")[:12] + b"\x00")
        made += attribute(2, 0x800F, content)
        made += attribute(2, 0x9005, properties(text_property(LONG_NAME, name)))
    return made + more


def compressed(rtf: bytes, *, checksum: int | None = None) -> bytes:
    """RTF as Outlook packs it (MS-OXRTFCP): bytes, and references to those of the last 4,095 that are the same."""
    window, tokens = bytearray(BEGINNING), []
    at = 0
    while at < len(rtf):
        length = next((n for n in range(17, 1, -1) if _found(window, rtf[at : at + n], n) is not None), 1)
        piece = rtf[at : at + length]
        found = _found(window, piece, length)
        tokens.append(piece if found is None else struct.pack(">H", found % 4_096 << 4 | length - 2))
        window += piece
        at += len(piece)
    tokens.append(struct.pack(">H", len(window) % 4_096 << 4))
    packed = b""
    for first in range(0, len(tokens), 8):
        run = tokens[first : first + 8]
        packed += bytes([sum(1 << bit for bit, token in enumerate(run) if len(token) == 2)]) + b"".join(run)
    checksum = binascii.crc32(packed, 0xFFFFFFFF) ^ 0xFFFFFFFF if checksum is None else checksum
    return struct.pack("<II4sI", len(packed) + 12, len(rtf), b"LZFu", checksum) + packed


def _found(window: bytearray, piece: bytes, length: int) -> int | None:
    """Where the last 4,095 bytes have the piece; its own bytes do not count."""
    if length < 2 or len(piece) < length:
        return None
    place = window.rfind(piece, max(0, len(window) - 4_000))
    return None if place < 0 else place


def as_html(html: str) -> bytes:
    """RTF as Outlook makes it of HTML (MS-OXRTFEX): tags in groups of their own, and beside them how RTF says it."""
    fonts = b"{\\fonttbl{\\f0\\fswiss Arial;}{\\f1\\fmodern\\fcharset204 X;}}"
    made = b"{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0" + fonts + b"\r\n"
    for part in re.split(r"(<[^>]*>)", html):
        if part.startswith("<"):
            made += b"{\\*\\htmltag84 " + _escaped(part) + b"}\\htmlrtf \\par hidden \\htmlrtf0 "
        else:
            made += _escaped(part)
    return made + b"}"


def _escaped(text: str) -> bytes:
    made = b""
    for sign in text:
        if sign in "\\{}":
            made += b"\\" + sign.encode()
        elif sign.isascii():
            made += sign.encode()
        else:
            for (half,) in struct.iter_unpack("<h", sign.encode("utf-16-le")):
                made += b"\\u%d?" % int(half)
    return made
