"""Fixtures of the tests by row of the systems that OpenIWD connects: the API on real databases, counterparts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openiwd.domain.agent import Capacity
from tests.factories.api import World, world
from tests.faults.installation import Site, prepare
from tests.servers.gws import Gws, gws_server
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
    """An installation of real processes, to be started by the test."""
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, {"ann": Capacity(2)})
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    made.kill_all()
    await postgres_server.drop_database(database)


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API without a tenant: tests bring their own."""
    async with _world(postgres_server, control_database, tenant=False) as built:
        yield built


@pytest.fixture
async def tenant_api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API with the tenant `t`, and a key for its administrator."""
    async with _world(postgres_server, control_database, tenant=True) as built:
        yield built


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server


@asynccontextmanager
async def _world(server: PostgresServer, control_database: str, *, tenant: bool) -> AsyncIterator[World]:
    made: list[str] = []

    async def make_database() -> str:
        made.append(await server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database, tenant=tenant) as built:
        yield built
    for name in made:
        await server.drop_database(name)
