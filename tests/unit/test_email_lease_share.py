"""How mailboxes are shared out: all that can be held are, nobody holds too many, and what is fair stays where it is."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.lease_share import share_of


def _ids(count: int) -> list[UUID]:
    return [UUID(int=n + 1) for n in range(count)]


@pytest.mark.parametrize(
    ("most", "count", "shares"),
    [
        ([100], 4, [4]),
        ([100, 100], 4, [2, 2]),
        ([100, 100], 5, [3, 3]),
        ([1, 100], 5, [1, 4]),
        ([1, 2, 100], 9, [1, 2, 6]),
        ([2, 2], 9, [2, 2]),
        ([0, 100], 3, [0, 3]),
        ([100], 0, [0]),
    ],
)
def test_a_fair_share_within_what_each_can_hold(most: list[int], count: int, shares: list[int]) -> None:
    most_of = dict(zip(_ids(len(most)), most, strict=True))
    held = dict(zip(most_of, shares, strict=True))
    assert [share_of(h, held, most_of, count) for h in most_of] == shares


def _settled(most: list[int], count: int, held: list[int]) -> tuple[list[int], int]:
    """Turns of asking until nothing moves any more; the shares, and how many turns it took."""
    ids = _ids(len(most))
    most_of = dict(zip(ids, most, strict=True))
    now = dict(zip(ids, held, strict=True))
    for turn in range(100):
        before = dict(now)
        for holder in ids:
            share = share_of(holder, now, most_of, count)
            now[holder] = min(now[holder], share)
            now[holder] += min(count - sum(now.values()), share - now[holder])
        if now == before:
            return list(now.values()), turn
    raise AssertionError(now)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=5).flatmap(
        lambda most: st.tuples(st.just(most), st.integers(0, 30), st.permutations(range(len(most))))
    )
)
def test_it_settles_with_all_held_that_can_be(given_: tuple[list[int], int, list[int]]) -> None:
    most, count, order = given_
    held, left = [0] * len(most), count
    for n in order:  # one after the other has taken all that it could
        held[n] = min(most[n], left)
        left -= held[n]
    shares, turns = _settled(most, count, held)
    assert turns < 10
    assert sum(shares) == min(count, sum(most))
    assert all(share <= limit for share, limit in zip(shares, most, strict=True))
    eager = [s for s, limit in zip(shares, most, strict=True) if limit >= count]
    assert not eager or max(eager) - min(eager) <= 1


def test_what_is_fair_stays_where_it_is() -> None:
    assert _settled([100, 100], 5, [3, 2]) == ([3, 2], 0)
    assert _settled([100, 100], 5, [2, 3]) == ([2, 3], 0)
