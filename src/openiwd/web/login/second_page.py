"""The second step of logging in: the code of an authenticator app, or setting one up where the role asks for it."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.api.call import address_of
from openiwd.domain.errors import OpenIwdError, UnauthenticatedError
from openiwd.ports.control_store import User
from openiwd.usecases import login as login_use
from openiwd.usecases.platform import Platform
from openiwd.usecases.second_factor import Enrolment
from openiwd.web.login.half_login import HalfLogin, half_of
from openiwd.web.login.login_page import drawn, error_text, logged_in, login_form
from openiwd.web.login.qr_code import qr_path
from openiwd.web.shell.rendering import catalogue, html, redirect
from openiwd.web.shell.visit import (
    AnyRequest,
    CurrentPlatform,
    check_origin,
    language_of,
    session_token,
    theme_of,
)


def _context(request: AnyRequest, error: OpenIwdError | None) -> dict[str, Any]:
    return {
        "t": catalogue(language_of(request)),
        "theme": theme_of(request),
        "error": None if error is None else error_text(error, request, ask_tenant=False),
    }


def _code_form(request: AnyRequest, error: OpenIwdError | None = None) -> Response[Any]:
    return drawn("login/code.html", _context(request, error), error)


def _enrol_form(
    request: AnyRequest, user: User, enrolment: Enrolment, error: OpenIwdError | None = None
) -> Response[Any]:
    context = {
        **_context(request, error),
        "login": user.login,
        "secret": enrolment.secret,
        "qr": qr_path(enrolment.address),
    }
    return drawn("login/enrol.html", context, error)


@get("/login/code")
async def code_page(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """Asks for the code."""
    found = await half_of(platform, request)
    return redirect("/login") if found is None else _code_form(request)


@post("/login/code", status_code=200)
async def send_code(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """Opens the session for a right code; wrong ones count like wrong passwords."""
    check_origin(request)
    found = await half_of(platform, request)
    if found is None:
        return redirect("/login")
    half, _ = found
    code = str((await request.form()).get("code") or "").strip()[:100]
    return await _second_step(request, platform, half, code)


async def _second_step(request: AnyRequest, platform: Platform, half: HalfLogin, code: str) -> Response[Any]:
    try:
        token, session = await login_use.by_code(
            platform,
            half.tenant_id,
            half.login,
            code,
            previous=session_token(request),
            device=request.headers.get("user-agent", ""),
            address=address_of(request.scope),
        )
    except UnauthenticatedError as error:
        if error.code in ("wrongCode", "codeNeeded", "tooManyLogins"):
            return _code_form(request, error)
        return await login_form(request, platform, target=half.next_page, login=half.login, error=error)
    return logged_in(request, token, session, half.next_page)


@get("/login/enrol")
async def enrol_page(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """The QR code for the app, for whose role nothing goes without."""
    found = await half_of(platform, request)
    if found is None or found[1].second_factor_at is not None:
        return redirect("/login")
    user = found[1]
    return _enrol_form(request, user, await platform.identities.factors.pending(user))


@post("/login/enrol", status_code=200)
async def confirm_enrolment(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """A right code confirms the app, shows the recovery codes once, and opens the session."""
    check_origin(request)
    found = await half_of(platform, request)
    if found is None or found[1].second_factor_at is not None:
        return redirect("/login")
    half, user = found
    code = str((await request.form()).get("code") or "").strip()[:100]
    try:
        codes, token, session = await login_use.by_enrolment(
            platform,
            user,
            code,
            previous=session_token(request),
            device=request.headers.get("user-agent", ""),
            address=address_of(request.scope),
        )
    except UnauthenticatedError as error:
        return _enrol_form(request, user, await platform.identities.factors.pending(user), error)
    onward = logged_in(request, token, session, half.next_page)
    context = {**_context(request, None), "codes": codes, "onward": onward.headers["Location"]}
    answer = html("login/recovery.html", context)
    answer.cookies = onward.cookies
    return answer


PAGES: Final[list[Any]] = [code_page, send_code, enrol_page, confirm_enrolment]
