"""Who is away is left alone, and one finds out whether it is back: Redis and the search server, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from openiwd.adapters.redis.breaker import CALM_SECONDS, HOLD_SECONDS, HOLD_SECONDS_AT_MOST, Breaker
from openiwd.domain.instant import EPOCH
from openiwd.ports.search_index import Fields, IndexState, Nearest, SearchAwayError
from openiwd.ports.tenant_store import Cursor, SearchQuery
from openiwd.usecases.indexed_search import AWAY_SECONDS, IndexedSearch

FIRST, LONGEST = AWAY_SECONDS


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def asked(breaker: Breaker) -> bool:
    return breaker.is_closed


def test_redis_is_asked_once_it_was_found_well_and_no_more_after_a_failure() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    assert not asked(breaker), "nobody has looked yet"
    breaker.found_well()
    assert asked(breaker)
    clock.now += CALM_SECONDS + 1
    assert breaker.failed()
    assert not breaker.failed(), "no news"
    breaker.found_well()
    assert not asked(breaker), "too early to be believed"
    clock.now += HOLD_SECONDS
    breaker.found_well()
    assert asked(breaker)


def test_a_redis_that_half_works_is_left_alone_for_longer_each_time_until_it_has_been_calm() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    breaker.found_well()
    holds = []
    for _ in range(8):
        breaker.failed()
        began = clock.now
        while not asked(breaker):
            clock.now += HOLD_SECONDS
            breaker.found_well()
        holds.append(clock.now - began)
    assert holds[:3] == [HOLD_SECONDS * 2, HOLD_SECONDS * 4, HOLD_SECONDS * 8]
    assert holds[-1] == HOLD_SECONDS_AT_MOST
    clock.now += CALM_SECONDS + 1
    breaker.failed()
    clock.now += HOLD_SECONDS
    breaker.found_well()
    assert asked(breaker)


class Index:
    """Counts who asks."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False

    async def state(self) -> IndexState:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise SearchAwayError("away")
        return IndexState(name="i", cursor=Cursor(1, 0), fields=Fields(), form="f")

    async def find(self, *_: object) -> Nearest | None:
        return None


class Feed:
    """A log in which nothing happens."""

    async def catch_up(self) -> None:
        return

    def items_since(self, _: Cursor) -> set[int]:
        return set()


class Searches:
    """Searches of one process in virtual time."""

    def __init__(self) -> None:
        self.index, self.clock = Index(), Clock()
        index, feed, runtime = cast("Any", self.index), cast("Any", Feed()), cast("Any", None)
        self.indexed = IndexedSearch(index, feed, runtime, self.clock)

    async def at_once(self, count: int) -> int:
        """How many of so many searches ask the server."""
        before = self.index.asked
        await asyncio.gather(*(self.indexed.page(SearchQuery(now=EPOCH)) for _ in range(count)))
        return self.index.asked - before


async def test_a_search_server_that_is_away_is_left_alone_and_one_search_tries_it() -> None:
    searches = Searches()
    searches.index.is_away = True
    assert await searches.at_once(5) == 5, "nobody knows yet"
    assert str(searches.indexed.health) == "away"
    for _ in range(3):
        assert await searches.at_once(5) == 0
    searches.clock.now += FIRST
    assert await searches.at_once(5) == 1, "one tries; five that failed at once were one failure"
    searches.clock.now += FIRST
    assert await searches.at_once(5) == 0, "left alone for longer"
    searches.clock.now += FIRST
    searches.index.is_away = False
    assert await searches.at_once(5) == 1
    assert str(searches.indexed.health) == "ready"
    searches.clock.now += LONGEST
    assert await searches.at_once(5) >= 1


async def test_the_pause_of_a_search_server_is_bounded_and_short_again_after_a_success() -> None:
    searches = Searches()
    searches.index.is_away = True
    for _ in range(10):
        await searches.at_once(1)
        searches.clock.now += LONGEST
    searches.index.is_away = False
    assert await searches.at_once(1) == 1
    searches.clock.now += LONGEST
    searches.index.is_away = True
    assert await searches.at_once(1) == 1
    searches.clock.now += FIRST
    assert await searches.at_once(1) == 1


async def test_a_trial_that_is_given_up_leaves_the_next_one_free() -> None:
    searches = Searches()
    searches.index.is_away = True
    await searches.at_once(1)
    searches.clock.now += FIRST
    trial = asyncio.create_task(searches.indexed.page(SearchQuery(now=EPOCH)))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    assert await searches.at_once(1) == 1
