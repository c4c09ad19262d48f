"""What Prometheus is told of tenants: built anew for each look, so that nothing outlives its cause. Touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.metrics_core import Metric

from openiwd.ports.figure import Figures
from openiwd.usecases.platform import TenantServices


class TenantFamilies:
    """The families of all tenants that this process has open, filled one tenant after the other."""

    def __init__(self) -> None:
        def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, text, labels=["tenant", *labels])

        self._reached = gauge("iwd_tenant_database_up", "1 where the tenant's database answered just now.")
        self._items = gauge("iwd_items", "Items by status.", "status")
        self._leader = gauge("iwd_distributor_leader", "1 where this process decides.")
        self._warm = gauge("iwd_distributor_warm", "1 where this process could decide at once.")
        self._loads = gauge("iwd_backlog_loads", "How often this process has read the whole backlog.")
        self._backlog = gauge("iwd_backlog_items", "Items waiting for agents.", "queue")
        self._oldest = gauge(
            "iwd_backlog_oldest_seconds", "How long the item that has waited longest has.", "queue"
        )
        self._overdue = gauge("iwd_overdue_items", "Waiting items past their due date.", "queue")
        self._overdue_oldest = gauge(
            "iwd_overdue_oldest_seconds", "For how long the first waiting item has been overdue.", "queue"
        )
        self._lag = gauge(
            "iwd_event_lag_seconds",
            "How long the first event has waited for a reader of the log.",
            "consumer",
        )
        self._mail_up = gauge(
            "iwd_email_connection_up", "1 while a mailbox is reached.", "mailbox", "direction"
        )
        self._mail_waiting = gauge("iwd_email_outbound_queue", "Emails that wait to be sent.", "mailbox")
        self._mail_oldest = gauge(
            "iwd_email_outbound_oldest_seconds", "How long the first email has waited to be sent.", "mailbox"
        )
        self._mail_unknown = gauge(
            "iwd_email_unknown_outcome", "Emails of which nobody knows whether they were sent."
        )
        self._mail_secret = gauge(
            "iwd_email_secret_not_after_timestamp_seconds",
            "When a mailbox's client secret ends, where the mailbox says so.",
            "mailbox",
        )
        self._classified = SummaryMetricFamily(
            "iwd_classification_duration_seconds", "Time for judging an item.", labels=["tenant"]
        )
        self._decided = SummaryMetricFamily(
            "iwd_decision_duration_seconds",
            "Time for choosing an agent for an item, its claim included.",
            labels=["tenant"],
        )
        self._latency = HistogramMetricFamily(
            "iwd_offer_latency_seconds",
            "From when an agent without anything in hand could have an item to its offer.",
            labels=["tenant"],
        )
        self._offers = CounterMetricFamily(
            "iwd_offers",
            "Offers of the process that decides, by what became of them.",
            labels=["tenant", "outcome"],
        )

    def process(self, services: TenantServices, offers: dict[str, int]) -> None:
        """What this process knows by itself."""
        tenant, decider, runtime = services.tenant.id, services.decider, services.runtime
        self._leader.add_metric([tenant], 0 if decider is None else 1)
        self._warm.add_metric([tenant], 0 if services.picture is None else 1)
        self._loads.add_metric([tenant], services.loads)
        self._classified.add_metric([tenant], runtime.classifications, runtime.classification_seconds)
        if decider is not None:
            self._decided.add_metric([tenant], decider.decisions, decider.decision_seconds)
            self._latency.add_metric([tenant], decider.latency.buckets(), decider.latency.total)
            for queue, count in decider.backlog_counts.items():
                self._backlog.add_metric([tenant, queue], count)
        for outcome, count in sorted(offers.items()):
            self._offers.add_metric([tenant, outcome], count)

    def reached(self, tenant: str, up: int) -> None:
        self._reached.add_metric([tenant], up)

    def statuses(self, tenant: str, counts: dict[str, int]) -> None:
        for status, count in counts.items():
            self._items.add_metric([tenant, status], count)

    def figures(self, tenant: str, figures: Figures, now: datetime) -> None:
        """What the tenant's database says; told by the process that decides, so by one."""
        for queue in figures.queues:
            labels = [tenant, queue.queue_id]
            self._overdue.add_metric(labels, queue.overdue)
            self._oldest.add_metric(labels, _seconds_since(queue.first_queued, now))
            self._overdue_oldest.add_metric(labels, _seconds_since(queue.first_due, now))
        for consumer in figures.consumers:
            self._lag.add_metric([tenant, consumer.consumer], _seconds_since(consumer.behind_since, now))
        for connection in figures.connections:
            self._mail_up.add_metric([tenant, connection.mailbox_id, connection.direction], connection.ok)
        for mailbox in figures.outbound:
            self._mail_waiting.add_metric([tenant, mailbox.mailbox_id], mailbox.emails)
            self._mail_oldest.add_metric([tenant, mailbox.mailbox_id], _seconds_since(mailbox.first_at, now))
        self._mail_unknown.add_metric([tenant], figures.unknown_emails)
        for secret in figures.secrets:
            ends = datetime.combine(secret.ends_on, time.min, UTC).timestamp()
            self._mail_secret.add_metric([tenant, secret.mailbox_id], ends)

    def families(self) -> Sequence[Metric]:
        return [family for family in vars(self).values() if isinstance(family, Metric)]


def _seconds_since(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
