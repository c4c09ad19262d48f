"""Hooks of routes that need the decider: where another process decides, its answer is given instead of one's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request, Response

from openiwd.api.call import Call
from openiwd.ports.peer import PeerRequest
from openiwd.usecases.platform import Platform, TenantServices

_OF_THE_RESPONSE: Final = frozenset({"content-type", "set-cookie"})
"""Set by itself, or never by the routes in question."""
Hook = Callable[[Request[Any, Any, Any]], Awaitable[Response[bytes] | None]]
"""Runs before a handler; None lets the handler answer."""


async def pass_on(
    request: Request[Any, Any, Any], platform: Platform, services: TenantServices, *, waits: bool
) -> Response[bytes] | None:
    """The answer of the process that decides for the tenant; None when this one is to answer."""
    if services.decider is not None or platform.passing_on is None:
        return None
    answer = await platform.passing_on.answer(services, await _as_it_came(request), waits=waits)
    if answer is None:
        return None
    response = Response(
        answer.body, status_code=answer.status, media_type=answer.header("content-type") or "text/plain"
    )
    response.headers.update({k: v for k, v in answer.headers if k.lower() not in _OF_THE_RESPONSE})
    return response


async def _as_it_came(request: Request[Any, Any, Any]) -> PeerRequest:
    scope = request.scope
    query = scope.get("query_string", b"").decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return PeerRequest(
        method=request.method,
        target=f"{path}?{query}" if query else path,
        headers=[(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]],
        body=await request.body(),
    )


async def by_decider(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """For what only the decider can do: waits for one during a takeover."""
    call: Call = request.scope["state"]["call"]
    return await pass_on(request, call.platform, call.services, waits=True)


async def by_decider_if_any(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """For what the decider knows better: without one the handler says what it knows."""
    call: Call = request.scope["state"]["call"]
    return await pass_on(request, call.platform, call.services, waits=False)
