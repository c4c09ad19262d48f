"""What Prometheus sees of this process: one registry, filled by the API and by whoever else is given it."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from openiwd.api.call import CurrentCall
from openiwd.domain.doctor.finding import Severity
from openiwd.usecases.platform import Platform, TenantServices

MAX_LABELS: Final = 200
"""Capture points named in metrics; further ones count as `other`."""


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "iwd_http_request_duration_seconds",
            "Duration of HTTP requests.",
            ["method", "route", "code"],
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.created = Counter(
            "iwd_items_created", "Items created.", ["tenant", "capture_point"], registry=self.registry
        )
        self.items = Gauge("iwd_items", "Items by status.", ["tenant", "status"], registry=self.registry)
        self.streams = Gauge("iwd_streams", "Open event streams.", registry=self.registry)
        self.backlog = Gauge(
            "iwd_backlog_items", "Items waiting for agents.", ["tenant", "queue"], registry=self.registry
        )
        self.leader = Gauge(
            "iwd_distributor_leader", "1 where this process decides.", ["tenant"], registry=self.registry
        )
        self.warm = Gauge(
            "iwd_distributor_warm",
            "1 where this process could decide at once.",
            ["tenant"],
            registry=self.registry,
        )
        self.loads = Gauge(
            "iwd_backlog_loads",
            "How often this process has read the whole backlog.",
            ["tenant"],
            registry=self.registry,
        )
        self.findings = Gauge(
            "iwd_doctor_findings",
            "Findings of the doctor, as this process saw them last.",
            ["tenant", "check", "severity"],
            registry=self.registry,
        )
        self.checked = Gauge(
            "iwd_doctor_report_timestamp_seconds",
            "When this process made its last report.",
            ["tenant"],
            registry=self.registry,
        )
        self.searches = Counter(
            "iwd_searches",
            "Searches that an index was asked for, by outcome: index, unsuited, behind, building, away.",
            ["tenant", "outcome"],
            registry=self.registry,
        )
        self._searched: dict[tuple[str, str], int] = {}
        self.connections = Gauge(
            "iwd_db_connections", "Connections to PostgreSQL.", ["state"], registry=self.registry
        )
        self.pools: Callable[[], Any] | None = None
        """How the connection pools are used."""
        self._points: set[tuple[str, str]] = set()

    def item_created(self, tenant_id: str, capture_point: str, count: int = 1) -> None:
        key = (tenant_id, capture_point)
        if key not in self._points:
            if len(self._points) >= MAX_LABELS:
                key = (tenant_id, "other")
            self._points.add(key)
        self.created.labels(*key).inc(count)

    def request(self, method: str, route: str, code: int, seconds: float) -> None:
        self.requests.labels(method, route, str(code)).observe(seconds)

    async def exposition(self, platform: Platform) -> bytes:
        """The text that Prometheus reads; counts of items are asked of the databases of the tenants open here."""
        for services in platform.opened:
            async with services.runtime.store.reading() as reading:
                for status, count in (await reading.status_counts()).items():
                    self.items.labels(services.tenant.id, status).set(count)
            decider = services.decider
            self.leader.labels(services.tenant.id).set(0 if decider is None else 1)
            self.warm.labels(services.tenant.id).set(0 if services.picture is None else 1)
            self.loads.labels(services.tenant.id).set(services.loads)
            for queue, count in (decider.backlog_counts if decider is not None else {}).items():
                self.backlog.labels(services.tenant.id, queue).set(count)
            self._doctor(platform, services)
            self._index(services)
        if self.pools is not None:
            usage = self.pools()
            for state in ("idle", "in_use", "waiting"):
                self.connections.labels(state).set(getattr(usage, state))
        return generate_latest(self.registry) + generate_latest(REGISTRY)

    def _index(self, services: TenantServices) -> None:
        for outcome, total in (services.indexed.answers if services.indexed is not None else {}).items():
            key = (services.tenant.id, outcome)
            self.searches.labels(*key).inc(total - self._searched.get(key, 0))
            self._searched[key] = total

    def _doctor(self, platform: Platform, services: TenantServices) -> None:
        """What was found last, zeros included, so that an alert ends when the finding does."""
        report = platform.doctor.latest(services.tenant.id)
        if report is None:
            return
        self.checked.labels(services.tenant.id).set(report.at.timestamp())
        counts = Counted((f.check, f.severity) for f in report.findings)
        for result in report.checks:
            for severity in Severity:
                count = counts[result.check, severity]
                self.findings.labels(services.tenant.id, result.check, severity.value).set(count)


CurrentMetrics = NamedDependency[Metrics]
"""A handler's argument `metrics`."""


@get("/metrics", tags=["operations"], operation_id="getMetrics", media_type="text/plain")
async def get_metrics(call: CurrentCall, metrics: CurrentMetrics) -> Response[bytes]:
    """Metrics in the text format of Prometheus; the same as on the metrics port."""
    return Response(await metrics.exposition(call.platform), media_type=CONTENT_TYPE_PLAIN_0_0_4)
