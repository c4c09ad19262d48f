"""Kills the data mart's process at random points, again and again, and compares with a mart that nobody disturbed.

`python -m tests.faults.mart_killed --kills 200`; `make test` runs the quick form (test_mart_killed.py).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from openiwd.ports.mart import FedEvent, MartBusyError
from openiwd.processes.database import ensure_database
from openiwd.usecases.mart_run import Chain
from tests.factories.mart import MartUnderTest
from tests.servers.until import until

ROOT = Path(__file__).resolve().parents[2]
FINISH_SECONDS = 600.0
"""The whole log may be loaded in it, on a machine that is busy."""
RUN = """
import asyncio, sys
from pathlib import Path
import msgspec
from openiwd.adapters.postgres.mart import PostgresMart
from openiwd.ports.mart import FedEvent
from openiwd.usecases.mart_run import Chain, MartSource, run
from tests.factories.mart_log import ListFeed
dsn, log, batch = sys.argv[1:]
events = msgspec.json.decode(Path(log).read_bytes(), type=list[FedEvent])
source = MartSource(tenant_id="t", time_zone="Europe/Berlin", feed=ListFeed(events), batch=int(batch))
print("ready", flush=True)
asyncio.run(run(PostgresMart(lambda: dsn), source, Chain.INTRADAY))
"""


def begin(dsn: str, log: Path, batch: int) -> subprocess.Popen[bytes]:
    """A run in a process of its own; it has said that it begins when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, dsn, str(log), str(batch)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """SIGKILL after a while; whether it was still running."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)
    killed = process.returncode == -9
    complaint = process.stderr.read() if process.stderr is not None else b""
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    # The server may not yet have noticed that the one before is dead: then this one leaves at once, as it should.
    assert killed or process.returncode == 0 or b"another run works on this mart" in complaint, (
        complaint.decode()
    )
    return killed


async def kill_often(
    disturbed: str, undisturbed: str, events: Sequence[FedEvent], folder: Path, *, kills: int, seed: int
) -> int:
    """Runs, kills, runs again until all is loaded; then begins anew, until so many kills have hit. How many did."""
    rng = random.Random(seed)
    log = folder / "events.json"
    log.write_bytes(msgspec.json.encode(list(events)))
    expected = MartUnderTest(undisturbed, zone="Europe/Berlin")
    await expected.load(events)
    content = await expected.content()
    mart = MartUnderTest(disturbed, zone="Europe/Berlin", batch=max(50, len(events) // 12))
    hit = 0
    longest = 0.6
    while hit < kills:
        async with mart.mart.loading() as load:
            await load.empty()
        while hit < kills:
            began = time.monotonic()
            if kill_after(begin(disturbed, log, mart.batch), rng.uniform(0.0, longest)):
                hit += 1
                continue
            longest = max(0.1, time.monotonic() - began)
            if (await mart.mart.state()).pos == len(events):
                break
        await _finish(mart, events)
        assert await mart.content() == content
    await expected.mart.close()
    await mart.mart.close()
    return hit


async def _finish(mart: MartUnderTest, events: Sequence[FedEvent]) -> None:
    """Loads the rest in peace, once the server has noticed that the killed one is gone."""

    async def loaded() -> bool:
        try:
            await mart.load(events, Chain.INTRADAY)
        except MartBusyError:
            return False
        return True

    await until(loaded, seconds=FINISH_SECONDS)


@asynccontextmanager
async def _own_server(folder: Path) -> AsyncIterator[tuple[str, str]]:
    from openiwd.adapters.embedded_postgres import EmbeddedPostgres
    from openiwd.adapters.postgres.migrate import migrate
    from openiwd.adapters.postgres.migrations.history import History

    server = EmbeddedPostgres(folder / "data")
    await server.start()
    try:
        names = ("disturbed", "undisturbed")
        for name in names:
            await ensure_database(server.dsn("postgres"), name)
        await migrate([(History.MART, server.dsn(name)) for name in names])
        yield server.dsn("disturbed"), server.dsn("undisturbed")
    finally:
        await server.stop()


async def main(kills: int, seed: int, folder: Path) -> None:
    from tests.scenario.test_mart_reference import random_log

    async with _own_server(folder) as (disturbed, undisturbed):
        hit = await kill_often(
            disturbed, undisturbed, random_log(seed, 6_000), folder, kills=kills, seed=seed
        )
    print(f"killed {hit} times, the mart is the same as the undisturbed one")  # noqa: T201 - the result


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="openiwd-mart-faults-", dir="/tmp") as made:
        Path(made).chmod(0o755)
        asyncio.run(main(options.kills, options.seed, Path(made)))
