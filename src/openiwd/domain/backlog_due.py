"""When something changes by itself for the items of a backlog: their lines' bends, their demands' openings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import BEND_NEAR, NOBODY, OPENING_NEAR, SPECIAL, Slots, alike
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_state import BacklogState
from openiwd.domain.due_list import NEVER, DueList, Times
from openiwd.domain.group_curves import UNKNOWN
from openiwd.domain.queue import Queue
from openiwd.domain.schema import Schema


class BacklogDue(BacklogState):
    """The part of a backlog that knows what is due when: single slots exactly, many in columns."""

    def __init__(self, queues: Mapping[str, Queue], schemas: Mapping[str, Schema]) -> None:
        super().__init__(queues, schemas)
        self._bends = DueList(self.columns, BEND_NEAR, self._bends_many, self._bend_of)
        self._openings = DueList(self.columns, OPENING_NEAR, self._openings_many, self._opening_of)

    def _stand(self, slot: int, group: Group, level: int, *, opens: bool) -> None:
        """Puts the slot into the group, at its place; `opens` says that agents may take it who could not before."""
        if opens:
            self.fresh.add(group.index)
        columns = self.columns
        columns.group_at[slot] = group.index
        if not columns.set_level(slot, level):
            group.run.wide = True
        if not len(group.run):
            self._wake(group)
        group.run.add(slot)
        self.heads.follow(group)
        self._bends.add(self._bend(slot, group), slot)
        self._openings.add(self._opening(slot, group), slot)

    def _keep_tidy(self) -> None:
        self._sweep_if_worthwhile()
        for due in (self._bends, self._openings):
            if due.is_untidy:
                due.tidy(self._slots.slots())

    def _opening(self, slot: int, group: Group) -> int | None:
        special = self._special.get(slot)
        if special is not None:
            return special.opens_at
        trait = group.trait
        if group.stage == len(trait.changes):
            return None
        return self.columns.queued_at[slot] + trait.changes[group.stage]

    def _bend(self, slot: int, group: Group) -> int | None:
        """When the item's line or demand changes next."""
        opening, bend, schema = self._opening(slot, group), group.line.bend, group.line.schema
        if bend is None or schema is None:
            return opening
        ends = schema.clock.instant_at(self._origin(slot, schema) + bend)
        return ends if opening is None else min(ends, opening)

    def _opening_of(self, slot: int) -> int | None:
        is_empty = self.columns.number_at[slot] == NOBODY
        return None if is_empty else self._opening(slot, self.group_in(slot))

    def _bend_of(self, slot: int) -> int | None:
        is_empty = self.columns.number_at[slot] == NOBODY
        return None if is_empty else self._bend(slot, self.group_in(slot))

    def _openings_many(self, slots: Slots) -> Times:
        return self._due_many(slots, bends=False)

    def _bends_many(self, slots: Slots) -> Times:
        return self._due_many(slots, bends=True)

    def _due_many(self, slots: Slots, *, bends: bool) -> Times:
        """When something is due for these slots; NEVER for those that hold no item."""
        groups = self.columns.group[slots]
        lines = self.curves.line[groups]
        plain = (lines != UNKNOWN) & ~self.columns.marked(slots, SPECIAL)
        if plain.all():
            due = self._due_of_plain(slots, groups, lines, bends=bends)
        else:
            due, at = np.full(len(slots), NEVER, np.int64), np.flatnonzero(plain)
            due[at] = self._due_of_plain(slots[at], groups[at], lines[at], bends=bends)
            self._due_of_others(slots, np.flatnonzero(~plain), due, bends=bends)
        due[self.columns.number[slots] == NOBODY] = NEVER
        return due

    def _due_of_plain(
        self,
        slots: Slots,
        groups: NDArray[Any],
        lines: NDArray[Any],
        origins: Times | None = None,
        *,
        bends: bool,
    ) -> Times:
        """As `_due_many`, of slots with all in columns; `origins` are given where they are known."""
        due = np.full(len(slots), NEVER, np.int64)
        for number, at in alike(lines) if bends else ():
            line = self.lines.lines[number]
            if line.schema is not None and line.bend is not None:
                clock = line.schema.clock
                since = self._origins_of(slots[at], clock) if origins is None else origins[at]
                due[at] = clock.instants_at(since + line.bend)
        opens = self.curves.opens[groups]
        opening = np.flatnonzero(opens < NEVER)
        if len(opening):
            due[opening] = np.minimum(due[opening], self._queued(slots[opening]) + opens[opening])
        return due

    def _due_of_others(self, slots: Slots, which: NDArray[np.intp], due: Times, *, bends: bool) -> None:
        """As `_due_many`, for those at some places that have more than their columns, or a line that is not narrow."""
        for group, places in self._by_group(slots[which]):
            at = which[places]
            own = slots[at]
            stage = group.trait.changes[group.stage : group.stage + 1]
            opens = np.full(len(own), NEVER, np.int64)
            if stage:
                opens = self._queued(own) + stage[0]
            for place in np.flatnonzero(self.columns.marked(own, SPECIAL)).tolist():
                special = self._special[int(own[place])].opens_at
                opens[place] = NEVER if special is None else special
            bend, schema = group.line.bend, group.line.schema
            if bends and bend is not None and schema is not None:
                ages = self._origins_of(own, schema.clock) + bend
                opens = np.minimum(opens, schema.clock.instants_at(ages))
            due[at] = opens
