"""Growth: the time to put and to take out an item as the backlog grows, and the exponent; heapq's beside it."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from random import Random

import msgspec

from benchmarks.backlog.world import START, Source, compiled, empty_world, fill_alike
from benchmarks.exponent import exponent
from benchmarks.part import Part, answer, say
from benchmarks.result import Ratio, Row

OVER_HEAP = 0.1
"""A heap grows with log(size) and with cache misses; our exponent may lie this far above its own."""


class Options(msgspec.Struct, frozen=True):
    sizes: list[int]
    rounds: int = 5
    batch: int = 2_000


def measure(options: Options) -> Part:
    """Larger and larger sizes of one backlog; per size the fastest of the rounds, in seconds per item."""
    rules = compiled()
    source = Source(rules)
    backlog = empty_world(rules).backlog
    rnd = Random(2)
    heap: list[tuple[float, int]] = []
    ours: dict[int, float] = {}
    heaps: dict[int, float] = {}
    rows = []
    last = max(options.sizes)
    fresh = list(source.items(last + 1, last + 1 + options.batch))
    for size in options.sizes:
        fill_alike(backlog, source, len(heap) + 1, size + 1, START)
        while len(heap) < size:
            heappush(heap, (rnd.random(), len(heap)))
        each, by_heap = [], []
        for _ in range(options.rounds):
            started = time.perf_counter()
            for item in fresh:
                backlog.put(item, START)
            for item in fresh:
                backlog.remove(item.number)
            each.append((time.perf_counter() - started) / len(fresh))
            entries = [(rnd.random(), n) for n in range(len(fresh))]
            started = time.perf_counter()
            for entry in entries:
                heappush(heap, entry)
            for _ in entries:
                heappop(heap)
            by_heap.append((time.perf_counter() - started) / len(fresh))
        ours[size], heaps[size] = min(each), min(by_heap)
        rows.append(Row(f"c: put and take out, {size:,} items", 1e6 * ours[size], "us"))
        say(f"  {size:,} items: {1e6 * ours[size]:.1f} us, heapq {1e6 * heaps[size]:.1f} us")
    grows, limit = exponent(ours), exponent(heaps)
    highest = limit + OVER_HEAP
    rows.append(Row("c: growth exponent of heapq", limit, ""))
    return Part(rows, [Ratio("c: growth exponent (at most)", grows, highest, grows <= highest)])


if __name__ == "__main__":
    answer(measure, Options)
