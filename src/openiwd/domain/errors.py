"""The errors that the domain knows. Each carries a stable code; none knows HTTP."""

from __future__ import annotations

from typing import Any


class OpenIwdError(Exception):
    """Root of all errors that OpenIWD raises on purpose.

    `code` is stable and part of the API; `field` is the path of the input at fault (`data.plate`,
    `items[3].dueDateTime`); `hint` says what to do about it.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        hint: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.field = field
        self.hint = hint
        self.details = details


class InvalidInputError(OpenIwdError):
    """A value is missing, of the wrong type or out of range. Nothing was changed."""

    code = "invalidInput"


class TooLargeError(OpenIwdError):
    """The input is larger than the documented limit. Nothing was changed."""

    code = "tooLarge"


class NotFoundError(OpenIwdError):
    """The object named does not exist in this tenant."""

    code = "notFound"


def no_such_item(named: object, field: str = "id") -> NotFoundError:
    """The same words for an item that is not there and for one that lies outside of the caller's reach."""
    return NotFoundError(
        f"there is no item {named}",
        field=field,
        hint="check the id; deleted items live on in the log only",
    )


class DuplicateError(OpenIwdError):
    """The captureId exists already with other content."""

    code = "duplicate"


class InvalidTransitionError(OpenIwdError):
    """The lifecycle does not allow this action in the item's current status."""

    code = "invalidTransition"


class RevisionMismatchError(OpenIwdError):
    """The item has changed since the revision that the caller named."""

    code = "revisionMismatch"


class ConflictError(OpenIwdError):
    """The request contradicts the present state (an offer that has ended, an agent at capacity)."""

    code = "conflict"


class UnauthenticatedError(OpenIwdError):
    """No valid session or API key came with the request."""

    code = "unauthenticated"


class ForbiddenError(OpenIwdError):
    """The caller lacks the privilege."""

    code = "forbidden"


class RuleSetError(OpenIwdError):
    """A rule set cannot be compiled; `field` is the path inside the document."""

    code = "invalidRuleSet"


class RuleError(OpenIwdError):
    """A rule failed on an item: the item becomes errorheld with this text."""

    code = "ruleError"


class UnavailableError(OpenIwdError):
    """A part that the request needs is away for the moment; try again."""

    code = "unavailable"


class DegradedError(UnavailableError):
    """A part is away, and all goes on without it, only less well."""


class LimitedError(OpenIwdError):
    """The caller asks too often; `retry_after` in the details says after how many seconds to come again."""

    code = "rateLimited"


class FencedError(OpenIwdError):
    """This decider's epoch is over: another one has taken over."""

    code = "fenced"
