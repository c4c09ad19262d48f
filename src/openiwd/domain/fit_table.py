"""What groups of waiting items ask of agents, in vectors: a row per demand, a number per kind and gate. Pure.

Says the same as eligibility's `misfit`, of many demands in one go. Knows nothing of states, loads or order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_group import Group, Pool
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Profile, misfit
from openiwd.domain.heads import NOTHING
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue

Indices = NDArray[np.intp]
"""Numbers of groups, in the width that the library indexes by."""
Flags = NDArray[np.bool_]

ALWAYS: Final = 0
"""A skill that everybody has: what fills a demand's row up."""
TOP: Final = 127
_WIDTH: Final = 3
_FIRST: Final = 256
_BITS: Final = 64
_SPARE: Final = 4_096
"""So many rows whose demands are gone are kept, besides as many as there are others."""


class Kind(NamedTuple):
    """What of an item decides about an agent's capacity, states and rest of the shift."""

    media_type: str
    weight: int
    handle_time: int | None


class Gate(NamedTuple):
    """What of an item decides whether its queue gives it to anybody now."""

    queue_id: str
    segment: str | None
    reserved: bool


class FitTable:
    """Follows a backlog's groups. A row is a demand; a circle is a demand without its skills and persons.

    `row`, `kind` and `gate` are by group; `generation` counts how often the rows have begun anew, which they do when
    most of their demands are gone. A renumbering of the groups leaves the rows.
    """

    def __init__(self, backlog: Backlog, queues: Mapping[str, Queue]) -> None:
        self._backlog = backlog
        self._queues = queues
        self.generation = 0
        self._begin()

    def _begin(self) -> None:
        self.version = self._backlog.heads.version
        self.generation += 1
        self.seen = 0
        """So many groups are taken over."""
        self._row_of: dict[int, int] = {}
        self._pools: list[Pool] = []
        self.skill_ids: dict[str, int] = {}
        self.skills = np.zeros((_WIDTH, _FIRST), np.intp)
        self.levels = np.zeros((_WIDTH, _FIRST), np.int8)
        self.circle = np.zeros(_FIRST, np.intp)
        self.signature = np.zeros(_FIRST, np.int32)
        self.circles = Circles()
        self._signatures: dict[object, int] = {}
        self.of_signature: list[list[int]] = []
        """By signature: its rows."""
        self.named: dict[str, list[int]] = {}
        self.barred: dict[str, list[int]] = {}
        self.row = np.zeros(_FIRST, np.intp)
        self.kind = np.zeros(_FIRST, np.intp)
        self.kinds: list[Kind] = []
        self._kind_ids: dict[Kind, int] = {}
        self.kind_columns = KindColumns()
        self.gate = np.zeros(_FIRST, np.intp)
        self.gates: list[Gate] = []
        self._gate_ids: dict[Gate, int] = {}
        self._alive: tuple[tuple[int, int], Flags] = ((-1, -1), np.zeros(0, dtype=bool))

    @property
    def rows(self) -> int:
        return len(self._pools)

    def follow(self) -> None:
        """Takes over the groups that are new."""
        groups = self._backlog.groups
        if self.version != self._backlog.heads.version:
            self._renumber()
        if self.seen == len(groups):
            return
        if len(groups) > len(self.row):
            capacity = max(2 * len(self.row), len(groups))
            self.row, self.kind, self.gate = (
                _widened(column, capacity) for column in (self.row, self.kind, self.gate)
            )
        for group in groups[self.seen :]:
            self._take(group)
        self.seen = len(groups)

    def _renumber(self) -> None:
        """The groups have other numbers; what is known of those that are left stays so."""
        heads, pools = self._backlog.heads, self._backlog.pools
        if heads.version != self.version + 1 or len(self._pools) > 2 * len(pools) + _SPARE:
            self._begin()
            return
        self.version = heads.version
        kept = heads.kept[: int(np.searchsorted(heads.kept, self.seen))]
        for column in (self.row, self.kind, self.gate):
            column[: len(kept)] = column[kept]
        self.seen = len(kept)

    def _take(self, group: Group) -> None:
        demand, index = group.demand, group.index
        self.row[index] = self._row_for(group.pool)
        kind = Kind(demand.signature.media, demand.signature.weight, demand.handle_time)
        self.kind[index] = _numbered(self._kind_ids, self.kinds, kind)
        gate = Gate(demand.signature.queue, group.segment, demand.reserved_for is not None)
        self.gate[index] = _numbered(self._gate_ids, self.gates, gate)

    def _row_for(self, pool: Pool) -> int:
        row = self._row_of.get(pool.demand_id)
        if row is not None:
            return row
        row = self._row_of[pool.demand_id] = len(self._pools)
        self._pools.append(pool)
        demand = pool.demand
        asked = demand.signature
        if row == len(self.circle):
            self.circle, self.signature = (
                _widened(column, 2 * row) for column in (self.circle, self.signature)
            )
            self.skills = np.concatenate((self.skills, np.zeros_like(self.skills)), axis=1)
            self.levels = np.concatenate((self.levels, np.zeros_like(self.levels)), axis=1)
        width = len(self.skills)
        if len(asked.skills) > width:
            more = ((0, len(asked.skills) - width), (0, 0))
            self.skills, self.levels = np.pad(self.skills, more), np.pad(self.levels, more)
        for column, (skill, level) in enumerate(asked.skills):
            self.skills[column, row] = self.skill_ids.setdefault(skill, len(self.skill_ids) + 1)
            self.levels[column, row] = level
        signature = self._signatures.setdefault(asked, len(self._signatures))
        if signature == len(self.of_signature):
            self.of_signature.append([])
        self.of_signature[signature].append(row)
        self.signature[row] = signature
        self.circle[row] = self.circles.number(demand)
        for agent_id in _persons(demand):
            self.named.setdefault(agent_id, []).append(row)
        for agent_id in asked.excluded:
            self.barred.setdefault(agent_id, []).append(row)
        return row

    def demand_of(self, row: int) -> Demand:
        return self._pools[row].demand

    def pool_of(self, row: int) -> Pool:
        return self._pools[row]

    def persons(self, row: int) -> set[str]:
        """The agents for whom the demand may be another one than for others of their profile."""
        demand = self._pools[row].demand
        return _persons(demand) | set(demand.signature.excluded)

    def live(self) -> Flags:
        """Which demands wait; found out once for all agents who are asked about meanwhile."""
        as_of = (self._backlog.demands_version, len(self._pools))
        if self._alive[0] != as_of:
            alive = np.zeros(len(self._pools), dtype=bool)
            alive[self.row[: self.seen][self._backlog.heads.value[: self.seen] != NOTHING]] = True
            self._alive = (as_of, alive)
        return self._alive[1]

    def gates_of(self, queue_id: str, segment: str | None) -> list[int]:
        """Numbers of the gates that close together when so many are outstanding."""
        found = (self._gate_ids.get(Gate(queue_id, segment, reserved)) for reserved in (False, True))
        return [gate for gate in found if gate is not None]

    def waiting(self, gates: Flags) -> Indices:
        """The groups with items behind these gates."""
        return np.flatnonzero(
            gates.take(self.gate[: self.seen]) & (self._backlog.heads.value[: self.seen] != NOTHING)
        )

    def fits(self, profile: Profile, demand: Demand) -> bool:
        """One at a time, exactly."""
        queue = self._queues.get(demand.signature.queue)
        return misfit(profile, demand, queue, GrantKind.PUSH) is None


class Circle(NamedTuple):
    """A demand without its skills; persons who are named in it stand for nobody in particular."""

    media_type: str
    served: tuple[str, ...] | None
    only: tuple[str, ...] | None
    """Those who are requested; None: nobody is."""
    first: tuple[str, ...] | None
    """Those who are preferred for the time being; None: nobody is."""
    is_reserved: bool


class Circles:
    """Circles side by side: of each which groups it takes, as bits; bit 0 of a word stands for everybody."""

    __slots__ = ("_circles", "_columns", "_media", "groups", "known", "media_ids", "words")

    def __init__(self) -> None:
        self._circles: dict[Circle, int] = {}
        self.known: list[Circle] = []
        self.groups: dict[str, int] = {}
        """By name: the bit, from 1."""
        self.media_ids: dict[str, int] = {}
        self.words = 1
        self._columns = np.zeros((3, _FIRST, 1), np.uint64)
        self._media = np.zeros(_FIRST, np.int32)

    def __len__(self) -> int:
        return len(self.known)

    def number(self, demand: Demand) -> int:
        """The number of the demand's circle."""
        asked = demand.signature
        groups, agents = asked.groups, bool(asked.agents)
        only = groups if asked.groups_only else ()
        first = () if asked.groups_only else groups
        circle = Circle(
            asked.media,
            None if demand.served is None else (*demand.served, *asked.widened),
            only if only or (agents and asked.agents_only) else None,
            first if first or (agents and not asked.agents_only) or demand.preferred is not None else None,
            demand.reserved_for is not None,
        )
        number = self._circles.get(circle)
        if number is None:
            number = self._circles[circle] = len(self.known)
            self._take(number, circle)
            self.known.append(circle)
        return number

    def _take(self, number: int, circle: Circle) -> None:
        named = [
            () if circle.is_reserved else groups for groups in (circle.served, circle.only, circle.first)
        ]
        for groups in named:
            for group in groups or ():
                self.groups.setdefault(group, len(self.groups) + 1)
        if number == self._columns.shape[1]:
            self._columns = np.concatenate((self._columns, np.zeros_like(self._columns)), axis=1)
            self._media = _widened(self._media, 2 * number)
        words = len(self.groups) // _BITS + 1
        if words > self.words:
            self._columns = np.pad(self._columns, ((0, 0), (0, 0), (0, words - self.words)))
            self.words = words
        for column, groups in zip(self._columns, named, strict=True):
            column[number] = self.bits(groups, everybody=groups is None)
        self._media[number] = self.media_ids.setdefault(circle.media_type, len(self.media_ids))

    def bits(self, groups: Iterable[str] | None, *, everybody: bool) -> NDArray[np.uint64]:
        """These groups, in words; unknown ones are in no circle."""
        bits = int(everybody)
        for group in groups or ():
            bit = self.groups.get(group)
            if bit is not None:
                bits |= 1 << bit
        return np.frombuffer(bits.to_bytes(8 * self.words, "little"), np.uint64)

    def around(self, profile: Profile, first: int) -> Flags:
        """In which of the circles from this one on the agents of a profile are, who are not named."""
        own = self.bits(profile.groups, everybody=True)
        inside: Flags = ((self._columns[:, first : len(self.known)] & own) != 0).any(axis=2).all(axis=0)
        for media in profile.barred_media:
            if (number := self.media_ids.get(media)) is not None:
                inside &= self._media[first : len(self.known)] != number
        return inside if profile.active else np.zeros(len(inside), dtype=bool)

    def within(self, number: int, bits: NDArray[np.uint64]) -> Flags:
        """Which agents, a row of bits each, are in the circle, but for their media types."""
        inside: Flags = ((bits & self._columns[0, number]) != 0).any(axis=1)
        for column in self._columns[1:]:
            if not int(column[number, 0]) & 1:
                inside &= ((bits & column[number]) != 0).any(axis=1)
        return inside


class KindColumns:
    """What kinds ask for, side by side: numbers of media types, weights, handle times (none: the least number)."""

    __slots__ = ("handle_time", "media", "media_ids", "size", "weight")

    def __init__(self) -> None:
        self.media_ids: dict[str, int] = {}
        self.size = 0
        self.media = np.zeros(_FIRST, np.int32)
        self.weight = np.zeros(_FIRST, np.int64)
        self.handle_time = np.zeros(_FIRST, np.int64)

    def follow(self, kinds: list[Kind]) -> None:
        """Takes over the kinds that are new."""
        if len(kinds) > len(self.media):
            capacity = max(2 * len(self.media), len(kinds))
            self.media, self.weight, self.handle_time = (
                _widened(column, capacity) for column in (self.media, self.weight, self.handle_time)
            )
        for kind in kinds[self.size :]:
            at = self.size
            self.media[at] = self.media_ids.setdefault(kind.media_type, len(self.media_ids))
            self.weight[at] = kind.weight
            self.handle_time[at] = NO_TIME if kind.handle_time is None else kind.handle_time
            self.size += 1


NO_TIME: Final = -(1 << 62)


def _persons(demand: Demand) -> set[str]:
    named = {*demand.signature.agents, demand.reserved_for, demand.preferred}
    return {agent_id for agent_id in named if agent_id is not None}


def _numbered(numbers: dict[Any, int], known: list[Any], value: Any) -> int:
    number = numbers.get(value)
    if number is None:
        number = numbers[value] = len(known)
        known.append(value)
    return number


def _widened(column: NDArray[Any], capacity: int) -> NDArray[Any]:
    wider = np.zeros((capacity, *column.shape[1:]), column.dtype)
    wider[: len(column)] = column
    return wider
