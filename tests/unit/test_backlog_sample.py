"""Counts and samples of what waits under a schema, against a plain look at all items."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.backlog_sample import sample_under, waiting_by_schema
from tests.unit.random_world import TwinWorld


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 60), st.integers(1, 12))
def test_counts_are_exact_and_samples_are_of_the_schema(seed: int, items: int, limit: int) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, 0)
    backlog = twin.world.backlog
    by_schema: dict[str, set[int]] = {}
    for item in backlog.items():
        by_schema.setdefault(item.standing.schema_id, set()).add(item.number)
    assert waiting_by_schema(backlog) == Counter({s: len(n) for s, n in by_schema.items()})
    for schema, numbers in by_schema.items():
        total, sample = sample_under(backlog, schema, limit)
        assert total == len(numbers)
        assert len(sample) == len(set(sample)) <= limit
        assert set(sample) <= numbers
        assert len(sample) >= min(limit, total) // 2
        assert set(sample_under(backlog, schema, 1_000)[1]) == numbers
    assert sample_under(backlog, "nothing follows it", 5) == (0, [])
