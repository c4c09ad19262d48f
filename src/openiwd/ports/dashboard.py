"""Needs: what dashboards count in one tenant's database, each in one scan of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from openiwd.domain.dashboard import BacklogRow, Tally


class Arrival(NamedTuple):
    """Items received in one span; spans count from 0."""

    span: int
    category_path: str | None
    queue_id: str | None
    capture_point: str
    items: int
    last_at: datetime


class Finish(NamedTuple):
    """Items finished in one span: all, those completed with a due date, those of them in time."""

    span: int
    category_path: str | None
    queue_id: str | None
    items: int
    measured: int
    in_time: int


class Handled(NamedTuple):
    """Items that an agent completed, and the seconds from assignment to completion of all of them."""

    agent: str
    category_path: str | None
    queue_id: str | None
    items: int
    seconds: float


class InHand(NamedTuple):
    """How many items of a queue and media type an agent has assigned or offered."""

    agent: str
    queue_id: str | None
    media_type: str
    items: int


class Sample(NamedTuple):
    """The backlog as it stood at a quarter of an hour."""

    at: datetime
    waiting: int
    assigned: int
    held: int
    overdue: int
    due_hour: int
    due_today: int


class DashboardReading(Protocol):
    """The part of `Reading` that dashboards need."""

    async def backlog(self, now: datetime, in_an_hour: datetime, day_end: datetime) -> list[BacklogRow]: ...
    async def arrivals(self, spans: Sequence[datetime]) -> list[Arrival]:
        """Between the first and the last instant."""
        ...

    async def finished(self, spans: Sequence[datetime]) -> list[Finish]: ...
    async def handled(self, since: datetime) -> list[Handled]: ...
    async def in_hand(self) -> list[InHand]: ...
    async def samples(
        self, since: datetime, category: str | None, groups: tuple[Sequence[str], Sequence[str]] | None
    ) -> list[Sample]:
        """Below a category, within access groups (category paths, queues); None: all. Oldest first."""
        ...

    async def has_sample(self, at: datetime) -> bool: ...


class DashboardWriting(Protocol):
    """The part of `Writing` that dashboards need."""

    async def save_samples(
        self, at: datetime, tallies: Mapping[tuple[str | None, str | None], Tally]
    ) -> None:
        """By category and queue; nothing where the quarter is kept already."""
        ...

    async def forget_samples(self, before: datetime) -> None: ...
