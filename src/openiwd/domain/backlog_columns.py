"""The waiting items of a backlog in columns, a slot each: what the order needs of millions. Decides nothing."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Slots = NDArray[np.uint32]

Key = tuple[int, int, int, int, int]
"""The place of an item among those of its group, ascending: see `Columns.key_of`."""

_FIRST: Final = 1_024
_GROWTH: Final = 1.5
_BLOCK: Final = 512
"""So many instants fill a page of memory."""
NOBODY: Final = 0
"""The number in a slot that holds no item: items count from 1."""
SPECIAL: Final = 1
"""Mark of an item that has more than its columns say."""
DELAYED: Final = 2
"""Mark of an item whose clock was stopped for a while."""
BEND_NEAR: Final = 4
"""Mark of an item whose bend stands in the near span of what is due, and is still true."""
OPENING_NEAR: Final = 8
"""The same of an opening."""
_TIED: Final = 4
"""Runs are sorted anew, not merged, when one slot in so many has the level of another."""
_HALF: Final = (1 << 64) - 1
_KINDS: Final[dict[str, tuple[Any, ...]]] = {
    "number": (np.uint32, np.int64),
    "revision": (np.uint8, np.uint16, np.int32),
    "level": (np.int64,),
    "value": (np.int8, np.int16, np.int32),
    "anchor": (np.int64,),
    "high": (np.uint64,),
    "low": (np.uint64,),
    "group": (np.uint16, np.uint32),
    "mark": (np.uint8,),
}
"""The kinds of each column: the narrowest at first, a wider one as soon as a value needs it."""
_BOUNDS: Final = {
    kind: (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) for kinds in _KINDS.values() for kind in kinds
}


def view(column: NDArray[Any]) -> memoryview[Any]:
    """Single values of a column, at a third of what the array takes for one."""
    return memoryview(column)  # type: ignore[arg-type]


Whole = TypeVar("Whole", bound=np.integer[Any])


def distinct(slots: NDArray[Whole]) -> NDArray[Whole]:
    """Each number once, ascending. By sorting: the library's own way hashes, which takes many times as long."""
    ordered = np.sort(slots)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def stretches(ordered: NDArray[Any]) -> list[tuple[int, int]]:
    """Where equal values stand in a sorted array: (start, end) of each."""
    edges = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
    return list(pairwise(edges)) if len(ordered) else []


def alike(numbers: NDArray[np.integer[Any]]) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
    """Each number that there is, with the places where it stands."""
    if not len(numbers):
        return
    if (numbers == numbers[0]).all():
        yield int(numbers[0]), slice(None)
        return
    # Sixteen bits are sorted by counting.
    keys = numbers.astype(np.uint16) if numbers.min() >= 0 and numbers.max() < 1 << 16 else numbers
    order = np.argsort(keys, kind="stable")
    ordered = numbers[order]
    for start, end in stretches(ordered):
        yield int(ordered[start]), order[start:end]


def pages(length: int, kind: Any) -> NDArray[Any]:
    """Zeros in memory of their own: a page counts once it is written, and all are given back when dropped.

    From the allocator's heap both would depend on what was freed there before.
    """
    if not length:
        return np.zeros(0, kind)
    kind = np.dtype(kind)
    memory = mmap.mmap(-1, length * kind.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, kind)


class Columns:
    """Each column twice: as an array for many slots at once, and (`_at`) as a view that gives single values fast.

    `level` is the negated intercept of the item's line on the scale of its group, `value` the complement of
    the business value, so that both sort upwards; `anchor` and `queued` are instants; `high` and `low` are
    the halves of the id; `group` is the number of the group, `mark` tells what else there is about the item.
    `queued` has a page of memory only where it was ever written. A level that does not fit is in `wide`.
    """

    __slots__ = (
        "_free", "_used", "anchor", "anchor_at", "group", "group_at", "high", "high_at", "level",
        "level_at", "low", "low_at", "mark", "mark_at", "number", "number_at", "queued", "queued_at", "revision",
        "revision_at", "value", "value_at", "wide",
    )  # fmt: skip

    number: NDArray[np.integer[Any]]
    number_at: memoryview[int]
    revision: NDArray[np.integer[Any]]
    revision_at: memoryview[int]
    level: NDArray[np.int64]
    level_at: memoryview[int]
    value: NDArray[np.integer[Any]]
    value_at: memoryview[int]
    anchor: NDArray[np.int64]
    anchor_at: memoryview[int]
    queued: NDArray[np.int64]
    queued_at: memoryview[int]
    high: NDArray[np.uint64]
    high_at: memoryview[int]
    low: NDArray[np.uint64]
    low_at: memoryview[int]
    group: NDArray[np.integer[Any]]
    group_at: memoryview[int]
    mark: NDArray[np.uint8]
    mark_at: memoryview[int]

    def __init__(self) -> None:
        self._free = array("I")
        self._used = 0
        self.wide: dict[int, int] = {}
        for name, kinds in _KINDS.items():
            self._lay(name, pages(_FIRST, kinds[0]))
        self._lay("queued", pages(0, np.int64))

    def _lay(self, name: str, column: NDArray[Any]) -> None:
        setattr(self, name, column)
        setattr(self, f"{name}_at", view(column))

    def _grow(self, least: int) -> None:
        capacity = max(least, int(len(self.number) * _GROWTH))
        for name in _KINDS:
            before = getattr(self, name)
            wider = pages(capacity, before.dtype)
            wider[: self._used] = before[: self._used]
            self._lay(name, wider)

    def renumber_groups(self, numbers: NDArray[np.uint32]) -> None:
        """Another numbering of the groups: the new number of each. Free slots may name groups that are no more."""
        own = self.group[: self._used]
        own[:] = numbers[np.minimum(own, len(numbers) - 1)]

    def admit(self, name: str, least: int, most: int) -> None:
        """Makes the column wide enough for these values."""
        before = getattr(self, name)
        for kind in _KINDS[name]:
            lowest, highest = _BOUNDS[kind]
            if lowest <= least and most <= highest:
                if np.dtype(kind).itemsize > before.itemsize:
                    wider = pages(len(before), kind)
                    wider[: self._used] = before[: self._used]
                    self._lay(name, wider)
                return
        raise OverflowError(name)

    def set_fields(self, slot: int, number: int, revision: int, value: int) -> None:
        """What few bytes hold as a rule."""
        try:
            self.number_at[slot], self.revision_at[slot], self.value_at[slot] = number, revision, value
        except ValueError:
            for name, own in (("number", number), ("revision", revision), ("value", value)):
                self.admit(name, own, own)
            self.number_at[slot], self.revision_at[slot], self.value_at[slot] = number, revision, value

    def set_many(self, name: str, slots: Slots, values: NDArray[Any]) -> None:
        """As `set_fields`, a column of many slots."""
        self.admit(name, int(values.min()), int(values.max()))
        getattr(self, name)[slots] = values

    def take(self) -> int:
        """A slot for one more item; what is in it is of the one before."""
        if self._free:
            return self._free.pop()
        slot = self._used
        if slot == len(self.number):
            self._grow(slot + 1)
        self._used = slot + 1
        return slot

    def take_many(self, count: int) -> Slots:
        """Fresh slots in a row."""
        first = self._used
        if first + count > len(self.number):
            self._grow(first + count)
        self._used = first + count
        return np.arange(first, first + count, dtype=np.uint32)

    def release(self, slot: int) -> None:
        self.number_at[slot] = NOBODY
        if self.mark_at[slot]:
            self.mark_at[slot] = 0
        self.wide.pop(slot, None)
        self._free.append(slot)

    def widen_queued(self) -> None:
        """Room for every slot in the column of queue times; memory is used only where it is written."""
        wider, before = pages(len(self.number), np.int64), self.queued
        whole = len(before) // _BLOCK * _BLOCK
        blocks = before[:whole].reshape(-1, _BLOCK)
        # A copy of everything would write, and so take, every page.
        written = np.flatnonzero(blocks.any(axis=1))
        wider[:whole].reshape(-1, _BLOCK)[written] = blocks[written]
        wider[whole : len(before)] = before[whole:]
        self._lay("queued", wider)

    def key_of(self, slot: int) -> Key:
        """Order in a group: intercept desc, businessValue desc, older anchor, id."""
        level = self.level_at[slot] if not self.wide else self.wide.get(slot, self.level_at[slot])
        return level, self.value_at[slot], self.anchor_at[slot], self.high_at[slot], self.low_at[slot]

    def level_of(self, slot: int) -> int:
        return self.level_at[slot] if not self.wide else self.wide.get(slot, self.level_at[slot])

    def set_mark(self, slot: int, mark: int, *, on: bool) -> None:
        known = self.mark_at[slot]
        self.mark_at[slot] = known | mark if on else known & ~mark

    def set_marks(self, slots: Slots, mark: int, *, on: bool) -> None:
        if on:
            self.mark[slots] |= np.uint8(mark)
        else:
            self.mark[slots] &= np.uint8(~mark & 0xFF)

    def marked(self, slots: Slots, mark: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (self.mark[slots] & np.uint8(mark)) != 0
        return found

    def set_level(self, slot: int, level: int) -> bool:
        """Whether the level fits the column; else it is kept beside it."""
        if -(1 << 62) < level < 1 << 62:
            self.level_at[slot] = level
            self.wide.pop(slot, None)
            return True
        self.level_at[slot] = 0
        self.wide[slot] = level
        return False

    def set_id(self, slot: int, whole: int) -> None:
        self.high_at[slot] = whole >> 64
        self.low_at[slot] = whole & _HALF

    def id_of(self, slot: int) -> int:
        return (self.high_at[slot] << 64) | self.low_at[slot]

    def misplaced(self, first: Slots, second: Slots) -> NDArray[np.bool_]:
        """Of pairs, whether the second should stand before the first."""
        wrong, undecided = np.zeros(len(first), dtype=bool), np.arange(len(first))
        columns: tuple[NDArray[Any], ...] = (self.level, self.value, self.anchor, self.high, self.low)
        for column in columns:
            own, other = column[first], column[second]
            wrong[undecided[other < own]] = True
            alike = np.flatnonzero(other == own)
            if not len(alike):
                break
            first, second, undecided = first[alike], second[alike], undecided[alike]
        return wrong

    def in_order(self, slots: Slots) -> bool:
        """Whether the slots stand in ascending order of their keys."""
        return not self.misplaced(slots[:-1], slots[1:]).any()

    def ordered(self, slots: Slots, *, wide: bool) -> Slots:
        """The slots in ascending order of their keys; `wide` says that some level may be kept beside its column."""
        if wide:
            return np.array(sorted(slots.tolist(), key=self.key_of), dtype=np.uint32)
        if self.in_order(slots):
            return slots
        return self._sorted(slots, self.level[slots])

    def _sorted(self, slots: Slots, levels: NDArray[np.int64]) -> Slots:
        order = np.argsort(levels, kind="stable")
        ordered = levels[order]
        return slots[self._untied(order, ordered[1:] == ordered[:-1], slots)]

    def order_within(self, numbers: NDArray[np.int64], slots: Slots) -> NDArray[np.intp]:
        """How slots with levels in their column are sorted by number, and those of one number by their keys."""
        levels = self.level[slots]
        order = np.lexsort((levels, numbers))
        levels, numbers = levels[order], numbers[order]
        return self._untied(order, (levels[1:] == levels[:-1]) & (numbers[1:] == numbers[:-1]), slots)

    def _untied(self, order: NDArray[np.intp], equal: NDArray[np.bool_], slots: Slots) -> NDArray[np.intp]:
        """Sorts what is equal to what follows it in an order by the rest of its key."""
        follows = np.concatenate(([False], equal))
        tied = np.flatnonzero(follows | np.concatenate((equal, [False])))
        if len(tied):
            own, ties = slots[order[tied]], np.cumsum(~follows)[tied]
            columns: tuple[NDArray[Any], ...] = (self.low, self.high, self.anchor, self.value)
            order[tied] = order[tied][np.lexsort((*(column[own] for column in columns), ties))]
        return order

    def merged(self, slots: Slots, others: Slots) -> Slots:
        """Two runs in order, with levels in their column, as one."""
        levels, own = self.level[slots], self.level[others]
        places = levels.searchsorted(own)
        tied = (levels.take(places, mode="clip") == own).nonzero()[0]
        if len(tied) * _TIED > len(others):
            return self._sorted(np.concatenate((slots, others)), np.concatenate((levels, own)))
        for index, end in zip(tied.tolist(), levels.searchsorted(own[tied], "right").tolist(), strict=True):
            among = slots[places[index] : end].tolist()
            places[index] += bisect_left(among, self.key_of(int(others[index])), key=self.key_of)
        places += np.arange(len(others))
        whole, free = (
            np.empty(len(slots) + len(others), np.uint32),
            np.ones(len(slots) + len(others), dtype=bool),
        )
        whole[places], free[places] = others, False
        whole[free] = slots
        return whole
