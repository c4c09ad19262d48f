"""One run: an installation of its own under load, faults by a seeded plan, and in the end the checker's judgement."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from itertools import cycle
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import asyncpg
import httpx
from msgspec import Struct

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.domain.agent import Capacity
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import prepare_databases
from tests.faults.checker import violations
from tests.faults.companions import Companions
from tests.faults.evidence import read_state
from tests.faults.installation import PREFIX, TAKEOVER_SECONDS, TENANT, Process, Site, prepare
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.table import FaultLine, Silence

RULES = """
name: Faults
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 100}]}]
queues:
  - {id: q, name: Q, delivery: push, offerTimeout: 3s, declineExclusion: 5s}
  - {id: p, name: P, delivery: both, offerTimeout: 3s, declineExclusion: 5s}
categories: [{id: c, name: C, schema: s, queue: q}, {id: p, name: P, schema: s, queue: p}]
"""
CAPACITY = {"ann": 1, "bob": 2, "cem": 2, "dua": 3, "eva": 3}
SOURCES = 3
CALM_SECONDS = (1.0, 3.0)
"""Between one fault and the next."""
SURVIVOR_SECONDS = 60.0
READY_SECONDS = 90.0
STALL_SECONDS = 4.0
DELAY_SECONDS = 0.1
CONNECTIONS, FEWEST_CONNECTIONS = 10, 5
"""The latter is the least that a process may be given."""


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

    def line(self) -> str:
        worst = f"{max(self.takeover_seconds):.1f} s" if self.takeover_seconds else "none"
        return (
            f"seed {self.seed}: {self.seconds:.0f} s, {self.requests} requests ({self.acknowledged} changes "
            f"acknowledged, {self.unknown} with unknown outcome, {self.refused} refused), {self.items} items, "
            f"{self.events} events, {self.grants} grants, faults {self.faults}, longest takeover {worst}, "
            f"{len(self.violations)} violations"
        )


class Installation:
    """PostgreSQL, one process that serves, two that distribute; each can be broken and is made whole again."""

    def __init__(self, keys: dict[str, str], site: Site, postgres: EmbeddedPostgres, proxy: Proxy) -> None:
        self.keys = keys
        self.site = site
        self.postgres = postgres
        self.proxy = proxy
        self.serving: Process
        self.deciders: list[Process] = []
        self.takeovers: list[float] = []
        self._replacing: asyncio.Task[None] | None = None
        self._budgets = cycle((CONNECTIONS, FEWEST_CONNECTIONS))
        self._port = free_port()
        self.companions: Companions | None = None

    @classmethod
    async def make(cls, folder: Path) -> Installation:
        # Without fsync a killed server still loses nothing, only a crashed machine would; commits are awaited.
        kept = {"synchronous_commit": "on", "full_page_writes": "on"}
        port = free_port()
        postgres = EmbeddedPostgres(folder / "data", port=port, durable=False, settings=kept)
        await postgres.start()
        try:
            tenant = Tenant(id=TENANT, name="T", database_name="faults")
            dsn = over_tcp(postgres.dsn())
            control = await prepare_databases(dsn, tenant)
            capacities = {agent: Capacity(total) for agent, total in CAPACITY.items()}
            keys = await prepare(control, tenant.database_name, RULES, capacities)
            site = Site(control, dsn.replace("/postgres", f"/{tenant.database_name}"), keys, folder)
            proxy = Proxy(port)
            await proxy.start()
        except BaseException:
            await postgres.stop()
            raise
        made = cls(keys, site, postgres, proxy)
        try:
            await made._start_all()
        except BaseException:
            await made.close()
            raise
        return made

    async def _start_all(self) -> None:
        first, second, self.serving = await asyncio.gather(
            self.start("distribute"), self.start("distribute"), self._serving()
        )
        self.deciders = [first, second]
        await self.decider(READY_SECONDS)

    async def start(self, *command: str) -> Process:
        return await asyncio.to_thread(self.site.start, *command)

    async def _serving(self) -> Process:
        """Reaches PostgreSQL through the proxy; every second one may have hardly any connections. Its address stays."""
        dsn = self.site.dsn.replace(f":{self.proxy.target}/", f":{self.proxy.port}/")
        return await asyncio.to_thread(
            self.site.start, "serve", "--no-decide", dsn=dsn, budget=next(self._budgets), port=self._port
        )

    async def decider(self, seconds: float = TAKEOVER_SECONDS, *, other: Process | None = None) -> Process:
        """The process that decides now; `other`: not this one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for process in self.deciders:
                if process is not other and await asyncio.to_thread(process.decides):
                    return process
            await asyncio.sleep(0.1)
        raise AssertionError(f"nobody decides after {seconds} s")

    async def close(self) -> None:
        if self._replacing is not None:
            await asyncio.gather(self._replacing, return_exceptions=True)
        if self.companions is not None:
            await self.companions.close()
        await asyncio.to_thread(self.site.kill_all)
        await self.proxy.stop()
        await self.postgres.stop()

    # Faults

    async def kill_serving(self) -> None:
        await asyncio.to_thread(self.serving.kill)
        self.serving = await self._serving()

    async def reset_connections(self) -> None:
        for _ in range(5):
            self.proxy.reset()
            await asyncio.sleep(0.3)

    async def stall_connections(self) -> None:
        await self.proxy.stall(STALL_SECONDS)

    async def delay_connections(self) -> None:
        self.proxy.delay = DELAY_SECONDS
        await asyncio.sleep(STALL_SECONDS)
        self.proxy.delay = 0.0

    async def kill_decider(self) -> None:
        await self.whole()
        killed = await self.decider()
        await asyncio.to_thread(killed.kill)
        began = time.monotonic()
        await self.decider(other=killed)
        self.takeovers.append(time.monotonic() - began)
        self._replace(killed)

    async def kill_standby(self) -> None:
        await self.whole()
        deciding = await self.decider()
        killed = next(p for p in self.deciders if p is not deciding)
        await asyncio.to_thread(killed.kill)
        self._replace(killed)

    def _replace(self, killed: Process) -> None:
        """A new one starts while other things happen."""
        self.deciders.remove(killed)

        async def replace() -> None:
            self.deciders.append(await self.start("distribute"))

        self._replacing = asyncio.create_task(replace())

    async def whole(self) -> None:
        """Returns when as many processes distribute as should."""
        if self._replacing is not None:
            await self._replacing

    async def freeze_decider(self) -> None:
        """Longer than its lease: another one takes over, and decides for a while before this one wakes."""
        await self.whole()
        frozen = await self.decider()
        began = time.monotonic()
        frozen.freeze()
        try:
            await self.decider(other=frozen)
            self.takeovers.append(time.monotonic() - began)
            await asyncio.sleep(1.0)
        finally:
            frozen.thaw()

    async def kill_postgres(self) -> None:
        """The postmaster goes without a word; the next start recovers, under processes that go on running."""
        await self.whole()
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await self.postgres.wait_ended()
        await self.postgres.start()

    async def kill_capture(self) -> None:
        assert self.companions is not None
        await self.companions.kill_capture()

    async def kill_mart(self) -> None:
        assert self.companions is not None
        await self.companions.kill_mart()


Fault = Callable[["Installation"], Awaitable[None]]
FAULTS: Mapping[str, Fault] = {
    "kill_decider": Installation.kill_decider,
    "freeze_decider": Installation.freeze_decider,
    "kill_postgres": Installation.kill_postgres,
    "kill_serving": Installation.kill_serving,
    "kill_standby": Installation.kill_standby,
    "reset_connections": Installation.reset_connections,
    "stall_connections": Installation.stall_connections,
    "delay_connections": Installation.delay_connections,
}
OF_COMPANIONS: Mapping[str, Fault] = {
    "kill_capture": Installation.kill_capture,
    "kill_mart": Installation.kill_mart,
}


async def until_next(count: Callable[[], int], seconds: float) -> None:
    """Until one more is acknowledged, at most for so long."""
    before, deadline = count(), time.monotonic() + seconds
    while count() == before and time.monotonic() < deadline:  # noqa: ASYNC110 - a number of others is watched
        await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def over_tcp(dsn: str) -> str:
    """The same server by its port: a restart moves its Unix socket."""
    parts = urlsplit(dsn)
    port = dsn.rpartition("port=")[2]
    return f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}/postgres"


async def run(folder: Path, seed: int, seconds: float, *, whole: bool = False) -> Report:
    """Each kind of fault at least once, in an order drawn from the seed, and on until the time is over.

    `whole`: files are captured and a data mart is loaded as well, and both are killed.
    """
    began = time.monotonic()
    installation = await Installation.make(folder)
    load = Load(installation.keys, list(CAPACITY), SOURCES, seed)
    try:
        load.entry.url = installation.serving.url
        load.start()
        faults = {**FAULTS, **OF_COMPANIONS} if whole else FAULTS
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
