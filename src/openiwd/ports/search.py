"""Needs: searches over the items of one tenant, and counts of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from openiwd.domain.work_item import WorkItem


class Candidates(Struct, frozen=True, kw_only=True):
    """The best waiting items by the decider's order. All other waiting items have at most the priority `above`."""

    numbers: list[int]
    above: Fraction


class Leading(Struct, frozen=True, kw_only=True):
    """About the best so many of the open items in these statuses, none of which is that of waiting items."""

    statuses: list[str]
    items: int


class Matching(Struct, frozen=True):
    """How many items match, and which where these are few (else None)."""

    count: int
    numbers: list[int] | None = None


class Among(Struct, frozen=True, kw_only=True):
    """The only items to look at, as an index has found them.

    `before`: of these only what sorts before this place of the first sort keys, in the form of a cursor's values: a
    page that is full is then the page of the whole search.
    """

    numbers: list[int]
    before: list[str | None] | None = None


class SearchQuery(Struct, kw_only=True, rename="camel"):
    """A search: what matches, which order, where to go on. `now` is the instant that priorities are computed for."""

    filter: dict[str, Any] | None = None
    """Filter tree: {all|any|not: …} over {attribute, operator, value}, the language of criteria."""
    text: str | None = None
    sort: list[str] = field(default_factory=lambda: ["-priority"])
    """Attributes, '-' for descending; ties always by priority order, then id."""
    limit: int = 100
    cursor: str | None = None
    now: datetime | None = None
    category: str | None = None
    """Category path: it and all below it."""
    scope: dict[str, Any] | None = None
    """Added by authorisation: {agent: id} for own items, {categories: […], queues: […]} for an access group."""
    schemas: dict[str, Any] = {}
    """Compiled schemas by id, from the live rule set; filled in by the use case."""
    with_count: bool = True
    candidates: Candidates | None = None
    """Only these of the waiting items are looked at, and of all items only those above their priority: a page that is
    full is then the page of the whole search.
    """
    leading: Leading | None = None
    """Only these are looked at: a page that is full is then the page of the whole search, whose statuses they are."""
    among: Among | None = None


class SearchPage(Struct, kw_only=True):
    items: list[WorkItem]
    next_cursor: str | None
    count: int
    count_exact: bool


class OpenCount(NamedTuple):
    """So many open items of one category in one queue and status; so many of them are overdue."""

    category_path: str | None
    queue_id: str | None
    status: str
    items: int
    overdue: int


class SearchReading(Protocol):
    """The part of `Reading` that searches need."""

    async def search(self, query: SearchQuery) -> SearchPage: ...
    async def count(self, query: SearchQuery, most: int) -> int:
        """How many match, counted to `most` and no further."""
        ...

    async def matching(self, query: SearchQuery, most: int, few: int) -> Matching:
        """As `count`, with the numbers of the matches where they are no more than `few`."""
        ...

    async def matching_by_status(self, query: SearchQuery) -> dict[str, int]:
        """How many match, all of them counted, by status."""
        ...

    async def matching_numbers(self, query: SearchQuery, most: int) -> list[int]:
        """The numbers of all that match, in order; at most so many."""
        ...

    def scan(self, query: SearchQuery, chunk: int = 500) -> AsyncIterator[list[WorkItem]]:
        """All matches, streamed in number order (exports, bulk)."""
        ...

    async def open_counts(self, now: datetime) -> list[OpenCount]:
        """Open items by category, queue and status."""
        ...

    async def status_counts(self) -> dict[str, int]: ...
