"""`python -m benchmarks.distribution [--quick] [--items N,N] [--only PART]`: rows d, d2 and d3."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.backlog.__main__ import growth_sizes
from benchmarks.distribution import assignment, stream
from benchmarks.distribution.choose import Options as ChooseOptions
from benchmarks.distribution.exactness import ExactnessOptions
from benchmarks.distribution.growth import GrowthOptions
from benchmarks.intake.peers import version_of
from benchmarks.part import Part
from benchmarks.processes import ask, data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

FULL = (1_000_000, 10_000_000)
QUICK = (20_000,)
SQL_ITEMS = 1_000_000
"""SQL is a peer up to this size; beyond it its growth says enough."""
TARGETS_US = ((1_000_000, 50.0), (10_000_000, 100.0))
STREAM_ITEMS = 1_000_000

Measure = Callable[[EmbeddedPostgres], Awaitable[Part]]


async def _run(module: str, options: object) -> Part:
    return await ask([sys.executable, "-m", f"benchmarks.distribution.{module}"], options, Part)


def _target(items: int) -> float:
    return next((target for size, target in TARGETS_US if items <= size), TARGETS_US[-1][1])


async def _choose(sizes: list[int], postgres: EmbeddedPostgres, *, quick: bool) -> Part:
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for items in sizes:
        options = ChooseOptions(
            items,
            _target(items),
            rounds=2 if quick else ROUNDS,
            decisions=100 if quick else 3_000,
            agents=100 if quick else 1_000,
            dsn=postgres.dsn() if items <= SQL_ITEMS else None,
        )
        part = await _run("choose", options)
        rows += part.rows
        ratios += part.ratios
    return Part(rows, ratios)


async def _exactness(_: EmbeddedPostgres, *, quick: bool) -> Part:
    return await _run("exactness", ExactnessOptions(2_000, 20) if quick else ExactnessOptions(10_000, 50))


async def _growth(largest: int, postgres: EmbeddedPostgres, *, quick: bool) -> Part:
    options = GrowthOptions(
        items=growth_sizes(largest),
        agents=[10, 100] if quick else [10, 100, 1_000, 10_000],
        signatures=[10, 100, 1_000] if quick else [10, 100, 1_000, 10_000, 200_000],
        base=min(largest, 1_000_000),
        decisions=30 if quick else 500,
        dsn=postgres.dsn(),
        sql_items=SQL_ITEMS,
    )
    return await _run("growth", options)


def _parts(sizes: list[int], *, quick: bool) -> dict[str, Measure]:
    largest = max(sizes)
    assigned = min(largest, 1_000_000)
    return {
        "d": partial(_choose, sizes, quick=quick),
        "exactness": partial(_exactness, quick=quick),
        "growth": partial(_growth, largest, quick=quick),
        "d2": partial(
            assignment.measure,
            items=assigned,
            rounds=2 if quick else ROUNDS,
            offers=200 if quick else min(20_000, assigned // 4),
            agents=50 if quick else 1_000,
            with_peers=not quick,
        ),
        "d3": partial(
            stream.measure,
            items=min(largest, STREAM_ITEMS),
            agents=200 if quick else 10_000,
            steps=[10, 100] if quick else [10, 100, 1_000, 3_000, 10_000],
            seconds=4.0 if quick else 20.0,
        ),
    }


async def _measured(part: Measure) -> Part:
    """On a fresh server, so that no part sees what another has written."""
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            print(f"  PostgreSQL {await version_of(postgres)}, fsync and synchronous_commit on", flush=True)
            return await part(postgres)
        finally:
            await postgres.stop()


async def main(sizes: list[int], *, quick: bool, only: str | None) -> None:
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before the start; "
        f"{', '.join(f'{n:,}' for n in sizes)} items, 2,000 requirement signatures, agents with 10 of 50 skills."
    )
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, part in _parts(sizes, quick=quick).items():
        if only not in (None, name):
            continue
        print(f"{name}:", flush=True)
        found = await _measured(part)
        rows += found.rows
        ratios += found.ratios
    print()
    write(Result("distribution", rows, ratios), keep=not quick, only=only)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.distribution", description=__doc__)
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
