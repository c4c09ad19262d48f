"""Commands find the database of a data folder, whether a server runs there or not, and say so where there is none."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from openiwd.adapters.embedded_postgres.running import running_dsn
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import SECRET_KEY_FILE
from openiwd.processes.database import ensure_database
from openiwd.processes.installation import installation
from openiwd.processes.settings import Settings
from openiwd.processes.tenant import platform


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the server's own account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="openiwd-data-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def _answer(settings: Settings) -> int:
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url)
    try:
        return int(await connection.fetchval("SELECT 1"))
    finally:
        await connection.close()


async def test_a_data_folder_is_reached_while_it_is_in_use_and_while_it_is_not(data: Path) -> None:
    async with installation(Settings(), data, make=True) as settings, platform(settings) as wiring:
        assert await wiring.provisioning.records() == []
    assert settings.secret_keys == ((data / SECRET_KEY_FILE).read_text().strip(),)
    server = EmbeddedPostgres(data, durable=False)
    await server.start()
    try:
        async with installation(Settings(database_url="postgresql://elsewhere/x"), data) as found:
            assert found.database_url == server.dsn("openiwd"), "the folder named wins"
            assert await _answer(found) == 1
        assert server.pid is not None
        async with installation(Settings(data_dir=data), None) as found:
            assert await _answer(found) == 1, "the server that is there is left running"
    finally:
        await server.stop()
    async with installation(Settings(data_dir=data), None) as found:
        assert await _answer(found) == 1, "nobody runs it: it runs for the command"
        with pytest.raises(EmbeddedPostgresError) as refused:
            await EmbeddedPostgres(data).start()
        assert refused.value.code == "dataInUse"
    with pytest.raises(EmbeddedPostgresError, match="does not answer"):
        await running_dsn(data, "openiwd", wait_seconds=0)


def migrated(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    unnamed = {name: value for name, value in os.environ.items() if name != "OPENIWD_DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "openiwd", "migrate", *options, "--data", str(data)],
        env=unnamed, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip


@pytest.mark.timeout(900)  # commands start slowly on a busy machine
async def test_migrate_reaches_the_database_of_a_data_folder(data: Path) -> None:
    async with installation(Settings(), data, make=True) as settings, platform(settings) as wiring:
        tenant = Tenant(id="acme", name="Acme", database_name="iwd-acme")
        await wiring.control.save_tenant(tenant)
        await ensure_database(wiring.control_dsn, tenant.database_name)
        behind = await asyncio.to_thread(migrated, data, "--check")
    assert behind.returncode == 1, behind.stdout + behind.stderr
    assert "control: up to date" in behind.stdout
    assert "tenant acme: pending: 0001" in behind.stdout, "and it was asked while it ran here"
    done = await asyncio.to_thread(migrated, data)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tenant acme: applied: 0001" in done.stdout, "nobody runs it: it runs for the command"


async def test_a_folder_without_data_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is no data folder"):
        async with installation(Settings(), tmp_path / "typo"):
            raise AssertionError
    assert not (tmp_path / "typo").exists()


async def test_a_database_that_is_named_needs_no_folder() -> None:
    settings = Settings(database_url="postgresql://db/openiwd")
    async with installation(settings, None) as found:
        assert found is settings
