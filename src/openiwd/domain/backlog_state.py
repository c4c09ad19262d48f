"""The state of a backlog: its items in columns, their groups and demands. Pure, in compact memory.

It keeps a line (intercept + slope * elapsed) per item, no priority; what changes it and reads it in order lies above.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import DELAYED, SPECIAL, Columns, Slots, alike
from openiwd.domain.backlog_group import Group, Pool, Special, Trait
from openiwd.domain.backlog_item import BacklogItem, Demand, next_demand_at
from openiwd.domain.calendar import WALL_CLOCK_ID, Clock
from openiwd.domain.due_list import NEVER, Times
from openiwd.domain.group_curves import GroupCurves
from openiwd.domain.group_line import FIXED, GroupLine, GroupLines
from openiwd.domain.heads import Heads
from openiwd.domain.queue import Queue
from openiwd.domain.schema import Schema, Standing
from openiwd.domain.slots_by_number import SlotsByNumber

_SPARE: Final = 1_024
_HEAVY: Final = 1 << 30


class _Reading(NamedTuple):
    """What a clock showed at an instant, and until when it goes on evenly."""

    since: int
    until: int
    elapsed: int
    runs: bool


class BacklogState:
    """What waits under one rule set; another one needs a new backlog with all items."""

    def __init__(self, queues: Mapping[str, Queue], schemas: Mapping[str, Schema]) -> None:
        self.queues = queues
        self.schemas = schemas
        self.scale = lcm(*(schema.scale for schema in schemas.values()))
        self.columns = Columns()
        self.groups: list[Group] = []
        self.heads = Heads(self.columns)
        self.curves = GroupCurves()
        self.lines = GroupLines(schemas, self.scale)
        self.pools: dict[Demand, Pool] = {}
        self._clocks: dict[str, Clock] = {schema.clock.id: schema.clock for schema in schemas.values()}
        self._origins: dict[str, int] = {}
        self._elapsed: dict[str, _Reading] = {}
        self._slots = SlotsByNumber()
        self._traits: dict[tuple[object, ...], Trait] = {}
        self.least_weight = _HEAVY
        """No waiting item is lighter."""
        self.fresh: set[int] = set()
        """Groups into which something has come that agents may take: for whom it concerns to empty."""
        self._special: dict[int, Special] = {}
        self._delays: dict[int, int] = {}
        self._demands = 0
        self._dormant = 0
        self._counts: dict[str, int] = {}
        self._now: int | None = None
        self.demands_version = 0
        """Counts the changes of the set of demands that wait."""

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, number: int) -> bool:
        return self._slots.get(number) is not None

    def get(self, number: int) -> BacklogItem | None:
        slot = self._slots.get(number)
        return None if slot is None else self.item_in(slot)

    def revision_of(self, number: int) -> int | None:
        """The revision with which the item waits; None of one that does not."""
        slot = self._slots.get(number)
        return None if slot is None else self.columns.revision_at[slot]

    def schema(self, schema_id: str) -> Schema | None:
        return self.schemas.get(schema_id)

    def items(self) -> Iterator[BacklogItem]:
        """All waiting items, by number."""
        return (self.item_in(slot) for slot in self._slots.slots().tolist())

    def slot_of(self, number: int) -> int:
        slot = self._slots.get(number)
        if slot is None:
            raise KeyError(number)
        return slot

    def group_in(self, slot: int) -> Group:
        return self.groups[self.columns.group_at[slot]]

    def group_of(self, number: int) -> Group:
        """The group in which the item stands since the last call with an instant."""
        return self.group_in(self.slot_of(number))

    def item_in(self, slot: int) -> BacklogItem:
        """The item in a slot, as it was put; without its time in queue where nothing depends on it."""
        columns, group, special = self.columns, self.group_in(slot), self._special.get(slot)
        trait = group.trait
        if special is not None:
            queued = special.queued_at
        else:
            queued = columns.queued_at[slot] if trait.changes else 0
        return BacklogItem(
            number=columns.number_at[slot],
            id=UUID(int=columns.id_of(slot)),
            revision=columns.revision_at[slot],
            queue_id=trait.queue_id,
            media_type=trait.media_type,
            weight=trait.weight,
            requirement=trait.requirement,
            queued_at=queued,
            standing=self._standing(slot, group),
            business_value=~columns.value_at[slot],
            anchor_at=columns.anchor_at[slot],
            segment=trait.segment,
            reserved_for=None if special is None else special.reserved_for,
            reserved_until=None if special is None else special.reserved_until,
            last_agent=None if special is None else special.last_agent,
            last_agent_until=None if special is None else special.last_agent_until,
            excluded=() if special is None else special.excluded,
            handle_time=trait.handle_time,
        )

    def _standing(self, slot: int, group: Group) -> Standing:
        line, level = group.line, self.columns.level_of(slot)
        schema = line.schema
        if schema is None:
            return Standing("", WALL_CLOCK_ID, 0, -level)
        origin = self._origin(slot, schema)
        if line.phase == FIXED:
            return Standing(schema.id, schema.clock.id, origin, 0, -level)
        parts, whole = (
            line.parts(level, origin - self._origins[schema.clock.id]),
            schema.value_weight.denominator,
        )
        constant = Fraction(parts, whole) if parts % whole else parts // whole
        return Standing(schema.id, schema.clock.id, origin, constant)

    def excluded(self, slot: int) -> tuple[tuple[str, int], ...]:
        """Agents left out of the item for a while, and until when."""
        special = self._special.get(slot)
        return () if special is None else special.excluded

    def demands(self) -> Iterable[Demand]:
        """The distinct demands that wait."""
        return (pool.demand for pool in self.pools.values() if pool.live)

    def count(self, queue_id: str) -> int:
        return self._counts.get(queue_id, 0)

    def counts(self) -> dict[str, int]:
        """Waiting items by queue, for queues that have any."""
        return {queue: count for queue, count in self._counts.items() if count}

    def _keep_queued(self, slot: int, queued_at: int) -> None:
        columns = self.columns
        if slot >= len(columns.queued):
            columns.widen_queued()
        columns.queued_at[slot] = queued_at

    def _special_of(self, item: BacklogItem, trait: Trait, now: int) -> Special | None:
        plain = item.reserved_for is None and item.last_agent is None and not item.excluded
        if plain and item.queued_at <= now:
            return None
        opens = [until for _, until in item.excluded if until > now]
        changes = next_demand_at(item, trait.queue, now)
        if changes is not None:
            opens.append(changes)
        return Special(
            item.queued_at,
            item.reserved_for,
            item.reserved_until,
            item.last_agent,
            item.last_agent_until,
            item.excluded,
            min(opens, default=None),
        )

    def _leave(self, slot: int, group: Group) -> None:
        group.run.remove(slot)
        self.heads.follow(group)
        if not len(group.run):
            self._rest(group)

    def _forget_special(self, slot: int) -> None:
        if self._special.pop(slot, None) is not None:
            self.columns.set_mark(slot, SPECIAL, on=False)

    def _wake(self, group: Group) -> None:
        self._dormant -= 1
        group.pool.live += 1
        if group.pool.live == 1:
            self.demands_version += 1

    def _rest(self, group: Group) -> None:
        """A group without items stays for a while: it is likely to be needed again."""
        self._dormant += 1
        group.pool.live -= 1
        if group.pool.live == 0:
            self.demands_version += 1

    def _plain_pool(self, trait: Trait, stage: int) -> Pool:
        pool = trait.pools[stage]
        if pool is None:
            pool = trait.pools[stage] = self._pool(trait.demand(stage))
        return pool

    def _pool(self, demand: Demand) -> Pool:
        pool = self.pools.get(demand)
        if pool is None:
            self._demands += 1
            pool = self.pools[demand] = Pool(demand, self._demands)
        return pool

    def _group(self, pool: Pool, trait: Trait, stage: int, line: GroupLine) -> Group:
        key = (trait, stage, line)
        group = pool.groups.get(key)
        if group is None:
            group = Group(self.columns, len(self.groups), pool, trait, stage, line)
            pool.groups[key] = group
            trait.groups += 1
            self.columns.admit("group", 0, group.index)
            self.groups.append(group)
            self._dormant += 1
            self.heads.begin(group)
            self.curves.begin(group)
        return group

    def _sweep_if_worthwhile(self) -> None:
        if self._dormant > len(self.groups) - self._dormant + _SPARE:
            self._sweep()

    def _sweep(self) -> None:
        """Drops what holds no items, and numbers the rest anew."""
        numbers = np.zeros(len(self.groups), np.uint32)
        kept: list[Group] = []
        for group in self.groups:
            if len(group.run):
                numbers[group.index] = len(kept)
                kept.append(group)
                continue
            del group.pool.groups[group.key]
            group.trait.groups -= 1
        self.pools = {demand: pool for demand, pool in self.pools.items() if pool.groups}
        self._traits = {key: trait for key, trait in self._traits.items() if trait.groups}
        for trait in self._traits.values():
            trait.pools = [pool if pool is not None and pool.groups else None for pool in trait.pools]
        self.fresh = {
            int(numbers[group.index])
            for index in self.fresh
            for group in self.groups[index].pool.groups.values()
            if len(group.run)
        }
        self.columns.renumber_groups(numbers)
        for index, group in enumerate(kept):
            group.index = index
        self.groups = kept
        self._dormant = 0
        self.heads.renew(kept)
        self.curves.renew(kept)

    @property
    def now(self) -> int | None:
        """The instant at which the backlog stands."""
        return self._now

    def _reading(self, clock: Clock) -> int:
        """The clock as of now. It is asked again only when it starts or stops: until then it runs evenly or stands."""
        now = self._now or 0
        known = self._elapsed.get(clock.id)
        if known is None or not known.since <= now < known.until:
            until = clock.next_change(now)
            known = _Reading(now, NEVER if until is None else until, clock.elapsed(now), clock.is_open(now))
            self._elapsed[clock.id] = known
        return known.elapsed + now - known.since if known.runs else known.elapsed

    def since_start(self, clock: Clock) -> int:
        """What the clock has run since the backlog began: the lines' time."""
        return self._reading(clock) - self._origins[clock.id]

    def _origin(self, slot: int, schema: Schema) -> int:
        return schema.clock.elapsed(self.columns.anchor_at[slot]) + self._delays.get(slot, 0)

    def _by_group(self, slots: Slots) -> Iterator[tuple[Group, slice | NDArray[np.intp]]]:
        """The groups of these slots, each with the places that are of it."""
        for number, at in alike(self.columns.group[slots]):
            yield self.groups[number], at

    def _queued(self, slots: Slots) -> Times:
        """Since when the items wait in their queue; what few have it elsewhere is put right by their `Special`."""
        if len(self.columns.queued) < len(self.columns.number):
            self.columns.widen_queued()
        queued: Times = self.columns.queued[slots]
        return queued

    def _origins_of(self, slots: Slots, clock: Clock) -> Times:
        """What their clock showed when the items had the age 0."""
        anchors = self.columns.anchor[slots]
        delayed = np.flatnonzero(self.columns.marked(slots, DELAYED))
        origins: Times = clock.elapsed_many(anchors)
        for place in delayed.tolist():
            origins[place] += self._delays[int(slots[place])]
        return origins
