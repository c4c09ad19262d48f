"""The first item of every group as a line in floating point: many are compared in one go, the closest then exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import Columns, view
from openiwd.domain.backlog_group import Group
from openiwd.domain.calendar import Clock

Floats = NDArray[np.float64]

_FIRST: Final = 256
_ROUNDING: Final = 2.0**-49
"""More than the relative error of a value that is computed from a line."""
NOTHING: Final = -np.inf


class Heads:
    """By group: its first item's line at the backlog's beginning (NOTHING of an empty group), its slope, its clock's
    number (0 of flat lines). `version` counts renumberings of the groups, `size` the groups.
    """

    __slots__ = (
        "_clock_at", "_clock_numbers", "_columns", "_slope_at", "_steepest", "_value_at", "_widest", "clock", "clocks",
        "size", "slope", "value", "version",
    )  # fmt: skip

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.clocks: list[Clock] = []
        self._clock_numbers: dict[str, int] = {}
        self._widest = self._steepest = 0.0
        self.version = 0
        self._lay(_FIRST)

    def _lay(self, capacity: int) -> None:
        self.value: Floats = np.full(capacity, NOTHING)
        self.slope: Floats = np.zeros(capacity)
        self.clock: NDArray[np.intp] = np.zeros(capacity, np.intp)
        self._value_at, self._slope_at, self._clock_at = view(self.value), view(self.slope), view(self.clock)
        self.size = 0

    def _grow(self) -> None:
        value, slope, clock, size = self.value, self.slope, self.clock, self.size
        self._lay(2 * size)
        self.value[:size], self.slope[:size], self.clock[:size] = value, slope, clock
        self.size = size

    def begin(self, group: Group) -> None:
        """One group more, the last by number."""
        if group.index == len(self.value):
            self._grow()
        index, line = group.index, group.line
        self.size = index + 1
        slope = self._slope_at[index] = line.rate / line.scale
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
        value = self._value_at[group.index] = -self._columns.level_of(head) / group.line.scale
        self._widest = max(self._widest, abs(value))

    def margin(self, since: float) -> float:
        """How far apart two values must be, `since` the beginning, to be sure of their order."""
        return (self._widest + self._steepest * since) * _ROUNDING

    def renew(self, groups: Sequence[Group]) -> None:
        """The groups have been numbered anew."""
        self.version += 1
        self._lay(max(_FIRST, len(groups) + len(groups) // 2))
        for group in groups:
            self.begin(group)
