"""Bends of many items of many groups at one instant: a weekend's arrivals, when the calendar opens. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import SPECIAL, Slots, alike, distinct, stretches
from openiwd.domain.backlog_due import BacklogDue
from openiwd.domain.backlog_group import Group
from openiwd.domain.due_list import NEVER, Times
from openiwd.domain.group_curves import UNKNOWN
from openiwd.domain.group_line import Numbers
from openiwd.domain.ordered_run import OrderedRun, joined

PHASES: Final = 1 << 16
"""More than a schema has segments."""
_LINES: Final = 1 << 31
_WHOLE: Final = 32
"""Runs are gone through as a whole when one in so many of their slots moves."""


class _Moves(NamedTuple):
    """Items that bend, those that go from one group to the same line together, and in their group's order."""

    slots: Slots
    groups: Numbers
    lines: NDArray[np.integer]
    levels: Times
    """Those to come."""
    origins: Times
    ways: Numbers
    """From which group to which line."""

    def part(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> _Moves:
        return _Moves(*(column[index] for column in self))  # type: ignore[arg-type]


class BacklogBend(BacklogDue):
    """The part of a backlog that bends items of any number of groups together."""

    def _bend_alike(self, slots: Slots, now: int) -> Slots:
        """Bends those items of which nothing changes but the line; what is left is to be moved otherwise."""
        groups = self.columns.group[slots]
        plain = (self.curves.line[groups] != UNKNOWN) & ~self.columns.marked(slots, SPECIAL)
        if self.columns.wide:
            numbers = distinct(groups)
            plain &= ~np.isin(groups, numbers[[self.groups[number].run.wide for number in numbers.tolist()]])
        opens = self.curves.opens[groups]
        opening = np.flatnonzero(opens < NEVER)
        plain[opening] &= self._queued(slots[opening]) + opens[opening] > now
        left: Slots = slots[~plain]
        slots = slots[plain]
        if not len(slots):
            return left
        moves, odd = self._moves(self._in_order_of_groups(slots, groups[plain]))
        if len(moves.slots):
            self._apply(moves)
        return np.concatenate((left, odd))

    def _in_order_of_groups(self, slots: Slots, groups: NDArray[np.integer]) -> Slots:
        """The slots by group and in each group's order."""
        columns = self.columns
        numbers = np.flatnonzero(np.bincount(groups))
        runs = [self.groups[number].run for number in numbers.tolist()]
        if sum(map(len, runs)) > _WHOLE * len(slots):
            keys = (columns.low, columns.high, columns.anchor, columns.value, columns.level, columns.group)
            return slots[np.lexsort([column[slots] for column in keys])]
        whole = joined(runs)
        if len(whole) == len(slots):
            return whole
        moving = np.zeros(len(columns.number), dtype=bool)
        moving[slots] = True
        return whole[moving[whole]]

    def _moves(self, slots: Slots) -> tuple[_Moves, Slots]:
        """Where these items go, and those that have a level that does not fit its column."""
        groups, levels = self.columns.group[slots].astype(np.int64), self.columns.level[slots]
        old = self.curves.line[groups]
        new, origins, fit = old + 1, np.zeros(len(slots), np.int64), np.zeros(len(slots), dtype=bool)
        for number, at in alike(old):
            line = self.lines.lines[number]
            if line.schema is None:
                continue
            clock, bends = line.schema.clock, np.array(line.schema.bends, np.int64)
            own = self._origins_of(slots[at], clock)
            phases = np.searchsorted(bends, self._reading(clock) - own, side="right")
            changed, fits = levels[at], np.zeros(len(own), dtype=bool)
            since = own - self._origins[clock.id]
            for phase, there in alike(phases):
                target = self.lines.line(line.schema, phase)
                if target.is_narrow:
                    changed[there], fits[there] = line.levels_on(target, changed[there], since[there])
            new[at], origins[at], levels[at], fit[at] = phases - line.phase + number, own, changed, fits
        moves = _Moves(slots, groups, new, levels, origins, groups * _LINES + new)
        odd: Slots = slots[~fit]
        if len(odd):
            moves = moves.part(fit)
        if (np.diff(moves.ways) < 0).any():
            moves = moves.part(np.argsort(moves.ways, kind="stable"))
        return moves, odd

    def _keep_order(self, moves: _Moves) -> bool:
        """Whether those that go together will be in order as they are: the order by what they have besides."""
        steps = np.diff(moves.levels)
        # Equal levels that were not equal before may be in another order by value, anchor or id.
        doubtful = (steps < 0) | ((steps == 0) & (np.diff(self.columns.level[moves.slots]) != 0))
        return not (doubtful & (np.diff(moves.ways) == 0)).any()

    def _apply(self, moves: _Moves) -> None:
        columns = self.columns
        ways, keep_order = stretches(moves.ways), self._keep_order(moves)
        firsts = [start for start, _ in ways]
        sources = [self.groups[number] for number in moves.groups[firsts].tolist()]
        targets = [
            self._group(source.pool, source.trait, source.stage, self.lines.lines[number])
            for source, number in zip(sources, moves.lines[firsts].tolist(), strict=True)
        ]
        touched = {group: not len(group.run) for group in (*sources, *targets)}
        leaving = [
            self._leave_many(source, moves.slots[start:end], whole=keep_order)
            for source, (start, end) in zip(sources, ways, strict=True)
        ]
        columns.level[moves.slots] = moves.levels
        numbers, lengths = [target.index for target in targets], [end - start for start, end in ways]
        columns.group[moves.slots] = np.repeat(numbers, lengths)
        for target, run, (start, end) in zip(targets, leaving, ways, strict=True):
            if run is not None and not len(target.run):
                run.renew()
                target.run = run
            elif keep_order:
                target.run.add_ordered(moves.slots[start:end])
            else:
                target.run.add_many(moves.slots[start:end])
        for group, was_empty in touched.items():
            self._settle(group, was_empty=was_empty)
        due = self._due_of_plain(
            moves.slots, columns.group[moves.slots], moves.lines, moves.origins, bends=True
        )
        self._bends.add_many(due, moves.slots)

    def _leave_many(self, group: Group, slots: Slots, *, whole: bool) -> OrderedRun | None:
        """Takes the slots out of the group. Its run itself, if that is all it holds and may go on as a `whole`."""
        run = group.run
        if whole and len(run) == len(slots):
            group.run = OrderedRun(self.columns)
            return run
        run.remove_many(slots)
        return None

    def _settle(self, group: Group, *, was_empty: bool) -> None:
        """After its items have changed in bulk."""
        if was_empty and len(group.run):
            self._wake(group)
        elif not was_empty and not len(group.run):
            self._rest(group)
        self.heads.follow(group)
