"""A decider takes over N items from PostgreSQL while its process serves: how long, and how long it answers nobody."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

import msgspec
import psutil
import uvloop

from benchmarks.backlog.stored import Stored, tenant_of
from benchmarks.part import Part, answer
from benchmarks.processes import ROOT
from benchmarks.result import Ratio, Row
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part as Role
from openiwd.processes.serve import Serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases.decider import Decider

SECONDS = 60.0
PER_ITEMS = 10_000_000


class Options(msgspec.Struct, frozen=True):
    stored: Stored
    items: int


class _Stalls:
    """The longest time for which the event loop ran nothing else."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now


async def _measured(options: Options) -> Part:
    configure_logs("warning")
    wiring = Wiring(options.stored.control_dsn, budget=10)
    serving = Serving(wiring, host="127.0.0.1", port=0, metrics_port=None, part=Role.SERVE)
    await serving.start()
    services = await wiring.platform.services(tenant_of(options.stored.tenant).id)
    poller = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.backlog.poller", serving.url.rpartition(":")[2],
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )  # fmt: skip
    assert poller.stdout is not None
    await poller.stdout.readline()
    stalls = _Stalls()
    watching = asyncio.get_running_loop().create_task(stalls.watch())
    await asyncio.sleep(0.05)
    stalls.longest = 0.0
    before = psutil.Process().memory_info().rss
    started, cpu = time.perf_counter(), time.process_time()
    decider = await Decider.take_over(services)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    await asyncio.sleep(0.05)
    grown = psutil.Process().memory_info().rss - before
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    slowest, _ = await poller.communicate(b"\n")
    assert len(decider) == options.items, f"{len(decider)} items waiting, not {options.items}"
    await serving.stop()
    name = f"c: reload, {options.items:,} items"
    for_all = seconds * PER_ITEMS / options.items
    return Part(
        [
            Row(name, seconds, "s"),
            Row(f"{name}: CPU time of the serving process", cpu, "s"),
            Row(f"{name}: longest stall of the event loop", 1_000 * stalls.longest, "ms"),
            Row(f"{name}: slowest answer to a request meanwhile", float(slowest), "ms"),
            Row(f"{name}: growth of the serving process", grown / options.items, "B/item (RSS)"),
        ],
        [Ratio(f"{name}: s per {PER_ITEMS:,} (at most)", for_all, SECONDS, for_all <= SECONDS)],
    )


def measure(options: Options) -> Part:
    return uvloop.run(_measured(options))


if __name__ == "__main__":
    answer(measure, Options)
