"""An installation of real processes on one PostgreSQL, for the rows of the table of connected systems."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openiwd.domain.agent import Capacity
from tests.faults.installation import Site, prepare
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer

RULES = """
name: Rows
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 2}], sla: 24h}]
queues: [{id: q, name: Q, delivery: both, offerTimeout: 10m}]
categories: [{id: c, name: C, schema: s, queue: q}]
"""


@pytest.fixture
async def site(postgres_server: PostgresServer, control_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, {"ann": Capacity(2)})
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    made.kill_all()
    await postgres_server.drop_database(database)
