"""Which groups of waiting items an agent could serve: asked once for all agents of one profile. Pure.

Keeps what it has found, the latest of it within a limit; knows nothing of states, loads or order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog import Backlog
from openiwd.domain.eligibility import Profile
from openiwd.domain.fit_table import TOP, FitTable, Flags, Indices

_KEPT: Final = 160_000_000
"""So many bytes are kept over all profiles; those that were found first make room."""

ProfileKey = tuple[bool, frozenset[str], tuple[tuple[str, int], ...], frozenset[str]]


class _Serving:
    """What agents of one profile could serve: which demands, by row, and the groups up to `seen`."""

    __slots__ = (
        "circles", "entries", "fits", "generation", "groups", "is_listed", "levels", "profile", "seen", "version",
    )  # fmt: skip

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.is_listed = False
        self.begin(-1)

    def begin(self, generation: int) -> None:
        self.generation = generation
        self.levels = np.array([TOP], np.int8)
        self.circles: Flags = np.zeros(0, dtype=bool)
        self.fits: Flags = np.zeros(0, dtype=bool)
        self.forget_groups(-1)
        self.entries = 0
        """Bytes."""

    def forget_groups(self, version: int) -> None:
        self.version = version
        self.groups: NDArray[np.int32] = np.zeros(0, np.int32)
        self.seen = 0


class Servings:
    """By profile, for the agents who have it. `limit` bounds the memory."""

    def __init__(self, backlog: Backlog, table: FitTable, limit: int = _KEPT) -> None:
        self._backlog = backlog
        self._table = table
        self._limit = limit
        self._serving: dict[ProfileKey, _Serving] = {}
        self._of_agent: dict[str, tuple[Profile, _Serving]] = {}
        self._oldest: deque[_Serving] = deque()
        self._entries = 0

    def groups_for(self, profile: Profile) -> Indices:
        """The groups, with or without items, whose demands the profile fits. Excluded agents are not asked for."""
        table = self._table
        table.follow()
        serving = self._serving_for(profile)
        if serving.version != table.version:
            serving.forget_groups(table.version)
        if serving.seen < table.seen:
            rows = table.row[serving.seen : table.seen]
            fresh = serving.fits.take(rows).nonzero()[0]
            if serving.seen:
                fresh += serving.seen
            if len(fresh):
                serving.groups = np.concatenate((serving.groups, fresh), dtype=np.int32, casting="same_kind")
            serving.seen = table.seen
            self._count(serving)
        groups = serving.groups.astype(np.intp)
        named = table.named.get(profile.id)
        return groups if named is None else self._with_named(groups, serving, named, profile)

    def _with_named(
        self, groups: Indices, serving: _Serving, named: Iterable[int], profile: Profile
    ) -> Indices:
        table = self._table
        own = [
            group.index
            for row in self._named(serving, named, profile)
            for group in table.pool_of(row).groups.values()
        ]
        return np.concatenate((groups, np.array(own, np.intp))) if own else groups

    def _named(self, serving: _Serving, named: Iterable[int], profile: Profile) -> list[int]:
        """The demands that wait and fit the agent alone, by name."""
        table = self._table
        return [
            row
            for row in named
            if not serving.fits[row]
            and (pool := table.pool_of(row)).live
            and table.fits(profile, pool.demand)
        ]

    def fits_for(self, profile: Profile) -> Flags:
        """As `groups_for`, by row. Not to be changed."""
        self._table.follow()
        serving = self._serving_for(profile)
        own = self._named(serving, self._table.named.get(profile.id, ()), profile)
        if not own:
            return serving.fits
        fits = serving.fits.copy()
        fits[own] = True
        return fits

    def flexibility(self, profile: Profile) -> int:
        """How many of the waiting signatures the profile fits, exclusions included."""
        self._table.follow()
        return self.among(profile, self._table.live())

    def among(self, profile: Profile, live: Flags) -> int:
        """As `flexibility`, were these demands (by row) those that wait."""
        table = self._table
        fits = self._serving_for(profile).fits[: len(live)] & live
        for row in (*table.named.get(profile.id, ()), *table.barred.get(profile.id, ())):
            if row < len(live) and live[row]:
                fits[row] = table.fits(profile, table.demand_of(row))
        return len(np.unique(table.signature[: len(live)][fits]))

    def _serving_for(self, profile: Profile) -> _Serving:
        known = self._of_agent.get(profile.id)
        if known is not None and known[0] is profile:
            serving = known[1]
        else:
            serving = self._serving_like(profile)
            self._of_agent[profile.id] = (profile, serving)
        if serving.generation != self._table.generation:
            self._entries -= serving.entries
            serving.begin(self._table.generation)
        if len(serving.fits) < self._table.rows:
            self._extend(serving)
        return serving

    def _serving_like(self, profile: Profile) -> _Serving:
        key = (profile.active, profile.groups, tuple(sorted(profile.skills.items())), profile.barred_media)
        serving = self._serving.get(key)
        if serving is None:
            serving = self._serving[key] = _Serving(profile)
        return serving

    def _extend(self, serving: _Serving) -> None:
        """Asks for the demands that are new."""
        table, own = self._table, serving.profile
        first, end = len(serving.fits), table.rows
        if len(serving.levels) <= len(table.skill_ids):
            missing = list(table.skill_ids)[len(serving.levels) - 1 :]
            levels = np.array([own.skills.get(skill, 0) for skill in missing], np.int8)
            serving.levels = np.concatenate((serving.levels, levels))
        if len(serving.circles) < len(table.circles):
            fresh = table.circles.around(own, len(serving.circles))
            serving.circles = np.concatenate((serving.circles, fresh))
        able: Flags = serving.circles.take(table.circle[first:end])
        for skills, levels in zip(table.skills, table.levels, strict=True):
            able &= serving.levels.take(skills[first:end]) >= levels[first:end]
        serving.fits = np.concatenate((serving.fits, able))
        self._count(serving)

    def _count(self, serving: _Serving) -> None:
        """Keeps the limit: what was found first is forgotten first, and found anew when it is asked for again."""
        if not serving.is_listed:
            serving.is_listed = True
            self._oldest.append(serving)
        entries = len(serving.fits) + len(serving.circles) + 4 * len(serving.groups)
        self._entries += entries - serving.entries
        serving.entries = entries
        while self._entries > self._limit and self._oldest[0] is not serving:
            old = self._oldest.popleft()
            self._entries -= old.entries
            old.is_listed = False
            old.begin(-1)

    @property
    def kept(self) -> int:
        """Bytes over all profiles."""
        return self._entries
