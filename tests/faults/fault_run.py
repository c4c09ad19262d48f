"""One run: an installation of its own under load, faults by a seeded plan, and in the end the checker's judgement."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import asyncpg
import httpx
from msgspec import Struct

from tests.faults.breakable import CAPACITY, FAULTS, OF_COMPANIONS, OF_DISK, Fault, Installation
from tests.faults.checker import violations
from tests.faults.companions import Companions
from tests.faults.evidence import read_state
from tests.faults.installation import PREFIX
from tests.faults.load import Load
from tests.faults.table import FaultLine, Silence

CALM_SECONDS = (1.0, 3.0)
"""Between one fault and the next."""
SURVIVOR_SECONDS = 60.0
LEAST_ACKNOWLEDGED, LEAST_GRANTS = 100, 20
SOURCES = 3


class Report(Struct, kw_only=True):
    """What a run did, and what the checker found."""

    seed: int
    seconds: float
    requests: int
    items: int
    events: int
    grants: int
    acknowledged: int
    unknown: int
    refused: int
    faults: dict[str, int]
    takeover_seconds: list[float]
    """From a kill or a freeze of the decider until another process decides."""
    happened: dict[str, int]
    """Events by type."""
    violations: list[str]
    lines: list[FaultLine] = []
    """What became of each kind of fault."""
    beside: str = ""
    """What mail and webhooks came to."""

    def missing(self) -> list[str]:
        """Why the run says little, whatever it has found."""
        wanted = {
            "no load to speak of": self.acknowledged > LEAST_ACKNOWLEDGED,
            "hardly anything was granted": self.grants > LEAST_GRANTS,
            "not each kind of fault has happened": FAULTS.keys() <= self.faults.keys(),
        }
        return [text for text, is_there in wanted.items() if not is_there]

    def line(self) -> str:
        worst = f"{max(self.takeover_seconds):.1f} s" if self.takeover_seconds else "none"
        return (
            f"seed {self.seed}: {self.seconds:.0f} s, {self.requests} requests ({self.acknowledged} changes "
            f"acknowledged, {self.unknown} with unknown outcome, {self.refused} refused), {self.items} items, "
            f"{self.events} events, {self.grants} grants, faults {self.faults}, longest takeover {worst}, "
            f"{len(self.violations)} violations"
        )


async def until_next(count: Callable[[], int], seconds: float) -> None:
    """Until one more is acknowledged, at most for so long."""
    before, deadline = count(), time.monotonic() + seconds
    while count() == before and time.monotonic() < deadline:  # noqa: ASYNC110 - a number of others is watched
        await asyncio.sleep(0.02)


async def run(folder: Path, seed: int, seconds: float, *, whole: bool = False, disk: bool = False) -> Report:
    """Each kind of fault at least once, in an order drawn from the seed, and on until the time is over.

    `whole`: files are captured, mail comes in and goes out, a data mart is loaded and Redis is asked as well, and all
    of them are killed. `disk`: PostgreSQL's disk is full for a while, too, where one may be mounted.
    """
    began = time.monotonic()
    installation = await Installation.make(folder, whole=whole, disk=disk)
    load = Load(installation.keys, list(CAPACITY), SOURCES, seed)
    try:
        load.entry.url = installation.serving.url
        load.start()
        faults = {
            **FAULTS, **(OF_COMPANIONS if whole else {}), **(OF_DISK if installation.disk.mounted else {})
        }  # fmt: skip
        if whole:
            installation.companions = await Companions.make(
                installation.site, folder, installation.serving.url, load.journal, seed
            )
        lines = {name: FaultLine(fault=name) for name in faults}
        injected = await _break(installation, load, Random(seed), time.monotonic() + seconds, lines, faults)
        await _survive(installation, load)
        if installation.companions is not None:
            await installation.companions.calm()
        await load.stop()
        failed = load.failed()
        if failed:
            raise failed[0]
        beside = [] if installation.companions is None else await installation.companions.violations()
        state = await read_state(installation.site.tenant_dsn)
    finally:
        await load.stop()
        await load.close()
        await installation.close()
    journal = load.journal
    return Report(
        seed=seed,
        seconds=time.monotonic() - began,
        requests=load.requests,
        items=len(state.items),
        events=len(state.events),
        grants=len(state.grants),
        acknowledged=journal.acknowledged,
        unknown=journal.unknown,
        refused=journal.refused,
        faults=dict(injected),
        takeover_seconds=installation.takeovers,
        happened=dict(Counter(event.type for event in state.events)),
        violations=[*load.unexpected, *beside, *violations(state, journal, CAPACITY)],
        lines=list(lines.values()),
        beside="" if installation.companions is None else installation.companions.line(),
    )


async def _break(
    installation: Installation,
    load: Load,
    random: Random,
    until: float,
    lines: Mapping[str, FaultLine],
    faults: Mapping[str, Fault],
) -> Counter[str]:
    injected: Counter[str] = Counter()
    names = list(faults)
    while True:
        for name in random.sample(names, len(names)):
            if time.monotonic() >= until and len(injected) == len(names):
                return injected
            await asyncio.sleep(random.uniform(*CALM_SECONDS))
            silence = Silence(lambda: load.journal.acknowledged)
            await faults[name](installation)
            load.entry.url = installation.serving.url
            await until_next(lambda: load.journal.acknowledged, SURVIVOR_SECONDS)
            await silence.end(lines[name])
            injected[name] += 1


async def _survive(installation: Installation, load: Load) -> None:
    """After the last fault all goes on by itself: an item is taken in, and granted to an agent."""
    await installation.whole()
    await installation.decider(SURVIVOR_SECONDS)
    deadline = time.monotonic() + SURVIVOR_SECONDS
    headers = {"x-api-key": installation.keys["admin"]}
    before = await _granted(installation.site.tenant_dsn)
    load.journal.submit("last", {})
    async with httpx.AsyncClient(
        base_url=installation.serving.url + PREFIX, headers=headers, timeout=20, trust_env=False
    ) as http:
        answer = await http.post("/items", json={"captureId": "last", "category": "C"})
        assert answer.status_code == 201, answer.text
        load.journal.create("last", answer.json()["id"])
    while await _granted(installation.site.tenant_dsn) == before:
        assert time.monotonic() < deadline, "nothing is granted after the last fault"
        await asyncio.sleep(0.1)


async def _granted(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM offer"))
    finally:
        await connection.close()
