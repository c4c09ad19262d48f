"""Tenants as the platform makes and removes them: the control database's rows, and the databases of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import asyncpg

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.driver_errors import driver_errors
from openiwd.adapters.postgres.migrate import migrate_tenant
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.pools import CONTROL, TenantPools
from openiwd.domain.errors import ConflictError, DuplicateError, UnavailableError
from openiwd.domain.tenant_life import TenantState, mart_database_of
from openiwd.ports.control_store import AuditEntry
from openiwd.ports.provisioning import TenantRecord, TenantUsage
from openiwd.ports.tenant_store import Tenant

_TENANT: Final = Tenant.__struct_fields__
_SQL: Final = named_sql(
    "provisioning", tenant_columns=", ".join(f"t.{n}" for n in _TENANT), tenant_names=", ".join(_TENANT)
)
HOLD_MILLISECONDS: Final = 20_000
"""So long an act waits for another one on the same tenant."""
MARK: Final = "openiwd tenant "


class PostgresProvisioning:
    """Implements `openiwd.ports.provisioning.ProvisioningStore`."""

    def __init__(self, pools: TenantPools, control_dsn: Callable[[], str]) -> None:
        self._pools = pools
        self._control_dsn = control_dsn

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        with driver_errors():
            async with self._pools.acquire(CONTROL) as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def holding(self, tenant_id: str) -> AsyncIterator[None]:
        # A connection of its own: the lock is the session's, and ends with it however the process ends.
        with driver_errors():
            connection = await _opened(self._control_dsn())
        try:
            await connection.execute(f"SET lock_timeout = {HOLD_MILLISECONDS:d}")
            try:
                await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 4024))", tenant_id)
            except asyncpg.LockNotAvailableError as error:
                raise ConflictError(
                    f"something else is being done with tenant '{tenant_id}'",
                    code="tenantBusy",
                    hint="try again in a moment",
                ) from error
            yield
        finally:
            await connection.close(timeout=5)

    async def records(self) -> list[TenantRecord]:
        return await self._found(None)

    async def record(self, name: str) -> TenantRecord | None:
        found = await self._found(name)
        by_id = [r for r in found if r.tenant.id == name]
        return next(iter(by_id or found), None)

    async def _found(self, name: str | None) -> list[TenantRecord]:
        async with self._writing() as connection:
            return [_record(r) for r in await connection.fetch(_SQL["records"], name)]

    async def begin(self, tenant: Tenant, at: datetime, entry: AuditEntry) -> bool:
        values = [getattr(tenant, name) for name in _TENANT]
        try:
            async with self._writing() as connection:
                if await connection.fetchval(_SQL["begin_tenant"], *values) is None:
                    return False
                state = TenantState.CREATING.value
                await connection.execute(_SQL["set_state"], tenant.id, state, at, None, None)
                await _audit(connection, entry)
        except Exception as error:
            raise _taken(error) from error
        return True

    async def change(self, tenant: Tenant, entry: AuditEntry) -> None:
        try:
            async with self._writing() as connection:
                await connection.execute(
                    _SQL["change_tenant"],
                    *(tenant.id, tenant.name, tenant.ccid, tenant.time_zone, tenant.settings),
                )
                await _audit(connection, entry)
        except Exception as error:
            raise _taken(error) from error

    async def save_outside(
        self, tenant_id: str, outside: dict[str, Any], sealed: bytes | None, at: datetime
    ) -> None:
        async with self._writing() as connection:
            await connection.execute(_SQL["save_outside"], tenant_id, at, outside, sealed)

    async def sealed(self, tenant_id: str) -> bytes | None:
        async with self._writing() as connection:
            sealed: bytes | None = await connection.fetchval(_SQL["sealed"], tenant_id)
        return sealed

    async def move(
        self,
        tenant_id: str,
        state: TenantState,
        at: datetime,
        entry: AuditEntry,
        *,
        reason: str | None = None,
        delete_after: datetime | None = None,
    ) -> None:
        async with self._writing() as connection:
            await connection.execute(_SQL["set_state"], tenant_id, state.value, at, reason, delete_after)
            await connection.execute(_SQL["set_active"], tenant_id, state is TenantState.READY)
            if state is not TenantState.READY:
                await connection.execute(_SQL["end_sessions"], tenant_id)
            await _audit(connection, entry)

    async def forget(self, tenant_id: str, entry: AuditEntry) -> None:
        async with self._writing() as connection:
            await connection.execute(_SQL["forget_tenant"], tenant_id)
            await _audit(connection, entry)

    async def note(self, entry: AuditEntry) -> None:
        async with self._writing() as connection:
            await _audit(connection, entry)

    async def audit_log(
        self, before: int | None, limit: int, tenant_id: str | None = None
    ) -> list[tuple[int, AuditEntry]]:
        async with self._writing() as connection:
            found = await connection.fetch(_SQL["audit_log"], before, tenant_id, limit)
        entries = []
        for record in found:
            values = dict(record.items())
            entries.append((values.pop("id"), AuditEntry(**values)))
        return entries

    async def usage(self, tenant_id: str) -> TenantUsage:
        async with self._writing() as connection:
            record = await connection.fetchrow(_SQL["control_usage"], tenant_id)
        return TenantUsage(**dict(record.items())) if record is not None else TenantUsage()

    async def note_use(self, tenant_ids: Sequence[str]) -> None:
        async with self._writing() as connection:
            await connection.execute(_SQL["note_use"], list(tenant_ids))

    async def used_lately(self, seconds: float) -> set[str]:
        async with self._writing() as connection:
            return {r["tenant_id"] for r in await connection.fetch(_SQL["used_lately"], seconds)}


class ServerDatabases:
    """Implements `openiwd.ports.provisioning.TenantDatabases`. `dsn_of` gives the connection string of a database."""

    def __init__(
        self, dsn_of: Callable[[str], str], mart_dsn_of: Callable[[str], str], control: Callable[[], str]
    ) -> None:
        self._dsn_of = dsn_of
        self._mart_dsn_of = mart_dsn_of
        self._control = control
        self.template: str | None = None
        """A database that new ones are copied from, for speed; they are brought up to date after that."""

    async def prepare(self, name: str, tenant_id: str, *, adopt: bool) -> None:
        mark = f"{MARK}{tenant_id}"
        with driver_errors():
            connection = await _opened(self._dsn_of(self._control()))
            try:
                is_there = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
                told = await connection.fetchval(_SQL["describe_database"], name)
                if not is_there:
                    await _create(connection, name, self.template)
                elif told != mark and not await self._may_take(name, told, adopt=adopt):
                    raise ConflictError(
                        f"the database '{name}' is there already and is not this tenant's",
                        code="databaseTaken",
                        field="iwd.db.database",
                        hint="name another database, or adopt it on purpose",
                    )
                await connection.execute(f"COMMENT ON DATABASE {_quoted(name)} IS '{mark}'")
            finally:
                await connection.close(timeout=5)
        try:
            await migrate_tenant(self._dsn_of(name))
        except MigrationError as error:
            raise UnavailableError(
                f"the tenant's database cannot be brought up to date: {error}",
                code="migrationFailed",
                hint="call again once that is mended: it carries on",
            ) from error

    async def _may_take(self, name: str, told: str | None, *, adopt: bool) -> bool:
        """An empty one is what a create left that ended just after making it."""
        if told is not None and told.startswith(MARK):
            return False
        if adopt:
            return True
        connection = await _opened(self._dsn_of(name))
        try:
            return bool(await connection.fetchval(_SQL["is_empty"]))
        finally:
            await connection.close(timeout=5)

    async def drop(self, name: str) -> None:
        with driver_errors():
            # The mart may lie on another server, which has no control database.
            for dsn, database in (
                (self._mart_dsn_of("postgres"), mart_database_of(name)),
                (self._dsn_of(self._control()), name),
            ):
                connection = await _opened(dsn)
                try:
                    await connection.execute(f"DROP DATABASE IF EXISTS {_quoted(database)} WITH (FORCE)")
                finally:
                    await connection.close(timeout=5)

    async def fill(self, name: str, usage: TenantUsage) -> TenantUsage:
        own = await self._ask(self._dsn_of(name), _SQL["tenant_usage"])
        mart = await self._ask(
            self._mart_dsn_of(mart_database_of(name)), "SELECT pg_database_size(current_database()) AS bytes"
        )
        if own is not None:
            usage.database_bytes, usage.items = own["bytes"], own["items_estimated"]
            usage.open_items, usage.events, usage.agents = own["open_items"], own["events"], own["agents"]
        usage.mart_bytes = None if mart is None else mart["bytes"]
        return usage

    async def _ask(self, dsn: str, query: str) -> asyncpg.Record | None:
        try:
            connection = await open_connection(dsn)
        except (OSError, asyncpg.PostgresError):
            return None
        try:
            return await connection.fetchrow(query, timeout=10)
        except (TimeoutError, asyncpg.PostgresError):
            return None
        finally:
            await connection.close(timeout=5)


async def _opened(dsn: str) -> Connection:
    try:
        return await open_connection(dsn)
    except OSError as error:
        raise UnavailableError("the database cannot be reached", hint="try again in a moment") from error


async def _create(connection: Connection, name: str, template: str | None) -> None:
    copied = f" TEMPLATE {_quoted(template)}" if template is not None else ""
    try:
        await connection.execute(f"CREATE DATABASE {_quoted(name)}{copied}")
    except asyncpg.DuplicateDatabaseError:
        return
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConflictError(
            f"this installation may not make databases, and '{name}' is not there",
            code="databaseMissing",
            field="iwd.db.database",
            hint="have it made by whoever may, owned by this installation's role; then call again",
        ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _record(record: asyncpg.Record) -> TenantRecord:
    values = dict(record.items())
    tenant = Tenant(**{name: values.pop(name) for name in _TENANT})
    return TenantRecord(tenant=tenant, **{**values, "state": TenantState(values["state"])})


async def _audit(connection: Connection, entry: AuditEntry) -> None:
    await connection.execute(
        _SQL["audit"],
        *(entry.at, entry.actor, entry.action, entry.object_kind, entry.object_id, entry.detail),
    )


def _taken(error: Exception) -> Exception:
    if isinstance(error.__cause__, asyncpg.UniqueViolationError):
        field = "ccid" if "ccid" in str(error.__cause__) else "database"
        return DuplicateError(
            f"another tenant has this {field}", field=f"tenant.{field}", hint="choose another one"
        )
    return error
