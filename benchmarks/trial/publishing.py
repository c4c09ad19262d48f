"""How long a publication takes with several serving processes, one of them under load."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx

from benchmarks.intake.place import Target, prepare
from benchmarks.intake.server import Options, Ready
from benchmarks.processes import server
from benchmarks.result import Ratio, Row
from benchmarks.rounds import Series, at_most
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

CONNECTIONS = 64
MOST_SECONDS = 1.0


async def measure(
    postgres: EmbeddedPostgres, *, rounds: int, publications: int
) -> tuple[list[Row], list[Ratio]]:
    """Two processes share a tenant; one publishes while the other takes items in. A round counts by its slowest."""
    control, dsn = await prepare(postgres, "durable")
    async with AsyncExitStack() as stack:
        found: list[Target] = []
        for variant in ("deciding", "durable"):
            options = Options(variant=variant, control_dsn=control, tenant="durable")
            pid, ready = await stack.enter_async_context(server("benchmarks.intake.server", options, Ready))
            found.append(Target(postgres, pid, ready, control, dsn))
        loaded, publisher = found
        http = await stack.enter_async_context(publisher.client())
        slowest, all_times = [], list[float]()
        for _ in range(rounds):
            seconds = 2.0 + publications
            load = asyncio.create_task(loaded.rate(connections=CONNECTIONS, seconds=seconds))
            await asyncio.sleep(1.5)
            times = [await _publish(http, len(all_times) + n) for n in range(publications)]
            all_times += times
            slowest.append(max(times))
            await load
    ratio, spread = at_most("publish: slowest of a round, seconds", Series("", slowest), MOST_SECONDS)
    rows = [Row("publish: median, two processes, one under load", Series("", all_times).median, "s"), spread]
    return rows, [ratio]


async def _publish(http: httpx.AsyncClient, n: int) -> float:
    """Until the answer: from then on nothing is committed anywhere that the version before has judged."""
    rule = (await http.get("/rules/r0")).json()
    changed = {**rule, "then": [{"raiseBusinessValue": n % 50 + 1}]}
    began = time.perf_counter()
    answer = await http.put("/rules/r0?reclassify=none", json=changed)
    took = time.perf_counter() - began
    answer.raise_for_status()
    await asyncio.sleep(0.3)
    return took
