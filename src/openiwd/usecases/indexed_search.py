"""Searches answered with the help of an index, exactly as the database alone would answer them.

Items changed since the index's place in the log are left out there and looked at in the database. Rows, whether they
match, and their order come from the database always; where the index cannot help, it is asked alone.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from openiwd.domain.search_mark import decode_mark
from openiwd.ports.search_index import IndexGoneError, IndexState, SearchAwayError, SearchIndex
from openiwd.ports.tenant_store import Among, SearchPage, SearchQuery
from openiwd.usecases.feed import EventFeed
from openiwd.usecases.tenant_runtime import TenantRuntime

MOST_CHANGED: Final = 2_000
"""Items changed since the index; with more the database is quicker."""
COUNTED: Final = 10_000
SEEN_SECONDS: Final = 1.0
"""How long the place of the index is taken as it was last seen; it only ever moves on."""
AWAY_SECONDS: Final = (1.0, 10.0)
"""How long a server that failed is left alone, at first and at most; then one search finds out whether it is back."""


class IndexHealth(StrEnum):
    """How the index is, as searches of this process see it."""

    READY = "ready"
    BEHIND = "behind"
    BUILDING = "building"
    AWAY = "away"


class IndexedSearch:
    """The index of a tenant as this process asks it."""

    def __init__(
        self,
        index: SearchIndex,
        feed: EventFeed,
        runtime: TenantRuntime,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.index = index
        self._monotonic = monotonic
        self._feed, self._runtime = feed, runtime
        self.health = IndexHealth.BUILDING
        self.answers: Counter[str] = Counter()
        """How often searches were answered by the index, or why not."""
        self._state: IndexState | None = None
        self._seen_at = -math.inf
        self._away_until = -math.inf
        self._pause = AWAY_SECONDS[0]
        self._is_away = False
        self._is_tried = False
        """Somebody is finding out whether a server that was away is back."""

    def saw(self, state: IndexState | None) -> None:
        """Where the index is, as somebody else has just found out."""
        self._state, self._seen_at = state, self._monotonic()

    async def page(self, query: SearchQuery) -> SearchPage | None:
        """The page asked for, with what the index knows; None where the database is to be asked alone."""
        if self._is_left_alone:
            self.answers[IndexHealth.AWAY] += 1
            return None
        try:
            with self._asking():
                return await self._page(query)
        except SearchAwayError:
            self.answers[self.health] += 1
            return None

    async def look(self) -> None:
        """Finds out how the index is, for those whose searches do not ask it. Counts as no search."""
        if self._is_left_alone:
            return
        with suppress(SearchAwayError), self._asking():
            await self._usable()

    @property
    def _is_left_alone(self) -> bool:
        return self._monotonic() < self._away_until or self._is_tried

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around whatever asks the server; one at a time finds out whether one that was away is back."""
        is_trial = self._is_tried = self._is_away
        try:
            yield
        except SearchAwayError as error:
            self._has_failed(error)
            raise
        finally:
            if is_trial:
                self._is_tried = False
        self._is_there()

    async def _usable(self) -> tuple[IndexState, set[int]] | None:
        """Where the index is, and which items have changed since; None where it cannot help, as `health` says."""
        state = await self._place()
        if state is None:
            self.health = IndexHealth.BUILDING
            return None
        await self._feed.catch_up()
        changed = self._feed.items_since(state.cursor)
        if changed is None or len(changed) > MOST_CHANGED:
            self.health = IndexHealth.BEHIND
            self._seen_at = -math.inf
            return None
        self.health = IndexHealth.READY
        return state, changed

    async def _page(self, query: SearchQuery) -> SearchPage | None:
        usable = await self._usable()
        if usable is None:
            self.answers[self.health] += 1
            return None
        state, changed = usable
        mark = decode_mark(query.cursor) if query.cursor else None
        nearest = await self.index.find(state, query, changed, mark)
        if nearest is None:
            self.answers["unsuited"] += 1
            return None
        among = Among(numbers=[*nearest.numbers, *changed], before=nearest.before)
        counts = query.with_count and not nearest.surely
        async with self._runtime.store.reading() as reading:
            page = await reading.search(replace(query, among=among, with_count=counts))
        if nearest.before is not None and page.next_cursor is None:
            self.answers["unsuited"] += 1
            return None  # too many sort alike, or have changed this very moment
        self.answers["index"] += 1
        return replace(page, count=COUNTED, count_exact=False) if nearest.surely else page

    async def _place(self) -> IndexState | None:
        if self._monotonic() - self._seen_at >= SEEN_SECONDS:
            self.saw(await self.index.state())
        return self._state

    def _is_there(self) -> None:
        self._is_away, self._pause = False, AWAY_SECONDS[0]

    def _has_failed(self, error: SearchAwayError) -> None:
        """An index that is gone is built anew; a server that is away is left alone for a while.

        Of many who asked at once only the first failure is news.
        """
        self._state, self._seen_at = None, -math.inf
        if isinstance(error, IndexGoneError):
            self.health = IndexHealth.BUILDING
            self._is_there()
            return
        self.health = IndexHealth.AWAY
        now = self._monotonic()
        if now >= self._away_until:
            self._is_away, self._away_until = True, now + self._pause
            self._pause = min(2 * self._pause, AWAY_SECONDS[1])
