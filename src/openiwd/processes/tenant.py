"""Opens the platform for commands about tenants: by the databases alone, without any server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openiwd.adapters.postgres.migrate import migrate_control
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.privilege import Caller, system
from openiwd.processes.bootstrap import (
    CONTROL_DATABASE,
    PLATFORM_PRIVILEGES,
    new_api_key,
)
from openiwd.processes.database import database_dsn, database_of, ensure_database
from openiwd.processes.identity import new_id
from openiwd.processes.settings import Settings
from openiwd.processes.wiring import Wiring

BUDGET = 8
"""Connections that a command takes for itself."""


def by_command() -> Caller:
    """Whoever may use the databases may do all of it."""
    return system("command line")


@asynccontextmanager
async def platform(settings: Settings) -> AsyncIterator[Wiring]:
    """The installation that OPENIWD_DATABASE_URL names; its control database is made and brought up to date."""
    if settings.database_url is None:
        raise InvalidInputError(
            "no database is named",
            field="OPENIWD_DATABASE_URL",
            hint="set it to the control database, for example postgresql://openiwd@db/openiwd",
        )
    name = database_of(settings.database_url) or CONTROL_DATABASE
    await ensure_database(database_dsn(settings.database_url, "postgres"), name)
    await migrate_control(settings.database_url)
    wiring = Wiring(
        settings.database_url,
        budget=BUDGET,
        secret_keys=settings.secret_keys,
        mart_server=settings.mart_server_url,
        search=settings.search,
    )
    try:
        yield wiring
    finally:
        await wiring.close()


async def make_platform_key(wiring: Wiring, name: str) -> str:
    """A key that makes tenants, and nothing else; told once."""
    secret, _ = await wiring.platform.identities.create_key(
        new_id(), None, name, privileges=PLATFORM_PRIVILEGES, secret=new_api_key()
    )
    return secret
