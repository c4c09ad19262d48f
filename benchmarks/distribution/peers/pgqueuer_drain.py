"""Run by PgQueuer's own Python: drains its queue with the large batches that its documentation advises."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop
from pgqueuer.db import AsyncpgDriver  # type: ignore[import-not-found]
from pgqueuer.qm import QueueManager  # type: ignore[import-not-found]
from pgqueuer.queries import Queries  # type: ignore[import-not-found]
from pgqueuer.types import QueueExecutionMode  # type: ignore[import-not-found]

BATCH = 1_000
MANAGERS = 2


async def main(options: dict[str, Any]) -> float:
    items = options["items"]
    connections = [await asyncpg.connect(options["dsn"]) for _ in range(MANAGERS)]
    queries = Queries(AsyncpgDriver(connections[0]))
    if not await queries.has_table("pgqueuer"):
        await queries.install()
    for added in range(0, items, BATCH):
        count = min(BATCH, items - added)
        await queries.enqueue(["item"] * count, [b"{}"] * count, [0] * count)
    await connections[0].execute("VACUUM ANALYZE pgqueuer")
    handled = 0
    managers = [QueueManager(Queries(AsyncpgDriver(c))) for c in connections]
    for manager in managers:

        @manager.entrypoint("item")  # type: ignore[untyped-decorator]
        async def handle(_: Any) -> None:
            nonlocal handled
            handled += 1

    started = time.perf_counter()
    await asyncio.gather(
        *(
            m.run(dequeue_timeout=timedelta(seconds=1), batch_size=BATCH, mode=QueueExecutionMode.drain)
            for m in managers
        )
    )
    seconds = time.perf_counter() - started
    if handled != items:
        raise RuntimeError(f"{handled} of {items} handled")
    for connection in connections:
        await connection.close()
    return float(items / seconds)


sys.stdout.write(json.dumps({"rate": uvloop.run(main(json.load(sys.stdin)))}) + "\n")
