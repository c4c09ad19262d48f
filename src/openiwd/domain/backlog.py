"""The backlog: all waiting items of a tenant in exact order of priority at every instant. Pure, in memory.

Decides the order, never who gets what. It keeps a line (intercept + slope * elapsed) per item, no priority.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count, islice
from math import lcm
from typing import Final, NamedTuple

from openiwd.domain.backlog_item import (
    BacklogItem,
    BacklogRows,
    Demand,
    demand_at,
    items_alike,
    next_demand_at,
)
from openiwd.domain.ordered_run import Key, OrderedRun
from openiwd.domain.queue import Queue
from openiwd.domain.schema import Schema, scaled_line_at

_SPARE: Final = 1_000
_LOGGED: Final = 2_000
"""At least so many of the last changes of demands can be read back."""


class Group:
    """Items with parallel lines on one clock, for the same agents: their order among each other is permanent.

    `slope` is priority per microsecond times the backlog's scale; a flat line runs on no clock. Groups of
    equal demand share its `demand_id`. They are compared by identity: a demand is large, and asked for often.
    """

    __slots__ = ("clock_id", "demand", "demand_id", "run", "segment", "slope")

    def __init__(
        self, demand: Demand, demand_id: int, segment: str | None, clock_id: str | None, slope: int
    ) -> None:
        self.demand = demand
        self.demand_id = demand_id
        self.segment = segment
        self.clock_id = clock_id
        self.slope = slope
        self.run = OrderedRun()


class _Pool(NamedTuple):
    """The groups of one demand, by segment, clock and slope."""

    demand_id: int
    groups: dict[tuple[str | None, str | None, int], Group]


class _Place(NamedTuple):
    item: BacklogItem
    group: Group
    key: Key
    bends_at: int | None
    opens_at: int | None


class _DueList:
    """Numbers by the instant at which something is due for them."""

    __slots__ = ("_empty", "_heap", "_numbers")

    def __init__(self) -> None:
        self._empty = 0
        self._heap: list[int] = []
        self._numbers: dict[int, set[int]] = {}

    def add(self, at: int | None, number: int) -> None:
        if at is None:
            return
        numbers = self._numbers.get(at)
        if numbers is None:
            self._numbers[at] = {number}
            heappush(self._heap, at)
        else:
            numbers.add(number)

    def discard(self, at: int | None, number: int) -> None:
        if at is None:
            return
        numbers = self._numbers.get(at)
        if numbers is None:
            return
        numbers.discard(number)
        if not numbers:
            self._empty += 1
            if self._empty > _SPARE and self._empty * 2 > len(self._heap):
                self._tidy()

    def _tidy(self) -> None:
        self._numbers = {at: numbers for at, numbers in self._numbers.items() if numbers}
        self._heap = sorted(self._numbers)
        self._empty = 0

    def next(self) -> int | None:
        while self._heap:
            if self._numbers[self._heap[0]]:
                return self._heap[0]
            del self._numbers[heappop(self._heap)]
        return None

    def take(self, now: int) -> set[int]:
        """All numbers due at `now` or before."""
        taken: set[int] = set()
        while self._heap and self._heap[0] <= now:
            taken |= self._numbers.pop(heappop(self._heap))
        return taken


class Backlog:
    """The ordered index of waiting items under one rule set; another one needs a new backlog with all items.

    Time never goes back: a call with an earlier instant than one before is answered as of the later one.
    While an iterator over items is in use, nothing may be put, removed or advanced.
    """

    def __init__(self, queues: Mapping[str, Queue], schemas: Mapping[str, Schema]) -> None:
        self._queues = queues
        self._schemas = schemas
        self._clocks = {schema.clock.id: schema.clock for schema in schemas.values()}
        self._scale = lcm(*(schema.scale for schema in schemas.values()))
        self._places: dict[int, _Place] = {}
        self._pools: dict[Demand, _Pool] = {}
        self._demand_ids = count(1)
        self._counts: dict[str, int] = {}
        self._bends = _DueList()
        self._openings = _DueList()
        self._now: int | None = None
        self._demand_log: list[tuple[Demand, bool]] = []
        self._log_start = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def get(self, number: int) -> BacklogItem | None:
        place = self._places.get(number)
        return None if place is None else place.item

    def revision_of(self, number: int) -> int | None:
        """The revision at which the item waits; None if it does not."""
        place = self._places.get(number)
        return None if place is None else place.item.revision

    def schema(self, schema_id: str) -> Schema | None:
        return self._schemas.get(schema_id)

    def items(self) -> Iterator[BacklogItem]:
        """All waiting items, in no order."""
        return (place.item for place in self._places.values())

    def group_of(self, number: int) -> Group:
        """The group in which the item stands since the last call with an instant."""
        return self._places[number].group

    def demands(self) -> Iterable[Demand]:
        """The distinct demands that wait."""
        return self._pools.keys()

    @property
    def demands_version(self) -> int:
        """Counts the changes of the set of demands that wait."""
        return self._log_start + len(self._demand_log)

    def demand_changes(self, version: int) -> list[tuple[Demand, bool]] | None:
        """Demands that have begun (True) or ceased to wait since a version; None if that is too long ago."""
        if version < self._log_start:
            return None
        return self._demand_log[version - self._log_start :]

    def count(self, queue_id: str) -> int:
        return self._counts.get(queue_id, 0)

    def counts(self) -> dict[str, int]:
        """Waiting items by queue, for queues that have any."""
        return {queue: count for queue, count in self._counts.items() if count}

    def put(self, item: BacklogItem, now: int) -> None:
        """Inserts the item, or replaces the one with its number."""
        now = self.advance(now)
        self.remove(item.number)
        place = self._placed(item, now)
        place.group.run.add(place.key)
        self._note(place)
        self._counts[item.queue_id] = self._counts.get(item.queue_id, 0) + 1

    def put_alike(self, like: BacklogItem, rows: BacklogRows, now: int) -> None:
        """Many items that differ from `like` only in what `rows` says.

        `like` gives queue, media, weight, requirement, segment, handle time, schema and fixed priority.
        """
        for item in items_alike(like, self._schemas.get(like.standing.schema_id), rows):
            self.put(item, now)

    def remove(self, number: int) -> BacklogItem | None:
        """Takes the item out, if it waits."""
        place = self._places.get(number)
        if place is None:
            return None
        place.group.run.remove(place.key)
        self._leave(place)
        self._drop_if_empty(place.group)
        self._counts[place.item.queue_id] -= 1
        return place.item

    def advance(self, now: int) -> int:
        """Applies every bend up to `now`, in bulk; the instant at which the backlog then stands."""
        if self._now is not None and now <= self._now:
            return self._now
        self._now = now
        due = self._bends.take(now)
        if due:
            self._move([self._places[number] for number in due], now)
        return now

    def next_bend(self) -> int | None:
        """The next instant at which some item's line or demand changes by itself."""
        return self._bends.next()

    def next_opening(self) -> int | None:
        """The next instant at which some item's demand changes, or an agent's exclusion ends.

        Other bends change the order alone: where nothing can be offered, they make nothing possible.
        """
        return self._openings.next()

    def _move(self, places: list[_Place], now: int) -> None:
        leaving: dict[Group, list[Key]] = {}
        arriving: dict[Group, list[Key]] = {}
        for old in places:
            new = self._placed(old.item, now)
            self._openings.discard(old.opens_at, old.item.number)
            self._note(new)
            if old.group is not new.group or old.key != new.key:
                leaving.setdefault(old.group, []).append(old.key)
                arriving.setdefault(new.group, []).append(new.key)
        for group, keys in leaving.items():
            group.run.remove_many(keys)
        for group, keys in arriving.items():
            group.run.add_many(keys)
        for group in leaving:
            self._drop_if_empty(group)

    def _note(self, place: _Place) -> None:
        number = place.item.number
        self._places[number] = place
        self._bends.add(place.bends_at, number)
        self._openings.add(place.opens_at, number)

    def _leave(self, place: _Place) -> None:
        number = place.item.number
        del self._places[number]
        self._bends.discard(place.bends_at, number)
        self._openings.discard(place.opens_at, number)

    def _group(self, demand: Demand, segment: str | None, clock_id: str | None, slope: int) -> Group:
        pool = self._pools.get(demand)
        if pool is None:
            pool = self._pools[demand] = _Pool(next(self._demand_ids), {})
            self._log(demand, begins=True)
        key = (segment, clock_id, slope)
        group = pool.groups.get(key)
        if group is None:
            group = pool.groups[key] = Group(demand, pool.demand_id, segment, clock_id, slope)
        return group

    def _drop_if_empty(self, group: Group) -> None:
        if len(group.run):
            return
        pool = self._pools[group.demand]
        del pool.groups[group.segment, group.clock_id, group.slope]
        if not pool.groups:
            del self._pools[group.demand]
            self._log(group.demand, begins=False)

    def _log(self, demand: Demand, *, begins: bool) -> None:
        if len(self._demand_log) >= 2 * _LOGGED:
            del self._demand_log[:_LOGGED]
            self._log_start += _LOGGED
        self._demand_log.append((demand, begins))

    def _placed(self, item: BacklogItem, now: int) -> _Place:
        queue = self._queues.get(item.queue_id)
        demand = demand_at(item, queue, now)
        intercept, slope, clock_id, line_ends = self._line(item, now)
        opens = [until for _, until in item.excluded if until > now]
        changes = next_demand_at(item, queue, now)
        if changes is not None:
            opens.append(changes)
        opens_at = min(opens, default=None)
        bends_at = min((at for at in (line_ends, opens_at) if at is not None), default=None)
        key = (-intercept, -item.business_value, item.anchor_at, item.id.int, item.number)
        return _Place(item, self._group(demand, item.segment, clock_id, slope), key, bends_at, opens_at)

    def _line(self, item: BacklogItem, now: int) -> tuple[int, int, str | None, int | None]:
        """Intercept, slope, clock and end of the item's line; whole numbers on the backlog's one scale."""
        own = item.standing
        schema = self._schemas.get(own.schema_id)
        if schema is None:
            level = own.constant if own.fixed is None else own.fixed
            return int(level * self._scale), 0, None, None
        clock = schema.clock
        line = scaled_line_at(schema, own, clock.elapsed(now))
        factor = self._scale // schema.scale
        ends = None if line.until is None else clock.instant_at(line.until)
        return line.intercept * factor, line.slope * factor, clock.id if line.slope else None, ends

    def walk(
        self,
        now: int,
        accepts_demand: Callable[[Demand], bool] | None = None,
        accepts_group: Callable[[Group], bool] | None = None,
        queue_id: str | None = None,
    ) -> Iterator[tuple[BacklogItem, Group]]:
        """Items in exact order (priority desc, businessValue desc, older anchor, id), lazily.

        Each demand is asked about once, beforehand; a group whenever its next item is due, and it is left
        for good at the first refusal.
        """
        rises = self._rises(self.advance(now))
        runs = [
            (group, rises(group), iter(group.run))
            for demand, pool in self._pools.items()
            if (queue_id is None or demand.signature.queue == queue_id)
            and (accepts_demand is None or accepts_demand(demand))
            for group in pool.groups.values()
        ]
        return self._merged(runs, accepts_group)

    def behind(self, number: int, now: int, limit: int) -> list[BacklogItem]:
        """The next items in order after this one with the same demand."""
        rises = self._rises(self.advance(now))
        place = self._places[number]
        value = place.key[0] - rises(place.group)
        runs = [
            (group, rises(group), group.run.after((value + rises(group), *place.key[1:])))
            for group in self._pools[place.group.demand].groups.values()
        ]
        return [item for item, _ in islice(self._merged(runs, None), limit)]

    def _merged(
        self,
        runs: Iterable[tuple[Group, int, Iterator[Key]]],
        accepts_group: Callable[[Group], bool] | None,
    ) -> Iterator[tuple[BacklogItem, Group]]:
        """The runs as one, each key lowered by how much its group's lines have risen."""
        heads: list[tuple[int, int, int, int, int, Group, int, Iterator[Key]]] = []
        for group, rise, keys in runs:
            first = next(keys, None)
            if first is not None:
                heads.append((first[0] - rise, *first[1:], group, rise, keys))
        heapify(heads)
        while heads:
            number, group, rise, keys = heads[0][4:]
            if accepts_group is not None and not accepts_group(group):
                heappop(heads)
                continue
            yield self._places[number].item, group
            following = next(keys, None)
            if following is None:
                heappop(heads)
            else:
                heapreplace(heads, (following[0] - rise, *following[1:], group, rise, keys))

    def best(
        self,
        now: int,
        accepts_demand: Callable[[Demand], bool] | None = None,
        accepts_item: Callable[[BacklogItem], bool] | None = None,
    ) -> BacklogItem | None:
        """The first item in order whose demand and which itself is accepted."""
        for item, _ in self.walk(now, accepts_demand):
            if accepts_item is None or accepts_item(item):
                return item
        return None

    def order(
        self, now: int, queue_id: str | None = None, limit: int | None = None
    ) -> list[tuple[BacklogItem, Fraction]]:
        """The first `limit` items in order, of one queue or of all, with their priorities."""
        found: list[tuple[BacklogItem, Fraction]] = []
        if limit is not None and limit <= 0:
            return found
        rises = self._rises(self.advance(now))
        for item, group in self.walk(now, queue_id=queue_id):
            found.append((item, Fraction(rises(group) - self._places[item.number].key[0], self._scale)))
            if len(found) == limit:
                break
        return found

    def priority(self, number: int, now: int) -> Fraction:
        """The exact priority of a waiting item."""
        now = self.advance(now)
        place = self._places[number]
        return Fraction(self._rises(now)(place.group) - place.key[0], self._scale)

    def rank(self, number: int, now: int, queue_id: str | None = None) -> int:
        """The item's place in the order, from 1, among all or the items of one queue."""
        rises = self._rises(self.advance(now))
        place = self._places[number]
        value = place.key[0] - rises(place.group)
        return 1 + sum(
            group.run.count_before((value + rises(group), *place.key[1:4]))
            for demand, pool in self._pools.items()
            if queue_id is None or demand.signature.queue == queue_id
            for group in pool.groups.values()
        )

    def _rises(self, now: int) -> Callable[[Group], int]:
        """By how much the lines of a group have risen since their clock's origin."""
        elapsed = {clock_id: clock.elapsed(now) for clock_id, clock in self._clocks.items()}

        def rise(group: Group) -> int:
            return 0 if group.clock_id is None else group.slope * elapsed[group.clock_id]

        return rise
