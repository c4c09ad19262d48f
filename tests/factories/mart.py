"""A data mart under test: loads logs into it and reads rows back as text tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from openiwd.adapters.postgres.mart import PostgresMart
from openiwd.ports.mart import AgentDirectory, FedEvent
from openiwd.usecases.mart_run import Chain, MartSource, RunResult, run
from tests.factories.mart_log import ListFeed

CONTENT = (
    "task_event_fact",
    "task_fact",
    "task_state_fact",
    "task_work_fact",
    "task_wait_fact",
    "agent_state_fact",
    "agg_task_15min",
    "agg_task_day",
    "agg_agent_15min",
    "agg_agent_day",
    "agg_queue_15min",
    "agg_queue_day",
    "agg_task_level_15min",
    "queue_sample",
    "agg_queue_priority_15min",
    "dimension_member",
    "agg_agent_state_day",
    "agg_agent_presence_day",
)
"""What a rebuild must make again bit for bit."""


class MartUnderTest:
    def __init__(self, dsn: str, *, zone: str = "UTC", batch: int = 20_000) -> None:
        self.dsn = dsn
        self.mart = PostgresMart(lambda: dsn)
        self.feed = ListFeed()
        self.zone = zone
        self.batch = batch
        self.directory: AgentDirectory | None = None

    async def load(
        self, events: Sequence[FedEvent], chain: Chain = Chain.INTRADAY, now: datetime | None = None
    ) -> RunResult:
        """One run over a log as it is now; it must balance."""
        self.feed.log = list(events)
        source = MartSource(
            tenant_id="t", time_zone=self.zone, feed=self.feed, directory=self.directory, batch=self.batch
        )
        result = await run(self.mart, source, chain, now)
        assert result.verdict.balanced, result.verdict.detail
        return result

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn, server_settings={"timezone": "UTC"})
        try:
            found: list[asyncpg.Record] = await connection.fetch(sql, *values)
            return found
        finally:
            await connection.close()

    async def content(self) -> dict[str, list[str]]:
        """Everything that comes from the log, as text, in a fixed order."""
        return {
            name: [
                r[0] for r in await self.fetch(f'SELECT t::text FROM {name} t ORDER BY t::text COLLATE "C"')
            ]
            for name in CONTENT
        }

    async def rows(self, sql: str) -> str:
        """A query's rows as a text table: instants as `HH:MM` (with days after 2 March 2026), zero as a dot."""
        return "\n".join(" ".join(_text(v) for v in record.values()) for record in await self.fetch(sql))


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        days = (value.date() - datetime(2026, 3, 2).date()).days  # noqa: DTZ001 - a date is wanted
        return (f"{days}d" if days else "") + f"{value:%H:%M}"
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        value = int(value) if value == int(value) else float(value)
    if value in (0, ""):
        return "."
    return str(value)


def table(text: str) -> str:
    """A text table without its indentation and with single blanks."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())
