"""Counts what a rule set would do to the open items: where they go, and which band of priority they move to. Pure.

A band is a quarter of the open items by their priority as of now, under the live rules: its edges are the priorities
that a quarter, a half and three quarters of them do not exceed. Where many have the same one, bands have other sizes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec import Struct

from openiwd.domain.rule_effect import Floats, Integers, State

SHARES: Final = (0.25, 0.5, 0.75)
NO_BAND: Final = -1
"""Of items without a schema."""


class Way(NamedTuple):
    """Whether an item is judged differently, and from where to where it goes."""

    differs: bool
    before: State
    after: State


class Band(Struct, kw_only=True, rename="camel"):
    """A band of priority: `least` belongs to it; None: no edge. The first is the lowest."""

    least: float | None
    below: float | None
    before: int = 0
    after: int = 0


class Move(Struct, kw_only=True, rename="camel"):
    """So many items go from one place to another; None: no category, or no queue."""

    origin: str | None
    target: str | None
    items: int


class Stand(Struct, kw_only=True, rename="camel"):
    """How many open items a place has, and how many it would have."""

    id: str | None
    before: int
    after: int


class Counts(Struct, kw_only=True, rename="camel"):
    """What would become of the open items. Items that would leave the backlog are in `rejected`."""

    total: int = 0
    differs: int = 0
    """Judged differently: those that `reclassify: changed` judges again."""
    category: int = 0
    queue: int = 0
    band: int = 0
    rejected: int = 0
    errorheld: int = 0
    """Would wait for somebody to mend an error."""
    assigned: int = 0
    """Judged differently while an agent has them: they stay with agent and queue."""
    bands: list[Band] = []
    moves: list[Move] = []
    """By category, the largest first."""
    queue_moves: list[Move] = []
    """By queue."""
    categories: list[Stand] = []
    queues: list[Stand] = []


class Together(NamedTuple):
    """Items that go the same way, from the same band to the same one."""

    way: Way
    band_before: int
    band_after: int
    numbers: Integers

    @property
    def told(self) -> dict[str, Any]:
        """As it is stored."""
        one, other = self.way.before, self.way.after
        return {
            "differs": self.way.differs,
            "statusBefore": one.status,
            "statusAfter": other.status,
            "categoryBefore": one.category,
            "categoryAfter": other.category,
            "queueBefore": one.queue,
            "queueAfter": other.queue,
            "bandBefore": self.band_before,
            "bandAfter": self.band_after,
        }


def band_edges(priorities: Floats) -> list[float]:
    """The edges between the bands, by the priorities as of now; none where no item has one."""
    known = priorities[~np.isnan(priorities)]
    if not len(known):
        return []
    return [float(e) for e in np.quantile(known, SHARES, method="lower")]


def bands_of(edges: Sequence[float], priorities: Floats) -> Integers:
    """The band of each priority, from 0; NO_BAND where there is none."""
    found = np.searchsorted(np.array(edges, dtype=np.float64), priorities, side="right").astype(np.int64)
    found[np.isnan(priorities)] = NO_BAND
    return found


def together(
    ways: Sequence[Way], way: Integers, numbers: Integers, bands_before: Integers, bands_after: Integers
) -> Iterator[Together]:
    """The items with where they go, the largest group first; also those that change nothing."""
    size = len(SHARES) + 2
    key = (way * size + bands_before - NO_BAND) * size + bands_after - NO_BAND
    order = np.argsort(key, kind="stable")
    keys, starts, counts = np.unique(key[order], return_index=True, return_counts=True)
    for n in np.argsort(-counts, kind="stable").tolist():
        rest, after = divmod(int(keys[n]), size)
        place, before = divmod(rest, size)
        chosen = order[starts[n] : starts[n] + counts[n]]
        yield Together(ways[place], before + NO_BAND, after + NO_BAND, np.sort(numbers[chosen]))


def changes(group: Together) -> bool:
    """Whether anything becomes of these items."""
    return group.way.differs or group.band_before != group.band_after


def count(groups: Sequence[Together], edges: Sequence[float]) -> Counts:
    """All that is told in numbers."""
    found = Counts()
    moves: Counter[tuple[str | None, str | None]] = Counter()
    queue_moves: Counter[tuple[str | None, str | None]] = Counter()
    categories: dict[str | None, list[int]] = {}
    queues: dict[str | None, list[int]] = {}
    bands = [[0, 0] for _ in range(len(SHARES) + 1)]
    for group in groups:
        items, (differs, before, after) = len(group.numbers), group.way
        gone = after.status == "rejected"
        found.total += items
        found.differs += items if differs else 0
        found.rejected += items if gone else 0
        found.errorheld += items if after.status == "errorheld" != before.status else 0
        found.assigned += items if differs and before.status == "assigned" else 0
        if not gone and before.category != after.category:
            found.category += items
            moves[before.category, after.category] += items
        if not gone and before.queue != after.queue:
            found.queue += items
            queue_moves[before.queue, after.queue] += items
        found.band += items if not gone and group.band_before != group.band_after else 0
        for side, state, band in ((0, before, group.band_before), (1, after, group.band_after)):
            if side and gone:
                continue
            categories.setdefault(state.category, [0, 0])[side] += items
            queues.setdefault(state.queue, [0, 0])[side] += items
            if band != NO_BAND:
                bands[band][side] += items
    found.moves, found.queue_moves = _moves(moves), _moves(queue_moves)
    found.categories, found.queues = _stands(categories), _stands(queues)
    if edges:
        lows: list[float | None] = [None, *edges]
        highs: list[float | None] = [*edges, None]
        found.bands = [
            Band(least=low, below=high, before=before, after=after)
            for low, high, (before, after) in zip(lows, highs, bands, strict=True)
        ]
    return found


def _moves(moves: Counter[tuple[str | None, str | None]]) -> list[Move]:
    return [Move(origin=o, target=t, items=n) for (o, t), n in moves.most_common()]


def _stands(places: dict[str | None, list[int]]) -> list[Stand]:
    ordered = sorted(places.items(), key=lambda place: (-place[1][0], place[0] or ""))
    return [Stand(id=name, before=before, after=after) for name, (before, after) in ordered]
