"""Many tenants on one machine: the time to make each, and the connections, memory and processor time of one server.

The server runs as `openiwd serve` does, on a PostgreSQL of its own. All tenants are made by API; then they rest, then
each is asked for one thing, twice round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil

from benchmarks.processes import ROOT, cpu_seconds, data_folder, proportional_megabytes, tree
from benchmarks.result import Ratio, Result, Row, write
from openiwd.adapters.embedded_postgres import EmbeddedPostgres

PLATFORM_KEY = "the platform's key of a benchmark"
BUDGET = 60
MEGABYTES = 1_000.0
IDLE_CORES = 0.5
COMMAND = [
    str(Path(sys.executable).with_name("openiwd")),
    "serve",
    "--json",
    "--port",
    "0",
    "--metrics-port",
    "0",
]


@contextmanager
def serving(dsn: str, log: str, budget: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with Path(log).open("wb") as errors:
        process = subprocess.Popen(
            COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors,
            env={
                **os.environ, "OPENIWD_DATABASE_URL": dsn, "OPENIWD_CONNECTION_BUDGET": str(budget),
                "OPENIWD_PLATFORM_KEY": PLATFORM_KEY, "OPENIWD_LOG_LEVEL": "warning",
            },
        )  # fmt: skip
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


async def connections(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'openiwd%'"
                " AND pid <> pg_backend_pid()"
            )
        )
    finally:
        await connection.close()


async def most_connections(dsn: str, seconds: float, *, every: float = 0.25) -> int:
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, await connections(dsn))
        await asyncio.sleep(every)
    return most


async def measure(tenants: int, idle_seconds: float, budget: int) -> tuple[list[Row], list[Ratio]]:
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder / "data", settings={"max_connections": "150"})
        await postgres.start()
        try:
            server_dsn = postgres.dsn()
            admin = await asyncpg.connect(server_dsn)
            await admin.execute("CREATE DATABASE openiwd")
            await admin.close()
            dsn = postgres.dsn("openiwd")
            with serving(dsn, str(folder / "serve.log"), budget) as (process, url):
                database = int(postgres.pid or 0)
                return await _measure(process.pid, database, url, server_dsn, tenants, idle_seconds, budget)
        finally:
            await postgres.stop()


async def _create(http: httpx.AsyncClient, number: int) -> httpx.Response:
    """On a machine that is too busy a step may be refused (503): the next call carries the create on."""
    for _ in range(10):
        answer = await http.post(
            "/provisioning",
            headers={"x-api-key": PLATFORM_KEY},
            json={"tenant": {"id": f"tenant-{number}", "name": f"Tenant {number}"}},
        )
        if answer.status_code != 503:
            break
    assert answer.status_code == 201, answer.text
    return answer


def _spent(database: int) -> float:
    """Processor time of PostgreSQL, of sessions that have ended as well."""
    ended = psutil.Process(database).cpu_times()
    return cpu_seconds(database) + ended.children_user + ended.children_system


async def _measure(
    pid: int, database: int, url: str, dsn: str, tenants: int, idle_seconds: float, budget: int
) -> tuple[list[Row], list[Ratio]]:
    async with httpx.AsyncClient(base_url=f"{url}/iwd/v3", timeout=120) as http:
        before = proportional_megabytes([p.pid for p in tree(pid)])
        took, keys = [], []
        for number in range(tenants):
            began = time.perf_counter()
            answer = await _create(http, number)
            took.append(time.perf_counter() - began)
            keys.append(answer.json()["apiKey"])
        await asyncio.sleep(5)
        began_cpu, began = cpu_seconds(pid), time.perf_counter()
        idle_connections = await most_connections(dsn, idle_seconds)
        idle = (cpu_seconds(pid) - began_cpu) / (time.perf_counter() - began)
        resting = proportional_megabytes([p.pid for p in tree(pid)])

        refused = 0

        async def ask(number: int) -> float:
            """Until it is done: a 503 says when to try again, and counts."""
            nonlocal refused
            began = time.perf_counter()
            item = {"captureId": f"c-{time.perf_counter_ns()}"}
            while True:
                sent = await http.post("/items", headers={"x-api-key": keys[number]}, json=item)
                if sent.status_code != 503:
                    break
                refused += 1
                await asyncio.sleep(sent.json()["retryAfterSeconds"])
            assert sent.status_code == 201, sent.text
            return time.perf_counter() - began

        async def round_trip() -> list[float]:
            free = asyncio.Semaphore(8)

            async def one(number: int) -> float:
                async with free:
                    return await ask(number)

            return await asyncio.gather(*(one(n) for n in range(tenants)))

        watching = asyncio.create_task(most_connections(dsn, 3_600))
        waking, waking_database = cpu_seconds(pid), _spent(database)
        first, second = await round_trip(), await round_trip()
        waking, waking_database = cpu_seconds(pid) - waking, _spent(database) - waking_database
        watching.cancel()
        busy = proportional_megabytes([p.pid for p in tree(pid)])
        used_connections = await connections(dsn)
    rows = [
        Row("tenants", float(tenants), ""),
        Row("making a tenant, median", statistics.median(took), "s"),
        Row("making a tenant, slowest", max(took), "s"),
        Row("memory of the server before", before, "MB (PSS)"),
        Row("memory of the server, tenants made and idle", resting, "MB (PSS)"),
        Row("memory of the server, after an item for each, twice", busy, "MB (PSS)"),
        Row("connections while idle, most", float(idle_connections), f"of {budget}"),
        Row("connections after the rounds", float(used_connections), f"of {budget}"),
        Row("processor while idle", idle, "cores"),
        Row("first item of a tenant, median", statistics.median(first), "s"),
        Row("second item of a tenant, median", statistics.median(second), "s"),
        Row("item of a tenant, slowest", max(*first, *second), "s"),
        Row("answers 503 on the way", float(refused), ""),
        Row("processor time of the server in both rounds, for each item", waking / (2 * tenants), "s"),
        Row("processor time of PostgreSQL, for each item", waking_database / (2 * tenants), "s"),
    ]
    most = max(idle_connections, used_connections)
    return rows, [
        Ratio("connections within the budget (at most)", float(most), float(budget), most <= budget),
        Ratio("memory in MB (below)", busy, MEGABYTES, busy < MEGABYTES),
        Ratio("idle processor in cores (below)", idle, IDLE_CORES, idle < IDLE_CORES),
    ]


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.tenants", description=__doc__)
    options.add_argument("--tenants", type=int, default=200)
    options.add_argument("--idle", type=float, default=60.0, help="seconds of watching while nothing happens")
    options.add_argument("--quick", action="store_true", help="20 tenants; the results file stays")
    options.add_argument("--budget", type=int, default=BUDGET, help="connections of the server")
    given = options.parse_args()
    count = 20 if given.quick else given.tenants
    rows, ratios = asyncio.run(measure(count, 5.0 if given.quick else given.idle, given.budget))
    write(Result("tenants", rows, ratios), keep=not given.quick)
