"""The migration runner on real databases: order, repetition, failure, concurrency, versions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from openiwd.adapters.postgres.migrate import current, migrate, migrate_control, migrate_tenant, pending
from openiwd.adapters.postgres.migrations import runner
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import History, migrations_of
from openiwd.adapters.postgres.pools import TenantPools
from tests.servers.postgres import PostgresServer
from tests.servers.until import until

FIRST = """
-- Many statements, a semicolon inside a body, and characters that a template language would eat.
CREATE TABLE note (id bigint PRIMARY KEY, text text NOT NULL CHECK (text LIKE '%:x%' OR text <> ''));
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RETURN n * 2; -- 100 %
END $$;
INSERT INTO note VALUES (1, 'first :x %s');
"""
SECOND = "ALTER TABLE note ADD COLUMN done boolean NOT NULL DEFAULT false;"


def write(root: Path, *files: str, history: History = History.TENANT) -> Path:
    """Writes migrations 0001, 0002, … and returns their root."""
    folder = root / history.value
    folder.mkdir(exist_ok=True)
    for number, sql in enumerate(files, start=1):
        (folder / f"{number:04}_step.sql").write_text(sql)
    return root


async def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_migrations_run_in_order_and_only_once(empty_database: str, tmp_path: Path) -> None:
    root = write(tmp_path, FIRST)
    database = (History.TENANT, empty_database)
    assert await current(empty_database) is None
    assert await pending(History.TENANT, empty_database, root=root) == ("0001",)
    assert await migrate([database], root=root) == [("0001",)]
    assert await migrate([database], root=root) == [()]
    # A further file is all that a further migration needs.
    write(tmp_path, FIRST, SECOND)
    assert await pending(History.TENANT, empty_database, root=root) == ("0002",)
    assert await migrate([database], root=root) == [("0002",)]
    assert await current(empty_database) == "0002"
    assert await rows(empty_database, "SELECT id, text, done, twice(21) FROM note") == [
        (1, "first :x %s", False, 42)
    ]


async def test_a_failing_migration_changes_nothing_and_says_where(
    empty_database: str, tmp_path: Path
) -> None:
    root = write(tmp_path, FIRST, "INSERT INTO note VALUES (2, 'second');\n\nSELECT missing;\n")
    (result,) = await migrate([(History.TENANT, empty_database)], root=root)
    assert isinstance(result, MigrationError)
    assert "tenant/0002_step.sql" in result.message
    assert '"missing" does not exist (line 3)' in result.message
    assert await current(empty_database) == "0001"
    assert await rows(empty_database, "SELECT id FROM note") == [(1,)]


async def test_one_database_that_fails_stops_no_other(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    root = write(tmp_path, FIRST)
    names = [await postgres_server.create_database() for _ in range(6)]
    connection = await asyncpg.connect(postgres_server.dsn(names[2]))
    await connection.execute("CREATE TABLE note (other int)")
    await connection.close()
    dsns = [postgres_server.dsn(name) for name in [*names, "no-such-database"]]
    results = await migrate([(History.TENANT, dsn) for dsn in dsns], root=root)
    failed = [number for number, result in enumerate(results) if isinstance(result, MigrationError)]
    assert failed == [2, 6]
    assert [result for number, result in enumerate(results) if number not in failed] == [("0001",)] * 5
    for name in names:
        await postgres_server.drop_database(name)


async def test_two_processes_at_once_do_the_work_once(empty_database: str, tmp_path: Path) -> None:
    root = write(tmp_path, FIRST, "SELECT pg_sleep(0.2); CREATE TABLE other (i int)")
    results = await asyncio.gather(
        *(migrate([(History.TENANT, empty_database)], root=root) for _ in range(2)),
    )
    assert [()] in results
    assert [("0001", "0002")] in results


async def test_a_locked_table_makes_the_migration_step_back(empty_database: str, tmp_path: Path) -> None:
    root = write(tmp_path, FIRST)
    await migrate([(History.TENANT, empty_database)], root=root)
    write(tmp_path, FIRST, SECOND)
    order = runner.Order(
        History.TENANT, empty_database, str(root), lock_timeout_milliseconds=50, lock_attempts=1
    )
    reader = await asyncpg.connect(empty_database)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM note")
        with pytest.raises(MigrationError, match="stayed locked"):
            await runner.run(order)
    assert await current(empty_database) == "0001"
    await reader.close()
    assert await runner.run(order) == ("0002",)


async def test_a_database_ahead_of_this_version_is_left_as_it_is(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "newer").mkdir()
    (tmp_path / "older").mkdir()
    newer = write(tmp_path / "newer", FIRST, SECOND)
    older = write(tmp_path / "older", FIRST)
    await migrate([(History.TENANT, empty_database)], root=newer)
    assert await pending(History.TENANT, empty_database, root=older) == ()
    assert await runner.run(runner.Order(History.TENANT, empty_database, str(older))) == ()
    assert await current(empty_database) == "0002"


async def test_a_cancelled_migration_leaves_the_database_as_it_was(
    empty_database: str, tmp_path: Path
) -> None:
    root = write(tmp_path, "CREATE TABLE early (i int); SELECT pg_sleep(60)")
    work = asyncio.create_task(migrate([(History.TENANT, empty_database)], root=root))
    watcher = await asyncpg.connect(empty_database)
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    )
    await until(lambda: watcher.fetchval(sleeping))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await watcher.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert await watcher.fetchval("SELECT to_regclass('early')") is None
    await watcher.close()
    assert await current(empty_database) is None


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["0001_a.sql", "0003_b.sql"], "number 0002 was expected"),
        (["0001_a.sql", "0001_b.sql"], "number 0002 was expected"),
        (["0000_a.sql"], "number 0001 was expected"),
        (["1_a.sql"], "is no migration"),
        (["0001_A.sql"], "is no migration"),
    ],
)
def test_a_history_with_gaps_or_strange_names_is_refused(
    tmp_path: Path, names: list[str], complaint: str
) -> None:
    (tmp_path / "tenant").mkdir()
    for name in names:
        (tmp_path / "tenant" / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=complaint):
        migrations_of(History.TENANT, root=tmp_path)


async def test_our_own_schema_runs_on_the_oldest_supported_server(postgres_15: PostgresServer) -> None:
    control, tenant = [postgres_15.dsn(await postgres_15.create_database(name=name)) for name in ("c", "t")]
    assert await migrate_control(control) == tuple(each.revision for each in migrations_of(History.CONTROL))
    assert await migrate_tenant(tenant) == tuple(each.revision for each in migrations_of(History.TENANT))
    assert await migrate_control(control) == await migrate_tenant(tenant) == ()
    pools = TenantPools(lambda _: tenant)
    async with pools.acquire("t") as connection:
        assert await connection.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
        assert connection.get_server_version().major == 15
    async with pools.acquire("t", reading=True) as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("CREATE TABLE t (i int)")
    await pools.close()


async def test_the_templates_of_this_run_carry_the_newest_revision(
    control_database: str, tenant_database: str
) -> None:
    assert await current(control_database) == migrations_of(History.CONTROL)[-1].revision
    assert await current(tenant_database) == migrations_of(History.TENANT)[-1].revision
    assert (
        await pending(History.CONTROL, control_database)
        == await pending(History.TENANT, tenant_database)
        == ()
    )
