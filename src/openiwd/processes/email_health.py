"""The port of `openiwd email`: `/livez`, `/readyz` and `/metrics`, for the inside of the installation."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import uvicorn
from msgspec import Struct
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from openiwd.domain.errors import ConflictError


class Dependency(Struct, omit_defaults=True):
    status: str
    detail: str | None = None


class Ready(Struct):
    """`ready`, or `unavailable` while IWD is away. A mailbox that fails is told, and keeps the others from nothing."""

    status: str
    dependencies: dict[str, Dependency]


ReadyState = Callable[[], Ready]


class _Server(uvicorn.Server):
    """Leaves signals to the process that owns the event loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def health_app(ready: ReadyState) -> Any:
    """A small ASGI app; it has no other routes."""

    def answer(path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                return 200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(REGISTRY)
            case "/livez":
                return 200, "application/json", b'{"status":"ok"}'
            case "/readyz":
                state = ready()
                status = 200 if state.status == "ready" else 503
                return status, "application/json", msgspec.json.encode(state)
            case _:
                return 404, "text/plain", b"not found\n"

    async def app(scope: Any, _: Any, send: Any) -> None:
        status, content_type, body = answer(scope["path"])
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


POLL_SECONDS: Final = 0.005


@asynccontextmanager
async def health_port(host: str, port: int, ready: ReadyState) -> AsyncIterator[int]:
    """Answers for the length of a block; the port."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConflictError(
            f"port {port} on {host} is taken: {error.strerror}",
            code="portTaken",
            field="--metrics-port",
            hint="choose another with --metrics-port",
        ) from error
    config = uvicorn.Config(
        health_app(ready), interface="asgi3", lifespan="off", log_config=None, access_log=False, server_header=False,
        ws="none", timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(POLL_SECONDS)
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
