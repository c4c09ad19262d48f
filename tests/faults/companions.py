"""What runs beside the core in a fault run: files dropped for capture points, the data mart, mail, webhooks."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import uuid4

import asyncpg
import httpx

from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases.tenant_access import MART_PRIVILEGES
from tests.faults.evidence import Journal
from tests.faults.hook_load import Hooks
from tests.faults.installation import PREFIX, TENANT, Process, Site
from tests.faults.mail_load import Mail

POINT = {"name": "Files", "source": {"kind": "file", "folder": "in", "settleSeconds": 0}}
MART = "faults_mart"
SETTLED_SECONDS = 90.0
RECORDS = (5, 40)
BETWEEN_FILES = (0.5, 2.0)


class Files:
    """Drops files into the folder of a capture point. A file that was dropped counts as acknowledged."""

    def __init__(self, folder: Path, journal: Journal, random: Random) -> None:
        self._point = folder / TENANT / "in"
        self._journal = journal
        self._random = random
        self.dropped: dict[str, list[str]] = {}

    async def run(self) -> None:
        while True:
            self._drop()
            await asyncio.sleep(self._random.uniform(*BETWEEN_FILES))

    def _drop(self) -> None:
        inbound = self._point / "inbound"
        inbound.mkdir(parents=True, exist_ok=True)
        number = len(self.dropped)
        name, lines, ids = f"{number}.ndjson", [], []
        for n in range(self._random.randint(*RECORDS)):
            capture_id, data = f"file-{number}-{n}", {"n": n, "text": "f"}
            self._journal.submit(capture_id, data)
            lines.append(json.dumps({"captureId": capture_id, "category": "C", "data": data}))
            ids.append(capture_id)
        aside = inbound / f".{name}"
        aside.write_text("\n".join(lines) + "\n")
        aside.rename(inbound / name)
        self.dropped[name] = ids

    def _left(self) -> int:
        return sum(1 for each in (self._point / "inbound").glob("[0-9]*"))

    async def settle(self) -> None:
        """Until nothing lies there to be read."""
        async with asyncio.timeout(SETTLED_SECONDS):
            while self._left():  # noqa: ASYNC110 - a folder gives no signal
                await asyncio.sleep(0.1)

    def violations(self, found: Counter[str]) -> list[str]:
        """Each record of a file has become one item."""
        # Put away as `7.ndjson`, or as `7.<digest>.ndjson`.
        processed = Counter(
            each.name.partition(".")[0] for each in (self._point / "processed").rglob("*") if each.is_file()
        )
        found_files = {name: processed[name.partition(".")[0]] for name in self.dropped}
        wrong = [f"file {name} is lost" for name, times in found_files.items() if times == 0]
        wrong += [f"file {name} exists {times} times" for name, times in found_files.items() if times > 1]
        for ids in self.dropped.values():
            wrong += [f"item {i} of a file is lost" for i in ids if not found[i]]
        return wrong


class MartProcess:
    """`openiwd datamart`, which loads on and on, and in the end once in peace."""

    def __init__(self, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        self._environment = {**os.environ, **environment}
        self._process = self._start("serve", "--metrics-port", "0", "--interval", "1")

    def _start(self, command: str, *more: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "openiwd", "datamart", command, *more],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(20)

    def restart(self) -> None:
        self.kill()
        self._process = self._start("serve", "--metrics-port", "0", "--interval", "1")

    def last_run(self) -> int:
        """Runs once, again until the server has noticed that the killed one is gone; 1 where it does not balance."""
        self.kill()
        code = 1
        for _ in range(20):
            self._process = self._start("run", "--chain", "intraday")
            code = self._process.wait(120)
            if code == 0:
                break
        return code


class Companions:
    """Capture by files, the data mart, mail and webhooks of one fault run."""

    def __init__(
        self,
        site: Site,
        files: Files,
        folder: Path,
        mart: MartProcess,
        mart_dsn: str,
        reader: Process,
        mail: Mail,
        hooks: Hooks,
    ) -> None:
        self._site = site
        self.files = files
        self._folder = folder
        self._mart = mart
        self._mart_dsn = mart_dsn
        self._reader = reader
        self.mail = mail
        self.hooks = hooks
        self._dropping = asyncio.create_task(files.run())

    @classmethod
    async def make(cls, site: Site, folder: Path, url: str, journal: Journal, seed: int) -> Companions:
        headers = {"x-api-key": site.keys["admin"]}
        async with httpx.AsyncClient(base_url=url + PREFIX, headers=headers, trust_env=False) as http:
            answer = await http.put("/capture-points/files", json=POINT, timeout=30)
            assert answer.status_code in (200, 201), answer.text
        wiring = Wiring(site.dsn)
        key, _ = await wiring.platform.identities.create_key(
            uuid4(), TENANT, "mart", privileges=MART_PRIVILEGES
        )
        await wiring.close()
        mart_dsn = database_dsn(site.dsn, MART)
        environment = {
            "OPENIWD_MART_DATABASE_URL": mart_dsn,
            "OPENIWD_IWD_URL": url,
            "OPENIWD_MART_API_KEY": key,
            "OPENIWD_MART_TENANT": TENANT,
        }
        files = Files(folder / "capture", journal, Random(f"{seed}-files"))
        hooks = await Hooks.make(site, url, seed)
        mail: Mail | None = None
        try:
            mail = await Mail.make(site, folder, url, journal, seed)
            reader = await asyncio.to_thread(_start_reader, site, folder)
        except BaseException:
            await hooks.close()
            if mail is not None:
                await mail.close()
            raise
        mart = await asyncio.to_thread(MartProcess, folder / "mart.log", environment)
        return cls(site, files, folder, mart, mart_dsn, reader, mail, hooks)

    async def kill_capture(self) -> None:
        await asyncio.to_thread(self._reader.kill)
        self._reader = await asyncio.to_thread(_start_reader, self._site, self._folder)

    async def kill_mart(self) -> None:
        await asyncio.to_thread(self._mart.restart)

    async def calm(self) -> None:
        """Nothing more is dropped or written; what lies there is read to its end, what is to be sent is sent."""
        self._dropping.cancel()
        await asyncio.gather(self._dropping, return_exceptions=True)
        await self.files.settle()
        await self.mail.calm()

    async def violations(self) -> list[str]:
        """What is wrong with the files' items, mail and the mart. The API still answers: the mart reads by it."""
        rows = await _rows(self._site.tenant_dsn, "SELECT capture_id, count(*) FROM item GROUP BY 1")
        wrong = self.files.violations(Counter({row[0]: row[1] for row in rows}))
        wrong += await self.mail.violations()
        wrong += await self.hooks.violations()
        if await asyncio.to_thread(self._mart.last_run) != 0:
            return [*wrong, "the mart does not balance"]
        created = sum(row[1] for row in rows)
        ((told,),) = await _rows(self._mart_dsn, "SELECT coalesce(sum(new), 0)::bigint FROM agg_task_15min")
        return (
            wrong if told == created else [*wrong, f"the mart tells of {told} new items, there are {created}"]
        )

    def line(self) -> str:
        return f"{self.mail.line()}\n{self.hooks.line()}"

    async def close(self) -> None:
        self._dropping.cancel()
        await asyncio.gather(self._dropping, return_exceptions=True)
        await asyncio.to_thread(self._mart.kill)
        await self.mail.close()
        await self.hooks.close()


def _start_reader(site: Site, folder: Path) -> Process:
    return site.start("capture", environment={"OPENIWD_CAPTURE_DIR": str(folder / "capture")})


async def _rows(dsn: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()
