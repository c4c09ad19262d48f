"""Row d: how the median choice grows with items, agents and signatures, each alone; beside it SQL with items.

And from the item's side: the pass that one new item causes beside agents at rest.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

import msgspec

from benchmarks.distribution.choose import STEP, Bench, Options
from benchmarks.distribution.sql_peer import BY_GROUP, PLAIN, SqlChoice
from benchmarks.exponent import exponent
from benchmarks.part import Part, answer, say
from benchmarks.processes import most_resident_megabytes
from benchmarks.result import Ratio, Row
from openiwd.domain.distribution import distribute

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


def _arrival(bench: Bench, decisions: int) -> float:
    """The median of a pass that one new item causes beside agents for whom nothing waits."""
    distribute(bench.world, bench.now)
    times = []
    for _ in range(decisions):
        bench.now += STEP
        item = bench.source.item(bench.next_number)
        bench.next_number += 1
        bench.world.backlog.put(item, bench.now)
        started = time.perf_counter()
        distribute(bench.world, bench.now)
        times.append(time.perf_counter() - started)
        bench.world.backlog.remove(item.number)
    return median(times)


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


def _arrivals(options: GrowthOptions) -> list[Row]:
    """The item's side: how a new item's pass grows with the agents at rest and with the signatures that there are."""
    rows: list[Row] = []
    fixed = {"agents": 1_000, "signatures": 2_000}
    for name, sizes in (("agents", options.agents), ("signatures", options.signatures)):
        times: dict[int, float] = {}
        for size in sizes:
            times[size] = _arrival(_bench(0, **(fixed | {name: size})), options.decisions)
            rows.append(Row(f"d: a new item's pass with {size:,} {name}, p50", 1e6 * times[size], "us"))
            say(f"  a new item's pass with {size:,} {name}: {1e6 * times[size]:,.1f} us")
        rows.append(Row(f"d: growth exponent of a new item's pass over {name}", exponent(times), ""))
    return rows


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
            say(
                f"  {size:,} {name}: {1e6 * times[size]:,.1f} us, {most_resident_megabytes():,.0f} MB at most so far"
            )
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
    rows += _arrivals(options)
    rows.append(Row("d: resident memory of all growth, at most", most_resident_megabytes(), "MB"))
    if plain:
        rows.append(Row("d: growth exponent of SQL plain over items", exponent(plain), ""))
        rows.append(Row("d: growth exponent of SQL by group over items", exponent(by_group), ""))
    return Part(rows, ratios)


def measure(options: GrowthOptions) -> Part:
    return asyncio.run(_measured(options))


if __name__ == "__main__":
    answer(measure, GrowthOptions)
