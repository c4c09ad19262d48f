"""Fixtures of the integration tests: the API, a tenant's store and a connection, on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.ports.tenant_store import Tenant
from tests.factories.api import World, world
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API with the tenant `t`, and a key for its administrator."""
    made: list[str] = []

    async def make_database() -> str:
        made.append(await postgres_server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database) as built:
        yield built
    for name in made:
        await postgres_server.drop_database(name)


@pytest.fixture
async def store(tenant_database: str) -> AsyncIterator[PostgresTenantStore]:
    """A tenant's store without anything around it."""
    pools = TenantPools(lambda _: tenant_database, budget=12)
    yield PostgresTenantStore(Tenant(id="t", name="T", database_name="t"), pools)
    await pools.close()


@pytest.fixture
async def connection(tenant_database: str) -> AsyncIterator[Connection]:
    """A connection to the tenant's database."""
    connection = await open_connection(tenant_database)
    yield connection
    await connection.close()
