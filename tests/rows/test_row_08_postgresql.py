"""Row 8: IWD → PostgreSQL. Work items and configuration travel into one database per tenant, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.factories.api import World, world
from tests.factories.platform import PLATFORM, platform
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    async def make_database() -> str:
        return await postgres_server.create_database(TEMPLATE_TENANT)

    async with world(control_database, make_database, tenant=False) as built:
        yield built


async def values(server: PostgresServer, database: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(server.dsn(database))
    try:
        return [record[0] for record in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_each_tenant_has_a_database_with_its_items_and_configuration(
    api: World, postgres_server: PostgresServer
) -> None:
    async with platform(api, postgres_server) as tenants:
        for name in ("north", "south"):
            await tenants.create(name)
            sent = await api.post("/items", {"captureId": f"{name}-1", "subject": f"for {name}"}, name)
            assert sent.status_code == 201, sent.text
            skill = await api.call("PUT", f"/skills/{name}", name, json={"id": name, "name": name.title()})
            assert skill.status_code in (200, 201), skill.text
        for name in ("north", "south"):
            database = f"iwd-{tenants.id(name)}"
            shown = (await api.get(f"/provisioning/{tenants.id(name)}", PLATFORM)).json()
            assert shown["database"] == database
            items = await values(postgres_server, database, "SELECT capture_id FROM item")
            assert items == [f"{name}-1"]
            assert await values(postgres_server, database, "SELECT id FROM skill") == [name]
            events = await values(postgres_server, database, "SELECT type FROM event ORDER BY pos")
            assert events.count("created") == 1
            sessions = await values(
                postgres_server, database,
                "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'openiwd%'",
            )  # fmt: skip
            assert sessions == ["openiwd"]
