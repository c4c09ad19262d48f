"""Run by PgQueuer's own Python: batches of 100 through `Queries.enqueue`, 4 connections."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgDriver  # type: ignore[import-not-found]
from pgqueuer.queries import Queries  # type: ignore[import-not-found]

BATCH = 100


async def main(options: dict[str, Any]) -> float:
    connections = [await asyncpg.connect(options["dsn"]) for _ in range(4)]
    queries = [Queries(AsyncpgDriver(c)) for c in connections]
    if not await queries[0].has_table("pgqueuer"):
        await queries[0].install()
    payload = options["payload"].encode()
    batches = iter(range(options["items"] // BATCH))

    async def enqueue(through: Queries) -> None:
        for _ in batches:
            await through.enqueue(["item"] * BATCH, [payload] * BATCH, [0] * BATCH)

    started = time.perf_counter()
    await asyncio.gather(*(enqueue(q) for q in queries))
    seconds = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return float(options["items"] / seconds)


sys.stdout.write(json.dumps({"rate": uvloop.run(main(json.load(sys.stdin)))}) + "\n")
