"""Logging in and out. Says which of the two went wrong no more than it must, and how long a lock lasts."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Response, get, post

from openiwd.api.call import address_of
from openiwd.domain.agent import AgentState
from openiwd.domain.errors import OpenIwdError, UnauthenticatedError
from openiwd.domain.privilege import Role
from openiwd.usecases import agent as agent_use
from openiwd.usecases import login as login_use
from openiwd.usecases import user
from openiwd.usecases.platform import Platform
from openiwd.web.shell.rendering import catalogue, html, redirect
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import (
    AnyRequest,
    CurrentPlatform,
    CurrentVisit,
    check_origin,
    language_of,
    now_utc,
    session_cookie,
    session_token,
    theme_of,
)


def safe_next(target: str | None) -> str | None:
    """Only paths of this site, so that a link cannot lead elsewhere after the login."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return None
    if not target.isprintable() or not target.isascii():
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target


async def _ask_tenant(platform: Platform) -> bool:
    return len([t for t in await platform.control.tenants() if t.active]) > 1


def _error(error: UnauthenticatedError, request: AnyRequest, *, ask_tenant: bool) -> dict[str, str]:
    t = catalogue(language_of(request))
    if error.code == "lockedOut":
        span = TimeText(t, "UTC", now_utc()).duration(int(error.details.get("retry_after", 0)))
        return {"title": t("login.locked"), "text": t("login.locked_hint", span=span)}
    if error.code == "tooManyLogins":
        span = TimeText(t, "UTC", now_utc()).duration(int(error.details.get("retry_after", 0)))
        return {"title": t("limits.logins"), "text": t("limits.logins_hint", span=span)}
    return {
        "title": t("login.wrong"),
        "text": t("login.wrong_tenant_hint" if ask_tenant else "login.wrong_hint"),
    }


@get("/login")
async def login_page(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """The form; who is logged in already goes on."""
    token = session_token(request)
    if token and await user.caller_of_session(platform, token) is not None:
        return redirect("/")
    return await _form(request, platform, target=safe_next(request.query_params.get("next")))


async def _form(
    request: AnyRequest,
    platform: Platform,
    *,
    target: str | None = None,
    login: str = "",
    tenant_id: str = "",
    error: UnauthenticatedError | None = None,
) -> Response[Any]:
    ask_tenant = await _ask_tenant(platform)
    context = {
        "t": catalogue(language_of(request)),
        "theme": theme_of(request),
        "ask_tenant": ask_tenant,
        "tenant_id": tenant_id,
        "login": login,
        "next": target,
        "error": _error(error, request, ask_tenant=ask_tenant) if error is not None else None,
    }
    if error is not None and error.code == "tooManyLogins":
        headers = {"Retry-After": str(error.details.get("retry_after", 1))}
        return html("login/login.html", context, status=429, headers=headers)
    return html("login/login.html", context, status=200 if error is None else 401)


@post("/login", status_code=200)
async def log_in(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """Opens a session; a fresh token each time, so that nobody can fix one beforehand."""
    check_origin(request)
    form = await request.form()
    login, tenant_id = str(form.get("login") or "").strip(), str(form.get("tenant") or "").strip()
    target = safe_next(str(form.get("next") or ""))
    try:
        token, session = await login_use.log_in(
            platform,
            login,
            str(form.get("password") or ""),
            tenant_id or None,
            previous=session_token(request),
            address=address_of(request.scope),
        )
    except UnauthenticatedError as error:
        return await _form(request, platform, target=target, login=login, tenant_id=tenant_id, error=error)
    home = "/workspace" if session.user.role == Role.AGENT.value else "/"
    answer = redirect(target or home)
    answer.set_cookie(session_cookie(request, token))
    return answer


@post("/logout", status_code=200)
async def log_out(visit: CurrentVisit) -> Response[Any]:
    """Ends the session; an agent is logged out of distribution, and keeps what is assigned."""
    caller = visit.caller
    if caller.agent_id is not None:
        try:
            agent = await agent_use.get(visit.services, caller.agent_id)
            if agent.logged_in:
                await agent_use.set_state(visit.services, agent.id, AgentState.LOGGED_OUT, caller=caller)
        except OpenIwdError:
            pass  # an agent profile that is gone must not keep anybody from logging out
    token = session_token(visit.request)
    if token:
        await user.logout(visit.platform, token)
    answer = redirect("/login")
    answer.set_cookie(session_cookie(visit.request, None))
    return answer


PAGES: Final[list[Any]] = [login_page, log_in, log_out]
