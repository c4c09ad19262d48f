"""A writing transaction with an end that the server sees to. Knows no SQL but its beginning and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from openiwd.adapters.postgres.connection import Connection

_SINCE_MAJOR = 17
"""Older servers have no limit of this kind."""


@asynccontextmanager
async def limited_transaction(connection: Connection, milliseconds: int) -> AsyncIterator[None]:
    """Committed at the end of the block, rolled back if it fails; after so many milliseconds the server ends it.

    The limit holds for this transaction, not for the session: the first use of a statement in a session prepares it,
    for the server a transaction begins with that, and it lasts until the client comes round to sending the rest. A
    limit of the session would end sessions whose client is merely slow, before they have done anything.
    """
    limited = connection.get_server_version().major >= _SINCE_MAJOR
    await connection.execute(f"BEGIN;SET LOCAL transaction_timeout={milliseconds}" if limited else "BEGIN")
    try:
        yield
    except BaseException:
        # What is still in a transaction after this is closed by the pool.
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            await connection.execute("ROLLBACK")
        raise
    if await connection.execute("COMMIT") != "COMMIT":
        # A failed transaction is rolled back at its COMMIT without an error; whoever wrote in it must hear of it.
        raise asyncpg.InFailedSQLTransactionError("the transaction had failed and is rolled back")
