"""Row a: durable `POST /items`, 256 connections, beside the same handler without a database and a naive one."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from benchmarks.intake.place import Target, target
from benchmarks.result import Ratio, Row
from benchmarks.rounds import alternate, compare
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

CONNECTIONS = 256
OF_LIMIT = 0.6
OF_NAIVE = 4.0


async def measure(
    postgres: EmbeddedPostgres, *, rounds: int, seconds: float
) -> tuple[list[Row], list[Ratio]]:
    """The four servers run side by side; only one is under load at a time."""
    async with AsyncExitStack() as stack:
        durable = await stack.enter_async_context(target(postgres, "durable"))
        unwritten = await stack.enter_async_context(target(postgres, "unwritten"))
        naive = await stack.enter_async_context(target(postgres, "naive"))
        deciding = await stack.enter_async_context(target(postgres, "deciding"))
        targets = {
            "a: items/s, OpenIWD": durable,
            "a: items/s, without a database (limit)": unwritten,
            "a: items/s, a transaction per request (naive)": naive,
            "a: items/s, OpenIWD deciding in the same process": deciding,
        }
        for each in targets.values():
            await each.rate(connections=CONNECTIONS, seconds=1)
        found = await alternate(
            {
                name: partial(each.rate, connections=CONNECTIONS, seconds=seconds)
                for name, each in targets.items()
            },
            rounds,
        )
    ours, limit, by_naive, _ = found.values()
    first, first_spread = compare("a: OpenIWD / limit", ours, limit, OF_LIMIT)
    second, second_spread = compare("a: OpenIWD / naive", ours, by_naive, OF_NAIVE)
    rows = [series.row("items/s") for series in found.values()]
    return [*rows, first_spread, second_spread, *_details(durable)], [first, second]


def _details(measured: Target) -> list[Row]:
    """Of the last measurement: latency, and who used the processors."""
    load, use = measured.loads[-1], measured.uses[-1]
    return [
        Row("a: latency p50", load.p50_ms, "ms"),
        Row("a: latency p99", load.p99_ms, "ms"),
        Row("a: cores used by the server", use.server, "cores"),
        Row("a: cores used by PostgreSQL", use.postgres, "cores"),
        Row("a: cores used by the load generator", use.load, "cores"),
        Row("a: load generator's share of CPU", 100 * use.load / (use.server + use.postgres + use.load), "%"),
    ]
