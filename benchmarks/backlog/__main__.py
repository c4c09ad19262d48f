"""`python -m benchmarks.backlog [--quick] [--items N,N] [--only PART]`: row c, every part in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.backlog import exactness, growth, large, memory, opening, rates, reload
from benchmarks.backlog.stored import add_items, prepare
from benchmarks.part import Part
from benchmarks.processes import ask, data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

FULL = (1_000_000, 10_000_000)
QUICK = (20_000,)
SMALLEST = 1_000
LARGE = "large"
"""Measures what other parts do, on one filling: runs when it is asked for alone."""
COMPARED = 100_000
"""Brute force is slow: exactness is compared on so many items at most."""

Measure = Callable[[], Awaitable[Part]]


async def _run(module: str, options: object) -> Part:
    return await ask([sys.executable, "-m", f"benchmarks.backlog.{module}"], options, Part)


async def _reload(sizes: list[int]) -> Part:
    """One tenant that grows from size to size."""
    rows: list[Row] = []
    ratios: list[Ratio] = []
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            stored = await prepare(postgres, "reload", agents=1_000)
            there = 0
            for size in sizes:
                await add_items(stored, there + 1, size + 1)
                there = size
                part = await _run("reload", reload.Options(stored, size))
                rows += part.rows
                ratios += part.ratios
        finally:
            await postgres.stop()
    return Part(rows, ratios)


def growth_sizes(largest: int) -> list[int]:
    """Powers of ten from the smallest size to the largest."""
    sizes = [SMALLEST]
    while sizes[-1] * 10 <= largest:
        sizes.append(sizes[-1] * 10)
    return sizes


def _parts(sizes: list[int], *, quick: bool) -> dict[str, list[Measure]]:
    largest = max(sizes)
    rounds = 2 if quick else ROUNDS
    batch, pops = (2_000, 100) if quick else (20_000, 1_000)
    return {
        "memory": [partial(_run, "memory", memory.Options(n)) for n in sizes],
        "rates": [partial(_run, "rates", rates.Options(n, rounds, batch, pops)) for n in sizes],
        "exactness": [partial(_run, "exactness", exactness.Options(min(COMPARED, largest)))],
        "opening": [
            partial(_run, "opening", opening.Options(n, min(opening.WEEKEND, 3 * n // 10))) for n in sizes
        ],
        "growth": [partial(_run, "growth", growth.Options(growth_sizes(largest)))],
        "reload": [partial(_reload, sizes)],
        LARGE: [partial(_run, "large", large.Options(n, batch)) for n in sizes],
    }


async def main(sizes: list[int], *, quick: bool, only: str | None) -> None:
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before the start; "
        f"{', '.join(f'{n:,}' for n in sizes)} items, 2,000 requirement signatures."
    )
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, measures in _parts(sizes, quick=quick).items():
        if only != name and (only is not None or name == LARGE):
            continue
        print(f"{name}:", flush=True)
        for measure in measures:
            part = await measure()
            rows += part.rows
            ratios += part.ratios
    print()
    write(Result("backlog", rows, ratios), keep=not quick, only=only)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.backlog", description=__doc__)
    options.add_argument("--quick", action="store_true", help="small sizes; the results file stays")
    options.add_argument("--items", help="sizes, for example 100000,1000000")
    options.add_argument(
        "--only",
        choices=list(_parts([1], quick=True)),
        help="one part; what the results file has of others stays",
    )
    chosen = options.parse_args()
    given = [int(n) for n in chosen.items.split(",")] if chosen.items else None
    asyncio.run(main(given or list(QUICK if chosen.quick else FULL), quick=chosen.quick, only=chosen.only))
