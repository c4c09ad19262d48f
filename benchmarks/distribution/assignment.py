"""Row d2: durable offers per second, end to end, beside the claim statement alone and beside other libraries."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import psutil

from benchmarks.backlog.stored import Stored, add_items, prepare
from benchmarks.distribution import peers
from benchmarks.distribution.assignment_run import Measured, Options
from benchmarks.exponent import exponent
from benchmarks.part import Part
from benchmarks.processes import ask, cpu_seconds
from benchmarks.result import Ratio, Row
from benchmarks.rounds import alternate, compare
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

OF_BEST_PEER = 1.2
RECORD_BYTES = 256
HIGHEST_EXPONENT = 0.1
SMALLEST = 1_000
OURS, LIMIT = "d2: offers/s, OpenIWD", "d2: offers/s, claim statement alone (limit)"

_FINISH = """
UPDATE item SET status = 'completed', offer_id = NULL, offered_to = NULL, offered_at = NULL, offer_expires_at = NULL
WHERE offer_id IS NOT NULL;
UPDATE offer SET outcome = 'accepted', ended_at = now() WHERE outcome IS NULL;
"""
_RECORDS = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY size) AS p50,
    percentile_disc(0.99) WITHIN GROUP (ORDER BY size) AS p99, max(size) AS largest
FROM (SELECT pg_column_size(decision) AS size FROM offer) sizes
"""


def _used_by(postmaster: int) -> float:
    """CPU time of a PostgreSQL server, the sessions that have ended included."""
    ended = psutil.Process(postmaster).cpu_times()
    return cpu_seconds(postmaster) + ended.children_user + ended.children_system


class Assignments:
    """The tenant, and how to measure on it with always as many items waiting."""

    def __init__(self, postgres: EmbeddedPostgres, stored: Stored) -> None:
        self._postgres = postgres
        self._stored = stored
        self._made = 0
        self._waiting = 0
        self.ours: list[Measured] = []
        self.postgres_cores = 0.0

    async def have(self, items: int) -> None:
        """So many items wait, and no agent has any."""
        connection = await asyncpg.connect(self._stored.dsn)
        await connection.execute(_FINISH, timeout=3_600)
        self._waiting = await connection.fetchval("SELECT count(*) FROM item WHERE status = 'queued'")
        await connection.close()
        missing = items - self._waiting
        if missing > 0:
            await add_items(self._stored, self._made + 1, self._made + missing + 1)
            self._made += missing

    async def turn(self, options: Options, items: int) -> float:
        await self.have(items)
        assert self._postgres.pid is not None
        cpu, started = _used_by(self._postgres.pid), time.perf_counter()
        found = await ask([sys.executable, "-m", "benchmarks.distribution.assignment_run"], options, Measured)
        if options.mode == "ours":
            self.ours.append(found)
            used = _used_by(self._postgres.pid) - cpu
            self.postgres_cores = used / (time.perf_counter() - started)
        return found.rate

    async def record_sizes(self) -> dict[str, int]:
        connection = await asyncpg.connect(self._stored.dsn)
        sizes = await connection.fetchrow(_RECORDS)
        await connection.close()
        assert sizes is not None
        return dict(sizes)


async def measure(
    postgres: EmbeddedPostgres, *, items: int, rounds: int, offers: int, agents: int, with_peers: bool
) -> Part:
    stored = await prepare(postgres, "assignment", agents=agents)
    there = Assignments(postgres, stored)
    growth: dict[int, float] = {}
    for size in sorted({max(SMALLEST, items // 100), max(SMALLEST, items // 10), items}):
        few = min(offers, size // 10)
        growth[size] = 1 / await there.turn(Options(stored, few, "ours"), size)
        print(f"  {size:,} waiting: {1 / growth[size]:,.0f} offers/s", flush=True)
    measures: dict[str, Callable[[], Awaitable[float]]] = {
        OURS: partial(there.turn, Options(stored, offers, "ours"), items),
        LIMIT: partial(there.turn, Options(stored, offers, "limit"), items),
    }
    for peer in await peers.installed(postgres) if with_peers else []:
        measures[f"d2: items/s, {peer.name}"] = partial(peer.rate, postgres, max(offers, peers.FEWEST))
    found = await alternate(measures, rounds)
    rows = [series.row("/s") for series in found.values()]
    ratios: list[Ratio] = []
    of_limit, spread = compare("d2: OpenIWD / claim statement alone", found[OURS], found[LIMIT], 0)
    rows += [Row(of_limit.name, of_limit.value, "x"), spread]
    others = [series for name, series in found.items() if name not in (OURS, LIMIT)]
    if others:
        best = max(others, key=lambda series: series.median)
        ratio, spread = compare(
            f"d2: OpenIWD / best peer ({best.name.split(', ')[1]})", found[OURS], best, OF_BEST_PEER
        )
        ratios.append(ratio)
        rows.append(spread)
    sizes = await there.record_sizes()
    rows += [Row(f"d2: decision record {name}", size, "B as stored") for name, size in sizes.items()]
    rows += _details(there, growth, items)
    largest = sizes["largest"]
    ratios.append(
        Ratio("d2: largest decision record in B (at most)", largest, RECORD_BYTES, largest <= RECORD_BYTES)
    )
    grows = exponent(growth)
    is_flat = grows <= HIGHEST_EXPONENT
    return Part(rows, [*ratios, Ratio("d2: growth exponent (at most)", grows, HIGHEST_EXPONENT, is_flat)])


def _details(there: Assignments, growth: dict[int, float], items: int) -> list[Row]:
    last = there.ours[-1]
    return [
        *(Row(f"d2: offers/s with {size:,} waiting", 1 / seconds, "/s") for size, seconds in growth.items()),
        Row("d2: CPU of the decider's process per offer", 1e6 * last.cores / last.rate, "us"),
        Row("d2: cores used by the decider's process", last.cores, "cores"),
        Row("d2: cores used by PostgreSQL, takeover included", there.postgres_cores, "cores"),
        Row(f"d2: takeover of {items:,} items", last.load_seconds, "s"),
    ]
