"""Selection: the items that one agent could be given, best first, of the whole backlog. Pure.

The first items of all groups that fit the agent are compared as floating-point numbers in one go; those that
are too close to tell apart are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog, Place
from openiwd.domain.backlog_group import Group
from openiwd.domain.eligibility import Eligibility, Load
from openiwd.domain.fit_table import FitTable, Gate, Indices
from openiwd.domain.heads import NOTHING


class Selection:
    """One agent's way through the backlog at one instant. The backlog must not change meanwhile; `gate_closed` is asked
    again for each item, as the caller's own choices may close a gate.
    """

    __slots__ = (
        "_agent", "_backlog", "_eligibility", "_groups", "_kinds", "_load", "_margin", "_runs", "_table", "_values",
    )  # fmt: skip

    def __init__(
        self, backlog: Backlog, table: FitTable, eligibility: Eligibility, agent: Agent, load: Load
    ) -> None:
        self._backlog = backlog
        self._table = table
        self._eligibility = eligibility
        self._agent = agent
        self._load = load
        self._groups: Indices = table.groups_for(eligibility.profile(agent))
        self._values, self._margin = backlog.values_of(self._groups)
        self._runs: dict[int, tuple[int, Iterator[int]]] = {}
        self._kinds: dict[int, bool] = {}

    def slots(self) -> Iterator[int]:
        """The slots, best first, lazily."""
        values = self._values
        while len(values):
            at = int(values.argmax())
            if values[at] == NOTHING:
                return
            close = values >= values[at] - self._margin
            if np.count_nonzero(close) > 1:
                at = min(np.flatnonzero(close).tolist(), key=self._place)
            index = int(self._groups[at])
            if not self._admits(at, index):
                continue
            group = self._backlog.groups[index]
            slot = self._slot(at, group)
            if not self._is_declined(slot):
                yield slot
            self._step(at, group)

    def _place(self, at: int) -> Place:
        group = self._backlog.groups[self._groups[at]]
        return self._backlog.place_of(self._slot(at, group), group, self._backlog.rise(group))

    def _slot(self, at: int, group: Group) -> int:
        """The item of the group that is next for this agent."""
        run = self._runs.get(at)
        if run is not None:
            return run[0]
        head = group.run.head
        if head is None:
            raise KeyError(group.index)
        return head

    def _step(self, at: int, group: Group) -> None:
        """Goes on to the group's following item."""
        run = self._runs.get(at)
        if run is None:
            slots = iter(group.run)
            next(slots)
        else:
            slots = run[1]
        following = next(slots, None)
        if following is None:
            self._values[at] = NOTHING
            return
        self._runs[at] = (following, slots)
        self._values[at] = self._backlog.value_of(following, group)

    def _admits(self, at: int, index: int) -> bool:
        """Whether the agent can take items of the group; else it is left for good, and those that are refused alike."""
        table = self._table
        kind = int(table.kind[index])
        able = self._kinds.get(kind)
        if able is None:
            media, weight, handle_time = table.kinds[kind]
            able = self._eligibility.unavailable(self._agent, self._load, media, weight, handle_time) is None
            self._kinds[kind] = able
            if not able:
                self._values[table.kind[self._groups] == kind] = NOTHING
        if not able:
            return False
        gate = int(table.gate[index])
        if self._closed(table.gates[gate]):
            self._values[table.gate[self._groups] == gate] = NOTHING
            return False
        if self._agent.id in self._backlog.groups[index].demand.signature.excluded:
            self._values[at] = NOTHING
            return False
        return True

    def _closed(self, gate: Gate) -> bool:
        return self._eligibility.closed(gate.queue_id, gate.segment, reserved=gate.reserved) is not None

    def _is_declined(self, slot: int) -> bool:
        excluded = self._backlog.excluded(slot)
        return bool(excluded) and self._eligibility.left_out(self._agent.id, excluded)
