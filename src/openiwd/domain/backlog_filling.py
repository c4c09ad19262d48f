"""What comes into a backlog and what leaves it: single items, and many alike at once. Pure."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_group import FIXED, Trait
from openiwd.domain.backlog_item import BacklogItem, BacklogRows, demand_at, items_alike
from openiwd.domain.backlog_time import FITS, PHASES, BacklogTime
from openiwd.domain.due_list import Times
from openiwd.domain.schema import Schema, Standing


class BacklogFilling(BacklogTime):
    """While an iterator over items is in use, nothing may be put, removed or advanced."""

    def put(self, item: BacklogItem, now: int) -> None:
        """Inserts the item, or replaces the one with its number."""
        now = self.advance(now)
        self.discard(item.number)
        columns, trait = self.columns, self._trait(item)
        columns.admit(item.number)
        slot = columns.take()
        schema = self.schemas.get(item.standing.schema_id)
        columns.number_at[slot] = item.number
        columns.set_revision(slot, item.revision)
        columns.value_at[slot] = ~item.business_value
        columns.anchor_at[slot] = item.anchor_at
        columns.set_id(slot, item.id.int)
        if schema is not None and (delay := item.standing.origin - schema.clock.elapsed(item.anchor_at)):
            self._delays[slot] = delay
        special = self._special_of(item, trait, now)
        if special is not None:
            self._special[slot] = special
            pool = self._pool(demand_at(item, trait.queue, now))
        else:
            if trait.changes:
                self._keep_queued(slot, item.queued_at)
            pool = self._plain_pool(trait, trait.stage(now - item.queued_at))
        stage = trait.stage(now - item.queued_at)
        phase, level = self._line(item.standing, schema)
        self._stand(slot, self._group(pool, trait, stage, schema, phase), level, opens=True)
        self._slots.put(item.number, slot)
        self._counts[item.queue_id] = self._counts.get(item.queue_id, 0) + 1
        self._keep_tidy()

    def remove(self, number: int) -> BacklogItem | None:
        """Takes the item out, if it waits."""
        item = self.get(number)
        self.discard(number)
        return item

    def discard(self, number: int) -> bool:
        """As `remove`, without making the item; whether it waited."""
        slot = self._slots.get(number)
        if slot is None:
            return False
        group = self.group_in(slot)
        if self._opening(slot, group) is not None:
            self._openings.discard()
        if self._bend(slot, group) is not None:
            self._bends.discard()
        self._leave(slot, group)
        self._special.pop(slot, None)
        self._delays.pop(slot, None)
        self._slots.drop(number)
        self.columns.release(slot)
        self._counts[group.trait.queue_id] -= 1
        return True

    def _trait(self, item: BacklogItem) -> Trait:
        key = (item.queue_id, item.media_type, item.weight, item.requirement, item.segment, item.handle_time)
        trait = self._traits.get(key)
        if trait is None:
            trait = self._traits[key] = Trait(item, self.queues.get(item.queue_id))
            self.least_weight = min(self.least_weight, item.weight)
        return trait

    def _line(self, own: Standing, schema: Schema | None) -> tuple[int, int]:
        """The phase in which the item stands now, and its (negated) level there."""
        if own.fixed is not None:
            return FIXED, -own.fixed
        if schema is None:
            return FIXED, -int(own.constant)
        phase = bisect_right(schema.bends, self._reading(schema.clock) - own.origin)
        since = own.origin - self._origins[schema.clock.id]
        # The scale covers the value weight's denominator, so the division leaves no rest.
        level = own.constant.numerator * (schema.scale // own.constant.denominator)
        return phase, schema.rates[phase] * since - schema.bases[phase] - level

    def put_alike(self, like: BacklogItem, rows: BacklogRows, now: int) -> None:
        """Many items that differ from `like` only in what `rows` says; like gives queue, media, weight, requirement,
        segment, handle time, schema and fixed priority. Those that wait already are replaced.
        """
        now = self.advance(now)
        for number in self._slots.known(rows.numbers):
            self.discard(number)
        trait, schema = self._trait(like), self.schemas.get(like.standing.schema_id)
        ahead = rows.queued > now
        levels, phases, fits = self._levels(like.standing, schema, rows)
        single = ahead | ~fits
        for item in items_alike(like, schema, rows.part(single)):
            self.put(item, now)
        if single.all():
            return
        rows = rows.part(~single)
        levels, phases = levels[~single], phases[~single]
        columns = self.columns
        columns.admit(int(rows.numbers.max()))
        slots = columns.take_many(len(rows.numbers))
        columns.number[slots] = rows.numbers
        columns.set_revisions(slots, rows.revisions)
        columns.value[slots] = ~rows.business_values
        columns.anchor[slots] = rows.anchors
        columns.high[slots], columns.low[slots] = rows.ids[:, 0], rows.ids[:, 1]
        columns.level[slots] = levels
        stages = np.zeros(len(slots), np.int64)
        if trait.changes:
            stages = np.searchsorted(np.array(trait.changes), now - rows.queued, side="right")
            self._queued(slots)
            columns.queued[slots] = rows.queued
        self._slots.put_many(rows.numbers, slots)
        self._counts[trait.queue_id] = self._counts.get(trait.queue_id, 0) + len(slots)
        ways = stages * PHASES + phases + 1
        for way in np.unique(ways).tolist():
            own, stage = slots[ways == way], way // PHASES
            group = self._group(self._plain_pool(trait, stage), trait, stage, schema, way % PHASES - 1)
            columns.group[own] = group.index
            self.fresh.add(group.index)
            if not len(group.run):
                self._wake(group)
            group.run.add_many(own)
            self.heads.follow(group)
            self._bends.add_many(self._bends_many(own), own)
            if stage < len(trait.changes):
                self._openings.add_many(self._openings_many(own), own)
        self._keep_tidy()

    def _levels(
        self, like: Standing, schema: Schema | None, rows: BacklogRows
    ) -> tuple[Times, NDArray[np.intp], NDArray[np.bool_]]:
        """Level and phase of each row as of now, and whether the level fits its column."""
        count = len(rows.numbers)
        flat = np.full(count, FIXED, np.intp)
        if like.fixed is not None:
            return np.full(count, -like.fixed, np.int64), flat, np.ones(count, dtype=bool)
        if schema is None:
            return -rows.adjustments.astype(np.int64), flat, np.ones(count, dtype=bool)
        origins = schema.clock.elapsed_many(rows.anchors)
        phases = np.searchsorted(np.array(schema.bends), self._reading(schema.clock) - origins, side="right")
        since = origins - self._origins[schema.clock.id]
        weight = schema.value_weight.numerator * (schema.scale // schema.value_weight.denominator)
        widest = max(map(abs, (*schema.rates, *schema.bases, weight, schema.scale)))
        reach = (
            np.abs(since) * float(max(map(abs, schema.rates)))
            + float(max(map(abs, schema.bases)))
            + np.abs(rows.business_values.astype(np.float64)) * abs(weight)
            + np.abs(rows.adjustments.astype(np.float64)) * schema.scale
        )
        if widest >= FITS:
            return since, phases, np.zeros(count, dtype=bool)
        rates, bases = np.array(schema.rates, np.int64), np.array(schema.bases, np.int64)
        constants = rows.business_values * np.int64(weight) + rows.adjustments * np.int64(schema.scale)
        return rates[phases] * since - bases[phases] - constants, phases, reach < FITS
