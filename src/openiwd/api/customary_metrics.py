"""The same figures under the names that dashboards of the product before know, in its units. Counts nothing itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

REQUESTS: Final = "iwd_http_request_duration_seconds"
DATABASE: Final = "iwd_db_use_duration_seconds"
EMAIL: Final = "iwd_email_"
EMAIL_CALLS: Final = "iwd_email_call_duration_seconds"
FAILED: Final = "5"
"""Codes that begin so are errors of the service."""


class CustomaryNames(Collector):
    """Derives the customary families from what the registries hold at the moment of the look."""

    def __init__(self, *registries: CollectorRegistry) -> None:
        self._registries = registries
        self._looks = False

    def describe(self) -> Iterable[Metric]:
        """Nothing: a registry that takes this in must not look through itself for names."""
        return []

    def collect(self) -> Iterator[Metric]:
        if self._looks:
            return  # it stands in one of the registries itself
        self._looks = True
        try:
            for registry in self._registries:
                for family in registry.collect():
                    yield from _customary(family)
        finally:
            self._looks = False


def _customary(family: Metric) -> Iterable[Metric]:
    if family.name == REQUESTS:
        return [
            *_requests(family),
            _in_milliseconds(family, "iwd_api_request_duration_milliseconds", {"route": "path"}),
        ]
    if family.name == DATABASE:
        names = {"tenant": "db"}
        return [
            _count(family, "iwdTenantDB_db", ["db", "method"], names),
            _in_milliseconds(family, "iwdTenantDB_db_duration_milliseconds", names),
        ]
    if family.name == EMAIL_CALLS:
        return list(_calls(family))
    if family.name.startswith(EMAIL):
        renamed = Metric("iwdEmail_" + family.name.removeprefix(EMAIL), family.documentation, family.type)
        renamed.samples = [
            Sample(
                "iwdEmail_" + s.name.removeprefix(EMAIL), _renamed(s.labels, {"tenant": "domain"}), s.value
            )
            for s in family.samples
            if not s.name.endswith("_created")
        ]
        return [renamed]
    return []


def _calls(family: Metric) -> Iterator[Metric]:
    """A counter and durations for each protocol's each call, which the customary names have in them."""
    found: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in family.samples:
        found[sample.labels["protocol"], sample.labels["call"]].append(sample)
    names = {"tenant": "domain"}
    for (protocol, call), samples in sorted(found.items()):
        one = Metric(family.name, family.documentation, family.type)
        one.samples = [
            s._replace(labels={k: v for k, v in s.labels.items() if k not in ("protocol", "call")})
            for s in samples
        ]
        name = f"iwdEmail_{protocol}_{call}"
        yield _count(one, name, ["domain", "mailbox"], names)
        yield _in_milliseconds(one, f"{name}_duration_milliseconds", names)


def _requests(family: Metric) -> list[Metric]:
    counted = [s for s in family.samples if s.name.endswith("_count")]
    every = CounterMetricFamily("iwd_request", "Requests.", value=sum(s.value for s in counted))
    failed = sum(s.value for s in counted if s.labels["code"].startswith(FAILED))
    errors = CounterMetricFamily("iwd_errors", "Requests that failed in the service.", value=failed)
    return [every, errors, _count(family, "iwd_api_request", ["path"], {"route": "path"})]


def _count(family: Metric, name: str, labels: list[str], names: dict[str, str]) -> Metric:
    """How many observations, summed over the labels that the customary name lacks."""
    sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for sample in family.samples:
        if sample.name.endswith("_count"):
            renamed = _renamed(sample.labels, names)
            sums[tuple(renamed[label] for label in labels)] += sample.value
    counter = CounterMetricFamily(name, family.documentation, labels=labels)
    for values, total in sums.items():
        counter.add_metric(list(values), total)
    return counter


def _in_milliseconds(family: Metric, name: str, names: dict[str, str]) -> Metric:
    made = Metric(name, family.documentation, family.type)
    for sample in family.samples:
        suffix = sample.name.removeprefix(family.name)
        labels = _renamed(sample.labels, names)
        if suffix == "_bucket" and labels["le"] != "+Inf":
            labels["le"] = format(float(labels["le"]) * 1000, "g")
        if suffix != "_created":
            made.add_sample(name + suffix, labels, sample.value * (1000 if suffix == "_sum" else 1))
    return made


def _renamed(labels: dict[str, str], names: dict[str, str]) -> dict[str, str]:
    return {names.get(label, label): value for label, value in labels.items()}
