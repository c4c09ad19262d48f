"""Searches in live order that begin with the decider's own order: the best of very many items without sorting them all.

Of waiting items only where the decider runs in this process: for the first page, and for those after it as far as the
order reaches that the first was made from. What it gives is the same page that the database alone would give; where it
cannot tell so, it gives none, and the database is asked as usual.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from openiwd.domain.backlog import First
from openiwd.domain.errors import UnavailableError
from openiwd.domain.instant import Micros, to_micros
from openiwd.domain.schema import Schema
from openiwd.domain.search_mark import decode_mark
from openiwd.domain.work_item import FINAL, Status
from openiwd.ports.tenant_store import Candidates, Cursor, Leading, SearchPage, SearchQuery
from openiwd.usecases.matching_count import MatchingCount, asked

if TYPE_CHECKING:
    from openiwd.usecases.decider import Decider
    from openiwd.usecases.platform import TenantServices

ATTEMPTS: Final = (8, 24)
"""So many candidates for each item of the page, in turn; after that the filter is too narrow for this way."""
IN_CATEGORY: Final = 40
"""The most in a category: an index has the narrower ones."""
AMPLE: Final = 1.5
"""So many times as many candidates in a category as fill the page, if they are spread evenly."""
LEAST: Final = 60
MANY_LEADING: Final = 4
"""So many times as many items as are weighed at first, and all of them are not sorted."""
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


async def live_page(
    services: TenantServices, query: SearchQuery, counted: MatchingCount
) -> SearchPage | None:
    """A page of a search by priority; None where the database is to be asked alone."""
    if query.sort != ["-priority"]:
        return None
    decider, (statuses, queue_id) = services.decider, asked(query.filter)
    is_of_waiting = Status.QUEUED.value in statuses
    if statuses & _FINAL or (is_of_waiting and decider is None):
        return None
    if query.cursor is not None:
        return await _later_page(services, query, query.cursor, queue_id) if is_of_waiting else None
    if decider is not None and is_of_waiting:
        counted.begin()
        page = await _page(services, decider, query, queue_id, counted)
    else:
        page = await _leading_page(services, query, statuses, counted)
    return None if page is None else await counted.told(page)


async def _page(
    services: TenantServices,
    decider: Decider,
    query: SearchQuery,
    queue_id: str | None,
    counted: MatchingCount,
) -> SearchPage | None:
    for times in _attempts(services, query):
        wanted, head = max(query.limit, LEAST) * times, services.feed.head
        try:
            at, ranked = await services.live_orders.first(services, decider, queue_id, wanted)
        except UnavailableError:
            return None
        if len(ranked.numbers) < wanted or counted.few is not None:
            return None  # so few wait, or match, that the database sorts them quickly
        candidates = Candidates(numbers=ranked.numbers, above=ranked.least)
        async with services.runtime.store.reading() as reading:
            page = await reading.search(replace(query, candidates=candidates, now=at, with_count=False))
        if page.next_cursor is not None:
            if head is not None:
                services.live_orders.keep(queue_id, (at, ranked), head, query.schemas)
            return page
    return None


def _attempts(services: TenantServices, query: SearchQuery) -> tuple[int, ...]:
    """How many candidates to try for each item of the page: in a category by its share of all items."""
    if not query.category:
        return ATTEMPTS
    share = services.open_counts.share_of(query.category)
    if share is None:
        return (IN_CATEGORY,)
    wanted = ceil(AMPLE / share) if share else IN_CATEGORY + 1
    if wanted > IN_CATEGORY:
        return ()
    times = max(wanted, ATTEMPTS[0])
    return (times, IN_CATEGORY) if times < IN_CATEGORY else (times,)


async def _leading_page(
    services: TenantServices, query: SearchQuery, statuses: set[str], counted: MatchingCount
) -> SearchPage | None:
    """Of items that do not wait, which no decider has in order: among the best by what an index tells of them."""
    least = max(query.limit, LEAST)
    if not services.open_counts.have_more_than(MANY_LEADING * ATTEMPTS[0] * least, statuses):
        return None  # the database sorts them quickly
    counted.begin()
    for times in _attempts(services, query):
        if counted.few is not None:
            return None
        leading = Leading(statuses=sorted(statuses), items=least * times)
        async with services.runtime.store.reading() as reading:
            page = await reading.search(replace(query, leading=leading, with_count=False))
        if page.next_cursor is not None:
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
