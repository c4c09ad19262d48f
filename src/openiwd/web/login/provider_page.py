"""Logging in at the tenant's identity provider: there, and back with a code."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get

from openiwd.api.call import address_of
from openiwd.domain.errors import OpenIwdError, UnauthenticatedError
from openiwd.usecases import login as login_use
from openiwd.usecases import provider_login
from openiwd.web.login.half_login import cookie
from openiwd.web.login.login_page import logged_in, login_form, safe_next
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import AnyRequest, CurrentPlatform, base_of, session_token

COOKIE: Final = "openiwd_provider"
BACK: Final = "/login/callback"


@get("/login/provider")
async def to_provider(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """On to the provider; what the answer has to fit stays with this browser, sealed."""
    tenant_id = request.query_params.get("tenant", "")
    target = safe_next(request.query_params.get("next"))
    try:
        redirect_uri = f"{await base_of(request, platform, tenant_id)}{BACK}"
        address, kept = await provider_login.begin(platform, tenant_id, redirect_uri, target)
    except OpenIwdError as error:
        return await login_form(request, platform, target=target, tenant_id=tenant_id, error=error)
    answer = redirect(address)
    answer.set_cookie(cookie(request, COOKIE, kept))
    return answer


@get(BACK)
async def from_provider(request: AnyRequest, platform: CurrentPlatform) -> Response[Any]:
    """Back from the provider: a session for a code that fits, else the log-in page with the reason."""
    query = request.query_params
    tenant_id, target = "", None
    try:
        begun = provider_login.opened(platform, request.cookies.get(COOKIE), query.get("state"))
        tenant_id, target = begun.tenant_id, begun.next_page
        code = query.get("code")
        if not code:
            told = query.get("error_description") or query.get("error") or "it says nothing"
            raise UnauthenticatedError(f"the provider let nobody in: {told[:200]}", code="providerDenied")
        token, session = await login_use.by_provider(
            platform,
            begun,
            code=code,
            issuer=query.get("iss"),
            previous=session_token(request),
            device=request.headers.get("user-agent", ""),
            address=address_of(request.scope),
        )
        answer = logged_in(request, token, session, target)
    except OpenIwdError as error:
        answer = await login_form(request, platform, target=target, tenant_id=tenant_id, error=error)
    answer.set_cookie(cookie(request, COOKIE, None))
    return answer


PAGES: Final[list[Any]] = [to_provider, from_provider]
