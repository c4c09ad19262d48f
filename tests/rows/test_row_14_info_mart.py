"""Row 14: IWD Data Mart → Genesys Info Mart. Names of agents come from `RESOURCE_` in another real PostgreSQL."""

from __future__ import annotations

import asyncpg

from openiwd.adapters.info_mart.resource_table import InfoMartResources
from tests.rows.conftest import FedMart
from tests.servers.postgres import PostgresServer

RESOURCES = """
CREATE TABLE "RESOURCE_" (
    "RESOURCE_KEY" int, "TENANT_KEY" int, "RESOURCE_TYPE_CODE" varchar(32), "RESOURCE_NAME" varchar(255),
    "AGENT_FIRST_NAME" varchar(64), "AGENT_LAST_NAME" varchar(64), "EMPLOYEE_ID" varchar(255),
    "GMT_START_TIME" int, "GMT_END_TIME" int
);
INSERT INTO "RESOURCE_" VALUES
    (1, 1, 'AGENT', 'anna', 'Anna', 'Before', 'e1', 1000, 2000),
    (2, 1, 'AGENT', 'anna', 'Anna', 'Now', 'e1', 2000, 2147483647),
    (3, 1, 'QUEUE', 'q', 'Not', 'Anybody', 'e2', 1000, 2147483647);
"""


async def test_names_of_agents_travel_from_info_mart_into_the_mart(
    fed_mart: FedMart, postgres_15: PostgresServer
) -> None:
    name = await postgres_15.create_database("template1", name="info_mart")
    connection = await asyncpg.connect(postgres_15.dsn(name))
    try:
        await connection.execute(RESOURCES)
    finally:
        await connection.close()
    await fed_mart.api.add_agent("anna", employee_id="e1")
    await fed_mart.api.add_agent("ben", employee_id="e2")
    fed_mart.directory = InfoMartResources(postgres_15.dsn(name))
    await fed_mart.run()
    connection = await asyncpg.connect(fed_mart.dsn)
    try:
        rows = await connection.fetch("SELECT agent_id, name, info_mart_key FROM resource_ ORDER BY 1")
    finally:
        await connection.close()
    assert [(r["agent_id"], r["name"], r["info_mart_key"]) for r in rows] == [
        ("anna", "Anna Now", 2), ("ben", "Ben", None),
    ]  # fmt: skip
