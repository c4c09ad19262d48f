"""Who of several free agents gets which item: the items in their order, each to the first of its takers. Pure.

Two ways that come to the same: for few agents along each one's own selection, for many along the backlog.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Place
from openiwd.domain.backlog_group import Group
from openiwd.domain.backlog_item import Demand
from openiwd.domain.eligibility import Eligibility
from openiwd.domain.world import World


class _Way(NamedTuple):
    """Where an agent stands on the way through the backlog."""

    place: Place
    order: int
    slot: int


def each_alone(world: World, eligibility: Eligibility, free: Sequence[Agent]) -> Iterator[tuple[int, Agent]]:
    """Slots with the agents who get them, in the order of the items. The caller counts each before the next.

    The first item in order of all the agents' first ones is the first item that any of them can take, and
    whoever can take it has it first.
    """
    backlog, taken = world.backlog, set[int]()
    ways = [world.selection(eligibility, agent, world.load(agent.id)).slots() for agent in free]
    heap: list[_Way] = []

    def go_on(order: int) -> None:
        for slot in ways[order]:
            if slot not in taken:
                heappush(heap, _Way(backlog.place_in(slot), order, slot))
                return

    for order, agent in enumerate(free):
        before = len(heap)
        go_on(order)
        if len(heap) == before:
            world.idle.settle(agent.id)
    while heap:
        slot = heap[0].slot
        group = backlog.group_in(slot)
        takers: list[int] = []
        while heap and heap[0].slot == slot:
            takers.append(heappop(heap).order)
        if eligibility.of_queue(group.demand, group.segment) is None:
            best = takers[0]
            if len(takers) > 1:
                best = min(takers, key=lambda order: world.preference(free[order], eligibility.now))
            taken.add(slot)
            takers.remove(best)
            yield slot, free[best]
        for order in takers:
            go_on(order)


class _Takers:
    """The free agents for one demand, in the order in which they get its items; those before `start` are out."""

    __slots__ = ("agents", "start")

    def __init__(self, agents: list[int]) -> None:
        self.agents = agents
        self.start = 0


class Burst:
    """As `each_alone`, along the items: groups without takers are left."""

    def __init__(self, world: World, eligibility: Eligibility, free: Sequence[Agent]) -> None:
        self._world = world
        self._backlog = world.backlog
        self._eligibility = eligibility
        now = eligibility.now
        self._agents = sorted(free, key=lambda agent: world.preference(agent, now))
        profiles = [eligibility.profile(agent) for agent in self._agents]
        self._fits = world.table.matrix(profiles)
        self._orders = {agent.id: order for order, agent in enumerate(self._agents)}
        self._free = np.ones(len(self._agents), dtype=bool)
        self._left = len(self._agents)
        self._takers: dict[int, _Takers] = {}
        self._able: dict[tuple[int, str, int, int | None], bool] = {}
        served = np.zeros(len(self._backlog.groups), dtype=bool)
        for profile in profiles:
            served[world.table.groups_for(profile)] = True
        self._groups = np.flatnonzero(served)

    def pairs(self) -> Iterator[tuple[int, Agent]]:
        """Slots with the agents who get them, in the order of the items. The caller counts each before the next."""
        for slot, group in self._backlog.merged(self._groups, lambda one: self._takers_of(one) is not None):
            takers = self._takers_of(group)
            agent = None if takers is None else self._taker(takers, slot)
            if agent is not None:
                yield slot, agent
            if not self._left:
                return

    def _takers_of(self, group: Group) -> _Takers | None:
        """Who is free for the group's items; None when nobody is, or its queue gives nothing now."""
        if self._eligibility.of_queue(group.demand, group.segment) is not None:
            return None
        takers = self._takers.get(group.demand_id)
        if takers is None:
            takers = self._takers[group.demand_id] = _Takers(self._fitting(group))
        while takers.start < len(takers.agents):
            order = takers.agents[takers.start]
            if self._free[order] and self._is_able(order, group.demand):
                return takers
            takers.start += 1
        return None

    def _fitting(self, group: Group) -> list[int]:
        """The free agents who fit the group's demand, those who are meant by name included."""
        fits = self._fits.of(group) & self._free
        demand = group.demand
        for agent_id in self._world.table.persons(demand):
            if (order := self._orders.get(agent_id)) is not None and self._free[order]:
                fits[order] = self._eligibility.misfit(self._agents[order], demand) is None
        return np.flatnonzero(fits).tolist()

    def _is_able(self, order: int, demand: Demand) -> bool:
        asked = demand.signature
        key = (order, asked.media, asked.weight, demand.handle_time)
        able = self._able.get(key)
        if able is None:
            agent = self._agents[order]
            load = self._world.load(agent.id)
            reason = self._eligibility.unavailable(agent, load, asked.media, asked.weight, demand.handle_time)
            able = self._able[key] = reason is None
        return able

    def _taker(self, takers: _Takers, slot: int) -> Agent | None:
        """The first of them who has not been left out of the item; that agent is free no longer."""
        excluded = self._backlog.excluded(slot)
        demand = self._backlog.group_in(slot).demand
        for order in (
            takers.agents[takers.start :] if excluded else takers.agents[takers.start : takers.start + 1]
        ):
            agent = self._agents[order]
            if not self._free[order] or not self._is_able(order, demand):
                continue
            if excluded and self._eligibility.left_out(agent.id, excluded):
                continue
            self._free[order] = False
            self._left -= 1
            return agent
        return None
