"""Intake beyond what it can bear: twice the sustainable rate for three minutes.

Says what was acknowledged for each second, what the server's memory came to, and whether every acknowledged item is
there. `python -m benchmarks.overload --seconds 180`; the result goes to `results/overload.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from typing import NamedTuple

import asyncpg

from benchmarks.intake.place import Target, target
from benchmarks.load import Plan
from benchmarks.paced import CREATED, Pace, Paced
from benchmarks.processes import ask, data_folder, proportional_megabytes, tree
from benchmarks.result import Ratio, Result, Row, write
from openiwd.adapters.embedded_postgres import EmbeddedPostgres

CONNECTIONS = 256
MORE_CONNECTIONS = 512
"""Of the paced load: callers that come although the server is busy."""
OF_SUSTAINABLE = 2.0
SECONDS = 180.0
SUSTAINED_SECONDS = 60.0
"""Long enough for checkpoints of PostgreSQL to fall into it."""
GOODPUT = 0.9
GROWTH = 1.5
"""How far the server's memory may be above that after the first tenth of the time (a bound, not a goal)."""
SAMPLES = 60


class Stay(NamedTuple):
    """A paced load with the server's memory meanwhile."""

    paced: Paced
    memory: list[float]


async def _stay(server: Target, rate: float, seconds: float) -> Stay:
    plan = Plan(
        port=server.port, api_key=server.api_key, path="/iwd/v3/items", run=secrets.token_hex(3),
        connections=MORE_CONNECTIONS, seconds=seconds, warm_up=0.0,
    )  # fmt: skip
    load = asyncio.create_task(ask([sys.executable, "-m", "benchmarks.paced"], Pace(plan, rate), Paced))
    memory = []
    while not load.done():
        memory.append(proportional_megabytes([each.pid for each in tree(server.pid)]))
        await asyncio.wait([load], timeout=seconds / SAMPLES)
    return Stay(await load, memory)


async def _items(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM item"))
    finally:
        await connection.close()


async def measure(seconds: float) -> Result:
    """The sustainable rate first: what 256 connections get that wait for each answer."""
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data", durable=True)
        await postgres.start()
        try:
            async with target(postgres, "durable") as server:
                await server.rate(connections=CONNECTIONS, seconds=2.0)
                sustained = await server.rate(
                    connections=CONNECTIONS, seconds=min(SUSTAINED_SECONDS, seconds / 2)
                )
                before = await _items(server.dsn)
                stay = await _stay(server, OF_SUSTAINABLE * sustained, seconds)
                return _result(sustained, stay, await _items(server.dsn) - before)
        finally:
            await postgres.stop()


def _result(sustained: float, stay: Stay, stored: int) -> Result:
    paced, memory = stay
    acknowledged = paced.statuses.get(CREATED, 0)
    goodput = acknowledged / paced.seconds
    early = max(memory[: max(1, len(memory) // 10)])
    errors = sum(n for status, n in paced.statuses.items() if status.startswith("5"))
    rows = [
        Row("sustainable rate", sustained, "items/s"),
        Row("asked for", paced.due / paced.seconds, "items/s"),
        Row("acknowledged", goodput, "items/s"),
        Row("refused with 429", float(paced.statuses.get("429", 0)), "requests"),
        Row("given up by the callers", float(paced.given_up), "requests"),
        Row("answers of 5xx", float(errors), "requests"),
        Row("acknowledged and not there", float(max(0, acknowledged - stored)), "items"),
        Row("there and not acknowledged", float(max(0, stored - acknowledged)), "items"),
        Row("latency from when it was due, p50", paced.p50_ms, "ms"),
        Row("latency from when it was due, p99", paced.p99_ms, "ms"),
        Row("server's memory after a tenth of the time", early, "MB"),
        Row("server's memory at most", max(memory), "MB"),
        Row("server's memory at the end", memory[-1], "MB"),
        Row("lasted", paced.seconds, "s"),
    ]
    growth = max(memory) / early
    return Result(
        "overload",
        rows,
        [
            Ratio("goodput / what it can bear", goodput / sustained, GOODPUT, goodput >= GOODPUT * sustained),
            Ratio("memory at most / after a tenth", growth, GROWTH, growth <= GROWTH),
            Ratio("acknowledged and stored", min(1.0, stored / max(1, acknowledged)), 1.0, stored >= acknowledged),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--dry", action="store_true", help="print only; results stay as they are")
    given = options.parse_args()
    write(asyncio.run(measure(given.seconds)), keep=not given.dry)
