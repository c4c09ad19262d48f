"""Addresses in mail headers, read leniently: what is between angle brackets counts, whatever the name claims."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from openiwd.domain.email.header import decoded

MAX_ADDRESSES: Final = 1_000
MAX_LENGTH: Final = 320
_ADDRESS: Final = re.compile(r"""(?<![^\s<>@,;:"\\()\[\]])[^\s<>@,;:"\\()\[\]]+@[^\s<>@,;:"\\()]+""")
"""Begins where a word does: looked for at each letter, a word of any length would cost the square of it."""
_QUOTED_LOCAL: Final = re.compile(r'"[^"\\\x00-\x1f]{1,64}"@[^\s<>@,;:"\\()\[\]]+')
_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<[^<>]*>?|[,;:]|[^",;:()<>]+|[)>]', re.DOTALL
)


class Address(Struct, frozen=True):
    """A person's name as given (may be empty) and the address in lower case."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


def normal(address: str) -> str:
    """The form in which addresses are compared: nobody tells mailboxes apart by case."""
    return address.strip().strip("<>").strip().lower()


def is_address(text: str) -> bool:
    return (
        len(text) <= MAX_LENGTH
        and (_ADDRESS.fullmatch(text) or _QUOTED_LOCAL.fullmatch(text)) is not None
        and ".." not in text.partition("@")[2]
    )


def wire_form(address: str) -> str:
    """As servers of any kind understand it: a domain in letters of a language by its ASCII name (IDNA).

    What stands before the `@` has no such name: one that is not ASCII needs a server that takes it (SMTPUTF8).
    """
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def without_tag(address: str) -> str:
    """The address without what stands behind `+`."""
    local, at, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def tag_of(address: str) -> str | None:
    """What stands behind `+` before the `@`, if anything does."""
    tag = address.rpartition("@")[0].partition("+")[2]
    return tag or None


def read_addresses(value: str | None) -> list[Address]:
    """All addresses of a header value, in order, each once. Decoding comes after the split: a name makes none up."""
    found = _read_all(value or "")
    if not found and "=?" in (value or ""):  # some senders encode the address along with the name
        found = _read_all(decoded(value or ""))
    return found


class WrittenAddress(Struct, frozen=True):
    """A name and an address exactly as a header states them; one of the two may be missing."""

    name: str | None
    address: str | None


def written_addresses(value: str) -> list[WrittenAddress]:
    """The entries of a header as stated: case kept, doubles kept, and entries that are no address too."""
    found = []
    for tokens in _entries(value)[:MAX_ADDRESSES]:
        name, address = _taken_apart(tokens)
        if address is None and "=?" in name and "@" in (opened := decoded(name)):
            name, address = _taken_apart(_entries(opened)[0])
        shown = decoded(name).strip("'\" ")
        if address is None and shown and " " not in shown:
            found.append(WrittenAddress(None, shown))
        elif shown or address:
            found.append(WrittenAddress(None if shown == address else shown or None, address))
    return found


def _read_all(value: str) -> list[Address]:
    found: dict[str, Address] = {}
    for tokens in _entries(value):
        one = _read(tokens)
        if one is not None:
            found.setdefault(one.address, one)
        if len(found) >= MAX_ADDRESSES:
            break
    return list(found.values())


def _entries(value: str) -> list[list[str]]:
    """The tokens of each entry of a list; the names of groups are left out."""
    entries: list[list[str]] = [[]]
    for piece in _TOKEN.findall(value):
        if piece in ",;":
            entries.append([])
        elif piece == ":":
            entries[-1] = []
        else:
            entries[-1].append(piece)
    return entries


def _read(pieces: list[str]) -> Address | None:
    name, address = _taken_apart(pieces)
    return None if address is None else _checked(name, normal(address))


def _taken_apart(pieces: list[str]) -> tuple[str, str | None]:
    """Name and address of one entry, as written."""
    words, comments, angle, quoted = [], [], None, None
    for piece in pieces:
        if piece.startswith("<"):
            angle = piece.strip("<> \t")
        elif piece.startswith("("):
            comments.append(piece.strip("()"))
        elif piece.startswith('"'):
            quoted = piece
            words.append(re.sub(r"\\(.)", r"\1", piece.strip('"')))
            continue
        elif quoted is not None and piece.startswith("@") and angle is None:
            angle = quoted + piece.strip()
            words.pop()
        elif piece not in ")>":
            words.append(piece)
        quoted = None
    if angle is not None:
        address = angle if '"' in angle else angle.rpartition(":")[2].replace(" ", "")
        return " ".join(words) or " ".join(comments), address or None
    joined = " ".join(words)
    bare = _ADDRESS.search(joined)
    if bare is None:
        return joined.strip() or " ".join(comments), None
    return joined.replace(bare[0], " ").strip() or " ".join(comments), bare[0]


def _checked(name: str, address: str) -> Address | None:
    if not is_address(address):
        return None
    shown = decoded(name).strip("'\" ")[:200]
    return Address("" if shown.lower() == address else shown, address)
