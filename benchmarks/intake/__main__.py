"""`python -m benchmarks.intake [--quick] [--only a|a2|growth]`: rows a and a2 on a PostgreSQL of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version

from benchmarks.intake import batch, growth, peers, single
from benchmarks.intake.items import RULES, SHAPES, bodies
from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

Part = Callable[[EmbeddedPostgres], Awaitable[tuple[list[Row], list[Ratio]]]]


def _parts(*, quick: bool) -> dict[str, Part]:
    if quick:
        return {
            "a": lambda p: single.measure(p, rounds=2, seconds=2),
            "a2": lambda p: batch.measure(p, rounds=2, seconds=2, items=5_000, with_peers=False),
            "growth": lambda p: growth.measure(p, smallest=300, rounds=1, seconds=2),
        }
    return {
        "a": lambda p: single.measure(p, rounds=5, seconds=5),
        "a2": lambda p: batch.measure(p, rounds=5, seconds=5, items=20_000, with_peers=True),
        "growth": lambda p: growth.measure(p, smallest=5_000, rounds=3, seconds=4),
    }


async def _measured(part: Part) -> tuple[list[Row], list[Ratio], str]:
    """On a fresh server, so that no part sees what another has written."""
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            return *await part(postgres), await peers.version_of(postgres)
        finally:
            await postgres.stop()


async def main(*, quick: bool, only: str | None) -> None:
    size = len(next(bodies("sizes0")))
    print(
        f"Items of about {size} bytes in {SHAPES} contents, {RULES} rules of 3 conditions; warm-up before each part."
    )
    print(f"Python {platform.python_version()}, uvicorn {version('uvicorn')}, asyncpg {version('asyncpg')}, "
          f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the start.")  # fmt: skip
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, part in _parts(quick=quick).items():
        if only not in (None, name):
            continue
        print(f"{name}:")
        more_rows, more_ratios, server_version = await _measured(part)
        print(f"  PostgreSQL {server_version}, fsync and synchronous_commit on")
        rows += more_rows
        ratios += more_ratios
    print()
    write(Result("intake", rows, ratios), keep=not quick, only=only)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="under two minutes; too short for ratios that count"
    )
    options.add_argument(
        "--only",
        choices=["a", "a2", "growth"],
        help="one part alone; what the results file has of others stays",
    )
    chosen = options.parse_args()
    asyncio.run(main(quick=chosen.quick, only=chosen.only))
