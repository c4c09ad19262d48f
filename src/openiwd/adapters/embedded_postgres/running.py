"""Finds the embedded PostgreSQL that another process runs on a data folder. Starts, stops and changes nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import quote

import asyncpg

from openiwd.adapters.embedded_postgres.cluster import DATABASE_USER, PASSWORD_FILE
from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError
from openiwd.adapters.embedded_postgres.orphan import PID_FILE
from openiwd.adapters.embedded_postgres.server import CLUSTER_DIR

WAIT_SECONDS: Final = 20.0
"""So long a server that is just being started, or started again, is waited for."""
POLL_SECONDS: Final = 0.1
_PORT_LINE: Final = 3
_SOCKET_LINE: Final = 4


def has_data(data_dir: Path) -> bool:
    """Whether the folder is one that an embedded PostgreSQL has written."""
    try:
        return (data_dir / CLUSTER_DIR / "PG_VERSION").is_file()
    except PermissionError as error:
        raise _of_another(data_dir) from error


def _of_another(data_dir: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"The data folder {data_dir} belongs to another user.",
        hint="Use the account that runs `openiwd up`.",
    )


async def running_dsn(data_dir: Path, database: str, *, wait_seconds: float = WAIT_SECONDS) -> str:
    """Connection string of a database of the server that runs there, once it answers."""
    deadline = monotonic() + wait_seconds
    while True:
        try:
            place = _place(data_dir)
            if place is not None and await _answers(place.format(database="postgres")):
                return place.format(database=quote(database, safe=""))
        except PermissionError as error:
            raise _of_another(data_dir) from error
        if monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"The data folder {data_dir} is in use, but its PostgreSQL does not answer.",
                hint="See the end of postgres.log in it; is `openiwd up` starting, or stopping?",
            )
        await asyncio.sleep(POLL_SECONDS)


def _place(data_dir: Path) -> str | None:
    """As the server's own file tells where it listens, with a gap for the database; None while it does not tell."""
    try:
        lines = (data_dir / CLUSTER_DIR / PID_FILE).read_text().splitlines()
        password = (data_dir / PASSWORD_FILE).read_text().strip()
    except FileNotFoundError:
        return None
    if len(lines) <= _SOCKET_LINE or not lines[_SOCKET_LINE]:
        return None
    place = f"host={quote(lines[_SOCKET_LINE])}&port={lines[_PORT_LINE]}"
    return f"postgresql://{DATABASE_USER}:{password}@/{{database}}?{place}"


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except PermissionError:
        raise
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await connection.close()
    return True
