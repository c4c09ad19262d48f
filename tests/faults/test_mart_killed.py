"""The quick form: a few kills at random points leave the same mart as an undisturbed run."""

from __future__ import annotations

from pathlib import Path

from tests.faults.mart_killed import kill_often
from tests.scenario.test_mart_reference import random_log
from tests.servers.postgres import TEMPLATE_MART, PostgresServer


async def test_killed_anywhere_it_ends_with_the_same_mart(
    postgres_server: PostgresServer, mart_database: str, tmp_path: Path
) -> None:
    other = await postgres_server.create_database(TEMPLATE_MART)
    try:
        hit = await kill_often(
            mart_database, postgres_server.dsn(other), random_log(11, 500), tmp_path, kills=4, seed=5
        )
    finally:
        await postgres_server.drop_database(other)
    assert hit == 4
