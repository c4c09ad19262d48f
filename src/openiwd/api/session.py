"""Logging in and out, and who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import Cookie, State
from litestar.params import JSONBody
from msgspec import Meta, Struct

from openiwd.api.call import SESSION_COOKIE, CurrentCall
from openiwd.api.editing import CurrentEditor
from openiwd.domain.privilege import Caller
from openiwd.usecases import own_user
from openiwd.usecases.login import log_in
from openiwd.usecases.own_user import OwnSettings, PasswordChange

_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class LoginInput(Struct, forbid_unknown_fields=True):
    login: _Text
    password: Annotated[str, Meta(min_length=1, max_length=1_000)]
    tenant: _Text | None = None
    """Needed when several tenants know the login."""
    code: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """Of the authenticator app, or a recovery code; needed by who has a second factor."""


class Me(Struct, kw_only=True, rename="camel"):
    """Who asks, and what they may."""

    tenant: str | None
    name: str
    actor: str
    login: str | None
    role: str | None
    agent: str | None
    language: str
    time_zone: str
    privileges: dict[str, str]
    csrf_token: str | None = None


class LoggedIn(Struct, kw_only=True, rename="camel"):
    csrf_token: str
    """To be sent as `X-CSRF-Token` with every change."""
    expires_at: datetime
    user: Me


def me_of(caller: Caller) -> Me:
    return Me(
        tenant=caller.tenant_id,
        name=caller.name,
        actor=caller.actor,
        login=caller.login,
        role=caller.role.value if caller.role else None,
        agent=caller.agent_id,
        language=caller.language,
        time_zone=caller.time_zone,
        privileges={k: v.value for k, v in sorted(caller.privileges.items())},
        csrf_token=caller.csrf_token,
    )


def session_cookie(token: str, *, secure: bool, expired: bool = False) -> Cookie:
    """The cookie of a session: not readable by scripts, not sent along from other sites."""
    return Cookie(
        key=SESSION_COOKIE,
        value=token,
        path="/",
        httponly=True,
        secure=secure,
        samesite="lax",
        max_age=0 if expired else None,
    )


def is_secure(request: Request[Any, Any, Any]) -> bool:
    """By TLS as far as the client: what a trusted gateway says of that is in the scheme already."""
    return request.url.scheme == "https"


@post("/sessions", tags=["users"], operation_id="login", status_code=201)
async def open_session(
    call: CurrentCall, request: Request[Any, Any, State], data: JSONBody[LoginInput]
) -> Response[LoggedIn]:
    """Logs in with login and password, and a code where there is a second factor (401 `codeNeeded`); ten wrong
    passwords or codes lock the login for 15 minutes.

    Failed attempts are limited by account and by address: 429 `tooManyLogins` with `Retry-After`.
    """
    token, session = await log_in(
        call.platform,
        data.login,
        data.password,
        data.tenant,
        code=data.code,
        previous=request.cookies.get(SESSION_COOKIE),
        device=request.headers.get("user-agent", ""),
        address=call.address,
    )
    caller = await call.platform.identities.caller_of_user(session.user, csrf_token=session.csrf_token)
    body = LoggedIn(csrf_token=session.csrf_token, expires_at=session.expires_at, user=me_of(caller))
    return Response(
        body,
        cookies=[session_cookie(token, secure=is_secure(request))],
        headers={"Cache-Control": "no-store"},
    )


@delete("/sessions/current", tags=["users"], operation_id="logout", status_code=204)
async def close_session(call: CurrentCall, request: Request[Any, Any, State]) -> Response[None]:
    """Logs out."""
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        await call.platform.identities.logout(token)
    return Response(None, cookies=[session_cookie("", secure=is_secure(request), expired=True)])


@get("/users/me", tags=["users"], operation_id="whoAmI")
async def who_am_i(call: CurrentCall) -> Me:
    """Who the API key or session belongs to, and what it may."""
    return me_of(call.caller)


@put("/users/me", tags=["users"], operation_id="changeOwnSettings")
async def change_settings(editor: CurrentEditor, data: JSONBody[OwnSettings]) -> OwnSettings:
    """Sets one's own language and time zone."""
    return await own_user.change_settings(editor, data)


@post("/users/me/password", tags=["users"], operation_id="changeOwnPassword", status_code=204)
async def change_password(
    editor: CurrentEditor, request: Request[Any, Any, State], data: JSONBody[PasswordChange]
) -> None:
    """Sets one's own password; the old one is asked for. One's other sessions end."""
    await own_user.change_password(editor, data, token=request.cookies.get(SESSION_COOKIE))


HANDLERS: Final[list[Any]] = [open_session, close_session, who_am_i, change_settings, change_password]
