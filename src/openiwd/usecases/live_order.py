"""Searches in live order that begin with the decider's own order: the best of very many items without sorting them all.

Only where the decider runs in this process: for the first page, and for those after it as far as the order reaches that
the first was made from. What it gives is the same page that the database alone would give; where it cannot tell so, it
gives none, and the database is asked as usual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec.structs import replace

from openiwd.domain.backlog import First
from openiwd.domain.errors import UnavailableError
from openiwd.domain.instant import Micros, to_micros
from openiwd.domain.schema import Schema
from openiwd.domain.search_mark import decode_mark
from openiwd.domain.work_item import FINAL, Status
from openiwd.ports.tenant_store import Candidates, Cursor, OpenCount, SearchPage, SearchQuery

if TYPE_CHECKING:
    from openiwd.usecases.decider import Decider
    from openiwd.usecases.platform import TenantServices

COUNTED: Final = 10_000
ATTEMPTS: Final = (8, 24)
IN_CATEGORY: Final = (40,)
"""So many candidates for each item of the page, in turn; after that the filter is too narrow for this way.

Categories are rather narrow, and an index has the narrowest of them.
"""
LEAST: Final = 60
KEPT_SECONDS: Final = 0.5
SCROLLS: Final = 200
SCROLL_SECONDS: Final = 300.0
MOST_CHANGED: Final = 2_000
"""So many events after the first page, and the pages that follow are the database's."""
_FINAL: Final = frozenset(s.value for s in FINAL)

Ranked = tuple[datetime, First]
"""The order, and the instant that it is of."""


class Scroll(NamedTuple):
    """What the pages after a first page go on with. All that changed since `head` is to be looked at besides."""

    until: float
    first: First
    head: Cursor
    schemas: dict[str, Schema]


class LiveOrders:
    """The first of the live order, kept for a moment: many pages ask at once, and it is the decider's time."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, int], tuple[float, int, Ranked]] = {}
        self._scrolls: dict[tuple[str | None, Micros], Scroll] = {}

    async def first(
        self, services: TenantServices, decider: Decider, queue_id: str | None, limit: int
    ) -> Ranked:
        """The best waiting items, best first, and the instant of that order."""
        loop, seen = asyncio.get_running_loop(), services.runtime.wakeup.count
        kept = self._kept.get((queue_id, limit))
        if kept is not None and kept[1] == seen and loop.time() - kept[0] < KEPT_SECONDS:
            return kept[2]
        ranked = await decider.first(queue_id, limit)
        if len(self._kept) > 100:
            self._kept.clear()
        self._kept[(queue_id, limit)] = (loop.time(), seen, ranked)
        return ranked

    def keep(self, queue_id: str | None, ranked: Ranked, head: Cursor, schemas: dict[str, Schema]) -> None:
        """For the pages that follow; `head` is where the log stood before the order was made."""
        at, first = ranked
        key = (queue_id, to_micros(at))
        self._scrolls.pop(key, None)
        while len(self._scrolls) >= SCROLLS:
            del self._scrolls[next(iter(self._scrolls))]
        until = asyncio.get_running_loop().time() + SCROLL_SECONDS
        self._scrolls[key] = Scroll(until, first, head, schemas)

    def scroll(self, queue_id: str | None, at: int) -> Scroll | None:
        """What was kept for the pages of this instant."""
        found = self._scrolls.get((queue_id, Micros(at)))
        return found if found is not None and asyncio.get_running_loop().time() < found.until else None


async def live_page(services: TenantServices, query: SearchQuery) -> SearchPage | None:
    """A page of a search by priority; None where the database is to be asked alone."""
    decider = services.decider
    if decider is None or query.sort != ["-priority"]:
        return None
    statuses, queue_id = _asked(query.filter)
    if Status.QUEUED.value not in statuses or statuses & _FINAL:
        return None
    if query.cursor is not None:
        return await _later_page(services, query, query.cursor, queue_id)
    counting = asyncio.create_task(_count(services, query), name="count of a search")
    try:
        page = await _page(services, decider, query, queue_id)
        if page is None:
            return None
        found = await counting
        return (
            replace(page, count=min(found, COUNTED), count_exact=found <= COUNTED)
            if query.with_count
            else page
        )
    finally:
        if not counting.done():
            counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


async def _count(services: TenantServices, query: SearchQuery) -> int:
    """Beside the page, not after it: each is one statement."""
    if not query.with_count:
        return 0
    groups = matching_groups(query)
    if groups is not None and services.open_counts.are_more_than(COUNTED, groups):
        return COUNTED + 1
    async with services.runtime.store.reading() as reading:
        return await reading.count(query, COUNTED + 1)


async def _page(
    services: TenantServices, decider: Decider, query: SearchQuery, queue_id: str | None
) -> SearchPage | None:
    for times in IN_CATEGORY if query.category else ATTEMPTS:
        wanted, head = max(query.limit, LEAST) * times, services.feed.head
        try:
            at, ranked = await services.live_orders.first(services, decider, queue_id, wanted)
        except UnavailableError:
            return None
        if len(ranked.numbers) < wanted:
            return None  # so few wait that the database sorts them quickly
        candidates = Candidates(numbers=ranked.numbers, above=ranked.least)
        async with services.runtime.store.reading() as reading:
            page = await reading.search(replace(query, candidates=candidates, now=at, with_count=False))
        if page.next_cursor is not None:
            if head is not None:
                services.live_orders.keep(queue_id, (at, ranked), head, query.schemas)
            return page
    return None


async def _later_page(
    services: TenantServices, query: SearchQuery, cursor: str, queue_id: str | None
) -> SearchPage | None:
    """Among what the first page was found among, and what has changed since: all else stands where it stood."""
    mark = decode_mark(cursor)
    scroll = services.live_orders.scroll(queue_id, mark.now) if mark is not None else None
    if scroll is None or scroll.schemas != query.schemas or query.with_count:
        return None
    async with services.runtime.store.reading() as reading:
        events = await reading.events(scroll.head, MOST_CHANGED + 1)
        if len(events) > MOST_CHANGED:
            return None
        numbers = {*scroll.first.numbers, *(e.item_number for e in events if e.item_number is not None)}
        candidates = Candidates(numbers=list(numbers), above=scroll.first.least)
        page = await reading.search(replace(query, candidates=candidates))
    return page if page.next_cursor is not None else None


def matching_groups(query: SearchQuery) -> Callable[[OpenCount], int] | None:
    """How many of a group of open items match; None where the query asks for more than the groups tell."""
    if query.text or query.scope is not None or query.filter is None or set(query.filter) != {"all"}:
        return None
    statuses, queue_id = _asked(query.filter)
    below = f"{query.category}/"
    overdue = queue = False
    for part in query.filter["all"]:
        name, operator, value = part.get("attribute"), part.get("operator"), part.get("value")
        if (name, operator, value) == ("dueDateTime", "before", "now"):
            overdue = True
        elif (name, operator) == ("queue", "eq") and not queue:
            queue = True
        elif (name, operator) not in (("status", "in"), ("status", "eq")):
            return None

    def matching(group: OpenCount) -> int:
        path = group.category_path or ""
        named = not query.category or path == query.category or path.startswith(below)
        if not named or group.status not in statuses or queue_id not in (None, group.queue_id):
            return 0
        return group.overdue if overdue else group.items

    return matching


def _asked(tree: dict[str, Any] | None) -> tuple[set[str], str | None]:
    """The statuses and the one queue that every match has, as far as the tree's uppermost group says so."""
    parts = tree.get("all", []) if tree is not None else []
    statuses = {s.value for s in Status}
    queue_id: str | None = None
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, dict):
            continue
        name, operator, value = part.get("attribute"), part.get("operator"), part.get("value")
        values = (
            value if operator == "in" and isinstance(value, list) else [value] if operator == "eq" else None
        )
        if name == "status" and values is not None:
            statuses &= {str(v) for v in values}
        if name == "queue" and values is not None and len(values) == 1:
            queue_id = str(values[0])
    return statuses, queue_id
