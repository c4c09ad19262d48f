"""Long lists: which part of them is shown, and the addresses of the parts beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from openiwd.web.shell.catalogue import Catalogue

T = TypeVar("T")
SIZE: Final = 50


class Pager(NamedTuple):
    """What is shown of how much; no address where there is nothing further."""

    text: str
    previous: str | None
    next: str | None


def address(path: str, query: Mapping[str, str | int | None]) -> str:
    """A path with those parameters that say anything."""
    said = {k: v for k, v in query.items() if v not in (None, "", 0)}
    return f"{path}?{urlencode(said)}" if said else path


def part_of(
    found: Sequence[T], number: str | None, path: str, query: Mapping[str, str | None], t: Catalogue
) -> tuple[Sequence[T], Pager]:
    """The page of this number (from 1; what is no page is the nearest), and its pager."""
    last = max(1, -(-len(found) // SIZE))
    wanted = int(number) if number is not None and number.isascii() and number.isdigit() else 1
    page = min(max(1, wanted), last)
    start = (page - 1) * SIZE
    shown = found[start : start + SIZE]

    def to(other: int) -> str | None:
        return address(path, {**query, "page": other if other > 1 else None}) if 1 <= other <= last else None

    key = "form.shown_all" if last == 1 else "form.shown_part"
    text = t(key, n=len(found), first=start + 1, last=start + len(shown))
    return shown, Pager(text, to(page - 1), to(page + 1))
