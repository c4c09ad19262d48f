"""What Outlook packs into winmail.dat (TNEF, MS-OXTNEF): the files, and the text. Pure, bounded, and never fails."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct, field

from openiwd.domain.email.charset import decode
from openiwd.domain.email.rtf import read_formatted_text

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
TYPES: Final = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MAX_DEPTH: Final = 5
MAX_FILES: Final = 200
MAX_PROPERTIES: Final = 5_000
_FIXED: Final = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""Bytes of a value by its type, filled up to four."""
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_MANY: Final = 0x1000


class _Part(IntEnum):
    """Attributes: what the stream is made of."""

    CODE_PAGE = 0x9007
    BODY = 0x800C
    MESSAGE = 0x9003
    FILE_BEGINS = 0x9002
    FILE_TITLE = 0x8010
    FILE_DATA = 0x800F
    FILE = 0x9005


class _Told(IntEnum):
    """Properties of a message and of a file."""

    BODY = 0x1000
    RTF = 0x1009
    HTML = 0x1013
    SHOWN_NAME = 0x3001
    DATA = 0x3701
    SHORT_NAME = 0x3704
    LONG_NAME = 0x3707
    MIME_TYPE = 0x370E
    CONTENT_ID = 0x3712
    CODE_PAGE = 0x3FDE


class TnefFile(Struct):
    name: str
    content: bytes
    content_type: str = ""
    content_id: str = ""


class Tnef(Struct):
    """What was found. `is_whole`: nothing is missing at its end; `rtf`: the formatted text, as it is packed."""

    text: str = ""
    html: str = ""
    files: list[TnefFile] = field(default_factory=list)
    is_whole: bool = True
    rtf: bytes = b""
    is_rtf_read: bool = True
    """Where there is no other text: that all of it could be read."""


class _Attribute(NamedTuple):
    number: int
    data: bytes


class _Property(NamedTuple):
    number: int
    kind: int
    data: bytes


class _CutOffError(Exception):
    """The bytes end before what they announce."""


def read_tnef(content: bytes) -> Tnef | None:
    """The files and texts of a winmail.dat; None when the bytes are none."""
    return _read(content, 1) if content.startswith(SIGNATURE) else None


def read_formatted(found: Tnef) -> None:
    """Reads the formatted text, where there is no other."""
    if not found.rtf or found.text.strip() or found.html.strip():
        return
    told = read_formatted_text(found.rtf)
    found.text, found.html, found.is_rtf_read = told.text, told.html, told.is_whole


def _read(content: bytes, depth: int) -> Tnef:
    found = Tnef()
    code_page = "cp1252"
    file: TnefFile | None = None
    try:
        for attribute in _attributes(content):
            data = attribute.data
            match attribute.number:
                case _Part.CODE_PAGE if len(data) >= 4:
                    code_page = f"cp{struct.unpack_from('<I', data)[0]}"
                case _Part.BODY:
                    found.text = found.text or _text(data, code_page)
                case _Part.MESSAGE:
                    _take_message(found, data, code_page)
                case _Part.FILE_BEGINS:
                    file = _begin(found)
                case _Part.FILE_TITLE if file is not None:
                    file.name = file.name or _text(data, code_page)
                case _Part.FILE_DATA if file is not None:
                    file.content = data
                case _Part.FILE if file is not None:
                    _take_file(found, file, data, code_page, depth)
    except _CutOffError:
        found.is_whole = False
    found.files = [one for one in found.files if one.content or one.name]
    return found


def _begin(found: Tnef) -> TnefFile | None:
    if len(found.files) >= MAX_FILES:
        found.is_whole = False
        return None
    found.files.append(TnefFile("", b""))
    return found.files[-1]


def _attributes(content: bytes) -> Iterator[_Attribute]:
    at = 6
    while at < len(content):
        if at + 9 > len(content):
            if content[at:].strip(b"\x00\r\n"):
                raise _CutOffError
            return
        level, number, _kind, size = struct.unpack_from("<BHHI", content, at)
        if level not in (1, 2) or at + 9 + size > len(content):
            raise _CutOffError
        yield _Attribute(number, content[at + 9 : at + 9 + size])
        at += 9 + size + 2


def _take_message(found: Tnef, data: bytes, code_page: str) -> None:
    for one in _properties(data):
        match one.number:
            case _Told.CODE_PAGE if len(one.data) >= 4:
                code_page = f"cp{struct.unpack_from('<I', one.data)[0]}"
            case _Told.BODY:
                found.text = _string(one, code_page) or found.text
            case _Told.HTML:
                found.html = _string(one, code_page)
            case _Told.RTF:
                found.rtf = one.data


def _take_file(found: Tnef, file: TnefFile, data: bytes, code_page: str, depth: int) -> None:
    for one in _properties(data):
        match one.number:
            case _Told.LONG_NAME:
                file.name = _string(one, code_page) or file.name
            case _Told.SHORT_NAME | _Told.SHOWN_NAME:
                file.name = file.name or _string(one, code_page)
            case _Told.MIME_TYPE:
                file.content_type = _string(one, code_page).strip().lower()
            case _Told.CONTENT_ID:
                file.content_id = _string(one, code_page).strip("<> ")
            case _Told.DATA if one.kind == _OBJECT and one.data[16:20] == SIGNATURE:
                _take_enclosed(found, file, one.data[16:], depth)
            case _Told.DATA if one.kind == _BINARY or (one.kind == _OBJECT and not file.content):
                file.content = one.data if one.kind == _BINARY else one.data[16:]


def _take_enclosed(found: Tnef, file: TnefFile, content: bytes, depth: int) -> None:
    """A message in the message: its text as a file, and its files beside the others."""
    if depth >= MAX_DEPTH:
        found.is_whole = False
        file.content, file.name = content, file.name or "winmail.dat"
        return
    inner = _read(content, depth + 1)
    read_formatted(inner)
    found.is_whole = found.is_whole and inner.is_whole and inner.is_rtf_read
    body, ending = (inner.html, ".html") if inner.html else (inner.text, ".txt")
    if body:
        file.content, file.content_type = body.encode(), "text/html" if inner.html else "text/plain"
        file.name = f"{file.name or 'message'}{ending}"
    else:
        file.name, file.content = "", b""
    found.files += inner.files[: MAX_FILES - len(found.files)]


def _properties(data: bytes) -> Iterator[_Property]:
    at = 4
    for _ in range(min(_number(data, 0), MAX_PROPERTIES)):
        kind, number = _number(data, at) & 0xFFFF, _number(data, at) >> 16
        at += 4
        if number >= 0x8000:
            at += 16
            named = _number(data, at)
            at += 8 if named == 0 else 8 + _filled(_number(data, at + 4))
        values = 1
        base = kind & ~_MANY
        if kind & _MANY or base in (_STRING8, _UNICODE, _BINARY, _OBJECT):
            values = _number(data, at)
            at += 4
        if values > len(data):
            raise _CutOffError
        for _ in range(values):
            if base in _FIXED:
                size = whole = _FIXED[base]
            elif base in (_STRING8, _UNICODE, _BINARY, _OBJECT):
                size = _number(data, at)
                whole, at = _filled(size), at + 4
            else:
                raise _CutOffError
            if at + size > len(data):
                raise _CutOffError
            yield _Property(number, base, data[at : at + size])
            at += whole


def _number(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        raise _CutOffError
    return int(struct.unpack_from("<I", data, at)[0])


def _filled(size: int) -> int:
    return (size + 3) & ~3


def _string(one: _Property, code_page: str) -> str:
    if one.kind == _UNICODE:
        return decode(one.data, "utf-16-le")[0].rstrip("\x00")
    return _text(one.data, code_page)


def _text(data: bytes, code_page: str) -> str:
    name = {"cp65001": "utf-8", "cp20127": "ascii", "cp28591": "latin-1", "cp50220": "iso-2022-jp"}
    return decode(data.rstrip(b"\x00"), name.get(code_page, code_page))[0]
