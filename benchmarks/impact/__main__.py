"""`python -m benchmarks.impact [--quick] [--items N]`: a draft's impact on all open items, beside reading them."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from benchmarks.impact.tenant import BASE, CALLER, CHANGES, changed, make
from benchmarks.processes import data_folder
from benchmarks.result import Ratio, Result, Row, write
from benchmarks.rounds import ROUNDS, alternate, compare
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.rule_effect import Comparison
from openiwd.domain.rule_reading import readings
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.ports.tenant_store import SearchQuery
from openiwd.processes.wiring import Wiring
from openiwd.usecases import rule_set_draft, rule_set_impact
from openiwd.usecases.configuration import Editor
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import freeze_calendars, zone_of
from openiwd.usecases.rule_set_effect import AHEAD, SPAN

FULL, QUICK = 1_000_000, 20_000
TARGET_SECONDS = 10.0
ONE_BY_ONE = 5_000
Measure = Callable[[], Awaitable[float]]


class Bench:
    """The tenant and its draft."""

    def __init__(self, wiring: Wiring, services: TenantServices, items: int) -> None:
        self._services = services
        self._items = items
        self.editor = Editor(wiring.platform, services, CALLER, wiring.holidays)
        self.judged: dict[str, int] = {}

    def rules(self, name: str) -> CompiledRuleSet:
        document = parse_document(changed(name))
        now = self._services.runtime.now()
        frozen = freeze_calendars(document, self.editor.holidays, now.year)
        return compile_rule_set(document, 2, frozen, zone_of(document))

    def counting(self, name: str, draft: UUID) -> Measure:
        async def measure() -> float:
            begun = time.perf_counter()
            found = await rule_set_impact.start(self.editor, draft, wait=rule_set_impact.MAX_WAIT)
            while found.status == "running":
                await asyncio.sleep(0.05)
                found = await rule_set_impact.get(self.editor, draft)
            taken = time.perf_counter() - begun
            assert found.counts is not None, found
            assert found.counts.total == self._items
            self.judged[name] = found.judged
            return self._items / taken

        return measure

    async def reading(self) -> float:
        """The limit: the columns of the same rows, by as many connections, and nothing made of them."""
        runtime = self._services.runtime
        read = readings([await runtime.rules(), self.rules("a queue")], int(runtime.now().timestamp() * 1e6))
        begun = time.perf_counter()
        rows = 0
        spans = [(at, at + SPAN) for at in range(0, await self._last(), SPAN)]

        async def part(place: int) -> int:
            seen = 0
            for after, until in spans[place::AHEAD]:
                async with runtime.store.reading() as reading:
                    seen += len((await reading.like_rows(read, after, until, seed=1)).numbers)
            return seen

        rows = sum(await asyncio.gather(*(part(n) for n in range(AHEAD))))
        assert rows == self._items
        return rows / (time.perf_counter() - begun)

    async def _last(self) -> int:
        async with self._services.runtime.store.reading() as reading:
            return await reading.last_number()

    async def one_by_one(self) -> float:
        """Each item read whole and judged by both; of some items, as it takes long."""
        runtime = self._services.runtime
        now = runtime.now()
        comparison = Comparison(
            await runtime.context("x", now), await runtime.context("x", now, rules=self.rules("a queue"))
        )
        begun, seen = time.perf_counter(), 0
        async with runtime.store.reading() as reading:
            async for chunk in reading.scan(SearchQuery(), 1_000):
                for item in chunk:
                    comparison.effect(item)
                seen += len(chunk)
                if seen >= ONE_BY_ONE:
                    break
        return seen / (time.perf_counter() - begun)


async def _measured(items: int, rounds: int) -> Result:
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            wiring, services = await make(postgres, items)
            bench = Bench(wiring, services, items)
            measures: dict[str, Measure] = {
                "reading the same rows": bench.reading,
                "one by one": bench.one_by_one,
            }
            for name in CHANGES:
                draft = await rule_set_draft.create(bench.editor, name, parse_document(changed(name)))
                measures[name] = bench.counting(name, draft.id)
            found = await alternate(measures, rounds)
            await wiring.close()
        finally:
            await postgres.stop()
    limit, naive = found.pop("reading the same rows"), found.pop("one by one")
    rows, ratios = [limit.row("items/s"), naive.row("items/s")], list[Ratio]()
    for name, series in found.items():
        seconds = 1_000_000 / series.median
        rows += [
            series.row("items/s"),
            Row(f"{name}: for a million", seconds, "s"),
            Row(f"{name}: judged", bench.judged[name], "items"),
        ]
        ratios.append(
            Ratio(
                f"{name}: seconds for a million (at most)", seconds, TARGET_SECONDS, seconds <= TARGET_SECONDS
            )
        )
        for other, target in ((limit, 0.4), (naive, 5.0)):
            ratio, spread = compare(f"{name} over {other.name}", series, other, target)
            ratios.append(ratio)
            rows.append(spread)
    return Result("impact", rows, ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--items", type=int)
    options = parser.parse_args()
    items = options.items or (QUICK if options.quick else FULL)
    assert items % min(BASE, items) == 0, f"give a multiple of {BASE}"
    write(asyncio.run(_measured(items, 1 if options.quick else ROUNDS)), keep=not options.quick)


main()
