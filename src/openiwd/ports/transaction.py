"""Needs: what a transaction may end with instead of a commit."""

from __future__ import annotations

from openiwd.domain.errors import InvalidInputError, UnavailableError


class RejectedRowsError(InvalidInputError):
    """The database refused a value of some row of the batch (it is halved until that row stands alone)."""

    code = "rejectedByStore"


class TransactionRetryError(UnavailableError):
    """Another transaction was in the way (deadlock, serialization, lock time-out): nothing was written; try again."""

    code = "retry"


class TookTooLongError(UnavailableError):
    """The database ended it: more was to be done than the time allows."""
