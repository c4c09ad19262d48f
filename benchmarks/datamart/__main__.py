"""`python -m benchmarks.datamart [--quick] [--events N]`: row e, loading the mart against its limit and its peers."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import asyncpg

from benchmarks.datamart.log import make_log
from benchmarks.datamart.peers import DETAIL, LOOP_TABLES, RowLoop, polars_installed, polars_sums
from benchmarks.exponent import exponent
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import alternate, compare
from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.postgres.connection import open_connection
from openiwd.adapters.postgres.mart_loading import LOAD, STAGED, PostgresMartLoad, staged
from openiwd.adapters.postgres.migrate import migrate
from openiwd.adapters.postgres.migrations.history import History
from openiwd.ports.mart import FedEvent
from openiwd.processes.database import ensure_database

OURS = "e: events/s, facts, items, sums by INSERT … SELECT"
LIMIT = "e: events/s, INSERT … SELECT of the detail rows alone (limit)"
LOOP = "e: events/s, Python row loop"
POLARS = "e: events/s, polars, sums in memory, nothing written"
BATCH = 20_000


class Place:
    """A server with fsync on, and a fresh mart database for each measurement."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._count = 0

    async def mart(self) -> str:
        self._count += 1
        name = f"mart{self._count}"
        await ensure_database(self._server.dsn("postgres"), name)
        (result,) = await migrate([(History.MART, self._server.dsn(name))])
        assert isinstance(result, tuple), result
        return self._server.dsn(name)


def _batches(events: list[FedEvent]) -> list[list[FedEvent]]:
    return [events[n : n + BATCH] for n in range(0, len(events), BATCH)]


async def ours(place: Place, events: list[FedEvent]) -> float:
    """The SQL of all batches, levels and balance included; copying into the staging table is in neither side's time."""
    async with _loading(place) as load:
        began = time.perf_counter()
        for batch in _batches(events):
            await load.load(batch)
        await load.aggregate(None)
        verdict = await load.balance()
        spent = time.perf_counter() - began - load.staging
        assert verdict.balanced, verdict.detail
    return len(events) / spent


class _Timed(PostgresMartLoad):
    """Knows how long staging took."""

    staging = 0.0

    async def stage(self, events: Sequence[FedEvent]) -> None:
        began = time.perf_counter()
        await super().stage(events)
        self.staging += time.perf_counter() - began


@asynccontextmanager
async def _loading(place: Place) -> AsyncIterator[_Timed]:
    connection = await open_connection(await place.mart())
    try:
        load = _Timed(connection)
        await load.prepare()
        yield load
    finally:
        await connection.close()


async def limit(place: Place, events: list[FedEvent]) -> float:
    connection = await open_connection(await place.mart())
    spent = 0.0
    try:
        await connection.execute(LOAD["work_tables"])
        await connection.execute(
            "CREATE TABLE detail (LIKE task_event_fact INCLUDING ALL, PRIMARY KEY (generation, pos))"
        )
        for batch in _batches(events):
            async with connection.transaction():
                await connection.copy_records_to_table("staging", records=map(staged, batch), columns=STAGED)
                began = time.perf_counter()
                await connection.execute(DETAIL)
            spent += time.perf_counter() - began
    finally:
        await connection.close()
    return len(events) / spent


async def row_loop(place: Place, events: list[FedEvent]) -> float:
    connection = await asyncpg.connect(await place.mart())
    try:
        await connection.execute(LOOP_TABLES)
        loop = RowLoop()
        began = time.perf_counter()
        await loop.load(connection, events)
        return len(events) / (time.perf_counter() - began)
    finally:
        await connection.close()


async def with_polars(events: list[FedEvent]) -> float:
    began = time.perf_counter()
    polars_sums(events)
    return len(events) / (time.perf_counter() - began)


async def visible(place: Place, events: list[FedEvent], new: int) -> float:
    """Seconds from having 10k new events in hand to seeing them in levels and sums of a mart that holds the others."""
    async with _loading(place) as load:
        for batch in _batches(events[:-new]):
            await load.load(batch)
        await load.aggregate(None)
        began = time.perf_counter()
        await load.load(events[-new:])
        await load.aggregate(None)
        await load.balance()
        return time.perf_counter() - began


async def measure(place: Place, *, events: int, rounds: int) -> tuple[list[Row], list[Ratio]]:
    log = make_log(events)
    few = log[: max(2_000, events // 20)]
    measures = {
        OURS: partial(ours, place, log),
        LIMIT: partial(limit, place, log),
        LOOP: partial(row_loop, place, few),
    }
    if polars_installed():
        measures[POLARS] = partial(with_polars, log)
    found = await alternate(measures, rounds)
    rows = [series.row("events/s") for series in found.values()]
    ratios = []
    for name, target in ((LIMIT, 0.7), (LOOP, 20.0), (POLARS, 0.0)):
        if name in found:
            ratio, spread = compare(
                f"{OURS.partition(',')[0]}: ours / {name.partition(', ')[2]}",
                found[OURS],
                found[name],
                target,
            )
            ratios.append(ratio)
            rows.append(spread)
    seconds = [await visible(place, log, 10_000) for _ in range(rounds)]
    rows.append(Row("e: 10k new events visible after", sorted(seconds)[len(seconds) // 2], "s"))
    ratios.append(
        Ratio("e: 10k new events visible, s (at most)", max(seconds), 1.0, max(seconds) < 1.0 and rounds >= 5)
    )
    return rows, ratios


async def growth(place: Place, sizes: list[int]) -> list[Row]:
    """How the time grows with the log: 1 means in proportion."""
    seconds = [size / await ours(place, make_log(size)) for size in sizes]
    rows = [Row(f"e: seconds for {size:,} events", s, "s") for size, s in zip(sizes, seconds, strict=True)]
    return [*rows, Row("e: exponent of growth", exponent(dict(zip(sizes, seconds, strict=True))), "")]


def _folder() -> Path:
    folder = Path(mkdtemp(prefix="openiwd-bench-mart-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


async def main(*, quick: bool, events: int, growth_sizes: list[int]) -> None:
    folder = _folder()
    server = EmbeddedPostgres(folder / "data")
    await server.start()
    print(
        f"{events:,} events in batches of {BATCH:,}; {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before the start."
    )
    try:
        place = Place(server)
        rows, ratios = await measure(place, events=events, rounds=1 if quick else 5)
        if not quick:
            rows += await growth(place, growth_sizes)
    finally:
        await server.stop()
        shutil.rmtree(folder)
    print()
    result = Result("datamart", rows, ratios)
    write(result, keep=not quick)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--growth", type=int, nargs="*", default=[20_000, 200_000, 2_000_000])
    options = parser.parse_args()
    asyncio.run(
        main(
            quick=options.quick,
            events=20_000 if options.quick else options.events,
            growth_sizes=options.growth,
        )
    )
