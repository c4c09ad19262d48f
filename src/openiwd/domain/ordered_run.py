"""A sorted run of slots in chunks: cheap to add to and to remove from, and to walk from its head. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from openiwd.domain.backlog_columns import Columns, Key, Slots

_CHUNK: Final = 512
_NO_CHUNKS: Final[list[array[int]]] = []
_NO_KEYS: Final[list[Key]] = []
"""What small runs share instead of lists of their own; never written to."""
_BULK: Final = 48
"""From one slot in this many on it is cheaper to lay the run out anew than to place the slots one by one."""


class OrderedRun:
    """Distinct slots in ascending order of their keys, which must not change while the slots are in the run."""

    __slots__ = ("_chunks", "_columns", "_lasts", "_size", "wide")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._chunks = _NO_CHUNKS
        self._lasts = _NO_KEYS
        self._size = 0
        self.wide = False
        """Whether a level of these slots may be kept beside its column."""

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._chunks)

    @property
    def head(self) -> int | None:
        """The first slot; None of an empty run."""
        return self._chunks[0][0] if self._chunks else None

    @property
    def ends(self) -> tuple[int, int]:
        """The first slot and the last one of a run that is not empty."""
        return self._chunks[0][0], self._chunks[-1][-1]

    def slots(self) -> Slots:
        return joined([self])

    @property
    def chunks(self) -> Sequence[array[int]]:
        return self._chunks

    def add(self, slot: int) -> None:
        self._size += 1
        chunks = self._chunks
        if not chunks:
            self._chunks = [array("I", [slot])]
            return
        key = self._columns.key_of(slot)
        index = self._chunk_for(key)
        chunk = chunks[index]
        at = self._place(chunk, key)
        chunk.insert(at, slot)
        if len(chunk) > 2 * _CHUNK:
            chunks.insert(index + 1, chunk[_CHUNK:])
            del chunk[_CHUNK:]
            self._remember_lasts(index)
        elif self._lasts and at == len(chunk) - 1:
            self._lasts[index] = key

    def remove(self, slot: int) -> None:
        """Raises KeyError for a slot that the run does not hold."""
        chunks = self._chunks
        if chunks and chunks[0][0] == slot:
            index, at = 0, 0
        else:
            key = self._columns.key_of(slot)
            index = self._chunk_for(key)
            at = self._place(chunks[index], key) if chunks else 0
            if not chunks or at == len(chunks[index]) or chunks[index][at] != slot:
                raise KeyError(slot)
        del chunks[index][at]
        self._size -= 1
        # A last key that is gone still bounds its chunk, and may stay.
        if not chunks[index]:
            del chunks[index]
            if self._lasts:
                del self._lasts[index]
            if not self._size:
                self.clear()

    def clear(self) -> None:
        self._chunks, self._lasts, self._size = _NO_CHUNKS, _NO_KEYS, 0

    def renew(self) -> None:
        """The keys of its slots have changed, their order has not."""
        self._remember_lasts(0)

    def add_many(self, slots: Slots) -> None:
        if len(slots) * _BULK > self._size:
            whole = np.concatenate((self.slots(), slots)) if self._size else slots
            self._lay_out(self._columns.ordered(whole, wide=self.wide))
        else:
            for slot in slots.tolist():
                self.add(slot)

    def add_ordered(self, slots: Slots) -> None:
        """Slots that stand in ascending order of their keys."""
        if not self._size:
            self._lay_out(slots)
        elif self.wide or len(slots) * _BULK <= self._size:
            self.add_many(slots)
        else:
            self._lay_out(self._columns.merged(self.slots(), slots))

    def remove_many(self, slots: Slots) -> None:
        """Slots that the run holds."""
        if len(slots) == self._size:
            self.clear()
        elif len(slots) * _BULK > self._size:
            whole = self.slots()
            self._lay_out(whole[~np.isin(whole, slots)])
        else:
            for slot in slots.tolist():
                self.remove(slot)

    def count_before(self, key: tuple[int, ...]) -> int:
        """How many keys are less than this one, which need not be in the run (and may be shorter)."""
        if not self._chunks:
            return 0
        index = self._chunk_for(key)
        whole = sum(len(chunk) for chunk in self._chunks[:index])
        return whole + self._place(self._chunks[index], key)

    def after(self, key: tuple[int, ...]) -> Iterator[int]:
        """The slots whose keys are greater than this one, which need not be in the run (and may be shorter)."""
        if not self._chunks:
            return
        index = self._chunk_for(key)
        at = self._place(self._chunks[index], key)
        following = chain(self._chunks[index][at:], chain.from_iterable(self._chunks[index + 1 :]))
        for slot in following:
            if self._columns.key_of(slot) != key:
                yield slot

    def _chunk_for(self, key: tuple[int, ...]) -> int:
        """The chunk in which the key stands or would stand."""
        return min(bisect_left(self._lasts, key), len(self._chunks) - 1) if self._lasts else 0

    def _place(self, chunk: array[int], key: tuple[int, ...]) -> int:
        """How many of the chunk's slots stand before the key."""
        columns, first = self._columns, key[0]
        levels = columns.level_at
        low, high = 0, len(chunk)
        while low < high:
            middle = (low + high) >> 1
            slot = chunk[middle]
            level = columns.level_of(slot) if self.wide else levels[slot]
            if level < first or (level == first and columns.key_of(slot) < key):
                low = middle + 1
            else:
                high = middle
        return low

    def _lay_out(self, slots: Slots) -> None:
        size = len(slots)
        if size <= _CHUNK:
            self._chunks, self._lasts = [array("I", slots.tobytes())] if size else _NO_CHUNKS, _NO_KEYS
        else:
            self._chunks = [array("I", slots[at : at + _CHUNK].tobytes()) for at in range(0, size, _CHUNK)]
            self._lasts = _NO_KEYS
            self._remember_lasts(0)
        self._size = size

    def _remember_lasts(self, changed: int) -> None:
        """A run of one chunk needs none; else those of the chunk changed and of the one after it are read anew."""
        if len(self._chunks) < 2:
            self._lasts = _NO_KEYS
        elif len(self._lasts) == len(self._chunks) - 1 and self._lasts:
            ends = [self._columns.key_of(chunk[-1]) for chunk in self._chunks[changed : changed + 2]]
            self._lasts[changed : changed + 1] = ends
        else:
            self._lasts = [self._columns.key_of(chunk[-1]) for chunk in self._chunks]


def joined(runs: Iterable[OrderedRun]) -> Slots:
    """The slots of all runs, one after the other, each in its order."""
    return np.frombuffer(b"".join(chunk for run in runs for chunk in run.chunks), dtype=np.uint32)
