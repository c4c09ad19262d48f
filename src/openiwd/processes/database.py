"""Databases of a server by name: connection strings, and making one that is not there."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg


def database_dsn(control_dsn: str, database: str) -> str:
    """The same server and user, another database."""
    parts = urlsplit(control_dsn)
    return urlunsplit(parts._replace(path="/" + quote(database, safe="")))


def database_of(dsn: str) -> str:
    """The database that a connection string names."""
    return unquote(urlsplit(dsn).path.lstrip("/"))


async def ensure_database(server_dsn: str, name: str) -> None:
    """Creates the database if it is not there. `server_dsn` names any database of the server."""
    connection = await asyncpg.connect(server_dsn, timeout=10)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            quoted = '"' + name.replace('"', '""') + '"'
            await connection.execute(f"CREATE DATABASE {quoted}")
    except asyncpg.DuplicateDatabaseError:
        return
    finally:
        await connection.close()
