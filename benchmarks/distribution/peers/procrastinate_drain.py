"""Run by Procrastinate's own Python: drains its queue; finished entries are deleted, nothing is listened for."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import procrastinate  # type: ignore[import-not-found]
import psycopg  # type: ignore[import-not-found]
import uvloop

BATCH = 1_000
CONCURRENCY = 24
logging.getLogger("procrastinate").setLevel(logging.ERROR)


async def _analyzed(dsn: str) -> None:
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def main(options: dict[str, Any]) -> float:
    items = options["items"]
    connector = procrastinate.PsycopgConnector(conninfo=options["dsn"], min_size=4, max_size=25)
    app = procrastinate.App(connector=connector)
    handled = 0

    @app.task(name="item")  # type: ignore[untyped-decorator]
    async def handle() -> None:
        nonlocal handled
        handled += 1

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for added in range(0, items, BATCH):
            await handle.batch_defer_async(*({} for _ in range(min(BATCH, items - added))))
        await _analyzed(options["dsn"])
        started = time.perf_counter()
        await app.run_worker_async(
            wait=False,
            concurrency=CONCURRENCY,
            listen_notify=False,
            delete_jobs="always",
            install_signal_handlers=False,
        )
        seconds = time.perf_counter() - started
    if handled != items:
        raise RuntimeError(f"{handled} of {items} handled")
    return float(items / seconds)


sys.stdout.write(json.dumps({"rate": uvloop.run(main(json.load(sys.stdin)))}) + "\n")
