"""Who of several free agents gets which item: the items in their order, each to the first of its takers. Pure.

Few agents go along each one's own selection, many along the backlog; both come to the same. Those who rest are asked
about what is fresh alone, from the items' side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple, Protocol

import numpy as np

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Place
from openiwd.domain.backlog_columns import view
from openiwd.domain.backlog_group import Group, Pool
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Eligibility
from openiwd.domain.fit_table import Flags, Indices
from openiwd.domain.world import World

_RANK_ALL: Final = 8
"""From so many demands on it pays to put all agents in order once, and not those who fit for each."""
_SHARED: Final = 3
"""From so many agents on it pays to look at all groups once for all of them."""
_ALL: Final = 256
"""For more agents than this all groups are looked through, and not only those that fit one of them."""


class _Takers:
    """The agents for one demand by place, in the order in which they get its items; those before `start` are out."""

    __slots__ = ("places", "start")

    def __init__(self, places: list[int]) -> None:
        self.places = places
        self.start = 0


class Crew:
    """Agents side by side, each to get one item at most: for one item at a time, the first of those who can take it."""

    def __init__(self, world: World, eligibility: Eligibility, among: Flags) -> None:
        self._world = world
        self._backlog = world.backlog
        self._eligibility = eligibility
        self._places = np.flatnonzero(among)
        self._is_ranked = False
        self._of_kind: dict[int, Indices] = {}
        self._free = view(among.copy())
        self.left = len(self._places)
        self._takers: dict[int, _Takers] = {}
        self._able: dict[tuple[int, int], bool] = {}

    def agent(self, place: int) -> Agent:
        return self._world.agents[self._world.roster.ids[place]]

    def goes_on(self, group: Group) -> bool:
        """Whether somebody is free for the group's items, and its queue gives them."""
        if not self.left or self._eligibility.of_queue(group.demand, group.segment) is not None:
            return False
        takers = self._takers_of(group)
        while takers.start < len(takers.places):
            place = takers.places[takers.start]
            if self._free[place] and self._is_able(place, group):
                return True
            takers.start += 1
        return False

    def _takers_of(self, group: Group) -> _Takers:
        takers = self._takers.get(group.demand_id)
        if takers is None:
            takers = self._takers[group.demand_id] = _Takers(self._fitting(group))
        return takers

    def has_takers(self, group: Group) -> bool:
        """Whether anybody could take items of the group, before this pass has given anything."""
        return bool(self._takers_of(group).places)

    def taker(self, slot: int, group: Group) -> int | None:
        """The first who is free for the item and has not been left out of it; the group goes on."""
        takers = self._takers[group.demand_id]
        excluded = self._backlog.excluded(slot)
        if not excluded:
            return takers.places[takers.start]
        for at in range(takers.start, len(takers.places)):
            place = takers.places[at]
            if (
                self._free[place]
                and self._is_able(place, group)
                and not self._eligibility.left_out(self._world.roster.ids[place], excluded)
            ):
                return place
        return None

    def take(self, place: int) -> None:
        self._free[place] = False
        self.left -= 1

    def _fitting(self, group: Group) -> list[int]:
        table, roster = self._world.table, self._world.roster
        row, kind = int(table.row[group.index]), int(table.kind[group.index])
        if len(self._takers) == _RANK_ALL:
            self._places = np.array(roster.ranked(self._places), np.intp)
            self._is_ranked = True
            self._of_kind.clear()
        able = self._of_kind.get(kind)
        if able is None:
            able = self._of_kind[kind] = roster.able(self._places, kind, self._eligibility.now)
        fitting = able.compress(roster.fits(row).take(able))
        return fitting.tolist() if self._is_ranked else roster.ranked(fitting)

    def _is_able(self, place: int, group: Group) -> bool:
        """The last word, of those alone who would get something."""
        key = (place, int(self._world.table.kind[group.index]))
        able = self._able.get(key)
        if able is None:
            able = self._able[key] = self._may_take(self.agent(place), group.demand)
        return able

    def _may_take(self, agent: Agent, demand: Demand) -> bool:
        load, asked = self._world.load(agent.id), demand.signature
        return (
            not self._eligibility.blocked(agent, load)
            and self._eligibility.unavailable(agent, load, asked.media, asked.weight, demand.handle_time)
            is None
        )

    def may_still(self, group: Group) -> bool:
        """Whether somebody might take items of the group but for what this pass has given."""
        if not all(self._free[place] for place in self._takers_of(group).places):
            return True
        if self._eligibility.of_queue(group.demand, group.segment) is None:
            return False
        return self._world.eligibility(self._eligibility.now).of_queue(group.demand, group.segment) is None


class _Source(Protocol):
    """Yields items in order, each with an agent who can take it."""

    place: int
    """Of the agent."""

    @property
    def goes_on(self) -> bool:
        """Whether there may be more after one was taken."""

    def next(self, taken: Collection[int]) -> int | None: ...

    def take(self) -> None: ...


class _Alone:
    """An agent on the own way through the backlog."""

    def __init__(self, place: int, slots: Iterator[int]) -> None:
        self.place = place
        self._slots = slots

    @property
    def goes_on(self) -> bool:
        """The agent gets one."""
        return False

    def next(self, taken: Collection[int]) -> int | None:
        for slot in self._slots:
            if slot not in taken:
                return slot
        return None

    def take(self) -> None:
        """The agent gets no more."""


class _Along:
    """A crew along the items of some groups."""

    def __init__(self, world: World, crew: Crew, groups: Indices) -> None:
        self.place = -1
        self._crew = crew
        self._slots = world.backlog.merged(groups, crew.goes_on)

    @property
    def goes_on(self) -> bool:
        # Else all groups that are left would be opened, each to be refused.
        return self._crew.left > 0

    def next(self, taken: Collection[int]) -> int | None:
        for slot, group in self._slots:
            if slot not in taken and (place := self._crew.taker(slot, group)) is not None:
                self.place = place
                return slot
        return None

    def take(self) -> None:
        self._crew.take(self.place)


class _Way(NamedTuple):
    """The next item of a source."""

    place: Place
    order: int
    slot: int


class Burst:
    """One pass over the agents who have to be looked at (`free`), and those who rest: these for `fresh` demands."""

    def __init__(
        self,
        world: World,
        eligibility: Eligibility,
        free: Sequence[Agent],
        fresh: Iterable[Pool],
        few: int,
    ) -> None:
        self._world = world
        self._eligibility = eligibility
        self._free = free
        self._sources: list[_Source] = []
        self._alone = len(free) <= few
        roster = world.roster
        self._resting = Crew(world, eligibility, roster.resting.copy())
        self._fresh = [
            group
            for pool in fresh
            if self._resting.has_takers(next(iter(pool.groups.values())))
            for group in pool.groups.values()
            if len(group.run)
        ]
        if self._alone:
            front = world.front() if len(free) >= _SHARED else None
            for agent in free:
                slots = world.selection(eligibility, agent, world.load(agent.id), front).slots()
                self._sources.append(_Alone(roster.places[agent.id], slots))
        else:
            among = np.zeros(len(roster.ready), dtype=bool)
            among[[roster.places[agent.id] for agent in free]] = True
            crew = Crew(world, eligibility, among)
            self._sources.append(_Along(world, crew, self._served()))
        if self._fresh:
            numbers = np.array([group.index for group in self._fresh], np.intp)
            self._sources.append(_Along(world, self._resting, numbers))

    def _served(self) -> Indices:
        """The groups of which one of the agents may take something."""
        world = self._world
        served = np.zeros(len(world.backlog.groups), dtype=bool)
        if len(self._free) > _ALL:
            served[:] = True
        else:
            for agent in self._free:
                served[world.servings.groups_for(self._eligibility.profile(agent))] = True
        served &= ~world.gates.closed[world.table.gate[: len(served)]]
        return np.flatnonzero(served)

    def pairs(self) -> Iterator[tuple[int, Agent]]:
        """Slots with the agents who get them, in the order of the items. The caller counts each before the next.

        The first item in order of all the sources' first ones is the first item that anybody can take, and
        whoever can take it has it first.
        """
        backlog, sources, taken = self._world.backlog, self._sources, set[int]()
        heap: list[_Way] = []

        def go_on(order: int) -> None:
            slot = sources[order].next(taken)
            if slot is not None:
                heappush(heap, _Way(backlog.place_in(slot), order, slot))

        for order in range(len(sources)):
            before = len(heap)
            go_on(order)
            if self._alone and order < len(self._free) and len(heap) == before:
                self._world.idle.settle(self._free[order].id)
        while heap:
            slot = heap[0].slot
            group = backlog.group_in(slot)
            rivals: list[int] = []
            while heap and heap[0].slot == slot:
                rivals.append(heappop(heap).order)
            if self._eligibility.of_queue(group.demand, group.segment) is None:
                best = rivals[0] if len(rivals) == 1 else min(rivals, key=self._preference)
                taken.add(slot)
                source = sources[best]
                source.take()
                yield slot, self._world.agents[self._world.roster.ids[source.place]]
                if not source.goes_on:
                    rivals.remove(best)
            for order in rivals:
                go_on(order)

    def _preference(self, order: int) -> tuple[int, int, str]:
        return self._world.roster.preference(self._sources[order].place)

    def conclude(self, chosen: Mapping[str, int]) -> None:
        """Notes for whom nothing is, by the choices (numbers of items by agent). Not those who merely came too late, as
        a choice need not become a grant; for the same reason the items chosen stay fresh.
        """
        world = self._world
        if not self._alone:
            eligibility, front = world.eligibility(self._eligibility.now), world.front()
            for agent in self._free:
                if agent.id not in chosen:
                    way = world.selection(eligibility, agent, world.load(agent.id), front)
                    if next(way.slots(), None) is None:
                        world.idle.settle(agent.id)
        world.look_again(chosen.values(), [group for group in self._fresh if self._resting.may_still(group)])
