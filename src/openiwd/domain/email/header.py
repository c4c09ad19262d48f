"""Headers of mail: where they end, fields unfolded, encoded words decoded, parameters (RFC 2231). Never fails."""

from __future__ import annotations

import binascii
import re
from typing import Final

from msgspec import Struct

from openiwd.domain.email.charset import clean, decode

MAX_BLOCK: Final = 256 * 1024
MAX_FIELDS: Final = 1_000
MAX_VALUE: Final = 64 * 1024
_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_ENCODED: Final = re.compile(
    r"=\?([^?\s]{1,60})\?(?:([bB])\?([^?\r\n]*)|([qQ])\?((?:[^?=\r\n]|\?(?!=)|=(?!\?[^=]))*))\?="
)
"""A question mark within is against the rule, and found all the same."""
_BLANK: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
_SPACE: Final = re.compile(r"\s+")
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_PARAMETER: Final = re.compile(r""";\s*([^\s=;"]{1,60})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)""", re.DOTALL)


class Headers(Struct):
    """The fields of one block in order; names in lower case, values as bytes, unfolded."""

    fields: list[tuple[str, bytes]]
    notes: list[str]

    def raw(self, name: str) -> bytes | None:
        return next((value for known, value in self.fields if known == name), None)

    def text(self, name: str) -> str | None:
        """The first field of this name, decoded for people; None where there is none."""
        value = self.raw(name)
        return None if value is None else decoded(value)

    def plain(self, name: str) -> str:
        """The first field of this name without decoding of encoded words; empty where there is none."""
        value = self.raw(name)
        return "" if value is None else plain(value)

    def every(self, name: str) -> list[str]:
        return [plain(value) for known, value in self.fields if known == name]


def split(content: bytes) -> tuple[Headers, bytes]:
    """The headers of a message or part, and its body.

    A line that is no field ends the block, as if the empty line before it were missing.
    """
    if content.startswith((b"\r\n", b"\n")):
        return Headers([], []), content[2:] if content.startswith(b"\r") else content[1:]
    notes: list[str] = []
    found = _BLANK.search(content, 0, MAX_BLOCK)
    if found is not None:
        block, body = content[: found.start()], content[found.end() :]
    elif len(content) > MAX_BLOCK:
        block, body = content[:MAX_BLOCK], content[MAX_BLOCK:]
        notes.append("the headers are longer than 256 KB")
    else:
        block, body = content, b""
    fields, rest = _fields(block, notes)
    if rest is not None:
        notes.append("a line among the headers is none")
        end = found.end() if found is not None else len(block)
        body = rest + content[len(block) : end] + body
    return Headers(fields, notes), body


def _fields(block: bytes, notes: list[str]) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """The fields, and the text from the first line on that is none."""
    fields: list[tuple[str, bytes]] = []
    pending: list[bytes] = []
    lines = block.split(b"\n")
    for number, line in enumerate(lines):
        bare = line.rstrip(b"\r")
        if bare[:1] in (b" ", b"\t") and pending:
            pending.append(bare.strip())
            continue
        if number == 0 and bare.startswith((b"From ", b">From ")):  # as mail folders of old separate messages
            continue
        match = _FIELD.fullmatch(bare)
        if match is None:
            if not bare:
                continue
            _close(fields, pending)
            return fields, b"\n".join(lines[number:])
        _close(fields, pending)
        if len(fields) >= MAX_FIELDS:
            notes.append(f"there are more than {MAX_FIELDS} header fields")
            return fields, None
        pending = [match[1].lower(), match[2].strip()]
    _close(fields, pending)
    return fields, None


def _close(fields: list[tuple[str, bytes]], pending: list[bytes]) -> None:
    if pending:
        fields.append((pending[0].decode("ascii"), b" ".join(pending[1:])[:MAX_VALUE]))


def plain(value: bytes) -> str:
    """A value as it stands, one line."""
    return _SPACE.sub(" ", decode(value)[0]).strip()


def decoded(value: bytes | str) -> str:
    """A value for people: encoded words decoded, 8-bit bytes guessed, one line."""
    text = value if isinstance(value, str) else decode(value)[0]
    return _SPACE.sub(" ", clean(_decode_words(text))).strip()


def _decode_words(text: str) -> str:
    """Neighbouring words of one charset are joined as bytes: senders cut characters in two."""
    made: list[str] = []
    held, charset, end = b"", "", 0
    for match in _ENCODED.finditer(text):
        between = text[end : match.start()]
        end = match.end()
        name = match[1].partition("*")[0]
        follows = bool(charset) and not between.strip()
        encoding, content = match[2] or match[4], match[3] or match[5] or ""
        if follows and name.lower() == charset.lower():
            held += _word(encoding, content)
            continue
        made.append(decode(held, charset)[0])
        if not follows:
            made.append(between)
        held, charset = _word(encoding, content), name
    made += [decode(held, charset)[0], text[end:]]
    return "".join(made)


def _word(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw.replace(b"_", b" "), header=False)
    return base64_bytes(raw)


def base64_bytes(content: bytes) -> bytes:
    """Base64 as found: without padding, with padding amid it, with foreign characters."""
    made = []
    for chunk in content.translate(None, _FOREIGN).split(b"="):
        whole = len(chunk) - (len(chunk) % 4 == 1)
        made.append(binascii.a2b_base64(chunk[:whole] + b"=" * (-whole % 4)))
    return b"".join(made)


_FOREIGN: Final = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """The value before the parameters in lower case, and the parameters, continued and encoded ones put together."""
    head, semicolon, rest = value.partition(";")
    found: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(semicolon + rest):
        name, content = match[1].lower(), _unquoted(match[2])
        base, star, number = name.partition("*")
        if not star:
            found.setdefault(base, decoded(content))
            continue
        digits = number.rstrip("*")
        is_encoded = name.endswith("*")
        order = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0
        pieces.setdefault(base, {}).setdefault(order, (content, is_encoded))
    for base, parts in pieces.items():
        found[base] = _continued([parts[order] for order in sorted(parts)])
    return head.strip().lower(), found


def _unquoted(content: str) -> str:
    text = content.strip()
    if text.startswith('"'):
        text = text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:]
        return re.sub(r"\\(.)", r"\1", text)
    return text


def _continued(parts: list[tuple[str, bool]]) -> str:
    charset, made = "", b""
    for number, (content, is_encoded) in enumerate(parts):
        if number == 0 and is_encoded and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        piece = content.encode("utf-8", "replace")
        made += _PERCENT.sub(lambda m: binascii.unhexlify(m[1]), piece) if is_encoded else piece
    text = _SPACE.sub(" ", decode(made, charset or None)[0]).strip()
    return text if any(is_encoded for _, is_encoded in parts) else decoded(text)
