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


def page_number(text: str | None, total: int) -> int:
    """The page asked for, from 1; what is no page is the nearest."""
    last = max(1, -(-total // SIZE))
    wanted = int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else 1
    return min(max(1, wanted), last)


def pager_of(total: int, page: int, path: str, query: Mapping[str, str | None], t: Catalogue) -> Pager:
    """What is shown of a list of this length, and the way to the pages beside it."""
    last = max(1, -(-total // SIZE))
    start = (page - 1) * SIZE

    def to(other: int) -> str | None:
        return address(path, {**query, "page": other if other > 1 else None}) if 1 <= other <= last else None

    key = "form.shown_all" if last == 1 else "form.shown_part"
    text = t(key, n=total, first=start + 1, last=min(total, start + SIZE))
    return Pager(text, to(page - 1), to(page + 1))


def part_of(
    found: Sequence[T], number: str | None, path: str, query: Mapping[str, str | None], t: Catalogue
) -> tuple[Sequence[T], Pager]:
    """The page of this number of what is in memory, and its pager."""
    page = page_number(number, len(found))
    shown = found[(page - 1) * SIZE : page * SIZE]
    return shown, pager_of(len(found), page, path, query, t)
