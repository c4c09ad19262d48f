"""By group: on which line its items are, and when their demand changes; in columns, for many groups at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_group import Group
from openiwd.domain.due_list import NEVER

_FIRST: Final = 256
UNKNOWN: Final = -1
"""Instead of a line whose numbers do not fit."""


class GroupCurves:
    """`line` is a line's number; `opens` the time in queue at which the demand changes next, or NEVER."""

    __slots__ = ("line", "opens")

    def __init__(self) -> None:
        self._lay(_FIRST)

    def _lay(self, capacity: int) -> None:
        self.line: NDArray[np.int32] = np.full(capacity, UNKNOWN, np.int32)
        self.opens: NDArray[np.int64] = np.full(capacity, NEVER, np.int64)

    def begin(self, group: Group) -> None:
        """One group more, the last by number."""
        index = group.index
        if index == len(self.line):
            line, opens = self.line, self.opens
            self._lay(2 * index)
            self.line[:index], self.opens[:index] = line, opens
        self.line[index] = group.line.number if group.line.is_narrow else UNKNOWN
        changes = group.trait.changes
        self.opens[index] = changes[group.stage] if group.stage < len(changes) else NEVER

    def renew(self, groups: Sequence[Group]) -> None:
        """The groups have been numbered anew."""
        self._lay(max(_FIRST, len(groups) + len(groups) // 2))
        for group in groups:
            self.begin(group)
