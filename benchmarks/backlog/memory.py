"""Resident memory that a backlog of N items takes, everything included; needs a process of its own per size."""

from __future__ import annotations

import ctypes
import gc
import time

import msgspec
import psutil

from benchmarks.backlog.world import START, Source, compiled, empty_world, fill_alike
from benchmarks.part import Part, answer
from benchmarks.result import Ratio, Row

BYTES = 64.0


class Options(msgspec.Struct, frozen=True):
    items: int


def resident() -> int:
    gc.collect()
    # What the allocator keeps for later is not the backlog's.
    ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def measure(options: Options) -> Part:
    """A hundred thousand items wait before the first reading: what code and tables take once is no growth."""
    rules = compiled()
    source = Source(rules)
    world = empty_world(rules)
    fill_alike(world.backlog, source, 1, 100_000, START)
    before, started = resident(), time.perf_counter()
    fill_alike(world.backlog, source, 100_000, 100_000 + options.items, START)
    seconds = time.perf_counter() - started
    each = (resident() - before) / options.items
    assert len(world.backlog) == options.items + 99_999
    name = f"c: memory, {options.items:,} items"
    return Part(
        [
            Row(name, each, "B/item (RSS)"),
            Row(f"c: filled in bulk, {options.items:,} items", options.items / seconds, "items/s"),
        ],
        [Ratio(f"{name}: B/item (at most)", each, BYTES, each <= BYTES)],
    )


if __name__ == "__main__":
    answer(measure, Options)
