"""Builds the API: all routes behind one guard and one set of errors; intake beside the framework; the UI at `/`."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from openiwd.api import (
    agent,
    alarm,
    audit,
    bulk,
    capture_point,
    capture_webhook,
    category,
    contact,
    dashboard,
    doctor,
    documentation,
    email,
    email_decision,
    erasure,
    health,
    intake,
    integration,
    item,
    item_note,
    live_object,
    login,
    lookup_table,
    mailbox,
    mailbox_cloud,
    metrics,
    operation,
    provisioning,
    report,
    report_schedule,
    reporting,
    rule_set,
    rule_set_approval,
    rule_set_draft,
    rule_set_impact,
    rule_set_object,
    rule_set_test,
    saved_view,
    schema_trial,
    search,
    session,
    standard_response,
    stream,
    trial,
    user,
    webhook,
    workspace,
)
from openiwd.api.authorisation import PREFIX, check_routes
from openiwd.api.bulk import BulkRunsOfTenants
from openiwd.api.call import Call, StrictRequest, guard, provide_call
from openiwd.api.editing import provide_editor
from openiwd.api.errors import HANDLERS as ERROR_HANDLERS
from openiwd.api.errors import limit_header, policy_header
from openiwd.api.health import Check, Readiness
from openiwd.api.metrics import Metrics
from openiwd.api.openapi import CONFIG
from openiwd.api.process import KEY as PROCESS_KEY
from openiwd.api.process import Process, process_of
from openiwd.api.raw import RawRoute
from openiwd.api.routes import Routes
from openiwd.domain.work_item import MAX_BATCH_BYTES, MAX_ITEM_BYTES
from openiwd.ports.holiday_source import HolidaySource
from openiwd.usecases.platform import Platform

MAX_BODY: Final = 1024 * 1024
GONE: Final = 499
"""As gateways count requests whose client has left."""
MakeWeb = Callable[[], ASGIApp]
"""Makes the UI; each request brings its process along."""
HANDLERS: Final[list[Any]] = [
    *item.HANDLERS,
    *item_note.HANDLERS,
    *search.HANDLERS,
    *bulk.HANDLERS,
    *contact.HANDLERS,
    *workspace.HANDLERS,
    *session.HANDLERS,
    *login.HANDLERS,
    *rule_set.HANDLERS,
    *rule_set_draft.HANDLERS,
    *trial.HANDLERS,
    *rule_set_test.HANDLERS,
    *rule_set_impact.HANDLERS,
    *rule_set_approval.HANDLERS,
    *rule_set_object.HANDLERS,
    *schema_trial.HANDLERS,
    *category.HANDLERS,
    *live_object.HANDLERS,
    *capture_point.HANDLERS,
    *capture_webhook.HANDLERS,
    *lookup_table.HANDLERS,
    *agent.HANDLERS,
    *saved_view.HANDLERS,
    *user.HANDLERS,
    *audit.HANDLERS,
    *webhook.HANDLERS,
    *integration.HANDLERS,
    *dashboard.HANDLERS,
    *doctor.HANDLERS,
    *alarm.HANDLERS,
    *report.HANDLERS,
    *report_schedule.HANDLERS,
    *mailbox.HANDLERS,
    *standard_response.HANDLERS,
    *email.HANDLERS,
    *email_decision.HANDLERS,
    *mailbox_cloud.HANDLERS,
    *documentation.HANDLERS,
    *provisioning.HANDLERS,
    *erasure.HANDLERS,
    operation.get_checkpoint,
    stream.get_stream,
    reporting.read_events,
    metrics.get_metrics,
]
"""Every route below the prefix; a new noun's module adds its list here, and its lines to the authorisation table."""


class Api:
    """The ASGI app of port 4024: raw intake, the framework's routes, and the UI for everything else."""

    def __init__(
        self,
        process: Process,
        framework: Litestar,
        raw: Mapping[str, ASGIApp],
        bulk_runs: BulkRunsOfTenants,
        web: ASGIApp | None,
    ) -> None:
        self._process = process
        self._platform = process.platform
        self.framework = framework
        self._raw = raw
        self.metrics = process.metrics
        self._bulk_runs = bulk_runs
        self._web = web

    async def start(self) -> None:
        """Goes on with background runs that an earlier process left unfinished; the tenants are to be open."""
        await self._bulk_runs.resume()

    async def close(self) -> None:
        """Stops background runs; the next start goes on with them."""
        await self._bulk_runs.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROCESS_KEY] = self._process  # type: ignore[typeddict-unknown-key]
        if scope["type"] == ScopeType.WEBSOCKET:
            await self.framework(scope, receive, send)
            return
        started = time.perf_counter()
        status: int | None = None
        method = scope["method"]

        async def watched(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [h for h in message["headers"] if h[0].lower() != b"x-content-type-options"]
                message["headers"] = [
                    *headers,
                    (b"x-content-type-options", b"nosniff"),
                    *_limit_headers(scope),
                ]
                if self._platform.is_draining:
                    # Who keeps connections for later requests takes a new one, to another process.
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        route, app = self._target(scope)
        try:
            await app(scope, receive, watched)
            status = status or GONE
        except asyncio.CancelledError:
            status = GONE
            raise
        finally:
            if app is self.framework:
                route = scope.get("path_template") or "(unknown)"
            self.metrics.request(method, route, status or 500, time.perf_counter() - started)

    def _target(self, scope: Any) -> tuple[str, ASGIApp]:
        path: str = scope["path"]
        if scope["method"] == "POST":
            raw = self._raw.get(path)
            if raw is not None:
                return path, raw
        if self._web is None or path.startswith(f"{PREFIX}/") or path in ("/livez", "/readyz", PREFIX):
            return "", self.framework
        return "(ui)", self._web


def _limit_headers(scope: Any) -> list[tuple[bytes, bytes]]:
    """What is left of the caller's rate limit."""
    call = scope.get("state", {}).get("call")
    allowance = call.allowance if isinstance(call, Call) else None
    if allowance is None:
        return []
    limit, left = allowance.limit, min(allowance.left, allowance.limit.burst)
    until_full = max(1, math.ceil((limit.burst - left) / limit.per_second))
    return [
        (b"ratelimit-policy", policy_header(limit.name, limit.burst, limit.window_seconds).encode()),
        (b"ratelimit", limit_header(limit.name, left, until_full).encode()),
    ]


def create_app(
    platform: Platform,
    *,
    holidays: HolidaySource | None = None,
    pools: Callable[[], Any] | None = None,
    web: MakeWeb | None = None,
    metrics: Metrics | None = None,
    checks: Mapping[str, Check] | None = None,
) -> Api:
    """The API (and the UI, where given) of a process. Raises when a route is missing from the authorisation table."""
    metrics = metrics or Metrics()
    metrics.pools = pools
    bulk_runs = BulkRunsOfTenants(platform)
    readiness = Readiness(platform, checks)
    framework = _framework()
    raw = _raw_routes(platform, metrics)
    check_routes({*_served(framework), *(r.route for r in raw.values())})
    process = Process(platform, holidays, metrics, readiness, bulk_runs.start)
    return Api(process, framework, dict(raw), bulk_runs, web() if web is not None else None)


@cache
def _framework() -> Litestar:
    return Litestar(
        route_handlers=[Routes(PREFIX, route_handlers=HANDLERS), *health.HANDLERS],
        dependencies={
            "call": Provide(provide_call),
            "editor": Provide(provide_editor),
            "metrics": Provide(_provide_metrics),
            "readiness": Provide(_provide_readiness),
        },
        guards=[guard],
        exception_handlers=ERROR_HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=MAX_BODY,
        openapi_config=CONFIG,
        logging_config=None,
        debug=False,
    )


async def _provide_metrics(request: Request[Any, Any, Any]) -> Metrics:
    return process_of(request).metrics


async def _provide_readiness(request: Request[Any, Any, Any]) -> Readiness:
    return process_of(request).readiness


def _raw_routes(platform: Platform, metrics: Metrics) -> dict[str, RawRoute]:
    items = intake.IntakeRoutes(metrics)
    operations = operation.OperationRoutes(metrics)
    routes = [
        RawRoute(platform, intake.ITEMS, MAX_ITEM_BYTES, items.create),
        RawRoute(platform, intake.BATCH, MAX_BATCH_BYTES, items.batch),
        RawRoute(platform, operation.OPERATIONS, MAX_BATCH_BYTES, operations.run),
    ]
    return {r.route.partition(" ")[2]: r for r in routes}


def _served(framework: Litestar) -> set[str]:
    return {
        f"{method} {route.path_format}"
        for route in framework.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method not in ("OPTIONS", "HEAD")
    }
