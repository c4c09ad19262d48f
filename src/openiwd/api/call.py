"""One request as handlers see it: who asks, for which tenant, at which instant. Identifies and admits callers."""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures.state import State
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.handlers.base import BaseRouteHandler

from openiwd.api.authorisation import ROUTES, Access, require
from openiwd.api.decoding import decode, require_json
from openiwd.api.process import process_of
from openiwd.domain.errors import ForbiddenError, InvalidInputError, OpenIwdError
from openiwd.domain.privilege import Caller
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.usecases.command import Done
from openiwd.usecases.item_view import ItemView, item_view
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.rate_limits import Allowance

SESSION_COOKIE: Final = "openiwd_session"
KEY_HEADER: Final = "x-api-key"
CSRF_HEADER: Final = "x-csrf-token"
NOW_HEADER: Final = "x-openiwd-now"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Call:
    """A request that was let in."""

    def __init__(
        self,
        platform: Platform,
        caller: Caller | None,
        services: TenantServices | None,
        headers: Mapping[str, str],
        allowance: Allowance | None = None,
        address: str | None = None,
    ) -> None:
        self.allowance = allowance
        """What is left of the caller's rate limit."""
        self.address = address
        """Where the request comes from."""
        self.platform = platform
        self._caller = caller
        self._services = services
        self.headers = headers

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise ForbiddenError("nobody is logged in")
        return self._caller

    @property
    def services(self) -> TenantServices:
        if self._services is None:
            raise ForbiddenError(
                "the platform's key belongs to no tenant",
                code="tenantNeeded",
                hint="use an API key of the tenant",
            )
        return self._services

    @property
    def now(self) -> datetime:
        return self.services.runtime.now()

    async def rules(self) -> CompiledRuleSet:
        return await self.services.runtime.rules()

    @property
    def if_match(self) -> int | None:
        """The revision that the caller expects, from `If-Match: "7"`."""
        text = self.headers.get("if-match")
        if text is None or text.strip() == "*":
            return None
        digits = text.strip().removeprefix("W/").strip('"')
        if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
            raise InvalidInputError(
                f"If-Match '{text[:40]}' is no revision",
                field="If-Match",
                hint='send the ETag, for example "7"',
            )
        return int(digits)

    async def view(self, done: Done) -> ItemView:
        """The item after a change, in its public form."""
        return item_view(done.item, await self.rules(), self.now)


async def admit(
    platform: Platform,
    route: str,
    method: str,
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
    address: str | None,
) -> Call:
    """Who asks, whether they may and not too often, and the tenant's services with its clock set."""
    is_public = ROUTES.get(route) is Access.PUBLIC
    caller = await identify(platform, headers, cookies, changes=method not in _READING and not is_public)
    allowance = await within_limits(platform, caller, None if is_public else address)
    require(route, caller)
    services = None
    if caller is not None and caller.tenant_id is not None:
        services = await platform.services(caller.tenant_id)
        await within_share(platform, services)
        _set_clock(services, caller, headers.get(NOW_HEADER))
    return Call(platform, caller, services, headers, allowance, address)


async def within_limits(platform: Platform, caller: Caller | None, address: str | None) -> Allowance | None:
    """Counts a request: a caller's by key or person, anybody else's by address. LimitedError when it was too many."""
    limits = platform.limits
    if limits is None:
        return None
    if caller is not None:
        limit = limits.limits.key if caller.csrf_token is None else limits.limits.user
        return await limits.admit(limit, f"{caller.tenant_id}/{caller.actor}/{caller.name}")
    return await limits.admit(limits.limits.address, address) if address is not None else None


async def within_share(platform: Platform, services: TenantServices) -> None:
    """Counts a request for its tenant, whoever sends it. LimitedError when all of the tenant send too many."""
    if platform.limits is not None:
        await platform.limits.admit(services.request_limit, services.tenant.id)


def address_of(scope: Any) -> str | None:
    """Where a request comes from; behind a trusted gateway what that says of it."""
    client = scope.get("client")
    return None if client is None else str(client[0])


async def identify(
    platform: Platform,
    headers: Mapping[str, str],
    cookies: Mapping[str, str],
    *,
    changes: bool,
    prolong: bool = True,
) -> Caller | None:
    """The holder of the API key, else of the session; a session's change needs its CSRF token along."""
    key = headers.get(KEY_HEADER)
    if key is not None:
        return await platform.identities.caller_of_key(key)
    token = cookies.get(SESSION_COOKIE)
    if not token:
        return None
    caller = await platform.identities.caller_of_session(token, prolong=prolong)
    if caller is not None and changes:
        sent = headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode("utf-8", "replace"), (caller.csrf_token or "").encode()):
            raise ForbiddenError(
                "the request does not carry the session's token",
                code="csrf",
                field="X-CSRF-Token",
                hint="send the token of the login",
            )
    return caller


def _set_clock(services: TenantServices, caller: Caller, text: str | None) -> None:
    """A tenant with a virtual clock takes now from the request; others refuse to be told."""
    if text is None:
        return
    clock = services.runtime.virtual
    if clock is None:
        raise InvalidInputError(
            "this tenant's clock is real",
            field="X-OpenIWD-Now",
            code="clockIsReal",
            hint="leave the header out",
        )
    caller.require("clock.set")
    clock.advance(instant(text, "X-OpenIWD-Now"))


def instant(text: str, field: str) -> datetime:
    """An instant with an offset, as headers and query parameters write it."""
    try:
        # '+' of an offset arrives as a blank where a query was not encoded
        value = msgspec.convert(text.strip().replace(" ", "+"), datetime)
    except msgspec.ValidationError:
        value = None
    if value is None or value.tzinfo is None:
        raise InvalidInputError(
            f"'{text[:60]}' is no instant",
            field=field,
            hint="write it with an offset, for example 2026-03-01T09:00:00+01:00",
        )
    return value


def route_of(method: str, template: str) -> str:
    """The key of a route in the table; HEAD asks what GET may."""
    return f"{'GET' if method == 'HEAD' else method} {template}"


async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Runs before every handler: the only way in."""
    scope = connection.scope
    method = str(scope.get("method", "GET"))
    if method == "OPTIONS":
        return
    if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise InvalidInputError("the address holds a NUL character", code="invalidText", hint="remove %00")
    platform = process_of(connection).platform
    route = route_of(method, scope["path_template"])
    scope["state"]["call"] = await admit(
        platform, route, method, connection.headers, connection.cookies, address_of(scope)
    )


CurrentCall = NamedDependency[Call]
"""A handler's argument `call`."""


async def provide_call(request: Request[Any, Any, Any]) -> Call:
    """The call as a handler's argument `call`."""
    call: Call = request.scope["state"]["call"]
    return call


class ClientGoneError(OpenIwdError):
    """Whoever asked has left before the request was complete: nothing was done, and nobody hears the answer."""

    code = "clientGone"


class PatientRequest(Request[Any, Any, State]):
    """Tells a client that leaves from a fault of ours."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in super().stream():
                yield chunk
        except InternalServerException as error:
            if not self.is_connected:
                raise
            raise ClientGoneError("the client has left before its request was complete") from error


class StrictRequest(PatientRequest):
    """Reads JSON bodies straight into the type that the handler asks for, strictly and with our errors."""

    async def json(self) -> Any:
        require_json(self.headers.get("content-type"))
        body = await self.body()
        field = self.route_handler.parsed_data_field
        return decode(body, field.annotation if field is not None else Any)
