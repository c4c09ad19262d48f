"""The one way into the UI's pages: who asks, and whether the table of routes lets them. Runs before every handler."""

from __future__ import annotations

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from openiwd.api.process import process_of
from openiwd.domain.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from openiwd.domain.privilege import Caller, Role
from openiwd.usecases import user
from openiwd.web.authorisation import ROUTES, Need
from openiwd.web.shell.rendering import catalogue

SESSION_COOKIE: Final = "openiwd_session"


class LoginNeededError(UnauthenticatedError):
    """There is no session, or it is over: the login page comes next."""


def route_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The key of a route in the table; HEAD asks what GET may."""
    method = str(connection.scope.get("method", "GET"))
    return f"{'GET' if method == 'HEAD' else method} {connection.scope['path_template']}"


async def admit(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Lets the visitor on to the handler, or says what is missing; a route that is not listed lets nobody in."""
    if str(connection.scope.get("method")) == "OPTIONS":
        return
    need = ROUTES.get(route_of(connection))
    if need is None:
        raise NotFoundError("there is no such page")
    if need.is_public:
        return
    platform = process_of(connection).platform
    token = connection.cookies.get(SESSION_COOKIE)
    caller = await user.caller_of_session(platform, token) if token else None
    if caller is None or caller.tenant_id is None:
        raise LoginNeededError("log in first", code="loginNeeded")
    require(need, caller)
    connection.scope["state"]["caller"] = caller


def require(need: Need, caller: Caller) -> None:
    """ForbiddenError naming what the visitor lacks."""
    t = catalogue(caller.language)
    if need.supervising and caller.role is Role.AGENT:
        raise ForbiddenError(t("error.not_for_agents"), hint=t("error.not_for_agents_hint"))
    if need.agent and caller.agent_id is None:
        raise ForbiddenError(t("workspace.no_agent"), code="noAgent", hint="ask an administrator to add one")
    for privilege in need.privileges:
        caller.require(privilege)
