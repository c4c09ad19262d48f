"""Counts for dashboards, and the samples of the backlog that their lines are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.dashboard import BacklogRow, Tally
from openiwd.ports.dashboard import Arrival, Finish, Handled, InHand, Sample

DASHBOARD_SQL: Final = named_sql("dashboard")


class DashboardReading:
    """The part of `Reading` that dashboards need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def backlog(self, now: datetime, in_an_hour: datetime, day_end: datetime) -> list[BacklogRow]:
        records = await self._connection.fetch(DASHBOARD_SQL["backlog"], now, in_an_hour, day_end)
        return [BacklogRow(*record) for record in records]

    async def arrivals(self, spans: Sequence[datetime]) -> list[Arrival]:
        records = await self._connection.fetch(DASHBOARD_SQL["arrivals"], spans, spans[0], spans[-1])
        return [Arrival(record[0] - 1, *record[1:]) for record in records]

    async def finished(self, spans: Sequence[datetime]) -> list[Finish]:
        records = await self._connection.fetch(DASHBOARD_SQL["finished"], spans, spans[0], spans[-1])
        return [Finish(record[0] - 1, *record[1:]) for record in records]

    async def handled(self, since: datetime) -> list[Handled]:
        return [Handled(*record) for record in await self._connection.fetch(DASHBOARD_SQL["handled"], since)]

    async def in_hand(self) -> list[InHand]:
        return [InHand(*record) for record in await self._connection.fetch(DASHBOARD_SQL["in_hand"])]

    async def samples(
        self, since: datetime, category: str | None, groups: tuple[Sequence[str], Sequence[str]] | None
    ) -> list[Sample]:
        categories, queues = (None, None) if groups is None else (list(groups[0]), list(groups[1]))
        records = await self._connection.fetch(DASHBOARD_SQL["samples"], since, category, categories, queues)
        return [Sample(*record) for record in records]

    async def has_sample(self, at: datetime) -> bool:
        found: bool = await self._connection.fetchval(DASHBOARD_SQL["has_sample"], at)
        return found


class DashboardWriting:
    """The part of `Writing` that dashboards need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save_samples(
        self, at: datetime, tallies: Mapping[tuple[str | None, str | None], Tally]
    ) -> None:
        counts = [
            [getattr(t, name) for t in tallies.values()]
            for name in ("waiting", "assigned", "held", "overdue", "due_hour", "due_today")
        ]
        await self._connection.execute(
            DASHBOARD_SQL["save_samples"],
            at,
            [path for path, _ in tallies],
            [queue for _, queue in tallies],
            *counts,
        )

    async def forget_samples(self, before: datetime) -> None:
        await self._connection.execute(DASHBOARD_SQL["forget_samples"], before)
