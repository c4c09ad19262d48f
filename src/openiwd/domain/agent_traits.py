"""Lasting traits of agents in columns: for one demand at a time, why each of them could not serve it. Pure.

Says the same as eligibility's `misfit`, of all in one go. Knows nothing of states, loads or time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Profile, Reason
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue

REASONS: Final = tuple(Reason)
CODES: Final[dict[Reason | None, int]] = {None: 0, **{reason: n for n, reason in enumerate(REASONS, 1)}}

Codes = NDArray[np.uint8]
"""By agent: 0, or the place of a reason from 1."""
Flags = NDArray[np.bool_]


class AgentTraits:
    """What of the agents lasts, a column for each skill, group and media type that has been asked for."""

    def __init__(self) -> None:
        self.take([])

    def take(self, profiles: list[Profile]) -> None:
        self.profiles = profiles
        self._inactive = self._flags(not profile.active for profile in profiles)
        self._levels: dict[str, NDArray[np.int32]] = {}
        self._groups: dict[str, Flags] = {}
        self._barred: dict[str, Flags] = {}

    def _flags(self, flags: Iterable[bool]) -> Flags:
        return np.fromiter(flags, dtype=bool, count=len(self.profiles))

    def _level(self, skill: str) -> NDArray[np.int32]:
        column = self._levels.get(skill)
        if column is None:
            levels = (profile.skills.get(skill, 0) for profile in self.profiles)
            column = self._levels[skill] = np.fromiter(levels, np.int32, len(self.profiles))
        return column

    def _in(self, groups: Iterable[str]) -> Flags:
        """Who is in one of the groups."""
        inside = np.zeros(len(self.profiles), dtype=bool)
        for group in groups:
            column = self._groups.get(group)
            if column is None:
                column = self._groups[group] = self._flags(group in one.groups for one in self.profiles)
            inside |= column
        return inside

    def _bars(self, media: str) -> Flags:
        column = self._barred.get(media)
        if column is None:
            column = self._barred[media] = self._flags(media in one.barred_media for one in self.profiles)
        return column

    def misfits(
        self, demand: Demand, queue: Queue | None, places: Mapping[str, int], kind: GrantKind
    ) -> Codes:
        """As eligibility's `misfit`; what that tells first is written last."""
        asked = demand.signature
        if demand.reserved_for is not None:
            codes = np.full(len(self.profiles), CODES[Reason.RESERVED], np.uint8)
            if (place := places.get(demand.reserved_for)) is not None:
                codes[place] = 0
        else:
            codes = self._unreserved(demand, queue, places, kind)
        codes[[places[one] for one in asked.excluded if one in places]] = CODES[Reason.EXCLUDED]
        codes[self._bars(asked.media)] = CODES[Reason.MEDIA]
        codes[self._inactive] = CODES[Reason.INACTIVE]
        return codes

    def _unreserved(
        self, demand: Demand, queue: Queue | None, places: Mapping[str, int], kind: GrantKind
    ) -> Codes:
        asked = demand.signature
        codes = np.zeros(len(self.profiles), np.uint8)
        preferred = () if asked.agents_only else asked.agents
        if demand.preferred is not None:
            preferred = (*preferred, demand.preferred)
        wanted = (preferred, () if asked.groups_only else asked.groups)
        if kind is not GrantKind.PICK and any(wanted):
            codes[~self._among(*wanted, places)] = CODES[Reason.PREFERRED]
        elsewhere = None
        if demand.served is not None:
            outside = ~self._in((*demand.served, *asked.widened))
            delayed = outside & self._in(() if queue is None else (g.group for g in queue.groups))
            elsewhere = outside & ~delayed
            codes[delayed] = CODES[Reason.GROUP_DELAY]
        for skill, level in asked.skills:
            codes[self._level(skill) < level] = CODES[Reason.SKILL]
        if elsewhere is not None:
            codes[elsewhere] = CODES[Reason.GROUP]
        required = (asked.agents if asked.agents_only else (), asked.groups if asked.groups_only else ())
        if any(required):
            codes[~self._among(*required, places)] = CODES[Reason.REQUESTED]
        return codes

    def _among(self, agents: Iterable[str], groups: Iterable[str], places: Mapping[str, int]) -> Flags:
        """Who is one of these agents, or in one of these groups."""
        inside = self._in(groups)
        inside[[places[one] for one in agents if one in places]] = True
        return inside
