"""One real PostgreSQL for a whole test run, whatever the number of pytest processes; a database per test.

Started by the first test that needs it, stopped by the process that began the run.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import asyncpg
import psutil
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.embedded_postgres.orphan import stop_orphan
from openiwd.adapters.postgres.migrate import migrate
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import History

RUN_DIR_VARIABLE = "OPENIWD_TEST_RUN_DIR"
RUN_DIR_PREFIX = "openiwd-test-run-"
TEMP_DIR = Path("/tmp")  # noqa: S108 - the folder made in it is private
MEMORY_DIR = Path("/dev/shm")  # noqa: S108 - as above
MEMORY_NEEDED = 8 * 1024**3
"""Databases in memory are cloned several times as fast, above all when others keep the disk busy; a container's usual
64 MB are no use."""
TEMPLATE_CONTROL = "template_control"
TEMPLATE_TENANT = "template_tenant"
TEMPLATE_MART = "template_mart"

T = TypeVar("T")


class PostgresServer:
    """The running server: connection strings, and databases made from the migrated templates."""

    def __init__(self, postgres_dsn: str) -> None:
        self._postgres_dsn = postgres_dsn

    def dsn(self, database: str = "postgres") -> str:
        return self._postgres_dsn.replace("/postgres?", f"/{database}?")

    async def create_database(self, template: str = "template1", name: str | None = None) -> str:
        """Creates a database and returns its name."""
        name = name or f"test-{uuid.uuid4().hex}"
        # Copying files is the fastest way as long as the server syncs nothing to disk.
        await self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    async def drop_database(self, name: str) -> None:
        await self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _run(self, sql: str) -> None:
        connection = await asyncpg.connect(self._postgres_dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


class ServerOfTheRun(PostgresServer):
    """Keeps the connection by which databases are made and dropped, in a thread: tests come with loops of their own."""

    def __init__(self, postgres_dsn: str) -> None:
        super().__init__(postgres_dsn)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._one_at_a_time = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None

    async def _run(self, sql: str) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._run_there(sql), self._loop))

    async def _run_there(self, sql: str) -> None:
        async with self._one_at_a_time:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.dsn())
            await self._connection.execute(sql)

    def close(self) -> None:
        if self._connection is not None:
            asyncio.run_coroutine_threadsafe(self._connection.close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


def begin_run() -> None:
    """Makes the folder of this run; the pytest processes that are started from here inherit its name."""
    _sweep_dead_runs()
    run_dir = Path(mkdtemp(prefix=RUN_DIR_PREFIX, dir=TEMP_DIR))
    (run_dir / "owner.pid").write_text(str(os.getpid()))
    os.environ[RUN_DIR_VARIABLE] = str(run_dir)


def end_run() -> None:
    run_dir = Path(os.environ.pop(RUN_DIR_VARIABLE))
    _stop_and_remove(run_dir)


def _sweep_dead_runs() -> None:
    """Stops and removes what killed test runs have left."""
    for run_dir in TEMP_DIR.glob(RUN_DIR_PREFIX + "*"):
        if run_dir.stat().st_uid != os.geteuid():
            continue
        try:
            owner = int((run_dir / "owner.pid").read_text())
        except (FileNotFoundError, ValueError):
            continue
        if not psutil.pid_exists(owner):
            _stop_and_remove(run_dir)


def _stop_and_remove(run_dir: Path) -> None:
    data = (run_dir / "data").resolve()
    in_a_loop_of_its_own(stop_orphan(data / "postgres"))
    for pids in run_dir.glob("*.pids"):
        stop_pids(pids)
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(run_dir, ignore_errors=True)


def stop_pids(path: Path) -> None:
    """Stops the servers whose pids and start times stand in a file, the last started first."""
    for line in reversed(path.read_text().split()):
        pid, _, started = line.partition("@")
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - float(started)) > 1:
                continue  # another one has this number now
            family = [process, *process.children(recursive=True)]
            for each in family:
                with suppress(psutil.NoSuchProcess):
                    each.terminate()
            _, left = psutil.wait_procs(family, timeout=15)
            for each in left:
                each.kill()


def in_a_loop_of_its_own(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end in another thread, so that no event loop of a test is touched."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        end_run()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of this test run, with its templates migrated."""
    run_dir = Path(os.environ[RUN_DIR_VARIABLE])
    ready = run_dir / "dsn"
    with locked(run_dir / "start.lock"):
        if not ready.exists():
            ready.write_text(in_a_loop_of_its_own(_start(run_dir)))
    server = ServerOfTheRun(ready.read_text())
    yield server
    server.close()


def is_memory_free() -> bool:
    """Whether there is room for the data of servers."""
    return MEMORY_DIR.is_dir() and shutil.disk_usage(MEMORY_DIR).free >= MEMORY_NEEDED


def data_folder(prefix: str) -> Path:
    """A folder for the data of a server that syncs: in memory where there is room, so that nobody waits for a disk."""
    return Path(mkdtemp(prefix=prefix, dir=MEMORY_DIR if is_memory_free() else TEMP_DIR))


def _cluster_dir(run_dir: Path) -> Path:
    """Where the server keeps its data: in memory where there is room, behind a link that the run's end finds."""
    link = run_dir / "data"
    folder = MEMORY_DIR / run_dir.name if is_memory_free() else run_dir / "files"
    folder.mkdir(mode=0o700)
    link.symlink_to(folder)
    return folder


async def _start(run_dir: Path) -> str:
    server = EmbeddedPostgres(_cluster_dir(run_dir), durable=False, settings={"max_connections": "300"})
    await server.start()
    dsn = server.dsn()
    # Other pytest processes go on using it when this one has ended: end_run() stops it.
    server.leave_running()
    running = PostgresServer(dsn)
    templates = (
        (History.CONTROL, TEMPLATE_CONTROL),
        (History.TENANT, TEMPLATE_TENANT),
        (History.MART, TEMPLATE_MART),
    )
    for _, name in templates:
        await running.create_database(name=name)
    for result in await migrate([(history, running.dsn(name)) for history, name in templates]):
        if isinstance(result, MigrationError):
            raise result
    return dsn


@pytest.fixture
async def control_database(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Connection string of a fresh control database, migrated; dropped after the test."""
    name = await postgres_server.create_database(TEMPLATE_CONTROL)
    yield postgres_server.dsn(name)
    await postgres_server.drop_database(name)


@pytest.fixture
async def tenant_database(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Connection string of a fresh tenant database, migrated; dropped after the test."""
    name = await postgres_server.create_database(TEMPLATE_TENANT)
    yield postgres_server.dsn(name)
    await postgres_server.drop_database(name)


@pytest.fixture
async def mart_database(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Connection string of a fresh data mart, migrated; dropped after the test."""
    name = await postgres_server.create_database(TEMPLATE_MART)
    yield postgres_server.dsn(name)
    await postgres_server.drop_database(name)


@pytest.fixture
async def empty_database(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """Connection string of a fresh database without any table; dropped after the test."""
    name = await postgres_server.create_database()
    yield postgres_server.dsn(name)
    await postgres_server.drop_database(name)


@pytest.fixture
async def private_postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped, killed and started again."""
    server = EmbeddedPostgres(tmp_path / "data", durable=False)
    await server.start()
    yield server
    await server.stop()
