"""The first item of every group as a line in floating point: many are compared in one go, the closest then exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import Columns, view
from openiwd.domain.backlog_group import Group

Floats = NDArray[np.float64]

_FIRST: Final = 256
_FLAT: Final = 0
"""The clock of flat lines: one that never runs."""
NOTHING: Final = -np.inf


class Heads:
    """By group: its first item's line at the backlog's beginning (NOTHING of an empty group), its slope, its clock's
    number. `version` counts renumberings of the groups, `size` the groups.
    """

    __slots__ = (
        "_clock_at", "_columns", "_slope_at", "_value_at", "clock", "clocks", "size", "slope", "value", "version",
    )  # fmt: skip

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.clocks: dict[str, int] = {}
        self.version = 0
        self._lay(_FIRST)

    def _lay(self, capacity: int) -> None:
        self.value: Floats = np.full(capacity, NOTHING)
        self.slope: Floats = np.zeros(capacity)
        self.clock: NDArray[np.int16] = np.zeros(capacity, np.int16)
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
        index = group.index
        self.size = index + 1
        self._slope_at[index] = group.rate / group.scale
        clock = group.clock_id
        self._clock_at[index] = (
            _FLAT if clock is None else self.clocks.setdefault(clock, len(self.clocks) + 1)
        )
        self.follow(group)

    def follow(self, group: Group) -> None:
        """Notes what the group's first item is now."""
        head = group.run.head
        self._value_at[group.index] = NOTHING if head is None else -self._columns.level_of(head) / group.scale

    def renew(self, groups: Sequence[Group]) -> None:
        """The groups have been numbered anew."""
        self.version += 1
        self._lay(max(_FIRST, len(groups) + len(groups) // 2))
        for group in groups:
            self.begin(group)
