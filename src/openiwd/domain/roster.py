"""All agents side by side in columns: who could take items of a demand now, and who of them comes first. Pure.

Follows what the world tells it of agents; what it says of one of them, eligibility says as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.due_list import NEVER
from openiwd.domain.eligibility import NO_LOAD, Eligibility, Load, Profile, state_at
from openiwd.domain.fit_table import ALWAYS, TOP, FitTable, Flags, Indices
from openiwd.domain.serving import Servings

_FIRST: Final = 64
_KEPT: Final = 32_000_000
"""So many bytes are kept of who fits which demand."""
_COLUMNS: Final[dict[str, Any]] = {
    "ready": np.bool_, "resting": np.bool_, "room": np.int64, "until": np.int64, "since": np.int64,
    "flexibility": np.int32, "active": np.bool_,
}  # fmt: skip


class Roster:
    """A place per agent. `ready`: logged in, without an open offer, with room for something. `resting`: ready, and
    nothing waits for the agent. `room`: capacity that is left. `until`: when the agent is off. `since`: idle.
    """

    ready: Flags
    resting: Flags
    room: NDArray[np.int64]
    until: NDArray[np.int64]
    since: NDArray[np.int64]
    flexibility: NDArray[np.int32]
    active: Flags

    def __init__(
        self, table: FitTable, servings: Servings, agents: Mapping[str, Agent], loads: Mapping[str, Load]
    ) -> None:
        self._table = table
        self._servings = servings
        self._agents = agents
        self._loads = loads
        self.now = 0
        self.places: dict[str, int] = {}
        self.ids: list[str] = []
        self._profiles: list[Profile | None] = []
        self._free: list[int] = []
        self._ranks: NDArray[np.int64] = np.zeros(0, np.int64)
        self._capacity = _FIRST
        for name, kind in _COLUMNS.items():
            setattr(self, name, np.zeros(_FIRST, kind))
        self._media: dict[str, Flags] = {}
        self._begin()

    def _begin(self) -> None:
        self._generation = self._table.generation
        self._levels: list[NDArray[np.int8]] = [np.full(self._capacity, TOP, np.int8)]
        self._groups: NDArray[np.uint64] = np.zeros((self._capacity, 1), np.uint64)
        self._grouped = -1
        self._barred: dict[str, Flags] = {}
        self._circles: dict[int, Flags] = {}
        self._fits: dict[int, Flags] = {}
        self._live: Flags = np.zeros(0, dtype=bool)
        self.flexibility[:] = 0

    # What the world tells

    def put(
        self, agent: Agent, profile: Profile, load: Load, eligibility: Eligibility, *, ready: bool
    ) -> None:
        """The agent as of now."""
        self.now = eligibility.now
        place = self.places.get(agent.id)
        if place is None:
            place = self._place(agent.id)
        if self._profiles[place] is not profile:
            self._learn(place, profile)
        self.ready[place] = ready
        self.resting[place] &= ready
        self.since[place] = load.idle_since
        if not ready:
            return
        self.room[place] = agent.capacity.total - load.weight
        off = eligibility.blocked(agent, load)
        end = None if off else eligibility.shift_end(agent)
        self.until[place] = eligibility.now if off else NEVER if end is None else end
        for media, able in self._media.items():
            able[place] = _takes(agent, load, media, eligibility.now)

    def _place(self, agent_id: str) -> int:
        self._ranks = np.zeros(0, np.int64)
        if self._free:
            place = self._free.pop()
            self.ids[place] = agent_id
        else:
            place = len(self.ids)
            if place == self._capacity:
                self._grow()
            self.ids.append(agent_id)
            self._profiles.append(None)
        self.places[agent_id] = place
        return place

    def _grow(self) -> None:
        self._capacity *= 2
        for name in _COLUMNS:
            setattr(self, name, _widened(getattr(self, name), self._capacity))
        self._levels = [_widened(levels, self._capacity) for levels in self._levels]
        self._levels[ALWAYS][:] = TOP
        self._media = {media: _widened(able, self._capacity) for media, able in self._media.items()}
        self._barred = {media: _widened(barred, self._capacity) for media, barred in self._barred.items()}
        self._grouped = -1
        self._circles.clear()
        self._fits.clear()

    def remove(self, agent_id: str) -> None:
        place = self.places.pop(agent_id, None)
        if place is not None:
            self.ready[place] = self.resting[place] = False
            self._profiles[place] = None
            self._free.append(place)

    def rest(self, agent_id: str) -> None:
        """Nothing waits for the agent as of now."""
        place = self.places[agent_id]
        self.resting[place] = self.ready[place]

    def wake(self, agent_id: str) -> None:
        place = self.places.get(agent_id)
        if place is not None:
            self.resting[place] = False

    def _learn(self, place: int, profile: Profile) -> None:
        """The agent's lasting traits, which are new or have changed."""
        if self._generation != self._table.generation:
            self._begin()
        self._profiles[place] = profile
        known = list(self._table.skill_ids)[: len(self._levels) - 1]
        for levels, skill in zip(self._levels[1:], known, strict=True):
            levels[place] = profile.skills.get(skill, 0)
        self.active[place] = profile.active
        for media, barred in self._barred.items():
            barred[place] = media in profile.barred_media
        if self._grouped == len(self._table.circles.groups):
            self._groups[place] = self._table.circles.bits(profile.groups, everybody=True)
        self._circles.clear()
        self._fits.clear()
        self.flexibility[place] = 0
        if self._live.any():
            # Those that are known to wait, not those that wait by now: what is between is counted with all agents'.
            self.flexibility[place] = self._servings.among(profile, self._live)

    # What is asked

    def follow(self) -> None:
        """Takes over the demands that are new."""
        table = self._table
        table.follow()
        if self._generation != table.generation:
            self._begin()
        table.kind_columns.follow(table.kinds)
        if len(self._levels) <= len(table.skill_ids):
            for skill in list(table.skill_ids)[len(self._levels) - 1 :]:
                levels = np.zeros(self._capacity, np.int8)
                for place, profile in enumerate(self._profiles):
                    if profile is not None:
                        levels[place] = profile.skills.get(skill, 0)
                self._levels.append(levels)
        circles = table.circles
        if self._grouped != len(circles.groups):
            self._groups = np.zeros((self._capacity, circles.words), np.uint64)
            for place, profile in enumerate(self._profiles):
                if profile is not None:
                    self._groups[place] = circles.bits(profile.groups, everybody=True)
            self._grouped = len(circles.groups)
            self._circles.clear()
        for media in table.kind_columns.media_ids:
            if media not in self._media:
                self._media[media] = np.zeros(self._capacity, dtype=bool)
                self._learn_media(media)
        for media in circles.media_ids:
            if media not in self._barred:
                barred = (p is not None and media in p.barred_media for p in self._profiles)
                self._barred[media] = np.zeros(self._capacity, dtype=bool)
                self._barred[media][: len(self._profiles)] = np.fromiter(barred, bool, len(self._profiles))

    def _learn_media(self, media: str) -> None:
        able = self._media[media]
        for agent_id, place in self.places.items():
            able[place] = _takes(self._agents[agent_id], self._loads.get(agent_id, NO_LOAD), media, self.now)

    def fits(self, row: int) -> Flags:
        """Who fits the demand. Not to be changed."""
        known = self._fits.get(row)
        if known is not None:
            return known
        table = self._table
        fits: Flags = self._circle(int(table.circle[row])).copy()
        for skill, level in zip(table.skills[:, row].tolist(), table.levels[:, row].tolist(), strict=True):
            if skill != ALWAYS:
                fits &= self._levels[skill] >= level
        for agent_id in table.persons(row):
            place = self.places.get(agent_id)
            profile = None if place is None else self._profiles[place]
            if place is not None and profile is not None:
                fits[place] = table.fits(profile, table.demand_of(row))
        if len(self._fits) * self._capacity > _KEPT:
            del self._fits[next(iter(self._fits))]
        self._fits[row] = fits
        return fits

    def _circle(self, circle: int) -> Flags:
        """Who is in the circle."""
        known = self._circles.get(circle)
        if known is None:
            circles = self._table.circles
            known = circles.within(circle, self._groups) & self.active
            known &= ~self._barred[circles.known[circle].media_type]
            self._circles[circle] = known
        return known

    def able(self, places: Indices, kind: int, now: int) -> Indices:
        """Those of the agents who could take one more item of the kind now; what it asks of them and queues aside."""
        columns = self._table.kind_columns
        handle_time = int(columns.handle_time[kind])
        until = now if handle_time <= 0 else now + handle_time - 1
        media = self._media[self._table.kinds[kind].media_type]
        able: Indices = places[
            (self.room[places] >= columns.weight[kind]) & (self.until[places] > until) & media[places]
        ]
        return able

    def ranked(self, places: Indices) -> list[int]:
        """The first of them gets the item: the least flexible, then longest idle, then by id."""
        if len(places) < 2:
            return [int(place) for place in places]
        self.count()
        order = np.lexsort((self._by_id()[places], self.since[places], self.flexibility[places]))
        ranked: list[int] = places[order].tolist()
        return ranked

    def _by_id(self) -> NDArray[np.int64]:
        """The places of all in the order of their ids; found anew when there are others."""
        if len(self._ranks) != self._capacity:
            self._ranks = np.zeros(self._capacity, np.int64)
            self._ranks[sorted(range(len(self.ids)), key=self.ids.__getitem__)] = np.arange(len(self.ids))
        return self._ranks

    def preference(self, place: int) -> tuple[int, int, str]:
        """As `ranked` orders them."""
        self.count()
        return int(self.flexibility[place]), int(self.since[place]), self.ids[place]

    def count(self) -> None:
        """Brings everybody's flexibility up to date: signatures that have begun or ceased to wait."""
        self.follow()
        live = self._table.live()
        if len(self._live) < len(live):
            self._live = _widened(self._live, len(live))
        changed = np.flatnonzero(live != self._live)
        if not len(changed):
            return
        for signature in np.unique(self._table.signature[changed]).tolist():
            rows = self._table.of_signature[signature]
            before, after = [r for r in rows if r < len(live) and self._live[r]], [r for r in rows if live[r]]
            if after:
                self.flexibility += self._any(after)
            if before:
                self.flexibility -= self._any(before)
        self._live = live

    def _any(self, rows: list[int]) -> Flags:
        fits = self.fits(rows[0])
        for row in rows[1:]:
            fits = fits | self.fits(row)
        return fits


def _takes(agent: Agent, load: Load, media: str, now: int) -> bool:
    most = agent.capacity.media.get(media)
    if most is not None and load.media.get(media, 0) >= most:
        return False
    return state_at(agent.state(media), now) is AgentState.READY


def _widened(column: NDArray[Any], capacity: int) -> NDArray[Any]:
    wider = np.zeros(capacity, column.dtype)
    wider[: len(column)] = column
    return wider
