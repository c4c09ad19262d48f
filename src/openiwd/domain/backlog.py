"""The backlog: all waiting items of a tenant in exact order of priority at every instant. Pure.

Reads the index in order; decides the order, never who gets what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from math import inf, nextafter
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.backlog_load import BacklogLoad
from openiwd.domain.heads import NOTHING, Floats
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Requirement
from openiwd.domain.schema import Schema


class Place(NamedTuple):
    """An item's place in the one order, ascending: priority desc, businessValue desc, older anchor, id.

    `level` is its negated priority on the backlog's scale.
    """

    level: int
    value: int
    anchor: int
    high: int
    low: int


class Wanted(NamedTuple):
    """Items that wait for the same: how many, and one of them."""

    queue_id: str
    media_type: str
    requirement: Requirement
    items: int
    example: UUID | None


class First(NamedTuple):
    """The numbers of the best items, and a priority that none of the others exceeds (0 when there is none at all).

    In floating point: among the last, items whose priorities are as good as equal may stand for each other.
    """

    numbers: list[int]
    least: Fraction


class _Head(NamedTuple):
    """The next item of a group that is being read in order, and those that follow."""

    place: Place
    slot: int
    group: Group
    rise: int
    following: Iterator[int]


class Backlog(BacklogLoad):
    """All waiting items in order. See its floors below for what may change it, and when."""

    def __init__(self, queues: Mapping[str, Queue], schemas: Mapping[str, Schema]) -> None:
        super().__init__(queues, schemas)
        self._drifted: tuple[int | None, int] = (None, 0)
        self._since: Floats = np.zeros(1)
        self._reach = 0.0

    def rise(self, group: Group) -> int:
        """By how much the group's lines have risen since the backlog began, on the group's own scale."""
        line = group.line
        return 0 if line.clock is None else line.rate * self.since_start(line.clock)

    def place_of(self, slot: int, group: Group, rise: int) -> Place:
        level, value, anchor, high, low = self.columns.key_of(slot)
        return Place((level - rise) * group.line.factor, value, anchor, high, low)

    def place_in(self, slot: int) -> Place:
        """The place of the item in a slot, as of the instant at which the backlog stands."""
        group = self.group_in(slot)
        return self.place_of(slot, group, self.rise(group))

    def priority_at(self, place: Place) -> Fraction:
        return Fraction(-place.level, self.scale)

    def value_of(self, slot: int, group: Group) -> float:
        """The item's priority as of now, as near as a floating-point number is."""
        line = group.line
        rise = 0 if line.clock is None else line.rate * self.since_start(line.clock)
        return (rise - self.columns.level_of(slot)) / line.scale

    def values_of(self, groups: NDArray[np.intp]) -> tuple[Floats, float]:
        """The priorities of the groups' first items as of now, NOTHING of empty ones.

        And the distance within which the order of two of them is uncertain.
        """
        heads = self.heads
        if self._drifted != (self.now, len(heads.clocks)):
            self._drifted = (self.now, len(heads.clocks))
            since = [0, *map(self.since_start, heads.clocks)]
            self._since = np.array(since, np.float64)
            self._reach = float(max(*since, -min(since)))
        values = heads.value.take(groups)
        if heads.clocks:
            values += heads.slope.take(groups) * self._since.take(heads.clock.take(groups))
        return values, heads.margin(self._reach)

    def walk(
        self,
        now: int,
        accepts_demand: Callable[[Demand], bool] | None = None,
        accepts_group: Callable[[Group], bool] | None = None,
        queue_id: str | None = None,
    ) -> Iterator[tuple[int, Group]]:
        """Slots in exact order (priority desc, businessValue desc, older anchor, id), lazily, with their groups.

        Each demand is asked about once, beforehand; groups as in `merged`.
        """
        return self.merged(self._open(now, accepts_demand, queue_id), accepts_group)

    def _open(
        self, now: int, accepts_demand: Callable[[Demand], bool] | None, queue_id: str | None
    ) -> NDArray[np.intp]:
        """The groups in which an item waits, of these demands and this queue."""
        self.advance(now)
        if accepts_demand is None and queue_id is None:
            return np.flatnonzero(self.heads.value[: self.heads.size] != NOTHING)
        groups = [
            group.index
            for demand, pool in self.pools.items()
            if pool.live
            and (queue_id is None or demand.signature.queue == queue_id)
            and (accepts_demand is None or accepts_demand(demand))
            for group in pool.groups.values()
        ]
        return np.array(groups, np.intp)

    def merged(
        self, groups: NDArray[np.intp], accepts_group: Callable[[Group], bool] | None = None
    ) -> Iterator[tuple[int, Group]]:
        """The items of these groups in one order; a group is opened only when its first item may be the next.

        A group is asked for whenever its next item is due, and left for good at the first refusal.
        """
        for head in self._heads_of(groups, accepts_group):
            yield head.slot, head.group

    def _heads_of(
        self, groups: NDArray[np.intp], accepts_group: Callable[[Group], bool] | None = None
    ) -> Iterator[_Head]:
        values, margin = self.values_of(groups)
        order = np.argsort(-values, kind="stable")[: int(np.count_nonzero(values != NOTHING))]
        closed, firsts = groups[order].tolist(), values[order].tolist()
        heads: list[_Head] = []
        opened = 0
        while True:
            while opened < len(closed) and (not heads or firsts[opened] >= self._value(heads[0]) - margin):
                group = self.groups[closed[opened]]
                opened += 1
                slots, rise = iter(group.run), self.rise(group)
                first = next(slots)
                heappush(heads, _Head(self.place_of(first, group, rise), first, group, rise, slots))
            if not heads:
                return
            if accepts_group is not None and not accepts_group(heads[0].group):
                heappop(heads)
                continue
            yield heads[0]
            self._go_on(heads)

    def _value(self, head: _Head) -> float:
        """The priority of a group's next item, as near as a floating-point number is."""
        return -head.place.level / self.scale

    def _go_on(self, heads: list[_Head]) -> None:
        """The best group's next item takes the place of its first one."""
        head = heads[0]
        following = next(head.following, None)
        if following is None:
            heappop(heads)
        else:
            place = self.place_of(following, head.group, head.rise)
            heapreplace(heads, _Head(place, following, head.group, head.rise, head.following))

    def behind(self, number: int, now: int, limit: int) -> list[BacklogItem]:
        """The next items in order after this one with the same demand."""
        self.advance(now)
        slot = self.slot_of(number)
        place = self.place_in(slot)
        heads: list[_Head] = []
        for group in self.group_in(slot).pool.groups.values():
            rise = self.rise(group)
            slots = group.run.after(_bound(place, group, rise))
            if (first := next(slots, None)) is not None:
                heads.append(_Head(self.place_of(first, group, rise), first, group, rise, slots))
        heapify(heads)
        found: list[BacklogItem] = []
        while heads and len(found) < limit:
            found.append(self.item_in(heads[0].slot))
            self._go_on(heads)
        return found

    def best(
        self,
        now: int,
        accepts_demand: Callable[[Demand], bool] | None = None,
        accepts_item: Callable[[BacklogItem], bool] | None = None,
    ) -> BacklogItem | None:
        """The first item in order whose demand and which itself is accepted."""
        for slot, _ in self.walk(now, accepts_demand):
            item = self.item_in(slot)
            if accepts_item is None or accepts_item(item):
                return item
        return None

    def order(
        self, now: int, queue_id: str | None = None, limit: int | None = None
    ) -> list[tuple[BacklogItem, Fraction]]:
        """The first `limit` items in order, of one queue or of all, with their priorities."""
        return [
            (self.item_in(slot), self.priority_at(self.place_in(slot)))
            for slot, _ in islice(self.walk(now, queue_id=queue_id), None if limit is None else max(limit, 0))
        ]

    def ranked(self, now: int, queue_id: str | None, limit: int) -> list[tuple[int, Fraction]]:
        """As `order`, with numbers alone: a hundred items of a screen need no more."""
        numbers = self.columns.number_at
        heads = islice(self._heads_of(self._open(now, None, queue_id)), max(limit, 0))
        return [(numbers[head.slot], self.priority_at(head.place)) for head in heads]

    def first(self, now: int, queue_id: str | None, limit: int) -> First:
        """The best of the thousands among which a screen looks for its items.

        The screen wants a set with a bound, not an order: merging floats takes a fraction of what exact places do.
        """
        values, margin, groups = self._best_groups(self._open(now, None, queue_id), limit)
        numbers, level_of = self.columns.number_at, self.columns.level_of
        # By negated value; the number of its turn keeps equal ones from being compared further.
        heads: list[tuple[float, int, int, int, int, Iterator[int]]] = []
        found: list[int] = []
        worst, opened = 0.0, 0
        while len(found) < limit:
            while opened < len(groups) and (not heads or values[opened] >= -heads[0][0] - margin):
                group = self.groups[groups[opened]]
                slots, rise, scale = iter(group.run), self.rise(group), group.line.scale
                slot = next(slots)
                heappush(heads, ((level_of(slot) - rise) / scale, opened, slot, rise, scale, slots))
                opened += 1
            if not heads:
                break
            worst, turn, slot, rise, scale, slots = heads[0]
            found.append(numbers[slot])
            following = next(slots, None)
            if following is None:
                heappop(heads)
            else:
                value = (level_of(following) - rise) / scale
                heapreplace(heads, (value, turn, following, rise, scale, slots))
        # Rounded to the nearest, a value above the next float would have been found before the worst.
        return First(found, Fraction(nextafter(-worst, inf)) if found else Fraction(0))

    def _best_groups(self, groups: NDArray[np.intp], limit: int) -> tuple[list[float], float, list[int]]:
        """Those of the groups that the first `limit` items can be in, best first: their values, the margin of these,
        and their numbers.
        """
        values, margin = self.values_of(groups)
        if 0 < limit < len(values):
            kept = values >= np.partition(values, -limit)[-limit] - margin
            values, groups = values[kept], groups[kept]
        order = np.argsort(-values, kind="stable")[: int(np.count_nonzero(values != NOTHING))]
        return values[order].tolist(), margin, groups[order].tolist()

    def wanted(self) -> list[Wanted]:
        """What waiting items ask of agents, as they came (without relaxation), with how many ask for the same."""
        found: dict[tuple[str, str, Requirement], tuple[int, UUID]] = {}
        for pool in self.pools.values():
            for group in pool.groups.values():
                slot, trait = group.run.head, group.trait
                if slot is None:
                    continue
                key = (trait.queue_id, trait.media_type, trait.requirement)
                before = found.get(key)
                first = UUID(int=self.columns.id_of(slot)) if before is None else before[1]
                found[key] = ((0 if before is None else before[0]) + len(group.run), first)
        return [Wanted(*key, items, first) for key, (items, first) in found.items()]

    def priority(self, number: int, now: int) -> Fraction:
        """The exact priority of a waiting item."""
        self.advance(now)
        return self.priority_at(self.place_in(self.slot_of(number)))

    def rank(self, number: int, now: int, queue_id: str | None = None) -> int:
        """The item's place in the order, from 1, among all or the items of one queue."""
        self.advance(now)
        place = self.place_in(self.slot_of(number))
        return 1 + sum(
            group.run.count_before(_bound(place, group, self.rise(group)))
            for demand, pool in self.pools.items()
            if queue_id is None or demand.signature.queue == queue_id
            for group in pool.groups.values()
        )


def _bound(place: Place, group: Group, rise: int) -> tuple[int, ...]:
    """The key in this group at which the place would stand: all keys less than it come before the place."""
    level, rest = divmod(place.level, group.line.factor)
    return (level + rise, *place[1:]) if rest == 0 else (level + 1 + rise,)
