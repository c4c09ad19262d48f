"""Row d: the best item for an agent out of N waiting ones, beside heappop (the limit) and SQL, in turns.

Agents at random; what is chosen is taken out, another item comes in, and time moves on by 2 ms (500 decisions/s).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from heapq import heapify, heappop, heappush
from random import Random
from typing import Final

import msgspec

from benchmarks.backlog.world import SIGNATURES, START, Source, agent, compiled, empty_world, fill_alike
from benchmarks.distribution.sql_peer import BY_GROUP, PLAIN, SqlChoice
from benchmarks.exponent import quantile
from benchmarks.part import Part, answer, say
from benchmarks.result import Row
from benchmarks.rounds import Series, alternate, at_most
from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.distribution import distribute, for_agent
from openiwd.domain.eligibility import Load
from openiwd.processes.garbage import spare_the_collector

STEP: Final = 2_000
"""Microseconds between decisions."""


class Options(msgspec.Struct, frozen=True):
    items: int
    target_us: float
    rounds: int
    decisions: int
    agents: int = 1_000
    signatures: int = SIGNATURES
    dsn: str | None = None
    """Where the SQL peer lies; none = without it."""
    sql_decisions: int = 20


class Bench:
    """A world with free agents; `decide` is one step of it."""

    def __init__(self, options: Options) -> None:
        self.rules = compiled(hours=True)
        self.source = Source(self.rules, options.signatures)
        self.world = empty_world(self.rules)
        fill_alike(self.world.backlog, self.source, 1, options.items + 1, START)
        self.rnd = Random(11)
        self.now: int = START
        self.cpu = 0.0
        self.next_number = options.items + 1
        self.agents = [agent(n, hours=True) for n in range(options.agents)]
        for n, one in enumerate(self.agents):
            self.world.put_agent(one)
            self.world.put_load(one.id, Load(weight=n % 2, media={"workitem": n % 2}, idle_since=START - n))

    def decide(self, one: Agent) -> tuple[float, float]:
        """Seconds for the choice, and for the choice and what follows from it in the backlog."""
        self.now += STEP
        arriving: BacklogItem = self.source.item(self.next_number)
        cpu = time.thread_time()
        started = time.perf_counter()
        choice = for_agent(self.world, one, self.now)
        chosen = time.perf_counter()
        self.cpu += time.thread_time() - cpu
        if choice is not None:
            self.world.backlog.remove(choice.item.number)
            self.world.backlog.put(arriving, self.now)
            self.next_number += 1
        done = time.perf_counter()
        return chosen - started, done - started

    def everybody(self) -> float:
        """Seconds per choice when all agents are free at once."""
        started = time.perf_counter()
        choices = distribute(self.world, self.now)
        return (time.perf_counter() - started) / max(1, len(choices))


class _Turns:
    """What is measured in turns; keeps what one figure per turn cannot say."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.bench = Bench(options)
        self.found: dict[str, list[float]] = {}
        rnd = Random(4)
        self.heap = [(rnd.random(), n % 5, START - n, n) for n in range(options.items)]
        heapify(self.heap)

    def keep(self, name: str, microseconds: float) -> None:
        self.found.setdefault(name, []).append(microseconds)

    async def ours(self) -> float:
        bench = self.bench
        bench.cpu = 0.0
        times = [bench.decide(bench.rnd.choice(bench.agents)) for _ in range(self.options.decisions)]
        alone = [1e6 * t for t, _ in times]
        self.keep("p50", quantile(alone, 0.5))
        self.keep("CPU time, mean", 1e6 * bench.cpu / len(times))
        self.keep("slowest", max(alone))
        self.keep("p99 with taking out and putting in", quantile([1e6 * t for _, t in times], 0.99))
        self.keep("when all agents are free at once, each", 1e6 * bench.everybody())
        return quantile(alone, 0.99)

    async def limit(self) -> float:
        times = []
        popped = []
        for _ in range(self.options.decisions):
            if not self.heap:
                break
            started = time.perf_counter()
            popped.append(heappop(self.heap))
            times.append(1e6 * (time.perf_counter() - started))
        for entry in popped:
            heappush(self.heap, entry)
        self.keep("heappop p50", quantile(times, 0.5))
        return quantile(times, 0.99)


async def _sql(sql: SqlChoice, bench: Bench, query: str, count: int) -> float:
    times = []
    for _ in range(count):
        one = bench.rnd.choice(bench.agents)
        arguments = sql.arguments(one, bench.world.load(one.id))
        started = time.perf_counter()
        number = await sql.choose(query, arguments)
        times.append(1e6 * (time.perf_counter() - started))
        if number is not None:
            await sql.remove(number)
    return quantile(times, 0.99)


async def _same(sql: SqlChoice, bench: Bench) -> None:
    """All three give the same item, or they are not comparable."""
    for one in bench.agents[:10]:
        ours = for_agent(bench.world, one, START)
        expected = None if ours is None else ours.item.number
        arguments = sql.arguments(one, bench.world.load(one.id))
        for query in (PLAIN, BY_GROUP):
            found = await sql.choose(query, arguments)
            if found != expected:
                raise RuntimeError(f"SQL chooses {found} for {one.id}, not {expected}")


async def _measured(options: Options) -> Part:
    started = time.perf_counter()
    turns = _Turns(options)
    size = f"{options.items:,} items"
    say(f"  {size} in place after {time.perf_counter() - started:.0f} s")
    bench = turns.bench
    sql = None
    if options.dsn is not None:
        sql = await SqlChoice.filled(options.dsn, bench.rules, bench.source, options.items)
        await _same(sql, bench)
    spare_the_collector()
    cold = [1e6 * bench.decide(one)[0] for one in bench.agents]
    measures: dict[str, Callable[[], Awaitable[float]]] = {
        f"d: {size}, choice p99": turns.ours,
        f"d: {size}, heappop p99 (limit)": turns.limit,
    }
    if sql is not None:
        for name, query in (("plain", PLAIN), ("by group", BY_GROUP)):
            measures[f"d: {size}, SQL SKIP LOCKED {name} p99"] = _turn(
                sql, bench, query, options.sql_decisions
            )
    found = await alternate(measures, options.rounds, say=say)
    if sql is not None:
        await sql.close()
    ours, limit, *peers = found.values()
    ratio, spread = at_most(f"d: {size}, choice p99 in us", ours, options.target_us)
    rows = [series.row("us") for series in found.values()]
    rows += [
        Series(f"d: {size}, choice {name}" if "heap" not in name else f"d: {size}, {name}", values).row("us")
        for name, values in turns.found.items()
    ]
    rows.append(Row(f"d: {size}, first choice of each agent p99", quantile(cold, 0.99), "us"))
    rows.append(Row(f"d: {size}, choice / heappop", ours.median / limit.median, "x"))
    rows += [Row(f"{peer.name} / choice", peer.median / ours.median, "x") for peer in peers]
    return Part([*rows, spread], [ratio])


def _turn(sql: SqlChoice, bench: Bench, query: str, count: int) -> Callable[[], Awaitable[float]]:
    async def turn() -> float:
        return await _sql(sql, bench, query, count)

    return turn


def measure(options: Options) -> Part:
    return asyncio.run(_measured(options))


if __name__ == "__main__":
    answer(measure, Options)
