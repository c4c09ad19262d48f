"""Runs the SQL migrations with Alembic, each in a transaction of its own, under one lock per database.

Started as a program of its own (`python -m`), so that no server process carries Alembic and SQLAlchemy in
its memory: reads its orders as JSON from standard input, answers with one JSON line per database.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import msgspec
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import MIGRATIONS_DIR, History, Migration, migrations_of

AT_A_TIME = 4
# The same number in every database: advisory locks are per database.
ADVISORY_LOCK = 4024_0001
ADVISORY_LOCK_SECONDS = 600.0


class Order(msgspec.Struct, frozen=True):
    """One database to bring up to date."""

    history: History
    dsn: str
    root: str = str(MIGRATIONS_DIR)
    lock_timeout_milliseconds: int = 4_000
    lock_attempts: int = 5


class Outcome(msgspec.Struct, frozen=True):
    """What became of one order: the revisions applied, or the reason of the failure."""

    applied: tuple[str, ...] = ()
    error: str | None = None


class SqlScripts(ScriptDirectory):
    """Alembic's view of a folder of SQL files: each file is a revision whose parent is the one before."""

    def __init__(
        self, migrations: tuple[Migration, ...], folder: Path, run: Callable[[Migration], None]
    ) -> None:
        self._migrations = migrations
        self._run = run
        super().__init__(str(folder))

    def _load_revisions(self) -> Iterator[Script]:
        parent: str | None = None
        for migration in self._migrations:
            yield Script(self._module(migration, parent), migration.revision, str(migration.path))
            parent = migration.revision

    def _module(self, migration: Migration, parent: str | None) -> ModuleType:
        def upgrade(**_: Any) -> None:
            self._run(migration)

        module = ModuleType(migration.path.stem)
        vars(module).update(revision=migration.revision, down_revision=parent, upgrade=upgrade)
        return module


async def run(order: Order) -> tuple[str, ...]:
    """Brings one database up to date and returns the revisions that were applied now."""
    for attempt in range(1, order.lock_attempts + 1):
        try:
            return await _run_once(order)
        except asyncpg.LockNotAvailableError as error:
            # Waiting longer would make all others queue behind us; better step back and try again.
            if attempt == order.lock_attempts:
                raise MigrationError(
                    "A table needed by a migration stayed locked.",
                    hint="Try again when the system is less busy.",
                ) from error
            await asyncio.sleep(attempt)
    raise AssertionError


async def _run_once(order: Order) -> tuple[str, ...]:
    async def connect() -> Any:
        raw = await asyncpg.connect(order.dsn, server_settings={"application_name": "openiwd migrate"})
        await raw.execute("SET timezone = 'UTC'; SET statement_timeout = 0; SET lock_timeout = 0")
        await raw.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})", timeout=ADVISORY_LOCK_SECONDS)
        await raw.execute(f"SET lock_timeout = {order.lock_timeout_milliseconds:d}")
        return raw

    # The connection ends with the block, and the advisory lock with it.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        return await connection.run_sync(_upgrade, order)


def _upgrade(connection: Connection, order: Order) -> tuple[str, ...]:
    root = Path(order.root)
    migrations = migrations_of(order.history, root=root)
    known = {migration.revision for migration in migrations}
    applied: list[str] = []

    def execute(migration: Migration) -> None:
        # Through SQLAlchemy first: that opens the transaction which the file then runs in. The file itself
        # goes to the driver as it is, because only its simple protocol takes many statements at once.
        connection.exec_driver_sql("SET LOCAL check_function_bodies = on")
        sql = migration.path.read_text(encoding="utf-8")
        try:
            connection.connection.run_async(lambda driver: driver.execute(sql))
        except asyncpg.LockNotAvailableError:
            raise
        except asyncpg.PostgresError as error:
            raise MigrationError(
                f"{order.history.value}/{migration.path.name}: {_reason(error, sql)}"
            ) from error
        applied.append(migration.revision)

    scripts = SqlScripts(migrations, root / order.history.value, execute)

    def steps(heads: Any, _: MigrationContext) -> Any:
        if heads and not set(heads) <= known:
            # A newer version was here: this one's code runs on the next schema, so there is nothing to do.
            return []
        return scripts._upgrade_revs("head", heads)  # noqa: SLF001 - as alembic.command does

    context = MigrationContext.configure(connection, opts={"fn": steps, "transaction_per_migration": True})
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
    return tuple(applied)


def _reason(error: asyncpg.PostgresError, sql: str) -> str:
    position = getattr(error, "position", None)
    line = f" (line {sql.count(chr(10), 0, int(position)) + 1})" if position else ""
    return f"{error}{line}"


async def run_all(orders: list[Order], report: Callable[[int, Outcome], None]) -> None:
    """Runs many orders, a few at a time; one that fails stops no other."""
    free = asyncio.Semaphore(AT_A_TIME)

    async def run_one(number: int, order: Order) -> None:
        async with free:
            try:
                report(number, Outcome(applied=await run(order)))
            except (MigrationError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                report(number, Outcome(error=str(error) or type(error).__name__))

    await asyncio.gather(*(run_one(number, order) for number, order in enumerate(orders)))


def main() -> None:
    orders = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Order])

    def report(number: int, outcome: Outcome) -> None:
        sys.stdout.buffer.write(msgspec.json.encode((number, outcome)) + b"\n")
        sys.stdout.buffer.flush()

    asyncio.run(run_all(orders, report))


if __name__ == "__main__":
    main()
