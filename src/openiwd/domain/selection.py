"""Selection: the items that one agent could be given, best first, of the whole backlog. Pure.

The first items of all groups that fit the agent are compared as floating-point numbers in one go; those that
are too close to tell apart are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.agent import Agent
from openiwd.domain.backlog import Backlog, Place
from openiwd.domain.backlog_group import Group
from openiwd.domain.eligibility import Eligibility, Load
from openiwd.domain.fit_table import FitTable, Flags, Gate, Indices
from openiwd.domain.heads import NOTHING, Floats
from openiwd.domain.offer import GrantKind

_MANY: Final = 6
"""So many first items that are too close to tell apart are compared in columns."""


class Firsts(NamedTuple):
    """Groups with the priorities of their first items, and the distance within which their order is uncertain."""

    groups: Indices
    values: Floats
    margin: float


class Front:
    """The first items of all groups behind open gates, at one instant: looked at once for several agents."""

    __slots__ = ("_all", "_rows")

    def __init__(self, backlog: Backlog, table: FitTable, closed: Flags) -> None:
        table.follow()
        alive = backlog.heads.value[: table.seen] != NOTHING
        alive &= ~closed.take(table.gate[: table.seen])
        groups = np.flatnonzero(alive)
        self._rows = table.row.take(groups)
        self._all = Firsts(groups, *backlog.values_of(groups))

    def part(self, fits: Flags) -> Firsts:
        """Those of the demands, by row, that fit."""
        own = fits.take(self._rows).nonzero()[0]
        return Firsts(self._all.groups.take(own), self._all.values.take(own), self._all.margin)


class Selection:
    """One agent's way through the backlog at one instant. The backlog must not change meanwhile; whether a gate is
    closed is asked again for each item, as the caller's own choices may close one. `closed` are gates known to be.
    """

    __slots__ = (
        "_agent", "_backlog", "_closed", "_eligibility", "_groups", "_kinds", "_load", "_margin", "_runs", "_table",
        "_values",
    )  # fmt: skip

    def __init__(
        self,
        backlog: Backlog,
        table: FitTable,
        firsts: Firsts,
        eligibility: Eligibility,
        agent: Agent,
        load: Load,
        closed: Flags | None = None,
    ) -> None:
        self._backlog = backlog
        self._table = table
        self._eligibility = eligibility
        self._agent = agent
        self._load = load
        self._closed = closed
        self._groups, self._values, self._margin = firsts
        self._runs: dict[int, tuple[int, Iterator[int]]] = {}
        self._kinds: Flags | None = None

    def slots(self) -> Iterator[int]:
        """The slots, best first, lazily."""
        values = self._values
        while len(values):
            at = int(values.argmax())
            best = values[at]
            if best == NOTHING:
                return
            close = (values >= best - self._margin).nonzero()[0]
            if len(close) > 1:
                at = self._first(close)
            index = int(self._groups[at])
            if not self._admits(at, index):
                continue
            group = self._backlog.groups[index]
            slot = self._slot(at, group)
            if not self._is_declined(slot):
                yield slot
            self._step(at, group)

    def _first(self, close: NDArray[np.intp]) -> int:
        """Which of these groups has the first item, exactly."""
        if len(close) < _MANY:
            return self._first_of(close.tolist())
        runs, heads = self._runs, self._backlog.heads
        stepped = [at for at in close.tolist() if at in runs] if runs else []
        whole = np.setdiff1d(close, stepped, assume_unique=True) if stepped else close
        if not len(whole):
            return self._first_of(stepped)
        since = [0, *map(self._backlog.since_start, heads.clocks)]
        first = heads.first(self._groups[whole], since)
        if first is None:
            return self._first_of(close.tolist())
        at = int(whole[first])
        return self._first_of([at, *stepped]) if stepped else at

    def _first_of(self, places: list[int]) -> int:
        return min(places, key=self._place)

    def _place(self, at: int) -> Place:
        group = self._backlog.groups[self._groups[at]]
        return self._backlog.place_of(self._slot(at, group), group, self._backlog.rise(group))

    def _slot(self, at: int, group: Group) -> int:
        """The item of the group that is next for this agent."""
        run = self._runs.get(at)
        if run is not None:
            return run[0]
        head = group.run.head
        if head is None:
            raise KeyError(group.index)
        return head

    def _step(self, at: int, group: Group) -> None:
        """Goes on to the group's following item."""
        run = self._runs.get(at)
        if run is None:
            slots = iter(group.run)
            next(slots)
        else:
            slots = run[1]
        following = next(slots, None)
        if following is None:
            self._values[at] = NOTHING
            return
        self._runs[at] = (following, slots)
        self._values[at] = self._backlog.value_of(following, group)

    def _admits(self, at: int, index: int) -> bool:
        """Whether the agent can take items of the group; else it is left for good, and those that are refused alike."""
        table, values = self._table, self._values
        if self._kinds is None:
            media, weight, handle_time = table.kinds[table.kind[index]]
            if self._eligibility.unavailable(self._agent, self._load, media, weight, handle_time) is not None:
                self._kinds = self._able_kinds()
                values[~self._kinds.take(table.kind.take(self._groups))] = NOTHING
                return False
        gate = int(table.gate[index])
        if self._is_closed(table.gates[gate]):
            if self._closed is not None:
                values[self._closed.take(table.gate.take(self._groups))] = NOTHING
                self._closed = None
            values[table.gate.take(self._groups) == gate] = NOTHING
            return False
        if self._agent.id in self._backlog.groups[index].demand.signature.excluded:
            values[at] = NOTHING
            return False
        return True

    def _able_kinds(self) -> Flags:
        """The kinds of which the agent can take one more item now: what eligibility says of each, of all in one go."""
        agent, load, asked = self._agent, self._load, self._eligibility
        columns = self._table.kind_columns
        columns.follow(self._table.kinds)
        free = [asked.unavailable(agent, load, media, 0, None) is None for media in columns.media_ids]
        able: Flags = np.array(free, dtype=bool)[columns.media[: columns.size]]
        able &= columns.weight[: columns.size] <= agent.capacity.total - load.weight
        end = asked.shift_end(agent) if asked.kind is GrantKind.PUSH else None
        if end is not None:
            able &= columns.handle_time[: columns.size] <= end - asked.now
        return able

    def _is_closed(self, gate: Gate) -> bool:
        return self._eligibility.closed(gate.queue_id, gate.segment, reserved=gate.reserved) is not None

    def _is_declined(self, slot: int) -> bool:
        excluded = self._backlog.excluded(slot)
        return bool(excluded) and self._eligibility.left_out(self._agent.id, excluded)
