"""One backlog of N items, filled once: its memory, putting and taking out, and the best item for an agent.

Every figure in CPU time of this process too, which a busy machine shakes less.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import msgspec

from benchmarks.backlog.memory import BYTES, resident
from benchmarks.backlog.world import START, Source, agent, compiled, empty_world, fill_alike
from benchmarks.exponent import quantile
from benchmarks.part import Part, answer, say
from benchmarks.result import Ratio, Row
from openiwd.domain.distribution import for_agent

FIRST = 100_000
STEP = 2_000


class Options(msgspec.Struct, frozen=True):
    items: int
    batch: int = 20_000
    decisions: int = 3_000
    agents: int = 200


def _timed(name: str, count: int, run: Callable[[], None]) -> list[Row]:
    started, cpu = time.perf_counter(), time.process_time()
    run()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    say(f"  {name}: {count / seconds:,.0f}/s, {count / cpu_seconds:,.0f} per second of CPU")
    return [Row(name, count / seconds, "/s"), Row(f"{name}: per second of CPU", count / cpu_seconds, "/s")]


def measure(options: Options) -> Part:
    rules, size = compiled(), f"{options.items:,} items in one go"
    source, rnd = Source(rules), Random(5)
    world = empty_world(rules)
    backlog = world.backlog
    fill_alike(backlog, source, 1, FIRST, START)
    before, end = resident(), FIRST + options.items
    rows = _timed(
        f"c: filled in bulk, {size}", options.items, lambda: fill_alike(backlog, source, FIRST, end, START)
    )
    each = (resident() - before) / options.items
    fresh = list(source.items(end, end + options.batch))
    numbers = [item.number for item in fresh]
    rnd.shuffle(numbers)

    def put() -> None:
        for item in fresh:
            backlog.put(item, START)

    def take_out() -> None:
        for number in numbers:
            backlog.remove(number)

    rows += _timed(f"c: put, {size}", len(fresh), put)
    rows += _timed(f"c: take out by number, {size}", len(fresh), take_out)
    agents = [agent(n) for n in range(options.agents)]
    for one in agents:
        world.put_agent(one)
        for_agent(world, one, START)
    elapsed: list[float] = []
    spent: list[float] = []
    for n in range(options.decisions):
        one, now = rnd.choice(agents), START + n * STEP
        started, cpu = time.perf_counter(), time.thread_time()
        choice = for_agent(world, one, now)
        spent.append(1e6 * (time.thread_time() - cpu))
        elapsed.append(1e6 * (time.perf_counter() - started))
        if choice is not None:
            backlog.remove(choice.item.number)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        rows.append(Row(f"c: choice for an agent, {size}, {name}", quantile(elapsed, share), "us"))
        rows.append(Row(f"c: choice for an agent, {size}, CPU time {name}", quantile(spent, share), "us"))
    name = f"c: memory, {size}"
    return Part(
        [Row(name, each, "B/item (RSS)"), *rows],
        [Ratio(f"{name}: B/item (at most)", each, BYTES, each <= BYTES)],
    )


if __name__ == "__main__":
    answer(measure, Options)
