"""`python -m benchmarks.capture [--quick] [--only read|take|outside|memory]`: files read, taken into items, and
what they need; then tables, a topic, a queue and posted bodies, each beside the plain read of its like.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.capture.files import PLAIN, make, read
from benchmarks.capture.outside import outside
from benchmarks.capture.taking import opened_tenant
from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import Series, alternate, compare
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres

READ_TARGET = 0.2
"""Streaming in pure Python, beside libraries that may hold the file as a whole."""
TAKE_TARGET = 0.5
MEGABYTES = 200.0
Found = tuple[list[Row], list[Ratio]]


async def _rate(act: Callable[[Path], int], path: Path, count: int) -> float:
    started = time.process_time()
    found = act(path)
    if found != count:
        raise RuntimeError(f"{path.name}: {found} rows instead of {count}")
    return count / (time.process_time() - started)


async def _read(folder: Path, *, count: int, rounds: int) -> Found:
    """Rows per second of CPU time, by our forms and by the plain libraries."""
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for form, plain in PLAIN.items():
        path = make(folder, form, count)
        ours, theirs = f"read {form}: rows/s", f"read {form}: rows/s, plain library"
        found = await alternate(
            {ours: partial(_rate, read, path, count), theirs: partial(_rate, plain, path, count)}, rounds
        )
        ratio, spread = compare(f"read {form} / plain", found[ours], found[theirs], READ_TARGET)
        rows += [*(series.row("rows/s") for series in found.values()), spread]
        ratios.append(ratio)
        path.unlink()
    return rows, ratios


async def _take(folder: Path, *, count: int, rounds: int) -> Found:
    """Records per second into committed items, beside the same items handed to intake in whole flushes."""
    rows: list[Row] = []
    ratios: list[Ratio] = []
    limit = "take: items/s, intake in whole flushes (limit)"
    with data_folder() as data:
        postgres = EmbeddedPostgres(data)
        await postgres.start()
        try:
            async with opened_tenant(postgres, folder) as running:
                await running.rate("ndjson", 1_000)
                measures: dict[str, Callable[[], Awaitable[float]]] = {
                    f"take {form}: records/s": partial(running.rate, form, count) for form in PLAIN
                }
                measures[limit] = partial(running.intake_rate, count)
                found = await alternate(measures, rounds)
        finally:
            await postgres.stop()
    for name, series in found.items():
        rows.append(series.row("records/s"))
        if name != limit:
            ratio, spread = compare(f"{name.partition(':')[0]} / intake", series, found[limit], TAKE_TARGET)
            rows.append(spread)
            ratios.append(ratio)
    return rows, ratios


async def _outside(*, count: int, rounds: int) -> Found:
    """Records per second into committed items, beside reading them and then handing them to intake, one after the
    other: what both cost at least.
    """
    rows: list[Row] = []
    ratios: list[Ratio] = []
    intake = "outside: items/s, intake in whole flushes"
    with data_folder() as data:
        postgres = EmbeddedPostgres(data / "postgres")
        await postgres.start()
        try:
            async with outside(postgres, data) as (tenant, kinds):
                measures: dict[str, Callable[[], Awaitable[float]]] = {
                    intake: partial(tenant.intake_rate, count)
                }
                for kind, sides in kinds.items():
                    await sides.take(200)
                    await sides.read(200)
                    measures[f"outside {kind}: records/s"] = partial(sides.take, count)
                    measures[f"outside {kind}: records/s, plain read"] = partial(sides.read, count)
                found = await alternate(measures, rounds)
        finally:
            await postgres.stop()
    rows += [series.row("records/s") for series in found.values()]
    for kind in kinds:
        ours = found[f"outside {kind}: records/s"]
        plain = found[f"outside {kind}: records/s, plain read"].values
        limit = [1 / (1 / p + 1 / i) for p, i in zip(plain, found[intake].values, strict=True)]
        ratio, spread = compare(
            f"outside {kind} / plain read and intake", ours, Series("", limit), TAKE_TARGET
        )
        rows.append(spread)
        ratios.append(ratio)
    return rows, ratios


async def _memory(folder: Path, *, count: int) -> Found:
    """The most memory of a process that reads a file of many rows."""
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for form in PLAIN:
        path = make(folder, form, count)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.capture.memory", str(path), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        told = json.loads(out)
        name = f"memory {form}: {count:,} rows, the whole process"
        rows.append(Row(name, told["megabytes"], "MB"))
        ratios.append(
            Ratio(f"{name} (at most)", told["megabytes"], MEGABYTES, told["megabytes"] <= MEGABYTES)
        )
        path.unlink()
    return rows, ratios


def _parts(folder: Path, *, quick: bool) -> dict[str, Callable[[], Awaitable[Found]]]:
    if quick:
        return {
            "read": partial(_read, folder, count=5_000, rounds=2),
            "take": partial(_take, folder, count=1_000, rounds=2),
            "outside": partial(_outside, count=500, rounds=2),
            "memory": partial(_memory, folder, count=20_000),
        }
    return {
        "read": partial(_read, folder, count=100_000, rounds=5),
        "take": partial(_take, folder, count=20_000, rounds=5),
        "outside": partial(_outside, count=10_000, rounds=5),
        "memory": partial(_memory, folder, count=1_000_000),
    }


async def main(*, quick: bool, only: str | None) -> None:
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start."
    )
    rows: list[Row] = []
    ratios: list[Ratio] = []
    with TemporaryDirectory(prefix="openiwd-bench-") as folder:
        for name, part in _parts(Path(folder), quick=quick).items():
            if only in (None, name):
                print(f"{name}:")
                more_rows, more_ratios = await part()
                rows += more_rows
                ratios += more_ratios
    print()
    write(Result("capture", rows, ratios), keep=not quick, only=only)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.capture", description=__doc__)
    options.add_argument("--quick", action="store_true", help="does it run? too short for ratios that count")
    options.add_argument("--only", choices=["read", "take", "outside", "memory"], help="one part alone")
    chosen = options.parse_args()
    asyncio.run(main(quick=chosen.quick, only=chosen.only))
