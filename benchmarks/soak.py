"""Everything together for half an hour: `openiwd up` with its demo, sources, agents, screens and reports over HTTP.

Says per minute how long each kind of request took, what memory and disk came to and how far the data mart was behind;
drift is the last third beside the first one. `python -m benchmarks.soak --seconds 1800`; the result goes to
`results/soak.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import httpx
import msgspec

from benchmarks.exponent import quantile
from benchmarks.processes import ROOT, data_folder, proportional_megabytes, tree
from benchmarks.result import Ratio, Result, Row, write

COMMAND: Final = [
    str(Path(sys.executable).with_name("openiwd")), "up", "--demo", "--no-traffic", "--json", "--port", "0",
    "--metrics-port", "0",
]  # fmt: skip
SECONDS: Final = 1_800.0
WINDOW: Final = 60.0
SOURCES: Final = 4
ITEMS_PER_SECOND: Final = 12.0
AGENTS: Final = 24
AGENT_PAUSE: Final = 0.8
TEMPLATES: Final = 200
LATENCY_DRIFT: Final = 1.5
MEMORY_DRIFT: Final = 1.2
MART_BEHIND: Final = 60.0
KEPT: Final = ("capturePoint", "channel", "subject", "description", "contact", "ext", "data")
"""What of an item of the demo another one like it is made of."""

Request = Callable[..., Awaitable[Any]]


class Client:
    """Requests with one key. How long each kind takes is noted; an answer that is none of the expected ends the run."""

    def __init__(self, http: httpx.AsyncClient, key: str, times: dict[str, list[float]]) -> None:
        self._http = http
        self._headers = {"x-api-key": key}
        self._times = times

    async def ask(self, kind: str, method: str, path: str, json: Any = None, expected: int = 200) -> Any:
        """None for what somebody else was quicker with: no longer there, of that state, or one's own."""
        began = time.perf_counter()
        answer = await self._http.request(method, path, json=json, headers=self._headers)
        if answer.status_code == expected:
            self._times[kind].append(1_000 * (time.perf_counter() - began))
            return answer.json() if answer.content else {}
        if answer.status_code in {403, 404, 409}:
            return None
        raise RuntimeError(f"{method} {path} was answered with {answer.status_code}: {answer.text}")


class Minute(msgspec.Struct):
    """One window: the median by kind of request, in milliseconds; MB; seconds."""

    p50: dict[str, float]
    server: float
    postgres: float
    disk: float
    mart_behind: float


class Soak:
    """The clients of one run, and what they have seen."""

    def __init__(self, http: httpx.AsyncClient, key: str, pid: int, folder: Path) -> None:
        self._http = http
        self._pid = pid
        self._folder = folder
        self.times: dict[str, list[float]] = defaultdict(list)
        self._window: dict[str, list[float]] = defaultdict(list)
        self.admin = Client(http, key, self._window)
        self.created: dict[str, str] = {}
        self.completed: set[str] = set()
        self._stopping = False
        self._numbers = count(1)
        self._random = Random(4)
        self._templates: list[dict[str, Any]] = []
        self._dispositions: dict[str, list[str | None]] = {}
        self.minutes: list[Minute] = []

    async def prepare(self) -> list[Client]:
        body = {"limit": TEMPLATES, "filter": {"attribute": "status", "operator": "eq", "value": "queued"}}
        found = await self.admin.ask("search", "POST", "/items/search", body)
        self._templates = [{k: item[k] for k in KEPT if item.get(k)} for item in found["items"]]
        categories = (await self.admin.ask("other", "GET", "/categories"))["categories"]
        for category in categories:  # in tree order: what a category does not say, its parent says
            above = self._dispositions.get(category["parent"], [None])
            self._dispositions[category["id"]] = category["dispositions"] or above
        agents = (await self.admin.ask("other", "GET", "/agents"))["agents"][:AGENTS]
        clients = []
        for agent in agents:
            made = {"name": f"soak {agent['id']}", "role": "agent", "agentId": agent["id"]}
            key = await self.admin.ask("other", "POST", "/api-keys", made, 201)
            clients.append(Client(self._http, key["secret"], self._window))
            await clients[-1].ask("other", "POST", "/agents/me/state", {"state": "ready"})
        return clients

    async def run(self, agents: list[Client], seconds: float) -> None:
        began = [self._source(n) for n in range(SOURCES)]
        began += [self._agent(client) for client in agents]
        began += [self._screens(), self._reports()]
        running = [asyncio.create_task(each) for each in began]
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            done, _ = await asyncio.wait(
                running, timeout=min(WINDOW, left), return_when=asyncio.FIRST_EXCEPTION
            )
            for each in done:
                await _ended(running)
                each.result()
            await self._close_window()
        self._stopping = True
        await asyncio.gather(*running)

    async def _close_window(self) -> None:
        processes = tree(self._pid)
        report = await self.admin.ask("other", "GET", "/reports/intraday-process")
        behind = datetime.now(UTC) - datetime.fromisoformat(report["dataAsOf"])
        self.minutes.append(
            Minute(
                p50={kind: median(values) for kind, values in self._window.items() if values},
                server=proportional_megabytes([p.pid for p in processes if "postgres" not in p.name()]),
                postgres=proportional_megabytes([p.pid for p in processes if "postgres" in p.name()]),
                disk=_megabytes(self._folder),
                mart_behind=behind.total_seconds(),
            )
        )
        for kind, values in self._window.items():
            self.times[kind] += values
            values.clear()
        now = self.minutes[-1]
        told = ", ".join(
            f"{kind} {value:.0f} ms" for kind, value in sorted(now.p50.items()) if kind != "other"
        )
        print(f"  {len(self.minutes)}: {told}; {now.server:.0f} + {now.postgres:.0f} MB", flush=True)

    async def _source(self, number: int) -> None:
        due = time.monotonic()
        while not self._stopping:
            due += SOURCES / ITEMS_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            capture_id = f"soak-{number}-{next(self._numbers)}"
            item = {**self._random.choice(self._templates), "captureId": capture_id}
            made = await self.admin.ask("create", "POST", "/items", item, 201)
            self.created[capture_id] = made["id"]

    async def _agent(self, client: Client) -> None:
        while not self._stopping:
            offers = await client.ask("own offers", "GET", "/agents/me/offers")
            for offer in offers["offers"]:
                await client.ask("accept", "POST", f"/offers/{offer['id']}/accept")
            mine = await client.ask("own items", "GET", "/agents/me/items")
            for item in mine["assigned"]:
                code = self._dispositions.get(item["categoryId"], [None])[0]
                body = {} if code is None else {"resultCode": code}
                if await client.ask("complete", "POST", f"/items/{item['id']}/complete", body) is not None:
                    self.completed.add(item["id"])
            await asyncio.sleep(AGENT_PAUSE * (0.5 + self._random.random()))

    async def _screens(self) -> None:
        """Somebody who looks at the queue, at items and at why; and holds and resumes one."""
        queued = {"attribute": "status", "operator": "eq", "value": "queued"}
        while not self._stopping:
            page = await self.admin.ask("search", "POST", "/items/search", {"limit": 50, "filter": queued})
            if page["items"]:
                item = self._random.choice(page["items"])["id"]
                await self.admin.ask("item", "GET", f"/items/{item}")
                await self.admin.ask("explain", "GET", f"/items/{item}/explain")
                if (
                    await self.admin.ask("hold", "POST", f"/items/{item}/hold", {"reason": "review"})
                    is not None
                ):
                    await self.admin.ask("resume", "POST", f"/items/{item}/resume", {})
            await asyncio.sleep(0.5)

    async def _reports(self) -> None:
        while not self._stopping:
            await self.admin.ask("report", "GET", "/reports/queue-duration")
            await asyncio.sleep(5)

    async def lost(self) -> int:
        """Acknowledged items that are not there, or are not completed although that was acknowledged."""
        free = asyncio.Semaphore(16)

        async def is_lost(capture_id: str, item_id: str) -> bool:
            async with free:
                found = await self.admin.ask("other", "GET", f"/items/{item_id}")
            if found is None or found["captureId"] != capture_id:
                return True
            return item_id in self.completed and found["status"] != "completed"

        return sum(await asyncio.gather(*(is_lost(*each) for each in self.created.items())))


async def _ended(running: list[asyncio.Task[None]]) -> None:
    """One client has failed: the others are stopped while the server is still there."""
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def _megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total / 2**20


def _drift(values: list[float]) -> float:
    """The median of the last third by that of the first; the first minute is for warming up."""
    settled = values[1:] or values
    third = max(1, len(settled) // 3)
    return median(settled[-third:]) / max(1e-9, median(settled[:third]))


def _result(soak: Soak, seconds: float, lost: int) -> Result:
    minutes = soak.minutes
    kinds = sorted(
        k for k, v in soak.times.items() if v and k != "other" and all(k in m.p50 for m in minutes)
    )
    rows = [
        Row("lasted", seconds, "s"),
        Row("items created", len(soak.created), ""),
        Row("items completed", len(soak.completed), ""),
        Row("acknowledged and lost", lost, ""),
        Row("memory of OpenIWD at most", max(m.server for m in minutes), "MB (PSS)"),
        Row("memory of PostgreSQL at most", max(m.postgres for m in minutes), "MB (PSS)"),
        Row("disk at the beginning", minutes[0].disk, "MB"),
        Row("disk at the end", minutes[-1].disk, "MB"),
        Row("data mart behind, at most", max(m.mart_behind for m in minutes), "s"),
    ]
    for kind in kinds:
        rows.append(Row(f"{kind} p50", quantile(soak.times[kind], 0.5), "ms"))
        rows.append(Row(f"{kind} p99", quantile(soak.times[kind], 0.99), "ms"))
    ratios = []
    for kind in kinds:
        drift = _drift([m.p50[kind] for m in minutes])
        ratios.append(
            Ratio(f"{kind}: last third / first (at most)", drift, LATENCY_DRIFT, drift <= LATENCY_DRIFT)
        )
    for name, values in (
        ("OpenIWD", [m.server for m in minutes]),
        ("PostgreSQL", [m.postgres for m in minutes]),
    ):
        drift = _drift(values)
        ratios.append(
            Ratio(
                f"memory of {name}: last third / first (at most)", drift, MEMORY_DRIFT, drift <= MEMORY_DRIFT
            )
        )
    behind = max(m.mart_behind for m in minutes[1:] or minutes)
    ratios.append(Ratio("data mart behind in s (at most)", behind, MART_BEHIND, behind <= MART_BEHIND))
    ratios.append(Ratio("acknowledged and lost (at most)", lost, 0, lost == 0))
    return Result("soak", rows, ratios)


async def _measured(ready: dict[str, Any], pid: int, folder: Path, seconds: float) -> Result:
    async with httpx.AsyncClient(
        base_url=ready["url"] + "/iwd/v3",
        timeout=60,
        trust_env=False,
        limits=httpx.Limits(max_connections=60),
    ) as http:
        soak = Soak(http, ready["apiKey"], pid, folder)
        agents = await soak.prepare()
        began = time.monotonic()
        await soak.run(agents, seconds)
        return _result(soak, time.monotonic() - began, await soak.lost())


def measure(seconds: float) -> Result:
    with data_folder() as folder:
        process = subprocess.Popen([*COMMAND, "--data", str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            ready = msgspec.json.decode(process.stdout.readline())
            return asyncio.run(_measured(ready, process.pid, folder, seconds))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    options.add_argument("--seconds", type=float, default=SECONDS)
    options.add_argument("--dry", action="store_true", help="print only; results stay as they are")
    given = options.parse_args()
    write(measure(given.seconds), keep=not given.dry)
