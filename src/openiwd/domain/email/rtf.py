"""Outlook's formatted text: compressed RTF (MS-OXRTFCP) unpacked, and RTF to the HTML that it was made from
(MS-OXRTFEX) or to plain text. Pure, bounded in time and memory, and never fails.

Own, because libraries for it have no types, raise on broken bytes, take time by the square of the length, or may not be
shipped with this.
"""

from __future__ import annotations

import binascii
import re
import struct
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.email.charset import clean, codec_of

MAX_RTF: Final = 2 * 1024 * 1024
MAX_GROUPS: Final = 500
MAX_FONTS: Final = 1_000
_COMPRESSED, _PLAIN = b"LZFu", b"MELA"
_WINDOW: Final = 4_096
_BEGINNING: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n"
    b"\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What is in the window before the first byte."""
_TOKEN: Final = re.compile(
    rb"\\'([0-9A-Fa-f]{2})|\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
_FROM_HTML: Final = re.compile(rb"\\fromhtml1?(?![0-9A-Za-z])")
_LINK: Final = re.compile(r"""HYPERLINK\s+"([^"]{1,2000})\"""")
_SIGNS: Final = {
    "par": "\n",
    "line": "\n",
    "sect": "\n\n",
    "page": "\n\n",
    "row": "\n",
    "tab": "\t",
    "cell": "\t",
    "emdash": "\u2014",
    "endash": "\u2013",
    "bullet": "\u2022",
    "emspace": "\u2003",
    "enspace": "\u2002",
    "lquote": "\u2018",
    "rquote": "\u2019",
    "ldblquote": "\u201c",
    "rdblquote": "\u201d",
}
_SYMBOLS: Final = {b"{": "{", b"}": "}", b"\\": "\\", b"~": "\xa0", b"_": "\u2011", b"\n": "\n", b"\r": "\n"}
_NO_TEXT: Final = frozenset(
    {
        *("colortbl", "stylesheet", "info", "pict", "object", "header", "headerl", "headerr", "headerf"),
        *("footer", "footerl", "footerr", "footerf", "filetbl", "listtable", "listoverridetable", "revtbl"),
        *("rsidtbl", "generator", "themedata", "colorschememapping", "datastore", "latentstyles"),
        *("xmlnstbl", "bkmkstart", "bkmkend", "nonshppict", "objdata", "private"),
    }
)
"""Groups that hold none of the text."""
_CHARSETS: Final = {
    0: "cp1252",
    77: "mac-roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
"""Of fonts, by their number."""


class FormattedText(NamedTuple):
    """One of both is empty. `is_whole`: nothing was broken or cut."""

    text: str
    html: str
    is_whole: bool


class _Group(Struct):
    """What holds within braces."""

    codec: str
    unicode_skip: int = 1
    is_silent: bool = False
    is_hidden: bool = False
    """Of RTF that only stands for what HTML says beside it."""
    is_optional: bool = False
    """A group that who does not know its first word passes over."""
    is_fonts: bool = False
    is_instruction: bool = False
    field_at: int | None = None


def read_formatted_text(compressed: bytes) -> FormattedText:
    """The text of the bytes that Outlook stores; empty and not whole where they are none."""
    rtf, is_whole = uncompressed(compressed)
    if not rtf.lstrip().startswith(b"{\\rtf"):
        return FormattedText("", "", is_whole=False)
    told = rtf_text(rtf)
    return told._replace(is_whole=told.is_whole and is_whole)


def uncompressed(content: bytes) -> tuple[bytes, bool]:
    """The RTF, and whether all of it is there as it was."""
    if len(content) < 16:
        return b"", False
    size, raw_size, kind, checksum = struct.unpack_from("<II4sI", content)
    data = content[16 : 4 + size]
    if kind == _PLAIN:
        return data[: min(raw_size, MAX_RTF)], len(data) >= raw_size <= MAX_RTF
    if kind != _COMPRESSED:
        return b"", False
    made = bytearray(_BEGINNING)
    is_ended = _unpack(data, made)
    rtf = bytes(made[len(_BEGINNING) :])
    # The checksum begins with zero and is not turned round at the end.
    is_right = binascii.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF == checksum
    return rtf, is_right and (is_ended or len(rtf) == raw_size)


def _unpack(data: bytes, made: bytearray) -> bool:
    """Bytes as they are, and references to bytes before; whether the end mark was found."""
    at, most = 0, MAX_RTF + len(made)
    while at < len(data) and len(made) < most:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                made += data[at : at + 1]
                at += 1
                continue
            if at + 2 > len(data):
                return False
            token = data[at] << 8 | data[at + 1]
            at += 2
            distance = (len(made) - (token >> 4)) % _WINDOW
            if distance == 0:
                return True
            _repeat(made, distance, (token & 15) + 2)
    return False


def _repeat(made: bytearray, distance: int, length: int) -> None:
    start = len(made) - distance
    if start >= 0 and distance >= length:
        made += made[start : start + length]
        return
    for number in range(start, start + length):
        made.append(made[number] if number >= 0 else 0x20)


def rtf_text(rtf: bytes) -> FormattedText:
    """The HTML that RTF was made from, else its text."""
    is_html = _FROM_HTML.search(rtf, 0, 500) is not None
    reader = _Reader(is_html=is_html)
    reader.read(rtf[:MAX_RTF])
    told = reader.text()
    is_whole = reader.is_ended and len(rtf) <= MAX_RTF
    return FormattedText("", told, is_whole) if is_html else FormattedText(told, "", is_whole)


class _Reader:
    def __init__(self, *, is_html: bool) -> None:
        self.is_ended = False
        self._is_html = is_html
        self._codec = "cp1252"
        self._group = _Group(self._codec)
        self._outer: list[_Group] = []
        self._too_deep = 0
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._left = 0
        """Signs to pass over: they stand for a Unicode one to those who do not know it."""
        self._made: list[str] = []
        self._bytes = bytearray()
        self._bytes_codec = self._codec
        self._instruction = ""

    def read(self, rtf: bytes) -> None:
        at = 0
        while at < len(rtf) and not self.is_ended:
            match = _TOKEN.match(rtf, at)
            if match is None:
                at += 1
                continue
            at = match.end()
            sign, word, number, symbol, brace, text = match.groups()
            if text is not None:
                self._text(text)
            elif word is not None:
                value = None if number is None else int(number)
                if word == b"bin":
                    at += max(0, value or 0)
                else:
                    self._word(word.decode("ascii"), value)
            elif sign is not None:
                self._text(bytes.fromhex(sign.decode("ascii")))
            elif symbol is not None:
                self._symbol(symbol)
            elif brace is not None:
                self._brace(opens=brace == b"{")

    def text(self) -> str:
        self._flush()
        whole = "".join(self._made)
        # Signs beyond the first 65,536 are written as two halves.
        whole = whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return clean(whole)

    def _brace(self, *, opens: bool) -> None:
        self._left = 0
        if opens:
            if len(self._outer) >= MAX_GROUPS:
                self._too_deep += 1
                return
            self._outer.append(self._group)
            self._group = replace(self._group, is_optional=False, field_at=None)
            return
        if self._too_deep:
            self._too_deep -= 1
            return
        closed = self._group
        if self._outer:
            self._group = self._outer.pop()
        if closed.field_at is not None:
            self._link(closed.field_at)
        self.is_ended = not self._outer

    def _link(self, since: int) -> None:
        """Of a link the address too, where it is not what is shown."""
        match = _LINK.search(self._instruction)
        self._instruction = ""
        self._flush()
        if match is not None and not self._is_html and match[1] not in "".join(self._made[since:]):
            self._made.append(f" <{match[1]}>")

    def _symbol(self, symbol: bytes) -> None:
        self._left = 0
        if symbol == b"*":
            self._group.is_optional = True
        elif symbol in _SYMBOLS:
            self._put("&nbsp;" if self._is_html and symbol == b"~" else _SYMBOLS[symbol])

    def _word(self, word: str, value: int | None) -> None:
        group = self._group
        self._left = 0
        if group.is_optional:
            group.is_optional = False
            group.is_instruction = word == "fldinst"
            group.is_silent = group.is_silent or not (word == "htmltag" and self._is_html)
        if word == "u" and value is not None:
            self._put(chr(value & 0xFFFF))
            self._left = group.unicode_skip
        elif word in _SIGNS:
            self._put(_SIGNS[word])
        elif word in _NO_TEXT:
            group.is_silent = True
        elif word == "fldinst":
            group.is_silent = group.is_instruction = True
        elif word == "field":
            self._flush()
            group.field_at = len(self._made)
        else:
            self._state(word, value)

    def _state(self, word: str, value: int | None) -> None:
        group = self._group
        match word:
            case "htmlrtf" if self._is_html:
                group.is_hidden = value != 0
            case "uc" if value is not None:
                group.unicode_skip = min(max(value, 0), 10)
            case "ansicpg" if value is not None:
                name = {65001: "utf-8", 10000: "mac-roman"}.get(value, f"cp{value}")
                self._codec = group.codec = codec_of(name) or self._codec
            case "mac":
                self._codec = group.codec = "mac-roman"
            case "pc" | "pca":
                self._codec = group.codec = "cp437" if word == "pc" else "cp850"
            case "fonttbl":
                group.is_fonts = group.is_silent = True
            case "f" if value is not None and group.is_fonts:
                self._font = value
            case "f" if value is not None:
                group.codec = self._fonts.get(value, self._codec)
            case "fcharset" if value is not None and group.is_fonts and len(self._fonts) < MAX_FONTS:
                self._fonts[self._font] = _CHARSETS.get(value, self._codec)
            case "plain":
                group.codec = self._codec

    def _text(self, content: bytes) -> None:
        if self._left:
            passed = min(self._left, len(content))
            self._left -= passed
            content = content[passed:]
        if self._group.is_instruction:
            self._instruction = (self._instruction + content.decode("latin-1"))[:3_000]
        if self._group.is_silent or self._group.is_hidden or not content:
            return
        if self._bytes_codec != self._group.codec:
            self._flush()
            self._bytes_codec = self._group.codec
        self._bytes += content

    def _put(self, sign: str) -> None:
        if not self._group.is_silent and not self._group.is_hidden:
            self._flush()
            self._made.append(sign)

    def _flush(self) -> None:
        """A sign of several bytes may come in several pieces: bytes are read when something else follows."""
        if self._bytes:
            self._made.append(self._bytes.decode(self._bytes_codec, "replace"))
            self._bytes.clear()
