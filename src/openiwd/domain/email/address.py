"""Addresses in mail headers, read leniently: what is between angle brackets counts, whatever the name claims."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from openiwd.domain.email.header import decoded

MAX_ADDRESSES: Final = 1_000
MAX_LENGTH: Final = 320
_ADDRESS: Final = re.compile(r"""[^\s<>@,;:"\\()\[\]]+@[^\s<>@,;:"\\()]+""")
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
        and _ADDRESS.fullmatch(text) is not None
        and ".." not in text.partition("@")[2]
    )


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
    words, comments, angle = [], [], None
    for piece in pieces:
        if piece.startswith("<"):
            angle = piece.strip("<> \t")
        elif piece.startswith("("):
            comments.append(piece.strip("()"))
        elif piece.startswith('"'):
            words.append(re.sub(r"\\(.)", r"\1", piece.strip('"')))
        elif piece not in ")>":
            words.append(piece)
    if angle is not None:
        address = normal(angle.rpartition(":")[2].replace(" ", ""))
        return _checked(" ".join(words) or " ".join(comments), address)
    bare = _ADDRESS.search(" ".join(words))
    if bare is None:
        return None
    name = " ".join(words).replace(bare[0], " ")
    return _checked(name.strip() or " ".join(comments), normal(bare[0]))


def _checked(name: str, address: str) -> Address | None:
    if not is_address(address):
        return None
    shown = decoded(name).strip("'\" ")[:200]
    return Address("" if shown.lower() == address else shown, address)
