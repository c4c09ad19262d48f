"""A connection as it is opened: what it knows of PostgreSQL's types, it knows from those before it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from openiwd.adapters.postgres.connection import Connection, open_connection

ARRAYS = (
    "SELECT $1::int8[] AS a, $2::uuid[] AS b, $3::timestamptz[] AS c, $4::jsonb[] AS d, $5::float8[] AS e"
)
VALUES = ([1, None], [UUID(int=7)], [datetime(2026, 3, 2, tzinfo=UTC)], [{"a": [1]}, None], [0.5])


@pytest.fixture
async def dsn(control_database: str) -> str:
    """The first connection of this process asks what the second one knows."""
    first = await open_connection(control_database)
    await first.fetchrow(ARRAYS, *VALUES)
    await first.close()
    return control_database


async def asked(connection: Connection) -> list[str]:
    """What it sends to the server to have arrays."""
    queries: list[str] = []
    connection.add_query_logger(lambda record: queries.append(record.query))
    found = await connection.fetchrow(ARRAYS, *VALUES)
    await asyncio.sleep(0)  # the driver tells its loggers in the next step
    assert found is not None
    assert tuple(found) == VALUES
    return queries


async def test_a_new_connection_does_not_ask_for_types_again(dsn: str) -> None:
    second = await open_connection(dsn)
    assert await asked(second) == [ARRAYS]
    await second.close()


async def test_types_of_ones_own_are_asked_for_each_time(dsn: str) -> None:
    for number in (1, 2):
        connection = await open_connection(dsn)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"CREATE TYPE mood AS ENUM ('m{number}')")
        assert await connection.fetchval(f"SELECT ARRAY['m{number}']::mood[]") == [f"m{number}"]
        await transaction.rollback()
        await connection.close()
