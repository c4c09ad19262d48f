"""What waiting items share: traits, demands and groups of parallel lines. Holds them; decides nothing about order."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import NamedTuple

from openiwd.domain.backlog_columns import Columns
from openiwd.domain.backlog_item import BacklogItem, Demand, demand_changes, plain_demand
from openiwd.domain.group_line import GroupLine
from openiwd.domain.ordered_run import OrderedRun
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import Requirement


class Special(NamedTuple):
    """What few items have beyond their columns: a reservation, a preferred agent, exclusions, a queue time ahead."""

    queued_at: int
    reserved_for: str | None
    reserved_until: int | None
    last_agent: str | None
    last_agent_until: int | None
    excluded: tuple[tuple[str, int], ...]
    opens_at: int | None
    """When its demand or an exclusion ends next, as of the instant at which it was placed."""


class Trait:
    """The lasting part of a waiting item's demand; items alike share one."""

    __slots__ = (
        "changes", "groups", "handle_time", "media_type", "pools", "queue", "queue_id", "requirement", "segment",
        "weight",
    )  # fmt: skip

    def __init__(self, item: BacklogItem, queue: Queue | None) -> None:
        self.queue_id = item.queue_id
        self.media_type = item.media_type
        self.weight = item.weight
        self.requirement: Requirement = item.requirement
        self.segment = item.segment
        self.handle_time = item.handle_time
        self.queue = queue
        self.changes = demand_changes(item.requirement, queue)
        self.pools: list[Pool | None] = [None] * (len(self.changes) + 1)
        """By stage: how many of the changes have come."""
        self.groups = 0

    def stage(self, waited: int) -> int:
        return bisect_right(self.changes, waited)

    def demand(self, stage: int) -> Demand:
        waited = self.changes[stage - 1] if stage else 0
        return plain_demand(
            self.requirement,
            self.queue_id,
            self.media_type,
            self.weight,
            self.handle_time,
            self.queue,
            waited,
        )


GroupKey = tuple[Trait, int, GroupLine]


class Pool:
    """The groups of one demand. `live` counts those that hold items."""

    __slots__ = ("demand", "demand_id", "groups", "live")

    def __init__(self, demand: Demand, demand_id: int) -> None:
        self.demand = demand
        self.demand_id = demand_id
        self.groups: dict[GroupKey, Group] = {}
        self.live = 0


class Group:
    """Items with parallel lines on one clock, for the same agents: their order among each other is permanent.

    The line of an item is (-level + rate * elapsed) / scale, elapsed on the group's clock since the backlog's
    beginning. Compared by identity.
    """

    __slots__ = ("index", "line", "pool", "run", "stage", "trait")

    def __init__(
        self, columns: Columns, index: int, pool: Pool, trait: Trait, stage: int, line: GroupLine
    ) -> None:
        self.index = index
        self.pool = pool
        self.trait = trait
        self.stage = stage
        self.line = line
        self.run = OrderedRun(columns)

    @property
    def key(self) -> GroupKey:
        """What tells it from the other groups of its pool."""
        return self.trait, self.stage, self.line

    @property
    def demand(self) -> Demand:
        return self.pool.demand

    @property
    def demand_id(self) -> int:
        return self.pool.demand_id

    @property
    def segment(self) -> str | None:
        return self.trait.segment

    @property
    def clock_id(self) -> str | None:
        """The clock on which the lines move; None of flat ones."""
        return None if self.line.clock is None else self.line.clock.id

    @property
    def slope(self) -> Fraction:
        """Priority per microsecond of the clock."""
        return self.line.slope
