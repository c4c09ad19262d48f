"""`python -m benchmarks.ui [--quick] [--items N]`: row f, pages of the Universal Queue over very many items."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import httpx

from benchmarks.backlog.stored import Stored
from benchmarks.distribution.server import Options, Ready
from benchmarks.processes import cpu_seconds, data_folder, server
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS, Series, at_most, compare
from benchmarks.ui.tenant import CATEGORIES, LOGIN, PASSWORD, make_tenant
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.wiring import Wiring
from openiwd.web.queue.queue_filter import QueueFilter

FULL, QUICK = 1_000_000, 20_000
TARGET_MS = 100.0
SEGMENT = {"attribute": "ext.customerSegment", "operator": "eq", "value": "vip"}
WORTH = {"attribute": "businessValue", "operator": "ge", "value": 10}
SOON = {"attribute": "dueDateTime", "operator": "between", "value": ["now", "now+1d"]}
RARE = {"attribute": "ext.customerId", "operator": "eq", "value": "C4242"}
USUAL = {
    "all open": QueueFilter(),
    "one queue": QueueFilter(queue="queue03"),
    "a category": QueueFilter(category=CATEGORIES[17].rsplit("/", 1)[0]),
    "held": QueueFilter(status=("held",)),
    "overdue": QueueFilter(overdue=True),
    "segment and value": QueueFilter(filter=json.dumps({"all": [SEGMENT, WORTH]})),
    "due within a day or vip": QueueFilter(filter=json.dumps({"any": [SOON, SEGMENT]})),
}
NARROW = {
    "one customer": QueueFilter(filter=json.dumps({"all": [RARE]})),
    "a word of one": QueueFilter(text="case 4242"),
}
"""Matches are few. The customer has an index; for words all items are read."""

Measure = Callable[[QueueFilter], Awaitable[None]]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def _times(measure: Measure, kinds: dict[str, QueueFilter], pages: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(pages):
        for name, chosen in kinds.items():
            begun = time.perf_counter()
            await measure(chosen)
            found[name].append(1_000 * (time.perf_counter() - begun))
    return found


class Plain:
    """The same page, counts and number of matches in SQL alone, with the priority computed for every match."""

    def __init__(self, store: PostgresTenantStore, rules: CompiledRuleSet) -> None:
        self._store, self._rules = store, rules

    async def page(self, chosen: QueueFilter) -> None:
        query = chosen.query(limit=60, cursor=None, count=True)
        query.schemas = dict(self._rules.schemas)
        async with self._store.reading() as reading:
            await reading.search(query)


async def _logged_in(url: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=url, timeout=120)
    answer = await client.post("/login", data={"login": LOGIN, "password": PASSWORD})
    if answer.status_code >= 400:
        raise RuntimeError(f"the login answered {answer.status_code}")
    return client


async def measure(stored: Stored, *, rounds: int, pages: int) -> tuple[list[Row], list[Ratio]]:
    begun = time.perf_counter()
    async with server("benchmarks.distribution.server", Options(stored, 0, 0), Ready) as (pid, ready):
        client = await _logged_in(f"http://127.0.0.1:{ready.port}")

        async def ours(chosen: QueueFilter) -> None:
            answer = await client.get(chosen.address())
            if answer.status_code != 200 or b'id="rows"' not in answer.content:
                raise RuntimeError(f"{chosen.address()} answered {answer.status_code}")

        await ours(QueueFilter())
        first = time.perf_counter() - begun
        wiring = Wiring(stored.control_dsn)
        rules = await (await wiring.platform.services(stored.tenant)).runtime.rules()
        pools = TenantPools(lambda _: stored.dsn, budget=2)
        plain = Plain(PostgresTenantStore(Tenant(id="ui", name="ui", database_name="ui"), pools), rules)
        usual: dict[str, list[float]] = {name: [] for name in USUAL}
        ours_p95: list[float] = []
        plain_p95: list[float] = []
        ours_rate: list[float] = []
        plain_rate: list[float] = []
        await _times(ours, USUAL, 2)
        for n in range(rounds):
            for who in ("ours", "plain") if n % 2 == 0 else ("plain", "ours"):
                found = await _times(
                    ours if who == "ours" else plain.page, USUAL, pages if who == "ours" else 1
                )
                flat = [ms for times in found.values() for ms in times]
                (ours_p95 if who == "ours" else plain_p95).append(percentile(flat, 0.95))
                (ours_rate if who == "ours" else plain_rate).append(1_000 * len(flat) / sum(flat))
                if who == "ours":
                    for name, times in found.items():
                        usual[name] += times
            print(
                f"  round {n + 1}: p95 {ours_p95[-1]:,.0f} ms, in SQL alone {plain_p95[-1]:,.0f} ms",
                flush=True,
            )
        begun_cpu = cpu_seconds(pid)
        await _times(ours, USUAL, pages)
        cpu_ms = 1_000 * (cpu_seconds(pid) - begun_cpu) / (pages * len(USUAL))
        narrow = await _times(ours, NARROW, max(2, pages // 5))
        await client.aclose()
        await pools.close()
        await wiring.close()
    rows, ratios = _told(usual, narrow, ours_p95, plain_p95, ours_rate, plain_rate, first)
    return [*rows, Row("f: CPU time of the server for a usual page", cpu_ms, "ms")], ratios


def _told(
    usual: dict[str, list[float]],
    narrow: dict[str, list[float]],
    ours_p95: list[float],
    plain_p95: list[float],
    ours_rate: list[float],
    plain_rate: list[float],
    first: float,
) -> tuple[list[Row], list[Ratio]]:
    rows = [Row("f: from the start of the server to its first page", first, "s")]
    for name, times in (*usual.items(), *narrow.items()):
        rows.append(Row(f"f: {name}, p50", percentile(times, 0.5), "ms"))
        rows.append(Row(f"f: {name}, p95", percentile(times, 0.95), "ms"))
    rows.append(Series("f: usual pages in SQL alone, p95", plain_p95).row("ms"))
    reached, spread = at_most("f: usual pages, p95 in ms", Series("", ours_p95), TARGET_MS)
    faster, agreement = compare(
        "f: pages per second, of SQL alone", Series("", ours_rate), Series("", plain_rate), 1.0
    )
    return [*rows, spread, agreement], [reached, faster]


async def _main(items: int, *, quick: bool) -> None:
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            stored = await make_tenant(postgres, items)
            rows, ratios = await measure(stored, rounds=2 if quick else ROUNDS, pages=3 if quick else 20)
        finally:
            await postgres.stop()
    write(Result("ui", [Row("f: items", items, ""), *rows], ratios), keep=not quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ui", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few items and rounds; the results file stays")
    parser.add_argument("--items", type=int, help="other than 1 M")
    return parser.parse_args()


if __name__ == "__main__":
    options = _options()
    asyncio.run(_main(options.items or (QUICK if options.quick else FULL), quick=options.quick))
