"""Bytes of mail to text: declared charsets are believed only as far as the bytes bear them out. Never fails."""

from __future__ import annotations

import codecs
import re
from typing import Final

_ALIASES: Final = {
    "ansi_x3.110-1983": "latin-1",
    "cp-850": "cp850",
    "default": "utf-8",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "unicode": "utf-16",
    "utf8mb4": "utf-8",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
}
_LATIN: Final = frozenset({"iso8859-1", "ascii", "cp1252"})
_NOT_OF_MAIL: Final = frozenset({"punycode", "idna", "undefined", "mbcs", "oem", "palmos"})
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
REPLACED: Final = "\ufffd"


def codec_of(declared: str | None) -> str | None:
    """The codec for a charset as mail names it; None when nobody knows it, or it is none for text."""
    if not declared:
        return None
    name = declared.strip().strip("\"'").lower()[:60]
    name = _ALIASES.get(name, name)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.:+-]*", name):
        return None
    try:
        found = codecs.lookup(name).name
        b"text".decode(found, "replace")
    except (LookupError, ValueError, UnicodeError):
        return None
    if found in _NOT_OF_MAIL or "escape" in found:
        return None
    return found


def decode(content: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """The text, and what had to be mended (None when the bytes were as declared).

    Latin charsets are read as browsers do (Windows-1252), and as UTF-8 where the bytes are valid UTF-8.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return clean(content.decode(name, "replace")), None
    codec = codec_of(declared)
    if codec is not None and codec.startswith(("utf-16", "utf-32")) and b"\x00" not in content:
        codec = None
    if codec is None or codec in _LATIN:
        return _as_western(content, declared, codec)
    try:
        return clean(content.decode(codec)), None
    except (UnicodeError, ValueError):
        return _mended(content, codec)


def _as_western(content: bytes, declared: str | None, codec: str | None) -> tuple[str, str | None]:
    note = None if codec is not None or not declared else f"charset '{declared[:40]}' is unknown"
    if content.isascii():
        return clean(content.decode("ascii")), note
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
        return clean(text), note or (None if codec in ("iso8859-1", "cp1252") else "read as Windows-1252")
    return clean(text), note or "read as UTF-8"


def _mended(content: bytes, codec: str) -> tuple[str, str]:
    """What breaks its own charset: another one where that fits better, else with replacement characters."""
    if codec != "utf-8":
        try:
            return clean(content.decode("utf-8")), f"declared as {codec}, read as UTF-8"
        except UnicodeDecodeError:
            return clean(content.decode(codec, "replace")), f"not all of it is {codec}"
    text = content.decode("utf-8", "replace")
    high = len(content) - len(content.translate(None, bytes(range(128, 256))))
    if text.count(REPLACED) * 2 > high:
        return clean(content.decode("cp1252", "replace")), "declared as utf-8, read as Windows-1252"
    return clean(text), "not all of it is utf-8"


def clean(text: str) -> str:
    """Text without what no database and no screen takes: NUL, control characters, lone surrogates."""
    return _CONTROLS.sub("", text)
