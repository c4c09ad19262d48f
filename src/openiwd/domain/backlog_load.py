"""Many waiting items put into a backlog at once, as columns: what a decider's load is made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_bend import PHASES
from openiwd.domain.backlog_columns import Slots, stretches
from openiwd.domain.backlog_columns import alike as alike_places
from openiwd.domain.backlog_filling import BacklogFilling
from openiwd.domain.backlog_group import Trait
from openiwd.domain.backlog_item import BacklogItem, BacklogRows, items_alike
from openiwd.domain.due_list import Times
from openiwd.domain.group_line import FITS, FIXED
from openiwd.domain.schema import Schema

_STAGES: Final = 1 << 16
"""More than a demand has changes."""


class Alike(NamedTuple):
    """So many rows in a stretch that differ from `like` only in what they say; `like` gives queue, media, weight,
    requirement, segment, handle time, schema and fixed priority.
    """

    like: BacklogItem
    size: int


class _Lines(NamedTuple):
    """Level and phase of each row as of now, and whether the level fits its column."""

    levels: Times
    phases: NDArray[np.int64]
    fit: NDArray[np.bool_]


class BacklogLoad(BacklogFilling):
    """The part of a backlog that takes many items at once."""

    def put_alike(self, like: BacklogItem, rows: BacklogRows, now: int) -> None:
        """Many items that are all alike; those that wait already are replaced."""
        self.put_many([Alike(like, len(rows.numbers))], rows, now)

    def put_many(self, alike: Sequence[Alike], rows: BacklogRows, now: int) -> None:
        """Many items, those that are alike in a stretch each; those that wait already are replaced."""
        now = self.advance(now)
        for number in self._slots.known(rows.numbers):
            self.discard(number)
        of = np.repeat(np.arange(len(alike)), [one.size for one in alike])
        lines = self._lines(alike, of, rows)
        single = (rows.queued > now) | ~lines.fit
        for row in np.flatnonzero(single).tolist():
            like = alike[int(of[row])].like
            schema = self.schemas.get(like.standing.schema_id)
            for item in items_alike(like, schema, rows.part(slice(row, row + 1))):
                self.put(item, now)
        if single.all():
            return
        if single.any():
            rows, of = rows.part(~single), of[~single]
            lines = _Lines(lines.levels[~single], lines.phases[~single], lines.fit[~single])
        traits = [self._trait(one.like) for one in alike]
        self._put_columns(alike, traits, of, rows, lines, now)
        self._keep_tidy()

    def _put_columns(
        self,
        alike: Sequence[Alike],
        traits: Sequence[Trait],
        of: NDArray[np.intp],
        rows: BacklogRows,
        lines: _Lines,
        now: int,
    ) -> None:
        changing = np.array([bool(trait.changes) for trait in traits])[of]
        slots = self._fill(rows, lines.levels, np.argsort(~changing, kind="stable"))
        ways = of.astype(np.int64) * _STAGES
        for start, end in stretches(of):
            trait = traits[int(of[start])]
            self._counts[trait.queue_id] = self._counts.get(trait.queue_id, 0) + end - start
            if trait.changes:
                queued = rows.queued[start:end]
                ways[start:end] += np.searchsorted(np.array(trait.changes), now - queued, side="right")
                self._queued(slots[start:end])
                self.columns.queued[slots[start:end]] = queued
        ways = ways * PHASES + lines.phases + 1
        order = self.columns.order_within(ways, slots)
        slots, ways = slots[order], ways[order]
        timed: list[Slots] = []
        for start, end in stretches(ways):
            number, way = divmod(int(ways[start]), _STAGES * PHASES)
            trait, stage, phase = traits[number], way // PHASES, way % PHASES - 1
            schema = self.schemas.get(alike[number].like.standing.schema_id)
            line = self.lines.line(schema, phase)
            group = self._group(self._plain_pool(trait, stage), trait, stage, line)
            own = slots[start:end]
            self.columns.group[own] = group.index
            self.fresh.add(group.index)
            if not len(group.run):
                self._wake(group)
            group.run.add_ordered(own)
            self.heads.follow(group)
            if stage < len(trait.changes):
                timed.append(own)
        self._bends.add_many(self._bends_many(slots), slots)
        if timed:
            opening = np.concatenate(timed)
            self._openings.add_many(self._openings_many(opening), opening)

    def _fill(self, rows: BacklogRows, levels: Times, places: NDArray[np.intp]) -> Slots:
        """The slots of the rows. They are given out in the order of `places`, so that those whose times in queue are
        kept share few pages of that column.
        """
        columns, slots = self.columns, np.zeros(len(rows.numbers), np.uint32)
        slots[places] = columns.take_many(len(slots))
        columns.set_many("number", slots, rows.numbers)
        columns.set_many("revision", slots, rows.revisions)
        columns.set_many("value", slots, ~rows.business_values)
        columns.anchor[slots] = rows.anchors
        columns.high[slots], columns.low[slots] = rows.ids[:, 0], rows.ids[:, 1]
        columns.level[slots] = levels
        self._slots.put_many(rows.numbers, slots)
        return slots

    def _lines(self, alike: Sequence[Alike], of: NDArray[np.intp], rows: BacklogRows) -> _Lines:
        """By schema; a fixed priority, or the adjustment where there is no schema, is a flat line."""
        fixed = np.array([one.like.standing.fixed or 0 for one in alike], np.int64)
        is_fixed = np.array([one.like.standing.fixed is not None for one in alike])
        numbers: dict[str, int] = {}
        known = [
            numbers.setdefault(one.like.standing.schema_id, len(numbers))
            if one.like.standing.fixed is None and one.like.standing.schema_id in self.schemas
            else FIXED
            for one in alike
        ]
        schema_of = np.array(known)[of]
        levels = -np.where(is_fixed[of], fixed[of], rows.adjustments)
        phases, fit = np.full(len(of), FIXED, np.int64), np.ones(len(of), dtype=bool)
        for schema_id, number in numbers.items():
            at = np.flatnonzero(schema_of == number)
            levels[at], phases[at], fit[at] = self._lines_on(self.schemas[schema_id], rows.part(at))
        return _Lines(levels, phases, fit)

    def _lines_on(self, schema: Schema, rows: BacklogRows) -> _Lines:
        origins = schema.clock.elapsed_many(rows.anchors)
        phases = np.searchsorted(np.array(schema.bends), self._reading(schema.clock) - origins, side="right")
        since = origins - self._origins[schema.clock.id]
        weight = schema.value_weight
        value, whole = float(np.abs(rows.business_values.astype(np.float64)).max()), weight.denominator
        adjustment = float(np.abs(rows.adjustments.astype(np.float64)).max())
        if (
            value * abs(weight.numerator) + adjustment * whole >= FITS
            or max(abs(weight.numerator), whole) >= FITS
        ):
            return _Lines(since, phases, np.zeros(len(since), dtype=bool))
        parts = rows.business_values * np.int64(weight.numerator) + rows.adjustments * np.int64(whole)
        levels, fit = np.zeros(len(since), np.int64), np.zeros(len(since), dtype=bool)
        for phase, at in alike_places(phases):
            line = self.lines.line(schema, phase)
            if line.is_narrow:
                levels[at], fit[at] = line.levels(parts[at], since[at])
        return _Lines(levels, phases, fit)
