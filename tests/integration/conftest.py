"""Fixtures of the integration tests: the API on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

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
