"""Says in the words of the ports what the driver's errors mean for the caller; the cause is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from prometheus_client import Counter

from openiwd.domain.errors import OpenIwdError, UnavailableError
from openiwd.ports.transaction import RejectedRowsError, TookTooLongError, TransactionRetryError

# Not OSError: one that is not of a lost connection (the pools tell about those) is of whoever uses the connection.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


errors = Counter("iwd_db_errors", "Errors of PostgreSQL, by what they mean.", ["kind"])


def translated(error: BaseException) -> OpenIwdError:
    """What a driver error means: try the transaction again, look for the row at fault, or wait. Counted."""
    kind, meaning = _meaning(error)
    errors.labels(kind).inc()
    return meaning


def _meaning(error: BaseException) -> tuple[str, OpenIwdError]:
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("40") or state == "55P03":
        return "retry", TransactionRetryError("another transaction was in the way", hint="try again")
    if state.startswith(("22", "23")):
        return "rejected", RejectedRowsError(
            "the database refuses a value", hint="send fewer items at once to find the one", sqlstate=state
        )
    if state in ("57014", "25P03", "25P04"):
        return "timeout", TookTooLongError("the database took too long", hint="try again in a moment")
    if not state or state.startswith(("08", "53", "57", "58")):
        return "away", UnavailableError("the database is away", hint="try again in a moment")
    return "other", OpenIwdError(f"the database answers {state}", code="internal")


@contextmanager
def driver_errors() -> Iterator[None]:
    """Translates whatever the driver raises inside."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translated(error) from error
