"""Counts of very many items: old ones for a moment, never for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from openiwd.ports.tenant_store import Cursor, OpenCount
from openiwd.usecases import open_counts
from openiwd.usecases.open_counts import OpenCounts
from openiwd.usecases.tenant_runtime import TenantRuntime
from tests.servers.until import until


class Counting:
    """A tenant whose number of items grows by one with each count."""

    def __init__(self) -> None:
        self.store = self
        self.counted = 0

    def now(self) -> datetime:
        return datetime(2026, 3, 4, tzinfo=UTC)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Counting]:
        yield self

    async def open_counts(self, _: datetime) -> list[OpenCount]:
        self.counted += 1
        return [OpenCount(category_path=None, status="queued", queue_id="q", items=self.counted, overdue=0)]


async def items(counts: OpenCounts, tenant: Counting) -> int:
    found = await counts.of(cast("TenantRuntime", cast("Any", tenant)))
    return sum(c.items for c in found)


async def test_old_counts_are_shown_while_it_is_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_counts, "MANY", 0)
    counts, tenant = OpenCounts(), Counting()
    assert await items(counts, tenant) == 1
    assert await items(counts, tenant) == 1  # old, and counted again meanwhile

    async def is_new() -> bool:
        return await items(counts, tenant) > 1

    await until(is_new)


async def test_counts_that_nobody_has_looked_at_for_long_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_counts, "MANY", 0)
    monkeypatch.setattr(open_counts, "LONGEST_SECONDS", 0.0)
    counts, tenant = OpenCounts(), Counting()
    assert await items(counts, tenant) == 1
    assert await items(counts, tenant) == 2


async def test_more_than_so_many_is_said_only_while_it_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_counts, "UNSEEN", 2)
    head: Cursor | None = None
    counts, tenant = OpenCounts(lambda: head), Counting()
    tenant.counted = 9
    assert await items(counts, tenant) == 10
    assert not counts.are_more_than(0, lambda c: c.items), "nobody follows the log"
    head = Cursor(1, 100)
    assert await items(counts, tenant) == 11
    assert counts.are_more_than(8, lambda c: c.items)
    assert not counts.are_more_than(9, lambda c: c.items), "two may have gone unseen"
    assert counts.have_more_than(8, {"queued", "held"})
    assert not counts.have_more_than(9, {"queued", "held"})
    assert not counts.have_more_than(0, {"held"})
    assert not counts.are_more_than(0, lambda c: c.overdue)
    head = Cursor(1, 103)
    assert counts.are_more_than(5, lambda c: c.items)
    assert not counts.are_more_than(6, lambda c: c.items), "three events since"
    head = Cursor(2, 1)
    assert not counts.are_more_than(0, lambda c: c.items), "another log"
    assert not counts.have_more_than(0, {"queued"})


async def test_where_nothing_has_happened_since_it_is_not_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_counts, "MANY", 0)
    monkeypatch.setattr(open_counts, "LONGEST_SECONDS", 0.0)
    head = Cursor(1, 100)
    counts, tenant = OpenCounts(lambda: head), Counting()
    assert await items(counts, tenant) == 1
    assert await items(counts, tenant) == 1
    monkeypatch.setattr(open_counts, "UNCHANGED_SECONDS", 0.0)
    assert await items(counts, tenant) == 2, "what has become overdue is seen in the end"
    monkeypatch.setattr(open_counts, "UNCHANGED_SECONDS", 30.0)
    head = Cursor(1, 101)
    assert await items(counts, tenant) == 3


async def test_the_share_of_a_category_is_that_of_all_below_it() -> None:
    class Shared(Counting):
        async def open_counts(self, _: datetime) -> list[OpenCount]:
            paths = (("A", 1), ("A/B", 2), ("AB", 4), (None, 9))
            return [
                OpenCount(category_path=path, status=status, queue_id="q", items=n, overdue=0)
                for path, n in paths
                for status in ("queued", "held")
            ]

    counts, tenant = OpenCounts(), cast("TenantRuntime", cast("Any", Shared()))
    assert counts.share_of("A") is None
    await counts.of_categories(tenant)
    assert counts.share_of("A") == 3 / 16
    assert counts.share_of("A/B") == 2 / 16
    assert counts.share_of("B") == 0
