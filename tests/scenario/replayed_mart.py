"""Loads a data mart from what a replay left, over HTTP, and reads waits and service times from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.postgres.mart import PostgresMart
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.processes import bootstrap
from openiwd.processes.database import database_dsn
from openiwd.processes.mart import prepare_mart
from openiwd.processes.serve import serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases.mart_run import Chain, MartSource, RunResult, run

MART = "iwd-replay-mart"
TENANT = "replay"
Sums = dict[tuple[str, str], tuple[int, int]]


class ReplayedMart:
    """What the mart says after a replay; `query` results keyed by activity and resource."""

    def __init__(
        self, result: RunResult, first: Sums, later: Sums, service: Sums, counts: dict[str, Any]
    ) -> None:
        self.result = result
        self.first_waits = first
        self.later_waits = later
        self.service = service
        self.counts = counts


async def mart_of_replay(data: Path) -> ReplayedMart:
    server = EmbeddedPostgres(data)
    await server.start()
    try:
        wiring = Wiring(database_dsn(server.dsn(), bootstrap.CONTROL_DATABASE))
        credentials = bootstrap.read_credentials(data)
        assert credentials is not None
        async with serving(wiring, host="127.0.0.1", port=0, metrics_port=None) as running:
            await prepare_mart(wiring.control_dsn, MART)
            feed = HttpReportingFeed(running.url, credentials.api_key)
            mart = PostgresMart(lambda: server.dsn(MART))
            try:
                await mart.publish_views()
                source = MartSource(tenant_id=TENANT, time_zone="Europe/Amsterdam", feed=feed)
                result = await run(mart, source, Chain.INTRADAY)
                return await _read(server.dsn(MART), result)
            finally:
                await mart.close()
                await feed.close()
    finally:
        await server.stop()


async def _read(dsn: str, result: RunResult) -> ReplayedMart:
    connection = await asyncpg.connect(dsn)
    name = "(SELECT d.name FROM dimension d WHERE d.kind = 'category' AND d.id = w.category_id AND d.valid_to IS NULL)"

    async def sums(table: str, value: str, where: str) -> Sums:
        rows = await connection.fetch(
            f"SELECT {name} AS activity, w.agent_id, count(*) AS n, sum({value})::bigint AS us"
            f" FROM {table} w WHERE {where} GROUP BY 1, 2"
        )
        return {(r["activity"], r["agent_id"]): (r["n"], r["us"]) for r in rows}

    try:
        counts = await connection.fetchrow(
            """SELECT count(*) AS items, count(*) FILTER (WHERE status = 'completed') AS completed,
            count(*) FILTER (WHERE status = 'queued') AS queued,
            count(*) FILTER (WHERE status = 'assigned') AS assigned,
            sum(assignments) AS assignments FROM task_fact"""
        )
        assert counts is not None
        return ReplayedMart(
            result,
            await sums("task_wait_fact", "wait_us", "ordinal = 1"),
            await sums("task_wait_fact", "wait_us", "ordinal > 1"),
            await sums("task_work_fact", "work_us", "true"),
            dict(counts.items()),
        )
    finally:
        await connection.close()
