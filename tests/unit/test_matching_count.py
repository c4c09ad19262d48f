"""Searches that match very many: known to do so for as long as that is sure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from openiwd.ports.tenant_store import Cursor, Matching, SearchQuery
from openiwd.usecases import matching_count
from openiwd.usecases.matching_count import ManyMatches, MatchingCount, lasting_key
from openiwd.usecases.open_counts import OpenCounts


class Tenant:
    """A tenant of so many matches, and how far each count went."""

    def __init__(self, matches: int) -> None:
        self.matches, self.counted = matches, list[int]()
        self.head: Cursor | None = Cursor(1, 100)
        self.open_counts = OpenCounts(lambda: self.head)
        self.many_matches = ManyMatches(lambda: self.head)
        self.runtime = SimpleNamespace(store=self)

    @property
    def feed(self) -> Tenant:
        return self

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tenant]:
        yield self

    async def count(self, _: SearchQuery, most: int) -> int:
        self.counted.append(most)
        return min(most, self.matches)

    async def matching(self, _: SearchQuery, most: int, few: int) -> Matching:
        self.counted.append(most)
        return Matching(min(most, self.matches), [1] if self.matches <= few else None)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("COUNTED", 10), ("UNSEEN", 3), ("SPARE", 2), ("KEPT", 2)):
        monkeypatch.setattr(matching_count, name, value)


async def test_what_groups_of_open_items_tell_of_is_counted_without_names() -> None:
    tenant = Tenant(3)
    for tree, named in (
        ({"attribute": "status", "operator": "eq", "value": "held"}, False),
        ({"attribute": "subject", "operator": "eq", "value": "x"}, True),
    ):
        query = SearchQuery(filter={"all": [tree]})
        async with MatchingCount(cast("Any", tenant), query) as counted:
            found = await counted.matching()
            assert (found.count, found.numbers is not None) == (3, named)
            assert (counted.few is not None) is named


def of(value: str) -> SearchQuery:
    return SearchQuery(filter={"attribute": "subject", "operator": "eq", "value": value})


async def count(tenant: Tenant, query: SearchQuery) -> int:
    async with MatchingCount(cast("Any", tenant), query) as counted:
        return (await counted.matching()).count


async def test_what_matches_very_many_is_counted_no_more_while_that_is_sure() -> None:
    tenant, query = Tenant(1_000), of("x")
    assert [await count(tenant, query) for _ in range(5)] == [11, 16, 11, 11, 11]
    assert tenant.counted == [11, 16], "the second time with something to spare"
    tenant.head = Cursor(1, 102)
    assert await count(tenant, query) > 10
    assert tenant.counted == [11, 16], "two events since"
    tenant.head = Cursor(1, 103)
    assert await count(tenant, query) == 16
    assert tenant.counted == [11, 16, 16]
    tenant.matches, tenant.head = 7, Cursor(2, 1)
    assert await count(tenant, query) == 7, "another log"
    assert await count(tenant, query) == 7
    assert tenant.counted == [11, 16, 16, 16, 11]


async def test_just_above_what_is_counted_is_never_sure_and_is_not_counted_further_again() -> None:
    tenant, query = Tenant(13), of("x")
    assert [await count(tenant, query) for _ in range(4)] == [11, 13, 11, 11]
    assert tenant.counted == [11, 16, 11, 11]
    tenant.matches = 9
    assert await count(tenant, query) == 9
    tenant.matches = 1_000
    assert [await count(tenant, query) for _ in range(3)] == [11, 16, 11]


async def test_nobody_follows_the_log_and_no_more_are_kept_than_allowed() -> None:
    tenant = Tenant(1_000)
    tenant.head = None
    assert [await count(tenant, of("x")) for _ in range(3)] == [11, 11, 11]
    tenant.head = Cursor(1, 100)
    for value in ("a", "a", "b", "b", "c", "c"):
        await count(tenant, of(value))
    tenant.counted.clear()
    for value in ("b", "c", "a"):
        await count(tenant, of(value))
    assert tenant.counted == [11]


@pytest.mark.parametrize(
    ("condition", "lasts"),
    [
        ({"attribute": "subject", "operator": "eq", "value": "x"}, True),
        ({"attribute": "dueDateTime", "operator": "before", "value": "2026-03-04T00:00:00Z"}, True),
        ({"attribute": "dueDateTime", "operator": "before", "value": "now+2h"}, False),
        (
            {"attribute": "dueDateTime", "operator": "between", "value": ["2026-03-04T00:00:00Z", " now "]},
            False,
        ),
        ({"attribute": "createdDateTime", "operator": "olderThan", "value": "2d"}, False),
        ({"attribute": "overdue", "operator": "eq", "value": True}, False),
        ({"attribute": "priority", "operator": "ge", "value": 500}, False),
    ],
)
def test_what_time_alone_changes_is_counted_each_time(condition: dict[str, Any], *, lasts: bool) -> None:
    for tree in (condition, {"not": condition}, {"all": [{"any": [condition]}]}):
        assert (lasting_key(SearchQuery(filter=tree)) is not None) is lasts


def test_searches_of_others_are_told_apart() -> None:
    queries = [
        SearchQuery(),
        SearchQuery(text="x"),
        SearchQuery(category="x"),
        SearchQuery(scope={"agent": "x"}),
        of("x"),
    ]
    assert len({lasting_key(query) for query in queries}) == len(queries)
    assert lasting_key(SearchQuery(limit=3, sort=["subject"], with_count=False)) == lasting_key(SearchQuery())
