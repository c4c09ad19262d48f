"""Counts and samples of what waits under a schema, against a plain look at all items."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.backlog_sample import sample_under, waiting_by_priority, waiting_by_schema
from openiwd.domain.priority_range import range_of
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


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 60), st.lists(st.integers(0, 10**12), max_size=3))
def test_ranges_of_priority_hold_exactly_the_items_whose_priority_lies_in_them(
    seed: int, items: int, instants: list[int]
) -> None:
    twin = TwinWorld(Random(seed))
    twin.fill(items, 0)
    backlog = twin.world.backlog
    for now in [0, *sorted(instants)]:
        expected: dict[str, Counter[str]] = {}
        for item, priority in backlog.order(now):
            expected.setdefault(item.queue_id, Counter())[range_of(priority)] += 1
        assert waiting_by_priority(backlog, now) == expected


def test_a_range_holds_its_first_number_and_not_its_second() -> None:
    told = {p: range_of(Fraction(p)) for p in ("-0.01", "0", "199.99", "200", "999.99", "1000", "1e9")}
    assert told == {
        "-0.01": "below 0", "0": "0 to 200", "199.99": "0 to 200", "200": "200 to 400",
        "999.99": "800 to 1000", "1000": "1000 and more", "1e9": "1000 and more",
    }  # fmt: skip
