"""The data mart's database: who may load it, and what reports and BI tools read. Opens connections only when asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.driver_errors import driver_errors
from openiwd.adapters.postgres.mart_columns import REPORT_PARTS
from openiwd.adapters.postgres.mart_loading import LEVEL, LOAD, PostgresMartLoad, state_of
from openiwd.adapters.postgres.mart_views import view_hash, view_statements
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.errors import NotFoundError, OpenIwdError, UnavailableError
from openiwd.ports.mart import MartBusyError, MartState, Run

REPORT: Final = named_sql("mart_report", **REPORT_PARTS)
READERS: Final = 3
"""Connections that report pages of one process use at once."""
READ_SECONDS: Final = 30.0
_NAMED: Final = re.compile(r"(?<!:):([a-z_][a-z_0-9]*)\b")


def positional(query: str) -> tuple[str, list[str]]:
    """`:name` parameters as `$n`, with the names in their order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _NAMED.sub(number, query), names


QUERIES: Final = {name: positional(text) for name, text in REPORT.items()}


def _no_mart() -> NotFoundError:
    return NotFoundError(
        "this tenant has no data mart yet", code="noMart", hint="start `openiwd datamart serve` once"
    )


class PostgresMart:
    """Implements `openiwd.ports.mart.Mart`."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(READERS)

    @asynccontextmanager
    async def loading(self) -> AsyncIterator[PostgresMartLoad]:
        with driver_errors():
            connection = await open_connection(self._dsn(), settings={"application_name": "openiwd mart"})
        try:
            if not await connection.fetchval(LOAD["lock"]):
                raise MartBusyError(
                    "another run works on this mart", hint="it goes on from where this one stood"
                )
            load = PostgresMartLoad(connection)
            await load.prepare()
            yield load
        finally:
            # Its lock and its temporary tables end with the connection.
            await connection.close(timeout=5)

    async def publish_views(self, reader_password: str | None = None) -> None:
        """Views and their comments as this version declares them; the role that BI tools use."""
        connection = await open_connection(self._dsn())
        try:
            async with connection.transaction():
                known = await connection.fetchval("SELECT hash FROM view_version FOR UPDATE")
                if known != view_hash():
                    await connection.execute(";\n".join(view_statements()))
                    await connection.execute("UPDATE view_version SET hash = $1", view_hash())
                await _grant(connection, reader_password)
        finally:
            await connection.close(timeout=5)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        async with self._slots:
            try:
                # A mart that was restored has ended the connections of before.
                self._idle = [each for each in self._idle if not each.is_closed()]
                connection = self._idle.pop() if self._idle else await open_connection(self._dsn())
            except asyncpg.InvalidCatalogNameError as error:
                raise _no_mart() from error
            except (OSError, asyncpg.PostgresError) as error:
                raise UnavailableError("the data mart is away", hint="try again in a moment") from error
            sound = False
            try:
                with driver_errors():
                    async with connection.transaction(readonly=True, isolation="repeatable_read"):
                        yield connection
                sound = True
            except OpenIwdError as error:
                # Not yet made, or not yet brought up to this version: its process does both when it starts.
                if isinstance(error.__cause__, (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)):
                    raise _no_mart() from error
                raise
            finally:
                if sound and not connection.is_closed():
                    self._idle.append(connection)
                else:
                    connection.terminate()

    async def _read(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Once more on fresh connections where a migration has changed what the others had prepared for."""
        try:
            async with self._reading() as connection:
                return await connection.fetch(text, *values, timeout=READ_SECONDS)
        except OpenIwdError as error:
            if not isinstance(error.__cause__, asyncpg.InvalidCachedStatementError):
                raise
        idle, self._idle = self._idle, []
        for each in idle:
            each.terminate()
        async with self._reading() as connection:
            return await connection.fetch(text, *values, timeout=READ_SECONDS)

    async def rows(self, query: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        text, names = QUERIES[query]
        found = await self._read(text, *(arguments[name] for name in names))
        return [dict(record.items()) for record in found]

    async def state(self) -> MartState:
        (row,) = await self._read(LOAD["state"])
        return state_of(row)

    async def runs(self, limit: int) -> list[Run]:
        return [Run(**dict(r.items())) for r in await self._read(LEVEL["last_runs"], limit)]

    async def stats(self) -> list[tuple[str, str, int]]:
        return [(r["kind"], r["name"], r["value"]) for r in await self._read(LEVEL["stats"])]

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close(timeout=5)


READER: Final = "openiwd_bi"


async def ensure_reader(connection: Connection) -> bool:
    """The role that reads reports is there afterwards; False without the right to make roles."""
    if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER):
        return True
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE ROLE {READER} LOGIN")
    except asyncpg.InsufficientPrivilegeError:
        return False
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return True  # another tenant's mart was quicker
    return True


async def _grant(connection: Connection, password: str | None) -> None:
    """The role may read the views and nothing else. Without the right to make roles it is left to who has it."""
    if not await ensure_reader(connection):
        return
    if password is not None:
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f"ALTER ROLE {READER} PASSWORD {quoted}")
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {READER}")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {READER}")
    await connection.execute(f"GRANT USAGE ON SCHEMA public TO {READER}")
    views = await connection.fetch(
        "SELECT quote_ident(viewname) AS name FROM pg_views WHERE schemaname = 'public' AND viewname LIKE 'iwd\\_%'"
    )
    for view in views:
        await connection.execute(f"GRANT SELECT ON {view['name']} TO {READER}")
