"""Bends of many items of many groups at one instant: a weekend's arrivals, when the calendar opens. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import MOVING, SPECIAL, Slots, distinct, stretches
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_state import BacklogState
from openiwd.domain.due_list import Times

FITS: Final = float(1 << 62)
"""Levels below this fit their column."""
PHASES: Final = 1 << 16
"""More than a schema has segments."""


class _Moves(NamedTuple):
    """Items that bend, those of one group together and in its order: their new levels and phases."""

    slots: Slots
    groups: NDArray[np.int64]
    levels: Times
    phases: NDArray[np.int64]


class BacklogBend(BacklogState):
    """The part of a backlog that bends items of any number of groups together."""

    def _bend_alike(self, slots: Slots) -> Slots:
        """Bends those items that change by nothing but their schema; what is left is to be moved otherwise."""
        groups = self.columns.group[slots]
        alike = (self.curves.schema[groups] >= 0) & ~self.columns.marked(slots, SPECIAL)
        moves = self._moves(slots[alike])
        if moves is None:
            return slots
        self._apply(moves)
        left: Slots = slots[~alike]
        return left

    def _moves(self, slots: Slots) -> _Moves | None:
        """Where these items go; None when one has a level that does not fit its column."""
        columns, curves = self.columns, self.curves
        columns.mark[slots] |= np.uint8(MOVING)
        numbers = distinct(columns.group[slots]).tolist()
        runs = [self.groups[number].run for number in numbers]
        if any(run.wide for run in runs):
            columns.mark[slots] &= np.uint8(~MOVING & 0xFF)
            return None
        parts = []
        for run in runs:
            own = run.slots()
            moving = columns.marked(own, MOVING)
            parts.append(own if moving.all() else own[moving])
        ordered = np.concatenate(parts) if parts else slots
        columns.mark[slots] &= np.uint8(~MOVING & 0xFF)
        groups = np.repeat(np.array(numbers, np.int64), [len(part) for part in parts])
        levels, phases = columns.level[ordered], np.zeros(len(ordered), np.int64)
        for table, at in curves.by_schema(groups):
            origins = self._origins_of(ordered[at], table.schema)
            ages = self._reading(table.schema.clock) - origins
            since = origins - self._origins[table.schema.clock.id]
            new, old = np.searchsorted(table.bends, ages, side="right"), curves.phase[groups[at]]
            rate, base = table.steepest
            if float(np.abs(since).max()) * 2 * rate + 2 * base + float(np.abs(levels[at]).max()) >= FITS:
                return None
            levels[at] += (table.rates[new] - table.rates[old]) * since - table.bases[new] + table.bases[old]
            phases[at] = new
        # Items of one group may go to several: those of one target together, still in their order.
        ways = groups * PHASES + phases
        if (ways[1:] < ways[:-1]).any():
            order = np.argsort(ways, kind="stable")
            return _Moves(ordered[order], groups[order], levels[order], phases[order])
        return _Moves(ordered, groups, levels, phases)

    def _apply(self, moves: _Moves) -> None:
        columns = self.columns
        touched: dict[int, bool] = {}
        for start, end in stretches(moves.groups):
            group = self.groups[int(moves.groups[start])]
            touched[group.index] = False
            group.run.remove_many(moves.slots[start:end])
        columns.level[moves.slots] = moves.levels
        targets: list[tuple[Group, int, int]] = []
        for start, end in stretches(moves.groups * PHASES + moves.phases):
            source, phase = self.groups[int(moves.groups[start])], int(moves.phases[start])
            target = self._group(source.pool, source.trait, source.stage, source.schema, phase)
            targets.append((target, start, end))
        lengths = [end - start for _, start, end in targets]
        columns.group[moves.slots] = np.repeat([target.index for target, _, _ in targets], lengths)
        disorder = np.flatnonzero(columns.disorder(moves.slots))
        for target, start, end in targets:
            touched.setdefault(target.index, not len(target.run))
            wrong = np.searchsorted(disorder, (start, end - 1))
            if wrong[0] == wrong[1]:
                target.run.add_ordered(moves.slots[start:end])
            else:
                target.run.add_many(moves.slots[start:end])
        for index, was_empty in touched.items():
            group = self.groups[index]
            if was_empty and len(group.run):
                self._wake(group)
            elif not was_empty and not len(group.run):
                self._rest(group)
            self.heads.follow(group)
        self._bends.add_many(self._bends_many(moves.slots), moves.slots)
