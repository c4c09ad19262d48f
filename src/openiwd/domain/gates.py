"""Which queues and segments give nothing to be pushed now: kept up, so that many are asked about in one go. Pure.

Says what eligibility's `closed` says of each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import Eligibility
from openiwd.domain.fit_table import FitTable, Flags, Indices
from openiwd.domain.queue import Queue

_FIRST = 64


class Gates:
    """By the table's numbers. `opened` collects those that have begun to give since they were last asked for."""

    def __init__(self, table: FitTable, queues: Mapping[str, Queue], clocks: Mapping[str, Clock]) -> None:
        self._table = table
        self._queues = queues
        self._clocks = clocks
        self.closed: Flags = np.zeros(_FIRST, dtype=bool)
        self._opened: Flags = np.zeros(_FIRST, dtype=bool)
        self._known = 0
        self._generation = table.generation
        self._until: int = -NEVER
        self._counted: dict[tuple[str, str | None], None] = {}

    def count(self, queue_id: str, segment: str | None) -> None:
        """What is outstanding of the segment has reached the queue's limit, or is below it again."""
        self._counted[queue_id, segment] = None

    def refresh(self, eligibility: Eligibility) -> None:
        """Brings all up to date with the instant of the eligibility."""
        table, now = self._table, eligibility.now
        table.follow()
        if self._generation != table.generation:
            self._generation, self._known, self._until = table.generation, 0, -NEVER
            self._opened[:] = True
        if len(table.gates) > len(self.closed):
            more = np.zeros(2 * len(table.gates) - len(self.closed), dtype=bool)
            self.closed = np.concatenate((self.closed, more))
            self._opened = np.concatenate((self._opened, more))
        changed: list[int] = []
        if now >= self._until:
            self._until = min(self._changes(now), default=NEVER)
            changed += range(self._known)
        for queue_id, segment in self._counted:
            changed += (gate for gate in table.gates_of(queue_id, segment) if gate < self._known)
        self._counted.clear()
        for gate in changed:
            is_closed = self._is_closed(gate, eligibility)
            if self.closed[gate] and not is_closed:
                self._opened[gate] = True
            self.closed[gate] = is_closed
        for gate in range(self._known, len(table.gates)):
            self.closed[gate] = self._is_closed(gate, eligibility)
        self._known = len(table.gates)

    def take_opened(self) -> Indices | None:
        """The groups with items whose gates have opened; None where none has."""
        if not self._opened.any():
            return None
        groups = self._table.waiting(self._opened)
        self._opened[:] = False
        return groups

    def _is_closed(self, number: int, eligibility: Eligibility) -> bool:
        gate = self._table.gates[number]
        return eligibility.closed(gate.queue_id, gate.segment, reserved=gate.reserved) is not None

    def _changes(self, now: int) -> list[int]:
        hours = {queue.hours for queue in self._queues.values() if queue.hours is not None}
        clocks = (self._clocks.get(one) for one in hours)
        return [at for clock in clocks if clock is not None and (at := clock.next_change(now)) is not None]
