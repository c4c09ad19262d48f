"""What monitoring is told of a process's surroundings: its version, its memory limit, the end of certificates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
import structlog
from cryptography import x509
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from openiwd.api.customary_metrics import CustomaryNames

log = structlog.get_logger()

CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


class Surroundings(Collector):
    """Looked at anew each time: a renewed certificate is seen without a restart."""

    def __init__(self, certificates: Sequence[Path] = (), cgroup_limit: Path = CGROUP_LIMIT) -> None:
        self._certificates = certificates
        self._cgroup_limit = cgroup_limit

    def collect(self) -> Iterator[Metric]:
        built = GaugeMetricFamily("iwd_build_info", "The version that runs.", labels=["version"])
        built.add_metric([version("openiwd")], 1)
        yield built
        yield GaugeMetricFamily(
            "iwd_memory_limit_bytes", "Memory that this process may use.", value=self.memory_limit()
        )
        ends = GaugeMetricFamily(
            "iwd_certificate_not_after_timestamp_seconds", "When a certificate ends.", labels=["file"]
        )
        for path in self._certificates:
            end = certificate_end(path)
            if end is not None:
                ends.add_metric([str(path)], end)
        yield ends

    def memory_limit(self) -> int:
        """The container's limit, else the machine's memory."""
        whole: int = psutil.virtual_memory().total
        try:
            text = self._cgroup_limit.read_text(encoding="ascii").strip()
        except OSError:
            return whole
        return min(int(text), whole) if text.isdigit() else whole


def certificate_end(path: Path) -> float | None:
    """When the first certificate of a chain to end does, in seconds; None where the file cannot be read as one."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        log.warning("a certificate cannot be read", file=str(path), error=str(error))
        return None
    return min(one.not_valid_after_utc.timestamp() for one in chain)


_told: list[Collector] = []


def tell_surroundings(certificates: Sequence[Path] = (), *, customary_names: bool = False) -> None:
    """Once per process. `customary_names`: for processes all of whose metrics are in the one registry."""
    if _told:
        return
    _told.append(Surroundings(certificates))
    if customary_names:
        _told.append(CustomaryNames(REGISTRY))
    for collector in _told:
        REGISTRY.register(collector)
