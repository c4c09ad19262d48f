"""Row d: how the median choice grows with items, agents and signatures, each alone; beside it SQL with items."""

from __future__ import annotations

import asyncio
import time
from statistics import median

import msgspec

from benchmarks.distribution.choose import Bench, Options
from benchmarks.distribution.sql_peer import BY_GROUP, PLAIN, SqlChoice
from benchmarks.exponent import exponent
from benchmarks.part import Part, answer, say
from benchmarks.result import Ratio, Row

HIGHEST_EXPONENT = 0.1
"""Over items and agents a choice must not grow; a cache miss more is allowed."""


class GrowthOptions(msgspec.Struct, frozen=True):
    items: list[int]
    agents: list[int]
    signatures: list[int]
    base: int
    """Items where agents or signatures grow."""
    decisions: int = 500
    dsn: str | None = None
    sql_items: int = 1_000_000
    """SQL is followed up to this size."""


def _choice(bench: Bench, decisions: int) -> float:
    """The median for agents at random, after each has been served once."""
    for one in bench.agents:
        bench.decide(one)
    return median(bench.decide(bench.rnd.choice(bench.agents))[0] for _ in range(decisions))


def _bench(items: int, agents: int, signatures: int) -> Bench:
    return Bench(Options(items, 0.0, 1, 1, agents=agents, signatures=signatures))


async def _sql(options: GrowthOptions, bench: Bench, size: int) -> tuple[float, float]:
    """Median seconds of the plain query and of the one by group."""
    assert options.dsn is not None
    sql = await SqlChoice.filled(options.dsn, bench.rules, bench.source, size)
    found = []
    for query in (PLAIN, BY_GROUP):
        times = []
        for one in bench.agents[:9]:
            arguments = sql.arguments(one, bench.world.load(one.id))
            started = time.perf_counter()
            await sql.choose(query, arguments)
            times.append(time.perf_counter() - started)
        found.append(median(times))
    await sql.close()
    return found[0], found[1]


async def _measured(options: GrowthOptions) -> Part:
    rows: list[Row] = []
    ratios: list[Ratio] = []
    plain: dict[int, float] = {}
    by_group: dict[int, float] = {}
    fixed = {"items": options.base, "agents": 1_000, "signatures": 2_000}
    for name, sizes in (
        ("items", options.items),
        ("agents", options.agents),
        ("signatures", options.signatures),
    ):
        times: dict[int, float] = {}
        for size in sizes:
            bench = _bench(**(fixed | {name: size}))
            times[size] = _choice(bench, options.decisions)
            rows.append(Row(f"d: choice with {size:,} {name}, p50", 1e6 * times[size], "us"))
            say(f"  {size:,} {name}: {1e6 * times[size]:,.1f} us")
            if name == "items" and options.dsn is not None and size <= options.sql_items:
                plain[size], by_group[size] = await _sql(options, bench, size)
                rows.append(Row(f"d: SQL plain with {size:,} items, p50", 1e6 * plain[size], "us"))
                rows.append(Row(f"d: SQL by group with {size:,} items, p50", 1e6 * by_group[size], "us"))
        grows = exponent(times)
        if name == "signatures":
            rows.append(Row("d: growth exponent over signatures", grows, ""))
        else:
            is_flat = grows <= HIGHEST_EXPONENT
            ratios.append(
                Ratio(f"d: growth exponent over {name} (at most)", grows, HIGHEST_EXPONENT, is_flat)
            )
    if plain:
        rows.append(Row("d: growth exponent of SQL plain over items", exponent(plain), ""))
        rows.append(Row("d: growth exponent of SQL by group over items", exponent(by_group), ""))
    return Part(rows, ratios)


def measure(options: GrowthOptions) -> Part:
    return asyncio.run(_measured(options))


if __name__ == "__main__":
    answer(measure, GrowthOptions)
