"""Liveness, and readiness with the state of each dependency."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from openiwd.api.metrics import Metrics
from openiwd.domain.errors import DegradedError, OpenIwdError
from openiwd.usecases.platform import Platform

Check = Callable[[], Awaitable[None]]
"""Raises when the dependency is away; DegradedError when all goes on without it."""
TIMEOUT_SECONDS: Final = 3.0


class Live(Struct):
    status: str = "ok"


class Dependency(Struct):
    status: str
    detail: str | None = None


class Ready(Struct):
    """`ready`; `degraded` when something is away that can be done without, or whose work waits meanwhile; `unavailable`
    while a dependency that all need is away; `draining` before the process ends.
    """

    status: str
    dependencies: dict[str, Dependency]


class Readiness:
    """The dependencies of this process and how to ask after them."""

    def __init__(self, platform: Platform, checks: Mapping[str, Check] | None = None) -> None:
        self._platform = platform
        self._checks: dict[str, Check] = {"controlDatabase": self._control, **(checks or {})}
        self._lesser: dict[str, Check] = {}
        """Without these all works, though something is slower or later."""
        if platform.search_server is not None:
            self._lesser["search"] = platform.search_server.ping

    async def _control(self) -> None:
        await self._platform.control.live_processes()

    async def state(self) -> Ready:
        """Asks all at once, each for a short time."""
        names = list(self._checks)
        states = await asyncio.gather(*(self._ask(self._checks[n]) for n in names))
        lesser = {name: await self._ask(check) for name, check in self._lesser.items()}
        found = dict(zip(names, states, strict=True)) | self._routers_away()
        found |= {n: s if s.status == "ok" else Dependency("degraded", s.detail) for n, s in lesser.items()}
        return Ready(self._status(list(found.values())), found)

    def _status(self, states: Sequence[Dependency]) -> str:
        if self._platform.is_draining:
            return "draining"
        told = {s.status for s in states}
        return "unavailable" if "unavailable" in told else "degraded" if "degraded" in told else "ready"

    def _routers_away(self) -> dict[str, Dependency]:
        """External routers that this process speaks to and that do not answer."""
        return {
            f"gws/{services.tenant.id}": Dependency("degraded", services.router_failure[:200])
            for services in self._platform.opened
            if services.router_failure is not None
        }

    async def _ask(self, check: Check) -> Dependency:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await check()
        except DegradedError as error:
            return Dependency("degraded", error.message[:200])
        except (OpenIwdError, OSError, TimeoutError) as error:
            return Dependency("unavailable", str(error)[:200] or type(error).__name__)
        return Dependency("ok")


@get("/livez", tags=["operations"], operation_id="livez")
async def livez() -> Live:
    """The process runs."""
    return Live()


@get("/readyz", tags=["operations"], operation_id="readyz")
async def readyz(readiness: NamedDependency[Readiness]) -> Response[Ready]:
    """Whether requests can be served, with the state of each dependency; 503 when not."""
    state = await readiness.state()
    return Response(state, status_code=_status(state), headers={"Cache-Control": "no-store"})


def _status(state: Ready) -> int:
    return 503 if state.status in ("unavailable", "draining") else 200


HANDLERS: Final[list[Any]] = [livez, readyz]


def metrics_app(platform: Platform, metrics: Metrics, readiness: Readiness) -> ASGIApp:
    """The small app of the metrics port; it has no other routes."""

    async def answer(path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_PLAIN_0_0_4, await metrics.exposition(platform)
            case "/livez":
                return 200, "application/json", msgspec.json.encode(Live())
            case "/readyz":
                state = await readiness.state()
                return (
                    _status(state),
                    "application/json",
                    msgspec.json.encode(state),
                )
            case _:
                return 404, "text/plain", b"not found\n"

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            return
        try:
            status, content_type, body = await answer(scope["path"])
        except OpenIwdError as error:
            status, content_type, body = 503, "text/plain", error.message.encode()
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app
