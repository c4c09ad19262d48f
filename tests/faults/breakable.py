"""An installation that can be broken in every way that is foreseen, each of which makes it whole again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.domain.agent import Capacity
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import prepare_databases
from tests.faults.companions import Companions
from tests.faults.disk import Disk
from tests.faults.installation import TAKEOVER_SECONDS, TENANT, Process, Site, prepare
from tests.faults.proxy import Proxy
from tests.servers.redis import OwnRedis

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
READY_SECONDS = 90.0
STALL_SECONDS = 4.0
FULL_SECONDS = 4.0
AWAY_SECONDS = 3.0
"""Of Redis."""
SECRET = "a-secret-key-for-the-passwords-of-mailboxes"
DELAY_SECONDS = 0.1
CONNECTIONS, FEWEST_CONNECTIONS = 10, 5
"""The latter is the least that a process may be given."""


class Installation:
    """PostgreSQL, one process that serves, two that distribute; each can be broken and is made whole again."""

    def __init__(
        self, keys: dict[str, str], site: Site, postgres: EmbeddedPostgres, proxy: Proxy, disk: Disk
    ) -> None:
        self.keys = keys
        self.disk = disk
        self.redis: OwnRedis | None = None
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
    async def make(cls, folder: Path, *, whole: bool = False, disk: bool = False) -> Installation:
        # Without fsync a killed server still loses nothing, only a crashed machine would; commits are awaited.
        kept = {"synchronous_commit": "on", "full_page_writes": "on"}
        port = free_port()
        own = Disk(folder / "disk", mount=disk)
        postgres = EmbeddedPostgres(own.folder / "data", port=port, durable=False, settings=kept)
        try:
            await postgres.start()
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
            own.remove()
            raise
        made = cls(keys, site, postgres, proxy, own)
        try:
            if whole:
                made.redis = await asyncio.to_thread(OwnRedis, folder)
                site.environment = {
                    "OPENIWD_REDIS_URL": made.redis.url, "OPENIWD_SECRET_KEY": SECRET,
                    "OPENIWD_OUTBOUND_ALLOW": "127.0.0.0/8",
                }  # fmt: skip
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
        if self.redis is not None:
            await asyncio.to_thread(self.redis.kill)
        self.disk.remove()

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

    async def fill_disk(self) -> None:
        """Nothing more can be written for a while; a server that gives up over it is started again."""
        await self.whole()
        self.disk.fill()
        try:
            await asyncio.sleep(FULL_SECONDS)
        finally:
            self.disk.free()
        deadline = time.monotonic() + READY_SECONDS
        while not await _answers(self.site.tenant_dsn):
            assert time.monotonic() < deadline, "PostgreSQL does not come back"
            if _is_over(self.postgres.pid or 0):
                await self.postgres.wait_ended()
                await self.postgres.start()
            await asyncio.sleep(0.2)

    async def kill_redis(self) -> None:
        assert self.redis is not None
        await asyncio.to_thread(self.redis.kill)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(self.redis.start)

    async def freeze_redis(self) -> None:
        assert self.redis is not None
        self.redis.freeze()
        await asyncio.sleep(AWAY_SECONDS)
        self.redis.thaw()

    def of_companions(self) -> Companions:
        assert self.companions is not None
        return self.companions


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
    "kill_capture": lambda i: i.of_companions().kill_capture(),
    "kill_mart": lambda i: i.of_companions().kill_mart(),
    "kill_email": lambda i: i.of_companions().mail.kill(),
    "freeze_email": lambda i: i.of_companions().mail.freeze(),
    "kill_redis": Installation.kill_redis,
    "freeze_redis": Installation.freeze_redis,
}
OF_DISK: Mapping[str, Fault] = {"fill_disk": Installation.fill_disk}
"""Where a disk may be mounted."""


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True


def _is_over(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def over_tcp(dsn: str) -> str:
    """The same server by its port: a restart moves its Unix socket."""
    parts = urlsplit(dsn)
    port = dsn.rpartition("port=")[2]
    return f"postgresql://{parts.username}:{parts.password}@127.0.0.1:{port}/postgres"
