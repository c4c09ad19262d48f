"""Logging in and out. Says which of the two went wrong no more than it must, and how long a lock lasts."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post

from openiwd.api.call import address_of
from openiwd.domain.agent import AgentState
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import Session
from openiwd.usecases import agent as agent_use
from openiwd.usecases import login as login_use
from openiwd.usecases import provider_login, user
from openiwd.usecases.login import CODE_NEEDED, ENROLMENT_NEEDED, HalfWay
from openiwd.usecases.platform import Platform
from openiwd.web.login.half_login import COOKIE, cookie, kept
from openiwd.web.shell.rendering import catalogue, html, redirect
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import (
    AnyRequest,
    CurrentPlatform,
    CurrentVisit,
    base_of,
    check_origin,
    language_of,
    now_utc,
    session_cookie,
    session_token,
    theme_of,
)

SAID: Final = {
    "providerOnly": "provider_only",
    "wrongCode": "wrong_code",
    "providerRefused": "refused",
    "providerAway": "away",
    "noProvider": "no_provider",
    "noRole": "no_role",
    "loginTaken": "taken",
    "unknownUser": "unknown",
    "inactive": "inactive",
    "noLogin": "no_login",
    "emailNotVerified": "not_verified",
}
"""What the log-in page says in the reader's language, by the error's code."""


SECOND_STEPS: Final = {CODE_NEEDED: "/login/code", ENROLMENT_NEEDED: "/login/enrol"}


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


def error_text(error: OpenIwdError, request: AnyRequest, *, ask_tenant: bool) -> dict[str, str]:
    t = catalogue(language_of(request))
    if error.code == "lockedOut":
        span = TimeText(t, "UTC", now_utc()).duration(int(error.details.get("retry_after", 0)))
        return {"title": t("login.locked"), "text": t("login.locked_hint", span=span)}
    if error.code == "tooManyLogins":
        span = TimeText(t, "UTC", now_utc()).duration(int(error.details.get("retry_after", 0)))
        return {"title": t("limits.logins"), "text": t("limits.logins_hint", span=span)}
    if error.code == "wrongLogin":
        return {
            "title": t("login.wrong"),
            "text": t("login.wrong_tenant_hint" if ask_tenant else "login.wrong_hint"),
        }
    known = SAID.get(error.code)
    if known is not None:
        return {"title": t(f"log_in.{known}"), "text": t(f"log_in.{known}_hint")}
    title = said(error.message, t)
    return {"title": f"{title[:1].upper()}{title[1:]}.", "text": said(error.hint or "", t)}


async def _provider(platform: Platform, tenant_id: str) -> tuple[str, str] | None:
    """The tenant (the only one, or the one that the address names) and its provider's name, where it has one."""
    active = [t.id for t in await platform.control.tenants() if t.active]
    chosen = active[0] if len(active) == 1 else tenant_id if tenant_id in active else None
    if chosen is None:
        return None
    provider = (await platform.control.login_settings(chosen)).settings.provider
    return None if provider is None else (chosen, provider.name or urlsplit(provider.issuer).netloc)


@get("/login")
async def login_page(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """The form; who is logged in already goes on."""
    token = session_token(request)
    if token and await user.caller_of_session(platform, token) is not None:
        return redirect("/")
    tenant_id = request.query_params.get("tenant", "")
    return await login_form(
        request, platform, target=safe_next(request.query_params.get("next")), tenant_id=tenant_id
    )


async def login_form(
    request: AnyRequest,
    platform: Platform,
    *,
    target: str | None = None,
    login: str = "",
    tenant_id: str = "",
    error: OpenIwdError | None = None,
) -> Response[Any]:
    """The page with its form, and with what went wrong."""
    ask_tenant = await _ask_tenant(platform)
    provider = await _provider(platform, tenant_id)
    context = {
        "t": catalogue(language_of(request)),
        "theme": theme_of(request),
        "ask_tenant": ask_tenant,
        "tenant_id": tenant_id[:64],
        "login": login,
        "next": target,
        "provider": None
        if provider is None
        else {
            "name": provider[1],
            "href": f"/login/provider?{urlencode({'tenant': provider[0], 'next': target or ''})}",
        },
        "error": error_text(error, request, ask_tenant=ask_tenant) if error is not None else None,
    }
    return drawn("login/login.html", context, error)


def drawn(template: str, context: dict[str, Any], error: OpenIwdError | None) -> Response[Any]:
    """A page of logging in, with the status that its error has."""
    if error is not None and error.code == "tooManyLogins":
        headers = {"Retry-After": str(error.details.get("retry_after", 1))}
        return html(template, context, status=429, headers=headers)
    return html(template, context, status=200 if error is None else 401)


@post("/login", status_code=200)
async def log_in(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """Opens a session; a fresh token each time, so that nobody can fix one beforehand."""
    check_origin(request)
    form = await request.form()
    login, tenant_id = str(form.get("login") or "").strip(), str(form.get("tenant") or "").strip()
    password, target = str(form.get("password") or ""), safe_next(str(form.get("next") or ""))
    try:
        found = await login_use.by_password(
            platform,
            login,
            password,
            tenant_id or None,
            previous=session_token(request),
            device=request.headers.get("user-agent", ""),
            address=address_of(request.scope),
        )
    except OpenIwdError as error:
        return await login_form(
            request, platform, target=target, login=login, tenant_id=tenant_id, error=error
        )
    if isinstance(found, HalfWay):
        answer = redirect(SECOND_STEPS[found.needs])
        answer.set_cookie(kept(platform, request, found.user, target))
        return answer
    token, session = found
    return logged_in(request, token, session, target)


def logged_in(request: AnyRequest, token: str, session: Session, target: str | None) -> Response[Any]:
    """To the page that was wanted, or to one's own."""
    home = "/workspace" if session.user.role == Role.AGENT.value else "/"
    answer = redirect(target or home)
    answer.set_cookie(session_cookie(request, token))
    answer.set_cookie(cookie(request, COOKIE, None))
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
    session = await visit.platform.control.session(user.hash_secret(token)) if token else None
    if token:
        await user.logout(visit.platform, token)
    onward = None
    if session is not None:
        back_to = f"{await base_of(visit.request, visit.platform, session.user.tenant_id)}/login"
        onward = await provider_login.log_out_address(visit.platform, session, back_to)
    if onward is None:
        answer = redirect("/login")
    else:  # a form may not lead to another site, a page may
        context = {"t": visit.t, "theme": theme_of(visit.request), "onward": onward}
        answer = html("login/logged_out.html", context)
    answer.set_cookie(session_cookie(visit.request, None))
    return answer


PAGES: Final[list[Any]] = [login_page, log_in, log_out]
