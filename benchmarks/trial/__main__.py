"""`python -m benchmarks.trial [--quick] [--only shadow|publish]`: trials on a PostgreSQL of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
from collections.abc import Awaitable, Callable

from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.trial import publishing, shadow
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

Part = Callable[[EmbeddedPostgres], Awaitable[tuple[list[Row], list[Ratio]]]]


def _parts(*, quick: bool) -> dict[str, Part]:
    if quick:
        return {
            "shadow": lambda p: shadow.measure(p, rounds=2, seconds=2),
            "publish": lambda p: publishing.measure(p, rounds=1, publications=3),
        }
    return {
        "shadow": lambda p: shadow.measure(p, rounds=5, seconds=6),
        "publish": lambda p: publishing.measure(p, rounds=5, publications=5),
    }


async def main(*, quick: bool, only: str | None) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}.")
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for name, part in _parts(quick=quick).items():
        if only not in (None, name):
            continue
        print(f"{name}:")
        with data_folder() as folder:
            postgres = EmbeddedPostgres(folder)
            await postgres.start()
            try:
                more_rows, more_ratios = await part(postgres)
            finally:
                await postgres.stop()
        rows += more_rows
        ratios += more_ratios
    print()
    write(Result("trial", rows, ratios), keep=not quick, only=only)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.trial", description=__doc__)
    options.add_argument("--quick", action="store_true", help="does it run? too short for ratios that count")
    options.add_argument("--only", choices=["shadow", "publish"], help="one part alone")
    chosen = options.parse_args()
    asyncio.run(main(quick=chosen.quick, only=chosen.only))
