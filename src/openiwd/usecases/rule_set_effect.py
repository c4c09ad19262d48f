"""What other rules would make of all open items: judged once per likeness, one by one where their instants decide.

Reads spans of the items as columns, two at a time; writes nothing. Exact: `Comparison.effect` of each says the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

import numpy as np

from openiwd.domain.rule_effect import (
    Comparison,
    Effect,
    Floats,
    Integers,
    Likeness,
    LikeRows,
    Reach,
    priorities,
)
from openiwd.domain.rule_impact import Way
from openiwd.domain.rule_reading import readings
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import TenantStore

SPAN: Final = 100_000
AHEAD: Final = 2
"""So many spans are read at the same time."""
WHOLE: Final = 500
"""Whole items read at once."""
_SEED_MASK: Final = (1 << 63) - 1
T = TypeVar("T")


class Part(NamedTuple):
    """Items of a span, as columns: `ways` are places in the walk's list."""

    numbers: Integers
    ways: Integers
    priority_before: Floats
    priority_after: Floats


class Walk:
    """One look at all open items. `on_way` is told how far it is, from 0 to 1, and may raise to end it."""

    def __init__(self, store: TenantStore, comparison: Comparison, seed: int) -> None:
        self._store = store
        self._comparison = comparison
        self._seed = seed & _SEED_MASK
        rules = (comparison.old.rules, comparison.new.rules)
        self._read = readings(rules, comparison.now)
        self.ways: list[Way] = []
        self._places: dict[Way, int] = {}
        self._known: dict[int, Likeness | None] = {}
        self.judged = 0
        """So many items were judged to know of all."""

    async def parts(self, on_way: Callable[[float], Awaitable[None]]) -> AsyncIterator[Part]:
        """The open items, span by span."""
        async with self._store.reading() as reading:
            last = await reading.last_number()
        spans = deque((at, min(at + SPAN, last)) for at in range(0, last, SPAN))
        running: deque[asyncio.Task[LikeRows]] = deque()
        loop = asyncio.get_running_loop()
        count = len(spans)
        try:
            for n in range(count):
                while spans and len(running) < AHEAD:
                    running.append(loop.create_task(self._rows(*spans.popleft())))
                rows = await running.popleft()
                if spans:
                    running.append(loop.create_task(self._rows(*spans.popleft())))
                if len(rows.numbers):
                    yield await self._part(rows)
                await on_way((n + 1) / count)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _rows(self, after: int, until: int) -> LikeRows:
        async with self._store.reading() as reading:
            return await reading.like_rows(self._read, after, until, seed=self._seed)

    async def _part(self, rows: LikeRows) -> Part:
        likes, order, starts = await asyncio.to_thread(_grouped, rows.likeness)
        bounds = [*starts.tolist(), len(order)]
        groups = {like: order[bounds[n] : bounds[n + 1]] for n, like in enumerate(likes.tolist())}
        await self._learn({like: group for like, group in groups.items() if like not in self._known}, rows)
        part, each = await asyncio.to_thread(self._filled, groups, rows)
        await self._one_by_one(each, part)
        for like in [like for like in groups if self._known[like] is None]:
            del self._known[like]  # another one of them may be at hand in the next span
        return part

    async def _learn(self, unknown: dict[int, Integers], rows: LikeRows) -> None:
        """Judges one item of each likeness; where that one has moved on meanwhile, each item is judged."""
        for some in _chunks(unknown.items(), WHOLE):
            first = {like: int(group[0]) for like, group in some}
            items = await self._items(rows.numbers[list(first.values())].tolist())
            pairs = [
                (like, items.get(int(rows.numbers[at])), int(rows.revisions[at]))
                for like, at in first.items()
            ]
            self._known |= await asyncio.to_thread(self._likened, pairs)

    def _likened(self, pairs: Sequence[tuple[int, WorkItem | None, int]]) -> dict[int, Likeness | None]:
        found: dict[int, Likeness | None] = {}
        for like, item, revision in pairs:
            same = item is not None and item.revision == revision
            found[like] = self._comparison.likeness(item) if item is not None and same else None
        self.judged += len(pairs)
        return found

    async def _items(self, numbers: list[int]) -> dict[int, WorkItem]:
        async with self._store.reading() as reading:
            return await reading.items_by_number(numbers)

    def _place(self, way: Way) -> int:
        place = self._places.get(way)
        if place is None:
            place = self._places[way] = len(self.ways)
            self.ways.append(way)
        return place

    def _filled(self, groups: dict[int, Integers], rows: LikeRows) -> tuple[Part, list[int]]:
        """The columns of a span, and the places of the items that are to be judged one by one."""
        size = len(rows.numbers)
        ways = np.full(size, -1, dtype=np.int64)
        before, after = np.full(size, np.nan), np.full(size, np.nan)
        each: list[int] = []
        now = self._comparison.now
        for like, group in groups.items():
            known = self._known[like]
            if known is None or known.reach is Reach.EACH:
                each += group.tolist()
                continue
            ways[group] = self._place(Way(known.reach is Reach.ALL, known.before, known.after))
            columns = rows.origins[group], rows.stopped[group], rows.created[group]
            if known.aging_before is not None:
                before[group] = priorities(known.aging_before, now, *columns)
            if known.aging_after is not None:
                after[group] = priorities(known.aging_after, now, *columns)
        return Part(rows.numbers, ways, before, after), each

    async def _one_by_one(self, places: list[int], part: Part) -> None:
        for some in _chunks(places, WHOLE):
            items = await self._items(part.numbers[some].tolist())
            effects = await asyncio.to_thread(self._effects, list(items.values()))
            for at in some:
                effect = effects.get(int(part.numbers[at]))
                if effect is None:
                    continue
                part.ways[at] = self._place(Way(effect.differs, effect.before, effect.after))
                part.priority_before[at] = effect.priority_before
                part.priority_after[at] = effect.priority_after

    def _effects(self, items: list[WorkItem]) -> dict[int, Effect]:
        self.judged += len(items)
        return {i.number: self._comparison.effect(i) for i in items if not i.status.is_final}


def _grouped(likeness: Integers) -> tuple[Integers, Integers, Integers]:
    """(each likeness once, places in the order of their likeness, where each likeness begins in that order)."""
    order = np.argsort(likeness, kind="stable")
    likes, starts = np.unique(likeness[order], return_index=True)
    return likes, order, starts


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some
