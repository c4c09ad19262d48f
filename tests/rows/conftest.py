"""Fixtures of the tests by row of the systems that OpenIWD connects: the API on real databases, counterparts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.factories.api import World, world
from tests.servers.gws import Gws, gws_server
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API without a tenant: tests bring their own."""
    made: list[str] = []

    async def make_database() -> str:
        made.append(await postgres_server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database, tenant=False) as built:
        yield built
    for name in made:
        await postgres_server.drop_database(name)


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server
