"""`python -m benchmarks.search [--quick] [--items N] [--product P]`: searches by PostgreSQL alone, and by an index."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS, Series, compare
from benchmarks.ui.tenant import make_tenant
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.ports.tenant_store import SearchPage, SearchQuery
from openiwd.processes.settings import SearchSettings
from openiwd.processes.wiring import Wiring
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.search_feeding import SearchFeeding
from tests.servers.postgres import stop_pids
from tests.servers.search import PRODUCTS, begin
from tests.servers.shared import Starting

GIGABYTES, GIGABYTES_PER_MILLION = 1.0, 4.0
FULL, QUICK = 1_000_000, 20_000
KINDS: dict[str, dict[str, Any]] = {
    "words of one": {"text": "case 4242"},
    "one customer": {"filter": {"attribute": "ext.customerId", "operator": "eq", "value": "C4242"}},
    "a value, newest first": {
        "filter": {"attribute": "data.amount", "operator": "eq", "value": 4242},
        "sort": ["-createdDateTime"],
    },
    "words of all, newest first": {"text": "water", "sort": ["-createdDateTime"]},
}
"""What no index of PostgreSQL finds, and what very many have."""


class Sides:
    """The same search with the index and without, as pages of 60 with their count."""

    def __init__(self, services: TenantServices, schemas: dict[str, Any]) -> None:
        self._services, self._schemas = services, schemas

    def _query(self, kind: str) -> SearchQuery:
        return SearchQuery(**KINDS[kind], limit=60, schemas=self._schemas, now=self._services.runtime.now())

    async def index(self, kind: str) -> SearchPage | None:
        assert self._services.indexed is not None
        return await self._services.indexed.page(self._query(kind))

    async def alone(self, kind: str) -> SearchPage | None:
        async with self._services.runtime.store.reading() as reading:
            return await reading.search(self._query(kind))


async def _milliseconds(ask: Callable[[str], Any], kind: str, pages: int) -> float:
    times = []
    for _ in range(pages):
        begun = time.perf_counter()
        if await ask(kind) is None:
            raise RuntimeError(f"the index does not answer '{kind}'")
        times.append(1_000 * (time.perf_counter() - begun))
    return median(times)


async def measure(sides: Sides, rounds: int, pages: int) -> tuple[list[Row], list[Ratio]]:
    rows: list[Row] = []
    ratios: list[Ratio] = []
    for kind in KINDS:
        found: dict[str, list[float]] = {"index": [], "alone": []}
        await _milliseconds(sides.index, kind, 3)
        await _milliseconds(sides.alone, kind, 1)
        for n in range(rounds):
            for who in ("index", "alone") if n % 2 == 0 else ("alone", "index"):
                ask = sides.index if who == "index" else sides.alone
                found[who].append(await _milliseconds(ask, kind, pages if who == "index" else 2))
        rows.append(Series(f"search: {kind}, with the index", found["index"]).row("ms"))
        rows.append(Series(f"search: {kind}, PostgreSQL alone", found["alone"]).row("ms"))
        ratio, spread = compare(
            f"search: {kind}, times as quick", Series("", found["alone"]), Series("", found["index"]), 1.0
        )
        ratios.append(ratio)
        rows.append(spread)
    return rows, ratios


def _check_room(folder: Path, items: int) -> None:
    """Says what it needs; stops at once rather than after half an hour where the disk is too small."""
    needed, free = GIGABYTES + GIGABYTES_PER_MILLION * items / 1e6, shutil.disk_usage(folder).free / 1e9
    _say(f"needs about {needed:.1f} GB below {folder}, where {free:.0f} GB are free")
    if free < needed:
        raise SystemExit("there is too little room: set TMPDIR to a larger disk")


def _say(text: str) -> None:
    print(f"search: {text}", flush=True)


async def _main(product: str, items: int, *, quick: bool) -> None:
    with data_folder() as folder:
        _check_room(folder, items)
        pids = folder / "search.pids"
        (folder / "search").mkdir()
        postgres = EmbeddedPostgres(folder / "postgres")
        await postgres.start()
        try:
            server = begin(product, Starting(folder / "search", pids), heap="1g")
            _say(f"making {items:,} items")
            stored = await make_tenant(postgres, items)
            wiring = Wiring(stored.control_dsn, search=SearchSettings(urls=(server["url"],)))
            services = await wiring.platform.services(stored.tenant)
            assert services.indexed is not None
            await services.feed.start()
            _say(
                f"building the index: at 1,000 to 3,000 items/s {items / 180_000:.0f} to {items / 60_000:.0f} minutes"
            )
            begun, cpu = time.perf_counter(), time.process_time()
            built = await SearchFeeding(services, services.indexed).build("benchmark")
            took, own = time.perf_counter() - begun, time.process_time() - cpu
            rules = await services.runtime.rules()
            _say(f"the index took {took:.0f} s; asking both")
            sides = Sides(services, dict(rules.schemas))
            rows, ratios = await measure(sides, 2 if quick else ROUNDS, 3 if quick else 20)
            await wiring.close()
        finally:
            if pids.exists():
                stop_pids(pids)
            await postgres.stop()
    first: Sequence[Row] = (
        Row("search: items", built.items, ""),
        Row("search: building the index", built.items / took, "items/s"),
        Row("search: CPU time of the process that builds it, for 1,000 items", 1e6 * own / built.items, "ms"),
    )
    write(Result("search", [*first, *rows], ratios), keep=not quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few items and rounds; the results file stays")
    parser.add_argument("--items", type=int, help="other than 1 M")
    parser.add_argument("--product", choices=PRODUCTS, default=PRODUCTS[0])
    return parser.parse_args()


if __name__ == "__main__":
    options = _options()
    asyncio.run(
        _main(options.product, options.items or (QUICK if options.quick else FULL), quick=options.quick)
    )
