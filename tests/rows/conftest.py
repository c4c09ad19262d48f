"""Fixtures of the tests by row of the systems that OpenIWD connects: the API on real databases, counterparts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.factories.api import World, world
from tests.servers.gws import Gws, gws_server
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer


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
