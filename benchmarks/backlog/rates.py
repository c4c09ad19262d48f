"""Putting, taking out and popping on a backlog of N items, beside heapq (the limit) and Redis, in turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from heapq import heapify, heappop, heappush
from random import Random

import msgspec

from benchmarks.backlog.redis_peer import Redis, redis
from benchmarks.backlog.world import START, Source, compiled, empty_world, fill, fill_alike
from benchmarks.part import Part, answer, say
from benchmarks.result import Row
from benchmarks.rounds import Series, alternate, compare
from openiwd.domain.backlog_item import BacklogItem

OURS, HEAP, REDIS = "OpenIWD", "heapq (limit)", "Redis, pipelined"


class Options(msgspec.Struct, frozen=True):
    items: int
    rounds: int
    batch: int = 20_000
    pops: int = 1_000


class _Bench:
    """The three, each with the same items waiting; every measure leaves as many as it found."""

    def __init__(self, options: Options, peer: Redis | None) -> None:
        rules = compiled()
        source = Source(rules)
        self.options = options
        self.backlog = empty_world(rules).backlog
        fill_alike(self.backlog, source, 1, options.items + 1, START)
        self.rnd = Random(5)
        self.heap = [(self.rnd.random(), n) for n in range(options.items)]
        heapify(self.heap)
        self.peer = peer
        if peer is not None:
            peer.add((n, score) for score, n in self.heap)
        first = options.items + 1
        self.fresh = list(source.items(first, first + options.batch))

    async def put(self) -> float:
        started = time.perf_counter()
        for item in self.fresh:
            self.backlog.put(item, START)
        rate = len(self.fresh) / (time.perf_counter() - started)
        for item in self.fresh:
            self.backlog.remove(item.number)
        return rate

    async def put_heap(self) -> float:
        """Keys that spread like those of the heap; a heap can only be popped, so the least leave."""
        entries = [(self.rnd.random(), n) for n in range(len(self.fresh))]
        started = time.perf_counter()
        for entry in entries:
            heappush(self.heap, entry)
        rate = len(entries) / (time.perf_counter() - started)
        for _ in entries:
            heappop(self.heap)
        return rate

    async def put_redis(self) -> float:
        assert self.peer is not None
        first = self.options.items
        count = len(self.fresh)
        rate = count / self.peer.add((first + n, self.rnd.random()) for n in range(count))
        self.peer.pop(count)
        return rate

    async def take(self) -> float:
        """By number, as when an item is cancelled or changed: heaps and ZPOPMIN know no such thing."""
        for item in self.fresh:
            self.backlog.put(item, START)
        numbers = [item.number for item in self.fresh]
        self.rnd.shuffle(numbers)
        started = time.perf_counter()
        for number in numbers:
            self.backlog.remove(number)
        return len(numbers) / (time.perf_counter() - started)

    async def pop(self) -> float:
        """The first in order, and out with it."""
        popped: list[BacklogItem] = []
        started = time.perf_counter()
        for _ in range(self.options.pops):
            first = self.backlog.order(START, None, 1)[0][0]
            self.backlog.remove(first.number)
            popped.append(first)
        rate = self.options.pops / (time.perf_counter() - started)
        fill(self.backlog, popped, START)
        return rate

    async def pop_heap(self) -> float:
        count = self.options.batch
        started = time.perf_counter()
        popped = [heappop(self.heap) for _ in range(count)]
        rate = count / (time.perf_counter() - started)
        for entry in popped:
            heappush(self.heap, entry)
        return rate

    async def pop_redis(self) -> float:
        assert self.peer is not None
        rate = self.options.batch / self.peer.pop(self.options.batch)
        self.peer.add((n, self.rnd.random()) for n in range(self.options.batch))
        return rate


def _series(found: dict[str, Series], kind: str, rows: list[Row]) -> None:
    for other in (HEAP, REDIS):
        ours, theirs = found[f"{kind}, {OURS}"], found.get(f"{kind}, {other}")
        if theirs is not None:
            ratio, spread = compare(f"{kind}, OpenIWD / {other}", ours, theirs, 0)
            rows += [Row(ratio.name, ratio.value, "x"), spread]


def measure(options: Options) -> Part:
    with redis() as peer:
        bench = _Bench(options, peer)
        size = f"{options.items:,} items"
        measures: dict[str, Callable[[], Awaitable[float]]] = {
            f"c: put, {size}, {OURS}": bench.put,
            f"c: put, {size}, {HEAP}": bench.put_heap,
            f"c: take out by number, {size}, {OURS}": bench.take,
            f"c: pop, {size}, {OURS}": bench.pop,
            f"c: pop, {size}, {HEAP}": bench.pop_heap,
        }
        rows = []
        if peer is None:
            say("  without Redis: there is no redis-server")
        else:
            measures[f"c: put, {size}, {REDIS}"] = bench.put_redis
            measures[f"c: pop, {size}, {REDIS}"] = bench.pop_redis
            rows.append(
                Row(f"c: memory of Redis {peer.version}, {size}", peer.memory() / options.items, "B/item")
            )
        found = asyncio.run(alternate(measures, options.rounds, say=say))
    rows += [series.row("/s") for series in found.values()]
    for kind in ("put", "pop"):
        _series(found, f"c: {kind}, {size}", rows)
    return Part(rows)


if __name__ == "__main__":
    answer(measure, Options)
