"""The counts of open items, of very many items not anew for each page."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct

from openiwd.ports.tenant_store import Cursor, OpenCount
from openiwd.usecases.tenant_runtime import TenantRuntime

MANY: Final = 20_000
"""Up to so many items every page counts for itself."""
SHARE: Final = 9.0
"""Counts of many items are kept for so many times as long as counting took."""
LONGEST_SECONDS: Final = 10.0
UNCHANGED_SECONDS: Final = 30.0
"""So much longer where nothing has happened since: no more than what has become overdue is missed."""
UNSEEN: Final = 5_000
"""Events that other processes may have written without being seen here yet: more than a second's."""


class CategoryCount(Struct, kw_only=True, rename="camel"):
    """Open items of one category in one status."""

    category_path: str | None
    status: str
    count: int
    overdue: int


def by_category(counts: Sequence[OpenCount]) -> list[CategoryCount]:
    """The counts of all queues together."""
    sums: dict[tuple[str | None, str], CategoryCount] = {}
    for one in counts:
        key = (one.category_path, one.status)
        entry = sums.get(key)
        if entry is None:
            entry = sums[key] = CategoryCount(category_path=key[0], status=key[1], count=0, overdue=0)
        entry.count += one.items
        entry.overdue += one.overdue
    return list(sums.values())


class OpenCounts:
    """The counts of one tenant in this process."""

    def __init__(self, head: Callable[[], Cursor | None] = lambda: None) -> None:
        """`head` tells the place in the event log that this process has seen; None while it follows none."""
        self._head = head
        self._counted_at: Cursor | None = None
        self._summed: tuple[Sequence[OpenCount], list[CategoryCount]] | None = None
        self._counts: Sequence[OpenCount] | None = None
        self._by_status: Counter[str] = Counter()
        self._until = 0.0
        self._counting: asyncio.Task[Sequence[OpenCount]] | None = None

    async def of(self, runtime: TenantRuntime) -> Sequence[OpenCount]:
        """The counts; those of very many items may be a few seconds old, and are counted again meanwhile."""
        if self._counts is None or self._by_status.total() <= MANY:
            return await self._count(runtime)
        late = asyncio.get_running_loop().time() - self._until
        if self._counted_at is not None and self._counted_at == self._head():
            late -= UNCHANGED_SECONDS
        if late >= 0 and self._counting is None:
            self._counting = asyncio.create_task(self._count(runtime), name="counts of open items")
            self._counting.add_done_callback(self._counted)
        if late >= LONGEST_SECONDS and self._counting is not None:
            return await asyncio.shield(
                self._counting
            )  # nobody has looked for long: old counts would mislead
        return self._counts

    async def of_categories(self, runtime: TenantRuntime) -> list[CategoryCount]:
        """The same by category, summed up once for each time that is counted. Not to be changed."""
        counts = await self.of(runtime)
        if self._summed is None or self._summed[0] is not counts:
            self._summed = (counts, by_category(counts))
        return self._summed[1]

    def are_more_than(self, least: int, matches: Callable[[OpenCount], int]) -> bool:
        """Whether surely more than `least` match, without counting anew: each event takes one item away at most.

        `matches` tells of one group how many of it match.
        """
        gone = self._gone()
        if self._counts is None or gone is None:
            return False
        found = accumulate(map(matches, self._counts))
        return any(items - gone > least for items in found)  # there may be many thousands of groups

    def have_more_than(self, least: int, statuses: Collection[str]) -> bool:
        """The same of all that are in these statuses."""
        gone = self._gone()
        return gone is not None and sum(self._by_status[s] for s in statuses) - gone > least

    def share_of(self, category: str) -> float | None:
        """Which part of all open items lies in a category or below it, as they were counted last; None: unknown."""
        summed, below = self._summed[1] if self._summed is not None else [], f"{category}/"
        inside = everything = 0
        for one in summed:
            path = one.category_path or ""
            everything += one.count
            inside += one.count if path == category or path.startswith(below) else 0
        return inside / everything if everything else None

    def _gone(self) -> int | None:
        """How many may have gone since it was counted; None where nobody can say."""
        then, now = self._counted_at, self._head()
        if then is None or now is None or then.generation != now.generation:
            return None
        return now.pos - then.pos + UNSEEN

    async def _count(self, runtime: TenantRuntime) -> Sequence[OpenCount]:
        loop = asyncio.get_running_loop()
        begun, head = loop.time(), self._head()
        async with runtime.store.reading() as reading:
            counts = await reading.open_counts(runtime.now())
        ended = loop.time()
        self._counted_at = head
        by_status: Counter[str] = Counter()
        for one in counts:
            by_status[one.status] += one.items
        self._by_status = by_status
        self._counts, self._until = counts, ended + min(LONGEST_SECONDS, SHARE * (ended - begun))
        return counts

    def _counted(self, task: asyncio.Task[Sequence[OpenCount]]) -> None:
        """A failure leaves the older counts, and is told by the next page that counts for itself."""
        self._counting = None
        if not task.cancelled() and task.exception() is not None:
            self._counts = None
