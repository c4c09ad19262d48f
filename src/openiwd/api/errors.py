"""The only place where errors become answers: which error has which status, and the problem document of each.

Knows every error of the domain and of the framework; decides nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from openiwd.domain.errors import (
    ConflictError,
    DuplicateError,
    FencedError,
    ForbiddenError,
    InvalidInputError,
    InvalidTransitionError,
    LimitedError,
    NotFoundError,
    OpenIwdError,
    RevisionMismatchError,
    RuleError,
    RuleSetError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

PROBLEM_JSON: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:openiwd:problem:"

STATUS: Final[dict[type[OpenIwdError], int]] = {
    InvalidInputError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    DuplicateError: 409,
    InvalidTransitionError: 409,
    RevisionMismatchError: 412,
    TooLargeError: 413,
    RuleSetError: 422,
    RuleError: 422,
    LimitedError: 429,
    UnavailableError: 503,
    FencedError: 503,
}

STATUS_OF_CODE: Final[dict[str, int]] = {
    "clientGone": 400,
    "tooSlow": 408,
    "clockBackwards": 409,
    "duplicateId": 409,
    "gone": 410,
    "unsupportedMediaType": 415,
    "headTooLarge": 431,
    "idempotencyMismatch": 422,
    "lockedOut": 429,
    "overloaded": 429,
    "tooManyLogins": 429,
}
"""Codes whose status differs from that of their error."""

CODE_OF_STATUS: Final[dict[int, str]] = {
    400: "invalidInput",
    401: "unauthenticated",
    403: "forbidden",
    404: "notFound",
    405: "methodNotAllowed",
    406: "notAcceptable",
    411: "lengthRequired",
    413: "tooLarge",
    415: "unsupportedMediaType",
    429: "overloaded",
    503: "unavailable",
}

_CAMEL: Final = re.compile(r"_([a-z0-9])")
_log = structlog.get_logger("openiwd.api")


class FieldProblem(msgspec.Struct, omit_defaults=True):
    """One fault of several."""

    detail: str
    field: str | None = None
    hint: str | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 has it: `code` is stable, `field` is the path of what is at fault, `hint` what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    hint: str | None = None
    errors: list[FieldProblem] = []
    """All faults, where there are several."""


def status_of(error: OpenIwdError) -> int:
    """The status of an error: by its code where that is special, else by the nearest class in the table."""
    by_code = STATUS_OF_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((STATUS[c] for c in type(error).__mro__ if c in STATUS), 500)


def problem_of(error: OpenIwdError) -> dict[str, Any]:
    """The problem document of an error; its details become members of their own."""
    status = status_of(error)
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    if error.field is not None:
        document["field"] = error.field
    if error.hint is not None:
        document["hint"] = error.hint
    for name, value in error.details.items():
        key = _CAMEL.sub(lambda m: m[1].upper(), name)
        if key == "status":
            key = "currentStatus"
        if value is not None:
            document[key] = _plain(value)
    return document


def _plain(value: Any) -> Any:
    if key_errors := isinstance(value, list) and all(isinstance(v, Mapping) for v in value):
        return (
            [
                {("detail" if k == "message" else k): v for k, v in each.items() if v is not None}
                for each in value
            ]
            if key_errors
            else value
        )
    return str(value) if isinstance(value, UUID) else value


def headers_of(error: OpenIwdError) -> dict[str, str]:
    """Retry-After for what passes, WWW-Authenticate for who is unknown."""
    status = status_of(error)
    headers = {}
    retry = error.details.get("retry_after", error.details.get("retry_after_seconds"))
    if status in (429, 503):
        headers["retry-after"] = str(int(retry) if retry is not None else 1)
    if status == 401:
        headers["www-authenticate"] = 'ApiKey header="x-api-key"'
    if isinstance(error, LimitedError):
        told = error.details
        headers["ratelimit-policy"] = policy_header(told["policy"], told["limit"], told["window_seconds"])
        headers["ratelimit"] = limit_header(told["policy"], 0, told["retry_after"])
    return headers


def policy_header(name: str, burst: int, window_seconds: int) -> str:
    """`RateLimit-Policy` as the draft of the IETF's HTTPAPI group has it: so many requests in so many seconds."""
    return f'"{name}";q={burst};w={window_seconds}'


def limit_header(name: str, left: int, seconds: int) -> str:
    """`RateLimit`: so many are left now; after so many seconds there is more."""
    return f'"{name}";r={left};t={seconds}'


def answer(error: OpenIwdError) -> Response[bytes]:
    """The answer to a request that failed."""
    return Response(
        content=msgspec.json.encode(problem_of(error)),
        status_code=status_of(error),
        media_type=PROBLEM_JSON,
        headers={**headers_of(error), "cache-control": "no-store"},
    )


def as_known(error: Exception) -> OpenIwdError | None:
    """The error in our words; None for what nobody expected."""
    if isinstance(error, OpenIwdError):
        return error if status_of(error) < 500 or isinstance(error, UnavailableError | FencedError) else None
    if isinstance(error, HTTPException):
        return _of_framework(error) if error.status_code < 500 else None
    if isinstance(error, UnicodeDecodeError | UnicodeEncodeError):
        return InvalidInputError(
            "the request holds text that is not UTF-8", code="invalidText", hint="send valid UTF-8"
        )
    return None


class _FrameworkError(OpenIwdError):
    """What the framework refuses before a handler is reached."""


def _of_framework(error: HTTPException) -> OpenIwdError:
    extra = error.extra if isinstance(error.extra, list) else []
    faults = [
        {"detail": str(e.get("message", "")), "field": str(e["key"]) if e.get("key") else None}
        for e in extra
        if isinstance(e, dict)
    ]
    field = str(faults[0]["field"]) if faults and faults[0]["field"] else None
    detail = faults[0]["detail"] if faults else error.detail
    match error.status_code:
        case 400:
            return InvalidInputError(
                str(detail),
                field=field,
                hint="see the parameters of this call",
                errors=faults if len(faults) > 1 else None,
            )
        case 404:
            return NotFoundError("there is no such path", hint="see /iwd/v3/docs")
        case 413:
            return TooLargeError("the request is larger than this call allows", hint="send less at once")
        case 415:
            return InvalidInputError(
                error.detail, code="unsupportedMediaType", field="Content-Type", hint="send application/json"
            )
        case 405:
            raised = _FrameworkError(
                "this path does not know this method", code="methodNotAllowed", hint="see /iwd/v3/docs"
            )
            return raised
        case status:
            return _FrameworkError(error.detail, code=CODE_OF_STATUS.get(status, "invalidInput"))


STATUS[_FrameworkError] = 400
STATUS_OF_CODE["methodNotAllowed"] = 405


def unexpected(error: Exception, path: str) -> OpenIwdError:
    """Logs what nobody expected, under an id that the answer names; the answer says nothing else about it."""
    incident = str(uuid4())
    _log.error("unexpected error", incident=incident, path=path, exc_info=error)
    return OpenIwdError(
        "something went wrong on our side",
        code="internal",
        hint="the log has more under the incident's id",
        incident=incident,
    )


def _handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    known = as_known(error)
    response = answer(known if known is not None else unexpected(error, request.scope.get("path", "")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update({k.lower(): v for k, v in error.headers.items() if k.lower() == "allow"})
    return response


HANDLERS: Final[ExceptionHandlersMap] = {Exception: _handle, HTTPException: _handle}
