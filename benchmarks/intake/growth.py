"""Growth: the rate with 1×, 10× and 100× as many items in the table, and the exponent of the time per item."""

from __future__ import annotations

import math
from statistics import linear_regression, median

import asyncpg

from benchmarks.intake.batch import batches
from benchmarks.intake.place import target
from benchmarks.intake.single import CONNECTIONS
from benchmarks.result import Ratio, Row
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.adapters.postgres.rows import ARRIVAL_COLUMNS

HIGHEST_EXPONENT = 0.1
"""A tree index costs a little more as it grows; anything above that would be a design that does not scale."""

_COPIED = ", ".join(n for n in ARRIVAL_COLUMNS if n not in ("id", "capture_id"))
_FILL_ITEMS = f"""
INSERT INTO item (id, capture_id, {_COPIED}, submission_hash)
SELECT gen_random_uuid(), 'fill' || n, {_COPIED}, submission_hash
FROM generate_series($1::int, $2::int) n
JOIN (SELECT *, row_number() OVER () - 1 AS place FROM (SELECT * FROM item LIMIT 1000) few) s ON s.place = n % $3
"""
_FILL_EVENTS = """
INSERT INTO event (generation, pos, at, type, actor, item_id, item_number, revision, body)
SELECT 0, n, at, type, actor, gen_random_uuid(), n, 1, body
FROM generate_series($1::int, $2::int) n
JOIN (SELECT *, row_number() OVER () - 1 AS place FROM (SELECT * FROM event WHERE item_id IS NOT NULL LIMIT 1000) few) s
    ON s.place = n % $3
"""


async def _fill(dsn: str, start: int, stop: int) -> None:
    """Copies of items and events that are there already, under other ids."""
    connection = await asyncpg.connect(dsn)
    there = min(1_000, await connection.fetchval("SELECT count(*) FROM item"))
    for statement in (_FILL_ITEMS, _FILL_EVENTS):
        await connection.execute(statement, start, stop, there, timeout=3_600)
    await connection.execute("VACUUM ANALYZE", timeout=3_600)
    await connection.execute("CHECKPOINT", timeout=3_600)
    await connection.close()


async def measure(
    postgres: EmbeddedPostgres, *, smallest: int, rounds: int, seconds: float
) -> tuple[list[Row], list[Ratio]]:
    rows: list[Row] = []
    times: dict[str, list[tuple[float, float]]] = {"a": [], "a2": []}
    async with target(postgres, "durable") as measured:
        await batches(measured, 1)
        filled = 0
        for size in (smallest, 10 * smallest, 100 * smallest):
            await _fill(measured.dsn, filled + 1, size)
            filled = size
            single = [await measured.rate(connections=CONNECTIONS, seconds=seconds) for _ in range(rounds)]
            batch = [await batches(measured, seconds) for _ in range(rounds)]
            for row, rates in (("a", single), ("a2", batch)):
                rows.append(Row(f"{row}: items/s with {size:,} items in the table", median(rates), "items/s"))
                times[row].append((math.log(size), -math.log(median(rates))))
            print(f"  {size:,} items: a {median(single):,.0f}/s, a2 {median(batch):,.0f}/s")
    ratios = []
    for row, points in times.items():
        exponent = linear_regression(*zip(*points, strict=True)).slope
        ratios.append(
            Ratio(
                f"{row}: growth exponent (at most)", exponent, HIGHEST_EXPONENT, exponent <= HIGHEST_EXPONENT
            )
        )
    return rows, ratios
