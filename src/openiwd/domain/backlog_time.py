"""Time in a backlog: applies every bend of its items' lines and demands when it comes, many at once. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from openiwd.domain.backlog_bend import PHASES, BacklogBend
from openiwd.domain.backlog_columns import SPECIAL, Slots
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_item import demand_at
from openiwd.domain.due_list import Times
from openiwd.domain.group_line import FIXED

_BULK: Final = 48
"""From so many items on, bends are applied to them together."""


class BacklogTime(BacklogBend):
    """Time never goes back: a call with an earlier instant than one before is answered as of the later one."""

    def advance(self, now: int) -> int:
        """Applies every bend up to `now`, in bulk; the instant at which the backlog then stands."""
        if self._now is None:
            self._origins = {clock_id: clock.elapsed(now) for clock_id, clock in self._clocks.items()}
        elif now <= self._now:
            return self._now
        self._now = now
        if self._bends.soonest <= now and len(due := self._bends.take(now)):
            self._move(due, now)
            self._keep_tidy()
        return now

    def next_bend(self) -> int | None:
        """The next instant at which some item's line or demand changes by itself."""
        return self._bends.next()

    def next_opening(self) -> int | None:
        """The next instant at which some item's demand changes, or an agent's exclusion ends.

        Other bends change the order alone: where nothing can be offered, they make nothing possible.
        """
        return self._openings.next()

    def _move(self, slots: Slots, now: int) -> None:
        if len(slots) >= _BULK:
            slots = self._bend_alike(slots, now)
        for group, at in self._by_group(slots):
            own = slots[at]
            if len(own) >= _BULK and not group.run.wide:
                own = self._move_many(group, own, now)
            for slot in own.tolist():
                self._move_one(slot, group, now)

    def _move_one(self, slot: int, group: Group, now: int) -> None:
        """Gives one item the demand and the line that are its own from now on."""
        trait, line, level = group.trait, group.line, self.columns.level_of(slot)
        schema = line.schema
        if self._opening(slot, group) is not None:
            self._openings.discard(slot)
        special = self._special.get(slot)
        if special is not None:
            item = self.item_in(slot)
            pool, stage = self._pool(demand_at(item, trait.queue, now)), trait.stage(now - item.queued_at)
            if (changed := self._special_of(item, trait, now)) is not None:
                self._special[slot] = changed
            else:
                self._forget_special(slot)
                if trait.changes:
                    self._keep_queued(slot, item.queued_at)
        else:
            stage = trait.stage(now - self.columns.queued_at[slot]) if trait.changes else 0
            pool = self._plain_pool(trait, stage)
        if schema is not None and line.phase != FIXED:
            origin = self._origin(slot, schema)
            line = self.lines.line(schema, bisect_right(schema.bends, self._reading(schema.clock) - origin))
            since = origin - self._origins[schema.clock.id]
            level = line.level(group.line.parts(level, since), since)
        self._leave(slot, group)
        opens = special is not None or pool is not group.pool
        self._stand(slot, self._group(pool, trait, stage, line), level, opens=opens)

    def _move_many(self, group: Group, slots: Slots, now: int) -> Slots:
        """As `_move_one`, for the plain ones among many of a group at once; those that are left to be moved singly."""
        trait, schema = group.trait, group.line.schema
        singly = self.columns.marked(slots, SPECIAL)
        left, slots = slots[singly], slots[~singly]
        stages = np.zeros(len(slots), np.int64)
        if trait.changes:
            stages = np.searchsorted(np.array(trait.changes), now - self._queued(slots), side="right")
        phases, since = np.full(len(slots), group.line.phase, np.int64), np.zeros(len(slots), np.int64)
        if schema is not None and group.line.phase != FIXED:
            since = self._origins_of(slots, schema.clock)
            phases = np.searchsorted(
                np.array(schema.bends), self._reading(schema.clock) - since, side="right"
            )
            since -= self._origins[schema.clock.id]
        ways = stages * PHASES + phases + 1
        for way in np.unique(ways).tolist():
            own, stage = ways == way, way // PHASES
            line = self.lines.line(schema, way % PHASES - 1)
            target = self._group(self._plain_pool(trait, stage), trait, stage, line)
            if not self._pass_over(group, target, slots[own], since[own]):
                left = np.concatenate((left, slots[own]))
        return left

    def _pass_over(self, group: Group, target: Group, slots: Slots, since: Times) -> bool:
        """Moves plain slots from one group to another; False, and nothing done, where a level would be too wide."""
        columns = self.columns
        levels = columns.level[slots]
        if target.line is not group.line:
            if not (group.line.is_narrow and target.line.is_narrow):
                return False
            levels, fit = group.line.levels_on(target.line, levels, since)
            if not fit.all():
                return False
        if group.stage < len(group.trait.changes):
            self._openings.discard_many(slots)
        if target.pool is not group.pool:
            self.fresh.add(target.index)
        touched = {one: not len(one.run) for one in (group, target)}
        group.run.remove_many(slots)
        columns.level[slots] = levels
        columns.group[slots] = target.index
        target.run.add_many(slots)
        for one, was_empty in touched.items():
            self._settle(one, was_empty=was_empty)
        self._bends.add_many(self._bends_many(slots), slots)
        if target.stage < len(target.trait.changes):
            self._openings.add_many(self._openings_many(slots), slots)
        return True
