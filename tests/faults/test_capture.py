"""Two processes that read a folder; the one that reads is killed, or frozen longer than its lease, in the middle of
files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.installation import READY_SECONDS, Process, Site, until
from tests.servers.until import until as until_async

pytestmark = pytest.mark.timeout(300)
RECORDS = 6_000
POINT = {"name": "Files", "source": {"kind": "file", "folder": "in", "settleSeconds": 0}}


class Reading:
    """An installation whose capture processes share a folder."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder / "capture"
        self.inbound = self.folder / "t" / "in" / "inbound"
        self.server = site.start("serve", "--no-decide")
        self.http = self.server.client(site.keys["admin"])
        assert self.http.put("/capture-points/files", json=POINT).status_code == 201

    def start(self) -> Process:
        return self.site.start("capture", environment={"OPENIWD_CAPTURE_DIR": str(self.folder)})

    def status(self) -> dict[str, object]:
        return dict(self.http.get("/capture-points/files/status").json())

    def drop(self, name: str, count: int, prefix: str) -> None:
        self.inbound.mkdir(parents=True, exist_ok=True)
        aside = self.inbound / f".{name}"
        with aside.open("w") as file:
            for n in range(count):
                file.write(json.dumps({"captureId": f"{prefix}{n}"}) + "\n")
                file.write(
                    json.dumps({"message": "update", "captureId": f"{prefix}{n}", "priority": "+1"}) + "\n"
                )
        aside.rename(self.inbound / name)

    async def items(self) -> int:
        return int(await self.site.value("SELECT count(*) FROM item"))

    async def odd(self) -> int:
        """Items that were not created and updated once each."""
        return int(await self.site.value("SELECT count(*) FROM item WHERE revision <> 2"))


@pytest.fixture
def running(site: Site, tmp_path: Path) -> Iterator[Reading]:
    made = Reading(site, tmp_path)
    yield made
    made.http.close()


async def at_least(running: Reading, count: int) -> None:
    async def there() -> bool:
        return await running.items() >= count

    try:
        await until_async(there, seconds=READY_SECONDS)
    except TimeoutError:
        pytest.fail(f"fewer than {count} items: {running.status()}")


async def test_a_killed_reader_is_followed_and_every_record_is_taken_once(running: Reading) -> None:
    first = running.start()
    until("the first reads", lambda: bool(running.status()["running"]), READY_SECONDS)
    second, third = running.start(), running.start()
    running.drop("a.ndjson", RECORDS, "a")
    await at_least(running, 500)
    killed_at = time.monotonic()
    first.process.kill()
    taken = await running.items()
    assert taken < RECORDS, "killed in the middle"
    await at_least(running, taken + 1)
    took = time.monotonic() - killed_at
    await at_least(running, RECORDS // 2)
    second.process.kill()
    running.drop("b.ndjson", 10, "b")
    await at_least(running, RECORDS + 10)
    until("all is put away", lambda: len(list((running.folder / "t/in/processed").iterdir())) == 2, 60)
    assert await running.odd() == 0
    assert await running.site.value("SELECT count(*) FROM capture_error") == 0
    assert third.process.poll() is None
    print(f"taken over after {took:.1f} s (the guarantee: 10 s)")  # noqa: T201 - the figure is asked for
    assert took < 30, "the lease is over after 5 s; a busy machine may take its time"


async def test_a_frozen_reader_that_wakes_up_commits_nothing(running: Reading) -> None:
    first = running.start()
    until("the first reads", lambda: bool(running.status()["running"]), READY_SECONDS)
    holder = running.status()["processId"]
    running.drop("a.ndjson", RECORDS, "a")
    await at_least(running, 500)
    first.freeze()
    second = running.start()
    until("the second reads", lambda: running.status()["processId"] not in (holder, None), READY_SECONDS)
    await at_least(running, RECORDS // 2)
    first.thaw()
    await at_least(running, RECORDS)
    until("all is put away", lambda: len(list((running.folder / "t/in/processed").iterdir())) == 1, 60)
    assert await running.odd() == 0
    assert await running.items() == RECORDS
    assert second.process.poll() is None
    assert first.process.poll() is None, "it goes on standing by"


def test_the_status_says_where_it_is_read(running: Reading) -> None:
    running.start()
    until("it is read", lambda: bool(running.status()["running"]), READY_SECONDS)
    assert running.status()["host"]
    assert isinstance(running.http, httpx.Client)
