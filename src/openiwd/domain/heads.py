"""The first item of every group as a line in floating point: many are compared in one go, the closest then exactly.

Exactly means in whole numbers, of many at once where these fit 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import Columns, Slots, view
from openiwd.domain.backlog_group import Group
from openiwd.domain.calendar import Clock

Floats = NDArray[np.float64]

_FIRST: Final = 256
_ROUNDING: Final = 2.0**-49
"""More than the relative error of a value that is computed from a line."""
NOTHING: Final = -np.inf
_LARGEST: Final = 1 << 62
_WHOLE: Final = float(_LARGEST)
"""Whole numbers below this can be reckoned with in 64 bits."""


class Heads:
    """By group: its first item's line at the backlog's beginning (NOTHING of an empty group), its slope, its clock's
    number (0 of flat lines). `version` counts renumberings of the groups, `size` the groups; `kept` has the numbers
    that the groups of today had before the last renumbering, which leaves them in their order.
    """

    __slots__ = (
        "_clock_at", "_clock_numbers", "_columns", "_factor", "_rate", "_slope_at", "_slot", "_slot_at",
        "_steepest", "_value_at", "_widest", "clock", "clocks", "kept", "size", "slope", "value", "version",
    )  # fmt: skip

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.clocks: list[Clock] = []
        self._clock_numbers: dict[str, int] = {}
        self._widest = self._steepest = 0.0
        self.version = 0
        self.kept: NDArray[np.intp] = np.zeros(0, np.intp)
        self._lay(_FIRST)

    def _lay(self, capacity: int) -> None:
        self.value: Floats = np.full(capacity, NOTHING)
        self.slope: Floats = np.zeros(capacity)
        self.clock: NDArray[np.intp] = np.zeros(capacity, np.intp)
        self._value_at, self._slope_at, self._clock_at = view(self.value), view(self.slope), view(self.clock)
        self._slot: Slots = np.zeros(capacity, np.uint32)
        self._slot_at = view(self._slot)
        self._rate: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self._factor: NDArray[np.int64] = np.ones(capacity, np.int64)
        self.size = 0

    def _grow(self) -> None:
        size = self.size
        before = self._columns_of()
        self._lay(2 * size)
        for wider, column in zip(self._columns_of(), before, strict=True):
            wider[:size] = column
        self.size = size

    def _columns_of(self) -> list[NDArray[Any]]:
        return [self.value, self.slope, self.clock, self._slot, self._rate, self._factor]

    def begin(self, group: Group) -> None:
        """One group more, the last by number."""
        if group.index == len(self.value):
            self._grow()
        index, line = group.index, group.line
        self.size = index + 1
        slope = self._slope_at[index] = line.rate / line.scale
        # What does not fit is as large as can be said: it is found out where it would be reckoned with.
        self._rate[index] = max(-_LARGEST, min(_LARGEST, line.rate))
        self._factor[index] = min(_LARGEST, line.factor)
        if line.clock is not None:
            self._clock_at[index] = self._number_of(line.clock)
            self._steepest = max(self._steepest, abs(slope))
        if len(group.run):
            self.follow(group)

    def _number_of(self, clock: Clock) -> int:
        number = self._clock_numbers.get(clock.id)
        if number is None:
            self.clocks.append(clock)
            number = self._clock_numbers[clock.id] = len(self.clocks)
        return number

    def follow(self, group: Group) -> None:
        """Notes what the group's first item is now."""
        head = group.run.head
        if head is None:
            self._value_at[group.index] = NOTHING
            return
        self._slot_at[group.index] = head
        value = self._value_at[group.index] = -self._columns.level_of(head) / group.line.scale
        self._widest = max(self._widest, abs(value))

    def margin(self, since: float) -> float:
        """How far apart two values must be, `since` the beginning, to be sure of their order."""
        return (self._widest + self._steepest * since) * _ROUNDING

    def first(self, groups: NDArray[np.intp], since: Sequence[int]) -> int | None:
        """Which of these groups, none of them empty, has the first item of all; None where 64 bits do not do.

        `since`: what each clock has run since the beginning, by its number. See the backlog's `Place` for the order.
        """
        columns, slots = self._columns, self._slot[groups]
        if columns.wide:
            return None
        rates, factors = self._rate[groups], self._factor[groups]
        levels = columns.level[slots]
        reach = np.abs(rates) * float(max(map(abs, since))) + np.abs(levels)
        if float((reach * factors).max()) >= _WHOLE:
            return None
        levels = (levels - rates * np.array(since, np.int64)[self.clock[groups]]) * factors
        left = np.flatnonzero(levels == levels.min())
        keys: tuple[NDArray[Any], ...] = (columns.value, columns.anchor, columns.high, columns.low)
        for key in keys:
            if len(left) == 1:
                break
            own = key[slots[left]]
            left = left[own == own.min()]
        return int(left[0])

    def renew(self, groups: Sequence[Group]) -> None:
        """The groups have been numbered anew: those that hold items are left."""
        self.version += 1
        self.kept = np.flatnonzero(self.value[: self.size] != NOTHING)
        self._lay(max(_FIRST, len(groups) + len(groups) // 2))
        for group in groups:
            self.begin(group)
