"""Builder: a winmail.dat as Outlook packs it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SIGNATURE = b"\x78\x9f\x3e\x22"
LONG_NAME, MIME_TYPE, CONTENT_ID, DATA = 0x3707, 0x370E, 0x3712, 0x3701
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
