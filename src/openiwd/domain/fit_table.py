"""Which groups of waiting items an agent could serve, in vectors: asked once for all agents of one profile.

Says the same as eligibility's `misfit`, of many demands in one go. Knows nothing of states, loads or order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog import Backlog
from openiwd.domain.backlog_group import Group, Pool
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Profile, misfit
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue

Indices = NDArray[np.intp]
"""Numbers of groups, in the width that the library indexes by."""

_NOBODY: Final = "\0"
"""The id of an agent who is nobody: for what is the same for all agents of a profile."""
_ALWAYS: Final = 0
"""A skill that everybody has: what fills a demand's row up."""
_TOP: Final = 127
_WIDTH: Final = 3
_FIRST: Final = 256
_KEPT: Final = 20_000_000
"""So many entries are kept over all profiles; then all begin anew."""

ProfileKey = tuple[bool, frozenset[str], tuple[tuple[str, int], ...], frozenset[str]]


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


class _Serving:
    """What agents of one profile could serve: the groups up to `seen`, and which demands up to `rows`."""

    __slots__ = ("circles", "fits", "groups", "levels", "profile", "seen", "signatures")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile._replace(id=_NOBODY)
        self.levels = np.array([_TOP], np.int8)
        self.circles = np.zeros(0, dtype=bool)
        self.fits = np.zeros(0, dtype=bool)
        self.groups: Indices = np.zeros(0, np.intp)
        self.seen = 0
        self.signatures: tuple[int, int] = (-1, 0)


class FitTable:
    """Follows a backlog's groups. A row is a demand; a circle is a demand without its skills and persons."""

    def __init__(self, backlog: Backlog, queues: Mapping[str, Queue]) -> None:
        self._backlog = backlog
        self._queues = queues
        self._begin()

    def _begin(self) -> None:
        self._version = self._backlog.heads.version
        self._seen = 0
        self._row_of: dict[int, int] = {}
        self._pools: list[Pool] = []
        self._skill_ids: dict[str, int] = {}
        self._skills = np.zeros((_FIRST, _WIDTH), np.int32)
        self._levels = np.zeros((_FIRST, _WIDTH), np.int8)
        self._circle = np.zeros(_FIRST, np.int32)
        self._signature = np.zeros(_FIRST, np.int32)
        self._circles: dict[Demand, int] = {}
        self._circle_demands: list[Demand] = []
        self._signatures: dict[object, int] = {}
        self._named: dict[str, list[int]] = {}
        self._barred: dict[str, list[int]] = {}
        self._row = np.zeros(_FIRST, np.int32)
        self.kind = np.zeros(_FIRST, np.int32)
        self.kinds: list[Kind] = []
        self._kind_ids: dict[Kind, int] = {}
        self.gate = np.zeros(_FIRST, np.int32)
        self.gates: list[Gate] = []
        self._gate_ids: dict[Gate, int] = {}
        self._serving: dict[ProfileKey, _Serving] = {}
        self._of_agent: dict[str, tuple[Profile, _Serving]] = {}
        self._entries = 0
        self._alive: tuple[tuple[int, int], NDArray[np.bool_]] = ((-1, -1), np.zeros(0, dtype=bool))

    # The backlog's side

    def follow(self) -> None:
        """Takes over the groups that are new."""
        groups = self._backlog.groups
        if self._version != self._backlog.heads.version:
            self._begin()
        if self._seen == len(groups):
            return
        if len(groups) > len(self._row):
            capacity = max(2 * len(self._row), len(groups))
            self._row, self.kind, self.gate = (
                _widened(column, capacity) for column in (self._row, self.kind, self.gate)
            )
        for group in groups[self._seen :]:
            self._take(group)
        self._seen = len(groups)

    def _take(self, group: Group) -> None:
        demand, index = group.demand, group.index
        self._row[index] = self._row_for(group.pool)
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
        if row == len(self._circle):
            self._circle, self._signature = (
                _widened(column, 2 * row) for column in (self._circle, self._signature)
            )
            self._skills, self._levels = (
                _widened(column, 2 * row) for column in (self._skills, self._levels)
            )
        width = self._skills.shape[1]
        if len(asked.skills) > width:
            more = ((0, 0), (0, len(asked.skills) - width))
            self._skills, self._levels = np.pad(self._skills, more), np.pad(self._levels, more)
        for column, (skill, level) in enumerate(asked.skills):
            self._skills[row, column] = self._skill_ids.setdefault(skill, len(self._skill_ids) + 1)
            self._levels[row, column] = level
        self._signature[row] = self._signatures.setdefault(asked, len(self._signatures))
        self._circle[row] = _numbered(self._circles, self._circle_demands, _circle(demand))
        for agent_id in _persons(demand):
            self._named.setdefault(agent_id, []).append(row)
        for agent_id in asked.excluded:
            self._barred.setdefault(agent_id, []).append(row)
        return row

    # The agents' side

    def groups_for(self, profile: Profile) -> Indices:
        """The groups, with or without items, whose demands the profile fits. Excluded agents are not asked for."""
        self.follow()
        serving = self._serving_for(profile)
        if serving.seen < self._seen:
            rows = self._row[serving.seen : self._seen]
            fresh = np.flatnonzero(serving.fits[rows]) + serving.seen
            serving.groups = np.concatenate((serving.groups, fresh))
            serving.seen = self._seen
            self._entries += len(fresh)
        named = self._named.get(profile.id)
        return serving.groups if named is None else self._with_named(serving, named, profile)

    def _with_named(self, serving: _Serving, named: Iterable[int], profile: Profile) -> Indices:
        own = [
            group.index
            for row in named
            if not serving.fits[row] and self._fits(profile, self._pools[row].demand)
            for group in self._pools[row].groups.values()
        ]
        return np.concatenate((serving.groups, np.array(own, np.intp))) if own else serving.groups

    def fitting(self, profiles: Iterable[Profile], groups: Iterable[int]) -> Iterator[Profile]:
        """Those of the profiles that may fit one of the groups; all others surely fit none."""
        self.follow()
        rows = {int(self._row[group]) for group in groups}
        for profile in profiles:
            fits, named = self._serving_for(profile).fits, self._named.get(profile.id)
            if any(fits[row] for row in rows) or (named is not None and not rows.isdisjoint(named)):
                yield profile

    def flexibility(self, profile: Profile) -> int:
        """How many of the waiting signatures the profile fits, exclusions included."""
        self.follow()
        serving = self._serving_for(profile)
        named, barred = self._named.get(profile.id, []), self._barred.get(profile.id, [])
        version = self._backlog.demands_version
        if serving.signatures[0] != version or named or barred:
            fits = serving.fits[: len(self._pools)]
            if named or barred:
                fits = fits.copy()
                for row in (*named, *barred):
                    fits[row] = self._fits(profile, self._pools[row].demand)
            live = self._live()
            count = len(np.unique(self._signature[: len(live)][fits & live]))
            if named or barred:
                return count
            serving.signatures = (version, count)
        return serving.signatures[1]

    def matrix(self, profiles: Sequence[Profile]) -> FitMatrix:
        """The agents of these profiles side by side."""
        self.follow()
        serving = [self._serving_for(profile) for profile in profiles]
        return FitMatrix(self, [one.levels for one in serving], [one.circles for one in serving])

    def asked(self, group: Group) -> tuple[list[int], list[int], int]:
        """What the group's items ask for: numbers of skills with levels, and the circle."""
        row = self._row[group.index]
        return self._skills[row].tolist(), self._levels[row].tolist(), int(self._circle[row])

    def persons(self, demand: Demand) -> set[str]:
        """The agents for whom the demand may be another one than for others of their profile."""
        return _persons(demand) | set(demand.signature.excluded)

    def _live(self) -> NDArray[np.bool_]:
        """Which demands wait; found out once for all agents who are asked about meanwhile."""
        as_of = (self._backlog.demands_version, len(self._pools))
        if self._alive[0] != as_of:
            alive = np.fromiter((pool.live > 0 for pool in self._pools), dtype=bool, count=len(self._pools))
            self._alive = (as_of, alive)
        return self._alive[1]

    def _fits(self, profile: Profile, demand: Demand) -> bool:
        queue = self._queues.get(demand.signature.queue)
        return misfit(profile, demand, queue, GrantKind.PUSH) is None

    def _serving_for(self, profile: Profile) -> _Serving:
        known = self._of_agent.get(profile.id)
        if known is not None and known[0] is profile:
            serving = known[1]
        else:
            serving = self._serving_like(profile)
            self._of_agent[profile.id] = (profile, serving)
        if len(serving.fits) < len(self._pools):
            self._extend(serving)
        return serving

    def _serving_like(self, profile: Profile) -> _Serving:
        key = (profile.active, profile.groups, tuple(sorted(profile.skills.items())), profile.barred_media)
        serving = self._serving.get(key)
        if serving is None:
            if self._entries > _KEPT:
                self._serving.clear()
                self._of_agent.clear()
                self._entries = 0
            serving = self._serving[key] = _Serving(profile)
        return serving

    def _extend(self, serving: _Serving) -> None:
        """Asks for the demands that are new."""
        first, end = len(serving.fits), len(self._pools)
        own = serving.profile
        missing = list(self._skill_ids)[len(serving.levels) - 1 :]
        if missing:
            levels = np.array([own.skills.get(skill, 0) for skill in missing], np.int8)
            serving.levels = np.concatenate((serving.levels, levels))
        if len(serving.circles) < len(self._circle_demands):
            fresh = [self._fits(own, demand) for demand in self._circle_demands[len(serving.circles) :]]
            serving.circles = np.concatenate((serving.circles, np.array(fresh, dtype=bool)))
        able = (serving.levels[self._skills[first:end]] >= self._levels[first:end]).all(axis=1)
        able &= serving.circles[self._circle[first:end]]
        serving.fits = np.concatenate((serving.fits, able))
        self._entries += end - first


class FitMatrix:
    """Agents side by side: for one demand at a time, who of them fits it. Persons named in it are not asked for."""

    __slots__ = ("_circles", "_levels", "_table")

    def __init__(
        self, table: FitTable, levels: list[NDArray[np.int8]], circles: list[NDArray[np.bool_]]
    ) -> None:
        self._table = table
        # A row per skill, so that what one demand asks for lies together.
        self._levels = np.ascontiguousarray(np.stack(levels).T)
        self._circles = np.ascontiguousarray(np.stack(circles).T)

    def of(self, group: Group) -> NDArray[np.bool_]:
        skills, levels, circle = self._table.asked(group)
        fits: NDArray[np.bool_] = self._circles[circle].copy()
        for skill, level in zip(skills, levels, strict=True):
            if skill != _ALWAYS:
                fits &= self._levels[skill] >= level
        return fits


def _circle(demand: Demand) -> Demand:
    """The demand without skills; persons who are named in it stand for nobody in particular."""
    asked = demand.signature
    return demand._replace(
        signature=asked._replace(
            queue="",
            weight=0,
            skills=(),
            agents=(_NOBODY + _NOBODY,) if asked.agents else (),
            excluded=(),
        ),
        reserved_for=None if demand.reserved_for is None else _NOBODY + _NOBODY,
        preferred=None if demand.preferred is None else _NOBODY + _NOBODY,
        handle_time=None,
    )


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
