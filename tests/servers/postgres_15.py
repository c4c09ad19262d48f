"""The oldest PostgreSQL that OpenIWD supports, from Debian; for tests of what differs between versions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import psutil
import pytest

from openiwd.adapters.embedded_postgres.account import server_account
from openiwd.adapters.embedded_postgres.orphan import ended
from tests.servers.postgres import PostgresServer, in_a_loop_of_its_own

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def postgres_15() -> Iterator[PostgresServer]:
    """A PostgreSQL 15 of the test's own."""
    if not PROGRAMS.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{PROGRAMS} is missing: apt-get install postgresql-15")
        pytest.skip(f"{PROGRAMS} is not installed")
    folder = Path(mkdtemp(prefix="openiwd-test-15-", dir="/tmp"))
    account = server_account(folder / "none")
    account.give(folder)
    data = folder / "data"
    # Trust is for whoever can enter this private folder: us and the server's own account.
    subprocess.run(
        [
            PROGRAMS / "initdb",
            "-D",
            data,
            "-U",
            "openiwd",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        **account.spawn_options(),
    )
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAMS / "postgres", "-D", data, *(f"-c{name}={value}" for name, value in settings.items())],
            cwd=folder,
            stdout=log,
            stderr=log,
            **account.spawn_options(),
        )
    try:
        dsn = f"postgresql://openiwd@/postgres?host={folder}&port=5432"
        in_a_loop_of_its_own(_answers(dsn, process))
        yield PostgresServer(dsn)
    finally:
        process.send_signal(signal.SIGINT)
        in_a_loop_of_its_own(ended([psutil.Process(process.pid)], 20))
        process.wait()
        shutil.rmtree(folder)


async def _answers(dsn: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            connection = await asyncpg.connect(dsn)
        except (OSError, asyncpg.PostgresError):
            continue
        await connection.close()
        return
    pytest.fail("PostgreSQL 15 did not start")
