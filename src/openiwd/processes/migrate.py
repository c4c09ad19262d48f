"""Brings the control database and those of active tenants to this version's schema, or says what that would take."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from openiwd.adapters.postgres.migrate import current, migrate, pending
from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import History
from openiwd.domain.errors import InvalidInputError
from openiwd.processes.database import database_dsn, ensure_database
from openiwd.processes.settings import Settings
from openiwd.processes.wiring import Wiring


class Outcome(Struct, frozen=True, kw_only=True):
    """One database: what was (or would be) applied, or why it is as it was."""

    database: str
    revisions: tuple[str, ...] = ()
    error: str | None = None


def _control(settings: Settings) -> str:
    if settings.database_url is None:
        raise InvalidInputError(
            "no database is named",
            field="OPENIWD_DATABASE_URL",
            hint="set it to the control database, for example postgresql://openiwd@db/openiwd",
        )
    return settings.database_url


async def _tenants(control_dsn: str) -> list[tuple[str, str]]:
    """(name, DSN) of the databases of active tenants."""
    wiring = Wiring(control_dsn, budget=2)
    try:
        tenants = [t for t in await wiring.control.tenants() if t.active]
    finally:
        await wiring.close()
    return [(f"tenant {t.id}", database_dsn(control_dsn, t.database_name)) for t in tenants]


async def migrate_all(settings: Settings) -> list[Outcome]:
    """Can be repeated, and run beside another: each database is migrated once. A failure stops no other tenant's."""
    control_dsn = _control(settings)
    (first,) = await _run([("control", control_dsn)], History.CONTROL)
    if first.error is not None:
        return [first]
    return [first, *await _run(await _tenants(control_dsn), History.TENANT)]


async def _run(databases: Sequence[tuple[str, str]], history: History) -> list[Outcome]:
    results = await migrate([(history, dsn) for _, dsn in databases]) if databases else []
    return [
        Outcome(database=name, error=str(result))
        if isinstance(result, MigrationError)
        else Outcome(database=name, revisions=result)
        for (name, _), result in zip(databases, results, strict=True)
    ]


async def check_all(settings: Settings) -> list[Outcome]:
    """What `migrate_all` would apply; changes nothing."""
    control_dsn = _control(settings)
    outcomes = [Outcome(database="control", revisions=await pending(History.CONTROL, control_dsn))]
    if await current(control_dsn) is not None:
        outcomes += [
            Outcome(database=name, revisions=await pending(History.TENANT, dsn))
            for name, dsn in await _tenants(control_dsn)
        ]
    return outcomes


async def create_control_database(settings: Settings) -> None:
    """Where the role may create databases and this one is not there yet."""
    control_dsn = _control(settings)
    name = control_dsn.partition("?")[0].rpartition("/")[2]
    await ensure_database(database_dsn(control_dsn, "postgres"), name)
