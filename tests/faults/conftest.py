"""Fixtures of the fault tests: a small installation on the PostgreSQL of the test run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openiwd.domain.agent import Capacity
from tests.faults.installation import Site, prepare
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer

RULES = """
name: Takeover
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 2}]}]
queues: [{id: q, name: Q, delivery: both, offerTimeout: 10m}, {id: p, name: P, delivery: pull}]
categories: [{id: c, name: C, schema: s, queue: q}, {id: p, name: P, schema: s, queue: p}]
"""


@pytest.fixture
async def site(postgres_server: PostgresServer, control_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, {"near": Capacity(2), "far": Capacity(2)})
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    made.kill_all()
    await postgres_server.drop_database(database)
