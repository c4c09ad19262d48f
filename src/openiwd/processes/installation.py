"""Which installation a command is for: the database that is named, or the one in a data folder of `openiwd up`.

A folder in use is reached through the PostgreSQL that runs there; for any other it runs as long as the command does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from openiwd.adapters.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, default_data_dir
from openiwd.adapters.embedded_postgres.running import has_data, running_dsn
from openiwd.domain.errors import InvalidInputError
from openiwd.processes.bootstrap import CONTROL_DATABASE, secret_key
from openiwd.processes.database import database_dsn
from openiwd.processes.settings import Settings, environment


@asynccontextmanager
async def installation(
    settings: Settings, folder: Path | None, *, make: bool = False
) -> AsyncIterator[Settings]:
    """The settings with the control database, and the key of sealed secrets, that are meant. `make`: the folder named
    may be empty or missing. InvalidInputError where nothing, or no single folder, is meant.
    """
    if folder is None and settings.database_url is not None:
        yield settings
        return
    data_dir = (folder or settings.data_dir or _usual_folder()).absolute()
    if not make and not has_data(data_dir):
        raise InvalidInputError(
            f"{data_dir} is no data folder of OpenIWD",
            field="--data",
            hint="name the folder that `openiwd up` prints as Data, or set OPENIWD_DATABASE_URL",
        )
    own = EmbeddedPostgres(data_dir)
    try:
        await own.start()
        dsn = database_dsn(own.dsn(), CONTROL_DATABASE)
    except EmbeddedPostgresError as error:
        if error.code != "dataInUse":
            raise
        dsn = await running_dsn(data_dir, CONTROL_DATABASE)
    try:
        yield replace(settings, database_url=dsn, data_dir=data_dir, secret_keys=(secret_key(data_dir),))
    finally:
        await own.stop()  # one that another process runs is left alone


def _usual_folder() -> Path:
    """Where `openiwd up` keeps its data, if it has run here in one way only."""
    usual = [default_data_dir(environment(), name=name) for name in ("default", "demo")]
    found = [each for each in usual if has_data(each)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInputError(
            f"there are two data folders here: {found[0]} and {found[1]}",
            field="--data",
            hint="name one of them with --data",
        )
    raise InvalidInputError(
        "no database is named",
        field="OPENIWD_DATABASE_URL",
        hint="set it to the control database, for example postgresql://openiwd@db/openiwd; "
        "or name a data folder of `openiwd up` with --data",
    )
