"""A process at work: its background work and its ports, from the start until it is told to end.

The ports say whether it lives, whether it is ready, and its metrics; `processes/serve.py` adds API and UI, which take
long to load and are not asked of every process.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, TypeVar

import uvicorn
from msgspec import Struct

from openiwd.adapters.postgres.migrate import migrate_control
from openiwd.api.health import Readiness, metrics_app
from openiwd.api.metrics import Metrics
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.processes.address import own_address, shown_host
from openiwd.processes.background import Background
from openiwd.processes.bootstrap import ensure_platform_key, migrate_databases
from openiwd.processes.garbage import spare_the_collector
from openiwd.processes.monitoring import tell_surroundings
from openiwd.processes.punctual import PunctualProtocol
from openiwd.processes.settings import Settings
from openiwd.processes.sharing import SharingMetrics
from openiwd.processes.tenant_watch import AWAKE_AT_MOST
from openiwd.processes.wiring import Wiring

DRAIN_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
"""Longer than gateways keep a connection that is not in use: who closes first must be the one that sends requests."""
UNANSWERED_MILLISECONDS = 30_000


class Part(Enum):
    """What a process does for the installation."""

    ALL = "all"
    SERVE = "serve"
    DISTRIBUTE = "distribute"
    CAPTURE = "capture"

    @property
    def kind(self) -> str:
        return self.value if self in (Part.DISTRIBUTE, Part.CAPTURE) else "serve"

    @property
    def decides(self) -> bool:
        return self in (Part.ALL, Part.DISTRIBUTE)

    @property
    def sends(self) -> bool:
        """Webhooks."""
        return self in (Part.ALL, Part.SERVE)

    @property
    def captures(self) -> bool:
        return self in (Part.ALL, Part.CAPTURE)


class Manner(Struct, frozen=True, kw_only=True):
    """How a process behaves towards gateways and monitoring."""

    trusted_proxies: tuple[str, ...] = Settings().trusted_proxies
    drain_seconds: float = 0.0
    customary_metrics: bool = False


class _Server(uvicorn.Server):
    """Leaves signals to the process that owns the event loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Running:
    """A process: start, wait, stop."""

    def __init__(
        self,
        wiring: Wiring,
        *,
        host: str,
        port: int,
        metrics_port: int | None,
        part: Part = Part.ALL,
        address: str | None = None,
        manner: Manner | None = None,
        awake_tenants: int = AWAKE_AT_MOST,
    ) -> None:
        self._manner = manner or Manner()
        self.wiring = wiring
        self._host = host
        self._port = port
        self._metrics_port = metrics_port
        self._servers: list[tuple[_Server, asyncio.Task[None]]] = []
        self._part = part
        self.background = Background(
            wiring.platform,
            part.kind,
            address,
            decides=part.decides,
            captures=part.captures,
            holidays=wiring.holidays,
            sends=part.sends,
            sharing=wiring.sharing,
            awake_tenants=awake_tenants,
        )
        self.url = ""
        self.metrics_url: str | None = None
        self._metrics = Metrics(customary_names=self._manner.customary_metrics)
        self._metrics.pools = wiring.pools.usage
        self._metrics.registry.register(
            SharingMetrics(wiring.platform.limits, wiring.sharing, wiring.platform)
        )
        self._checks = {"redis": wiring.sharing.check} if wiring.sharing is not None else {}
        self.hurries = asyncio.Event()
        """Set: whoever ends it does not want to wait until gateways have taken notice."""
        self._drain_seconds = self._manner.drain_seconds

    def _app(self) -> Any:
        """What answers on the port of the process."""
        return self._metrics_app()

    def _metrics_app(self) -> Any:
        platform = self.wiring.platform
        return metrics_app(platform, self._metrics, Readiness(platform, self._checks))

    async def start(self) -> None:
        """Opens the ports, then the tenants; ready when it returns."""
        sockets = [_listen(self._host, self._port, "--port")]
        if self._metrics_port is not None:
            sockets.append(_listen(self._host, self._metrics_port, "--metrics-port"))
        self.url, *metrics_urls = [f"http://{shown_host(self._host)}:{s.getsockname()[1]}" for s in sockets]
        self.metrics_url = metrics_urls[0] if metrics_urls else None
        if self.background.address is None:
            port = sockets[0].getsockname()[1]
            self.background.address = own_address(self._host, port, self.wiring.control_dsn)
        await self.background.start()
        await self._serve(self._app(), sockets[0])
        if len(sockets) > 1:
            await self._serve(self._metrics_app(), sockets[1])
        await self._has_started()
        spare_the_collector()

    async def _has_started(self) -> None:
        """What begins once the ports answer."""

    async def _serve(self, app: Any, listening: socket.socket) -> None:
        server = _Server(http_config(app, self._manner.trusted_proxies))
        serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.005)
        self._servers.append((server, serving))

    async def stop(self) -> None:
        """Drains: no longer ready, another one decides; a while later no new connections, background work stops."""
        self.wiring.platform.drain()
        ends_at = time.monotonic() + self._drain_seconds
        await self.background.stop_capturing()
        await self.background.stop_deciding()
        while (left := ends_at - time.monotonic()) > 0 and not self.hurries.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hurries.wait(), left)
        for server, _ in self._servers:
            server.should_exit = True
        for _, serving in self._servers:
            with contextlib.suppress(asyncio.CancelledError):
                await serving
        await self._has_drained()
        await self.background.stop()
        await self.wiring.close()

    async def _has_drained(self) -> None:
        """What ends once no request is under way."""


def http_config(app: Any, trusted_proxies: Sequence[str]) -> uvicorn.Config:
    """How an app is served."""
    return uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, http=PunctualProtocol,
        timeout_graceful_shutdown=DRAIN_SECONDS, timeout_keep_alive=KEEP_ALIVE_SECONDS,
        proxy_headers=True, forwarded_allow_ips=list(trusted_proxies),
        server_header=False, backlog=2_048, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip


def _listen(host: str, port: int, option: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConflictError(
            f"port {port} on {host} is taken: {error.strerror}",
            code="portTaken",
            field=option,
            hint=f"choose another with {option}",
        ) from error
    # A connection whose other end no longer answers ends, and with it the stream that keeps an agent present.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MILLISECONDS)
    listening.listen(2_048)
    listening.setblocking(False)
    return listening


R = TypeVar("R", bound=Running)


@asynccontextmanager
async def running(process: R) -> AsyncIterator[R]:
    """Runs it for the length of a block."""
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


async def run(
    settings: Settings,
    *,
    part: Part,
    kind: type[Running],
    host: str,
    port: int,
    metrics_port: int | None,
    when_ready: Callable[[Running], None],
) -> None:
    """On a PostgreSQL of one's own, until SIGINT or SIGTERM; any number of these share the databases."""
    if settings.database_url is None:
        raise InvalidInputError(
            "no database is named",
            field="OPENIWD_DATABASE_URL",
            hint="set it to the control database, for example postgresql://openiwd@db/openiwd",
        )
    stopping, hurries = asyncio.Event(), asyncio.Event()

    def stop(number: signal.Signals) -> None:
        """Ctrl-C, or a second signal, does not wait for gateways."""
        if number == signal.SIGINT or stopping.is_set():
            hurries.set()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    wiring = await _migrated(settings)
    wiring.mart_server = settings.mart_server_url
    tell_surroundings(settings.certificates)
    manner = Manner(
        trusted_proxies=settings.trusted_proxies,
        drain_seconds=settings.drain_seconds,
        customary_metrics=settings.customary_metrics,
    )
    process = kind(
        wiring, host=host, port=port, metrics_port=metrics_port, part=part, address=settings.address,
        manner=manner, awake_tenants=settings.awake_tenants,
    )  # fmt: skip
    async with running(process):
        process.hurries = hurries
        when_ready(process)
        await stopping.wait()


async def _migrated(settings: Settings) -> Wiring:
    """The adapters, with the control database and all active tenants brought up to date."""
    control_dsn = settings.database_url or ""
    await migrate_control(control_dsn)
    wiring = Wiring(
        control_dsn,
        budget=settings.connection_budget,
        secret_keys=settings.secret_keys,
        outbound_allowed=settings.outbound_allowed,
        capture_dir=settings.capture_dir,
        cloud=settings.cloud,
        redis=settings.redis,
        limits=settings.limits,
        search=settings.search,
    )
    tenants = [t for t in await wiring.control.tenants() if t.active]
    await migrate_databases(wiring, tenants)
    wiring.server_databases.template = settings.tenant_template
    if settings.platform_key is not None:
        await ensure_platform_key(wiring, settings.platform_key)
    return wiring
