"""What comes into a backlog and what leaves it: single items, and many alike at once. Pure."""

from __future__ import annotations

from bisect import bisect_right

from openiwd.domain.backlog_columns import DELAYED, SPECIAL
from openiwd.domain.backlog_group import Trait
from openiwd.domain.backlog_item import BacklogItem, demand_at
from openiwd.domain.backlog_time import BacklogTime
from openiwd.domain.group_line import FIXED, GroupLine, parts_of
from openiwd.domain.schema import Schema, Standing


class BacklogFilling(BacklogTime):
    """While an iterator over items is in use, nothing may be put, removed or advanced."""

    def put(self, item: BacklogItem, now: int) -> None:
        """Inserts the item, or replaces the one with its number."""
        now = self.advance(now)
        self.discard(item.number)
        columns, trait = self.columns, self._trait(item)
        slot = columns.take()
        schema = self.schemas.get(item.standing.schema_id)
        columns.set_fields(slot, item.number, item.revision, ~item.business_value)
        columns.anchor_at[slot] = item.anchor_at
        columns.set_id(slot, item.id.int)
        if schema is not None and (delay := item.standing.origin - schema.clock.elapsed(item.anchor_at)):
            self._delays[slot] = delay
            columns.set_mark(slot, DELAYED, on=True)
        special = self._special_of(item, trait, now)
        if special is not None:
            self._special[slot] = special
            columns.set_mark(slot, SPECIAL, on=True)
            pool = self._pool(demand_at(item, trait.queue, now))
        else:
            if trait.changes:
                self._keep_queued(slot, item.queued_at)
            pool = self._plain_pool(trait, trait.stage(now - item.queued_at))
        stage = trait.stage(now - item.queued_at)
        line, level = self._line(item.standing, schema)
        self._stand(slot, self._group(pool, trait, stage, line), level, opens=True)
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
            self._openings.discard(slot)
        if self._bend(slot, group) is not None:
            self._bends.discard(slot)
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

    def _line(self, own: Standing, schema: Schema | None) -> tuple[GroupLine, int]:
        """The line on which the item stands now, and its (negated) level there."""
        if own.fixed is not None:
            return self.lines.line(schema, FIXED), -own.fixed
        if schema is None:
            return self.lines.line(None, FIXED), -int(own.constant)
        phase = bisect_right(schema.bends, self._reading(schema.clock) - own.origin)
        line = self.lines.line(schema, phase)
        since = own.origin - self._origins[schema.clock.id]
        return line, line.level(parts_of(own.constant, schema), since)
