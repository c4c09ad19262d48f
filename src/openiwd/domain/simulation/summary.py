"""What a simulation found: service level, waits, utilisation, counts and violations. Folds events; decides nothing."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from openiwd.domain.simulation.invariants import Violation, Watch
from openiwd.domain.simulation.stored import Store
from openiwd.domain.simulation.tenant import Size, Tenant

MICROS = 1_000_000


class Waits(Struct, rename="camel", kw_only=True):
    """Stays in queue that ended with an agent, in seconds. Percentiles by nearest rank."""

    count: int
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    max: float | None = None


class ServiceLevel(Struct, rename="camel", kw_only=True):
    """Items with a due date that are done, or late; and those of them that were done in time."""

    judged: int
    within: int
    share: float | None = None


class QueueSummary(Struct, rename="camel", kw_only=True):
    queue: str
    arrived: int
    left: int
    service_level: ServiceLevel
    waits: Waits


class Utilisation(Struct, rename="camel", kw_only=True):
    """Shares of the time logged in during which an agent had something in hand; by agents who logged in."""

    agents: int
    overall: float | None = None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None


class Summary(Struct, rename="camel", kw_only=True):
    """Equal for equal sizes and seeds."""

    seed: int
    size: Size
    service_level: ServiceLevel
    waits: Waits
    utilisation: Utilisation
    counts: dict[str, int]
    queues: list[QueueSummary]
    checks: dict[str, int]
    violated: dict[str, int]
    """How often each invariant was violated: empty, or there is a fault in the decision code."""
    violations: list[Violation]
    """The first of them."""


class Tally:
    """Counts while the simulation runs; one number is kept per stay in queue."""

    def __init__(self, tenant: Tenant) -> None:
        self.counts: Counter[str] = Counter()
        self._waits = {queue_id: array("q") for queue_id in tenant.queues}
        self._arrived: Counter[str] = Counter()
        self._judged: Counter[str] = Counter()
        self._within: Counter[str] = Counter()

    def arrived(self, queue_id: str) -> None:
        self._arrived[queue_id] += 1

    def waited(self, queue_id: str, micros: int) -> None:
        self._waits[queue_id].append(micros)

    def judged(self, queue_id: str, due_at: int | None, now: int) -> None:
        """An item that is done, or is still open when the simulation ends."""
        if due_at is not None:
            self._judged[queue_id] += 1
            self._within[queue_id] += now <= due_at

    def summary(self, tenant: Tenant, store: Store, watch: Watch, seed: int) -> Summary:
        left: Counter[str] = Counter()
        for item in store.items.values():
            left[item.waiting.queue_id] += 1
            if item.due_at is not None and item.due_at < tenant.end:
                self.judged(item.waiting.queue_id, item.due_at, tenant.end)
        ends = Counter(
            "waiting" if i.waits else "held" if not i.agent_id else "in hand" for i in store.items.values()
        )
        counts = {
            **self.counts,
            **{f"{name} at the end": ends[name] for name in ("waiting", "in hand", "held")},
        }
        return Summary(
            seed=seed,
            size=tenant.size,
            service_level=_level(self._judged.total(), self._within.total()),
            waits=_waits(np.concatenate([_micros(waits) for waits in self._waits.values()])),
            utilisation=_utilisation(store, tenant.end),
            counts=dict(sorted(counts.items())),
            queues=[
                QueueSummary(
                    queue=queue_id,
                    arrived=self._arrived[queue_id],
                    left=left[queue_id],
                    service_level=_level(self._judged[queue_id], self._within[queue_id]),
                    waits=_waits(_micros(waits)),
                )
                for queue_id, waits in self._waits.items()
            ],
            checks=dict(sorted(watch.checks.items())),
            violated=dict(sorted(watch.counts.items())),
            violations=watch.violations,
        )


def _micros(waits: array[int]) -> NDArray[np.int64]:
    return np.array(waits, dtype=np.int64)


def _level(judged: int, within: int) -> ServiceLevel:
    return ServiceLevel(judged=judged, within=within, share=round(within / judged, 6) if judged else None)


def _ranked(ordered: NDArray[np.int64], percent: int) -> float:
    return round(int(ordered[-(-len(ordered) * percent // 100) - 1]) / MICROS, 6)


def _waits(waits: NDArray[np.int64]) -> Waits:
    if not len(waits):
        return Waits(count=0)
    ordered = np.sort(waits)
    return Waits(
        count=len(ordered),
        mean=round(int(ordered.sum()) / len(ordered) / MICROS, 6),
        p50=_ranked(ordered, 50),
        p90=_ranked(ordered, 90),
        p99=_ranked(ordered, 99),
        max=_ranked(ordered, 100),
    )


def _utilisation(store: Store, end: int) -> Utilisation:
    for agent in store.agents.values():
        agent.settle(end)
    there = [agent for agent in store.agents.values() if agent.logged_in_time]
    if not there:
        return Utilisation(agents=0)
    # In millionths, so that the percentiles are those of whole numbers as for waits.
    shares = np.sort(_shares((a.busy_time, a.logged_in_time) for a in there))
    busy, logged_in = sum(a.busy_time for a in there), sum(a.logged_in_time for a in there)
    return Utilisation(
        agents=len(there),
        overall=round(busy / logged_in, 6),
        p10=_ranked(shares, 10),
        p50=_ranked(shares, 50),
        p90=_ranked(shares, 90),
    )


def _shares(times: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array([busy * MICROS // whole for busy, whole in times], dtype=np.int64)
