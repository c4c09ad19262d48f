"""A sorted run of keys in chunks: cheap to add to and to remove from, and to walk from its head. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final

Key = tuple[int, int, int, int, int]

_CHUNK: Final = 512
_BULK: Final = 8
"""From one key in this many on it is cheaper to sort the run anew than to place the keys one by one."""


class OrderedRun:
    """Distinct keys in ascending order."""

    __slots__ = ("_chunks", "_lasts", "_size")

    def __init__(self) -> None:
        self._chunks: list[list[Key]] = []
        self._lasts: list[Key] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Key]:
        return chain.from_iterable(self._chunks)

    def add(self, key: Key) -> None:
        self._size += 1
        if not self._chunks:
            self._chunks, self._lasts = [[key]], [key]
            return
        index = min(bisect_left(self._lasts, key), len(self._chunks) - 1)
        chunk = self._chunks[index]
        insort(chunk, key)
        if len(chunk) > 2 * _CHUNK:
            self._chunks.insert(index + 1, chunk[_CHUNK:])
            self._lasts.insert(index + 1, chunk[-1])
            del chunk[_CHUNK:]
        self._lasts[index] = chunk[-1]

    def remove(self, key: Key) -> None:
        """Raises KeyError for a key that the run does not hold."""
        index = bisect_left(self._lasts, key)
        chunk = self._chunks[index] if index < len(self._chunks) else []
        at = bisect_left(chunk, key)
        if at == len(chunk) or chunk[at] != key:
            raise KeyError(key)
        del chunk[at]
        self._size -= 1
        # A last key that is gone still bounds its chunk, and may stay.
        if not chunk:
            del self._chunks[index], self._lasts[index]

    def add_many(self, keys: Collection[Key]) -> None:
        if len(keys) * _BULK > self._size:
            self._lay_out(sorted(chain(self, keys)))
        else:
            for key in keys:
                self.add(key)

    def remove_many(self, keys: Collection[Key]) -> None:
        if len(keys) * _BULK > self._size:
            gone = set(keys)
            self._lay_out([key for key in self if key not in gone])
        else:
            for key in keys:
                self.remove(key)

    def count_before(self, key: tuple[int, ...]) -> int:
        """How many keys are less than this one, which need not be in the run (and may be shorter)."""
        index = bisect_left(self._lasts, key)
        whole = sum(len(chunk) for chunk in self._chunks[:index])
        return whole + (bisect_left(self._chunks[index], key) if index < len(self._chunks) else 0)

    def after(self, key: tuple[int, ...]) -> Iterator[Key]:
        """The keys greater than this one, which need not be in the run."""
        index = bisect_left(self._lasts, key)
        if index == len(self._chunks):
            return
        yield from (one for one in self._chunks[index] if one > key)
        yield from chain.from_iterable(self._chunks[index + 1 :])

    def _lay_out(self, keys: list[Key]) -> None:
        self._chunks = [keys[at : at + _CHUNK] for at in range(0, len(keys), _CHUNK)]
        self._lasts = [chunk[-1] for chunk in self._chunks]
        self._size = len(keys)
