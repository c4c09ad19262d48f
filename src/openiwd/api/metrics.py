"""What Prometheus sees of this process: one registry, filled by the API and by whoever else is given it."""

from __future__ import annotations

from collections import Counter as Counted
from collections.abc import Callable, Sequence
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from openiwd.api.call import CurrentCall
from openiwd.api.customary_metrics import CustomaryNames
from openiwd.api.tenant_metrics import TenantFamilies
from openiwd.domain.doctor.finding import Severity
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.usecases.platform import Platform, TenantServices

MAX_LABELS: Final = 200
"""Capture points named in metrics; further ones count as `other`."""


class Metrics:
    """The metrics of one process."""

    def __init__(self, *, customary_names: bool = False) -> None:
        self.has_customary_names = customary_names
        """Whether the names of the product before are told as well."""
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
        self.streams = Gauge("iwd_streams", "Open event streams.", registry=self.registry)
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
        self._offers: dict[str, Counted[str]] = {}
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

    def watch(self, services: TenantServices) -> None:
        """From now on counts the offers of a tenant while this process decides."""
        if services.tenant.id in self._offers:
            return
        counted = self._offers[services.tenant.id] = Counted[str]()

        def hear(events: Sequence[LoggedEvent]) -> None:
            if services.decider is not None:
                counted.update(filter(None, map(_outcome, events)))

        services.feed.tell(hear)

    async def exposition(self, platform: Platform) -> bytes:
        """The text that Prometheus reads; counts of items are asked of the databases of the tenants open here."""
        tenants = TenantFamilies()
        for services in platform.opened:
            self.watch(services)
            await self._tenant(tenants, services)
            self._doctor(platform, services)
            self._index(services)
        once = CollectorRegistry(auto_describe=False)
        once.register(_Ready([*tenants.families(), *self._pools()]))
        registries = [self.registry, once, REGISTRY]
        if self.has_customary_names:
            customary = CollectorRegistry(auto_describe=False)
            customary.register(CustomaryNames(*registries))
            registries.append(customary)
        return b"".join(generate_latest(registry) for registry in registries)

    async def _tenant(self, tenants: TenantFamilies, services: TenantServices) -> None:
        tenant = services.tenant.id
        tenants.process(services, self._offers[tenant])
        try:
            async with services.runtime.store.reading() as reading:
                tenants.statuses(tenant, await reading.status_counts())
                if services.decider is not None:
                    now = services.runtime.now()
                    tenants.figures(tenant, await reading.figures(now), now)
        except OpenIwdError:  # what this process knows by itself is told all the same, just now above all
            tenants.reached(tenant, 0)
        else:
            tenants.reached(tenant, 1)

    def _pools(self) -> list[Metric]:
        if self.pools is None:
            return []
        usage = self.pools()
        for state in ("idle", "in_use", "waiting"):
            self.connections.labels(state).set(getattr(usage, state))
        return [
            GaugeMetricFamily("iwd_db_connection_budget", "Connections allowed.", value=usage.budget),
            *(
                CounterMetricFamily(f"iwd_db_{name}", text, value=value)
                for name, text, value in (
                    ("connections_opened", "Connections opened.", usage.opened_total),
                    ("waits", "Borrowers who had to wait for a connection.", usage.waits_total),
                    ("wait_seconds", "Time that they have waited.", usage.wait_seconds_total),
                    ("timeouts", "Borrowers who got none in time.", usage.timeouts_total),
                    ("failures", "Connections that failed or were lost.", usage.failures_total),
                )
            ),
        ]

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


def _outcome(event: LoggedEvent) -> str | None:
    """What the event says of an offer: that it was made, or what became of it."""
    if event.type == EventType.OFFERED:
        return "offered"
    offer = event.body.get("offer")
    return offer.get("outcome") if isinstance(offer, dict) else None


class _Ready(Collector):
    """Families that have been made already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


CurrentMetrics = NamedDependency[Metrics]
"""A handler's argument `metrics`."""


@get("/metrics", tags=["operations"], operation_id="getMetrics", media_type="text/plain")
async def get_metrics(call: CurrentCall, metrics: CurrentMetrics) -> Response[bytes]:
    """Metrics in the text format of Prometheus; the same as on the metrics port."""
    return Response(await metrics.exposition(call.platform), media_type=CONTENT_TYPE_PLAIN_0_0_4)
