"""Row a2: `POST /items/batch` of 100 over 4 connections, beside plain multi-row INSERTs and beside other libraries."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.intake import peers
from benchmarks.intake.insert_limit import BATCH, CONNECTIONS, Measured, Options
from benchmarks.intake.place import Target, target
from benchmarks.processes import ask
from benchmarks.result import Ratio, Row
from benchmarks.rounds import alternate, compare
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

OF_LIMIT = 0.8
OURS = "a2: items/s, OpenIWD"
LIMIT = "a2: items/s, multi-row INSERT (limit)"


async def batches(measured: Target, seconds: float) -> float:
    return await measured.rate(
        path="/iwd/v3/items/batch", per_request=BATCH, connections=CONNECTIONS, seconds=seconds, expected=200
    )


async def measure(
    postgres: EmbeddedPostgres, *, rounds: int, seconds: float, items: int, with_peers: bool
) -> tuple[list[Row], list[Ratio]]:
    async with target(postgres, "durable") as measured:

        async def insert() -> float:
            options = Options(measured.control_dsn, "durable", measured.dsn, secrets.token_hex(3), items)
            return (
                await ask([sys.executable, "-m", "benchmarks.intake.insert_limit"], options, Measured)
            ).rate

        measures: dict[str, Callable[[], Awaitable[float]]] = {
            OURS: partial(batches, measured, seconds),
            LIMIT: insert,
        }
        for peer in await peers.installed(postgres) if with_peers else []:
            measures[f"a2: items/s, {peer.name}"] = partial(peer.rate, postgres, items)
        await batches(measured, 1)
        found = await alternate(measures, rounds)
    ratio, spread = compare("a2: OpenIWD / limit", found[OURS], found[LIMIT], OF_LIMIT)
    load, use = measured.loads[-1], measured.uses[-1]
    rows = [series.row("items/s") for series in found.values()]
    share = 100 * use.load / (use.server + use.postgres + use.load)
    return [
        *rows,
        spread,
        Row("a2: latency p50 of a batch", load.p50_ms, "ms"),
        Row("a2: latency p99 of a batch", load.p99_ms, "ms"),
        Row("a2: load generator's share of CPU", share, "%"),
    ], [ratio]
