"""The database itself refuses to change the audit, the event log and certificates, but for the acts that need it; old
databases learn it, and backups bring it along.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from openiwd.adapters.postgres.migrate import migrate
from openiwd.adapters.postgres.migrations.history import History, migrations_of
from openiwd.processes.backup import programs
from tests.servers.postgres import PostgresServer

Connection = asyncpg.Connection
ENTRY = "INSERT INTO audit (tenant_id, actor, action, object_kind) VALUES ($1, 'user:a', 'updated', 'queue')"
EVENTS = """INSERT INTO event (generation, pos, at, type, actor, body)
    SELECT 1, n, now(), 'created', 'user:a', '{}' FROM generate_series(1, 3) AS n"""
PERSONAL = """INSERT INTO event_personal (generation, pos, body)
    SELECT 1, n, '{"subject": "of a person"}' FROM generate_series(1, 3) AS n"""
CERTIFICATE = """INSERT INTO erasure (id, contact_id, at, actor, reason, counts, remaining)
    VALUES (gen_random_uuid(), gen_random_uuid(), now(), 'user:a', 'asked for', '{}', '{}')"""
RETENTION = "SELECT set_config('openiwd.act', 'log retention', true)"


async def connected(dsn: str) -> Connection:
    return await asyncpg.connect(dsn)


@pytest.fixture
async def control(control_database: str) -> AsyncIterator[Connection]:
    connection = await connected(control_database)
    await connection.execute(
        "INSERT INTO tenant (id, name, database_name) VALUES ('acme', 'Acme', 'a'), ('zeta', 'Zeta', 'z')"
    )
    await connection.executemany(ENTRY, [("acme",), ("acme",), ("zeta",), (None,)])
    yield connection
    await connection.close()


@pytest.fixture
async def tenant(tenant_database: str) -> AsyncIterator[Connection]:
    connection = await connected(tenant_database)
    for sql in (EVENTS, PERSONAL, CERTIFICATE):
        await connection.execute(sql)
    yield connection
    await connection.close()


async def refused(connection: Connection, sql: str) -> None:
    """The database refuses it, and says why and what may be done."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only") as error:
        async with connection.transaction():
            await connection.execute(sql)
    assert error.value.hint


async def count(connection: Connection, table: str) -> int:
    found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return found


# The audit -----------------------------------------------------------------------------------------------------------


async def test_an_entry_of_the_audit_stays_as_it_is(control: Connection) -> None:
    for sql in (
        "UPDATE audit SET actor = 'user:b'",
        "UPDATE audit SET detail = detail",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE tenant_id = 'acme'",
        "DELETE FROM audit WHERE tenant_id IS NULL",
        "TRUNCATE audit",
        "TRUNCATE tenant, audit CASCADE",
    ):
        await refused(control, sql)
    await control.execute("SET session_replication_role = replica")
    await refused(control, "DELETE FROM audit")
    assert await count(control, "audit WHERE actor = 'user:a'") == 4


async def test_a_tenant_that_is_forgotten_takes_its_own_audit_along(control: Connection) -> None:
    async with control.transaction():
        await control.execute("SELECT forget_tenant('acme')")
        await refused(control, "DELETE FROM audit WHERE tenant_id = 'zeta'")
    left = await control.fetch("SELECT tenant_id FROM audit ORDER BY id")
    assert [r[0] for r in left] == ["zeta", None]
    await control.execute(ENTRY, "acme")
    await refused(control, "DELETE FROM audit WHERE tenant_id = 'acme'")


async def test_the_act_is_for_its_tenant_and_its_transaction_alone(control: Connection) -> None:
    act = "SELECT set_config('openiwd.forgotten_tenant', 'acme', true)"
    for sql in (
        "DELETE FROM audit",
        "DELETE FROM audit WHERE tenant_id IS NULL",
        "UPDATE audit SET actor = 'b' WHERE tenant_id = 'acme'",
        "TRUNCATE audit",
    ):
        await refused(control, f"{act}; {sql}")
    await control.execute(act)
    await refused(control, "DELETE FROM audit WHERE tenant_id = 'acme'")
    assert await count(control, "audit") == 4


# The log -------------------------------------------------------------------------------------------------------------


async def test_an_event_stays_as_it_is(tenant: Connection) -> None:
    for sql in (
        "UPDATE event SET actor = 'user:b' WHERE pos = 2",
        "UPDATE event SET body = '{}'",
        "DELETE FROM event WHERE pos = 2",
        "TRUNCATE event",
        'UPDATE event_personal SET body = \'{"subject": "of another"}\' WHERE pos = 2',
        "UPDATE event_personal SET pos = 9, body = '{}' WHERE pos = 2",
        "DELETE FROM event_personal",
        "TRUNCATE event_personal",
        "UPDATE erasure SET reason = 'another'",
        "DELETE FROM erasure",
        "TRUNCATE erasure",
    ):
        await refused(tenant, sql)
    await tenant.execute("SET session_replication_role = replica")
    await refused(tenant, "DELETE FROM event")
    assert [await count(tenant, table) for table in ("event", "event_personal", "erasure")] == [3, 3, 1]


async def test_erasure_blanks_and_the_event_stays(tenant: Connection) -> None:
    await tenant.execute("UPDATE event_personal SET body = '{}' WHERE pos <= 2")
    bodies = await tenant.fetch("SELECT body::text FROM event_personal ORDER BY pos")
    assert [b[0] for b in bodies] == ["{}", "{}", '{"subject": "of a person"}']
    assert await count(tenant, "event") == 3


async def test_retention_of_the_log_says_that_it_is_that(tenant: Connection) -> None:
    async with tenant.transaction():
        await tenant.execute(RETENTION)
        await tenant.execute("DELETE FROM event_personal WHERE pos <= 2")
        await tenant.execute("DELETE FROM event WHERE pos <= 2")
    assert (await count(tenant, "event"), await count(tenant, "event_personal")) == (1, 1)
    await refused(tenant, "DELETE FROM event")
    for sql in (
        "UPDATE event SET actor = 'b'",
        "UPDATE event_personal SET body = '[]'",
        "TRUNCATE event",
        "DELETE FROM erasure",
    ):
        await refused(tenant, f"{RETENTION}; {sql}")


# Databases of before, and backups ------------------------------------------------------------------------------------


def before(folder: Path, history: History, name: str) -> Path:
    """The migrations up to the one of this name, without it."""
    kept = folder / history.value
    kept.mkdir()
    for migration in migrations_of(history):
        if name in migration.path.name:
            return folder
        shutil.copy(migration.path, kept)
    raise AssertionError(name)


async def test_a_database_of_before_keeps_what_it_has_and_learns_it(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    cases = (
        (History.CONTROL, "audit_append_only", [ENTRY.replace("$1", "'acme'")], "audit", 1),
        (History.TENANT, "log_append_only", [EVENTS, PERSONAL], "event", 3),
    )
    for history, name, filled, table, rows in cases:
        database = await postgres_server.create_database()
        dsn = postgres_server.dsn(database)
        root = before(tmp_path, history, name)
        (applied,) = await migrate([(history, dsn)], root=root)
        assert applied
        connection = await connected(dsn)
        for sql in filled:
            await connection.execute(sql)
        (applied,) = await migrate([(history, dsn)])
        assert applied
        assert await count(connection, table) == rows
        await refused(connection, f"DELETE FROM {table}")
        await connection.close()
        await postgres_server.drop_database(database)


async def test_a_backup_brings_it_along(
    control: Connection,
    control_database: str,
    tenant: Connection,
    tenant_database: str,
    postgres_server: PostgresServer,
    tmp_path: Path,
) -> None:
    for table, dsn, original in (("audit", control_database, control), ("event", tenant_database, tenant)):
        path = tmp_path / f"{table}.dump"
        await programs().dump(dsn, path)
        database = await postgres_server.create_database()
        await programs().restore(path, postgres_server.dsn(database))
        connection = await connected(postgres_server.dsn(database))
        assert await count(connection, table) == await count(original, table)
        await refused(connection, f"DELETE FROM {table}")
        await connection.execute("SET session_replication_role = replica")
        await refused(connection, f"TRUNCATE {table}")
        await connection.close()
        await postgres_server.drop_database(database)
