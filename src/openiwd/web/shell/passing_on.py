"""Hooks of pages that need the decider: where another process decides, it makes the page."""

from __future__ import annotations

from typing import Any

from litestar import Response

from openiwd.api.passing_on import pass_on
from openiwd.api.process import process_of
from openiwd.web.shell.visit import AnyRequest, session_token


async def by_decider(request: AnyRequest) -> Response[bytes] | None:
    """For what only the decider can do: waits for one during a takeover."""
    return await _pass_on(request, waits=True)


async def by_decider_if_any(request: AnyRequest) -> Response[bytes] | None:
    """For what the decider does better and the database can do as well."""
    return await _pass_on(request, waits=False)


async def why_by_decider(request: AnyRequest) -> Response[Any] | None:
    """The tab that says why an item waits; without a decider the page says what it knows."""
    tab = request.path_params.get("tab") or request.query_params.get("tab")
    return await _pass_on(request, waits=False) if tab == "why" else None


async def _pass_on(request: AnyRequest, *, waits: bool) -> Response[bytes] | None:
    """Only for who is logged in; what they may is judged by the process that answers."""
    platform = process_of(request).platform
    token = session_token(request)
    caller = await platform.identities.caller_of_session(token) if token else None
    if caller is None or caller.tenant_id is None:
        return None
    return await pass_on(request, platform, await platform.services(caller.tenant_id), waits=waits)
