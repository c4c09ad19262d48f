"""The runtime cache of one process, in its memory. Bounded; never away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from openiwd.domain.rate_limit import Bucket, Limit, Taken, take
from openiwd.ports.runtime_cache import CacheFigures, Heard

MOST_KEPT: Final = 50_000
LOOK_SECONDS: Final = 60.0


class MemoryRuntimeCache:
    """Implements `openiwd.ports.runtime_cache.RuntimeCache`."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.figures = CacheFigures()
        self.generation = "0"
        self._buckets: dict[str, tuple[Limit, Bucket]] = {}
        self._copies: dict[str, tuple[float, bytes | None]] = {}
        self._heard: dict[tuple[str, str], Heard] = {}
        self._hearers: set[Callable[[bytes], None]] = set()

    async def take(self, key: str, limit: Limit, wanted: int) -> Taken:
        now = self._monotonic()
        kept = self._buckets.get(key)
        bucket, taken = take(None if kept is None else kept[1], limit, wanted, now)
        if kept is None and len(self._buckets) >= MOST_KEPT:
            self._drop_full(now)
        self._buckets[key] = limit, bucket
        return taken

    def _drop_full(self, now: float) -> None:
        """Full buckets say nothing that a missing one does not; without any, the older half goes."""
        kept = {
            key: (limit, bucket)
            for key, (limit, bucket) in self._buckets.items()
            if bucket.tokens + (now - bucket.at) * limit.per_second < limit.burst
        }
        if len(kept) > MOST_KEPT // 2:
            kept = dict(list(kept.items())[-MOST_KEPT // 2 :])
        self._buckets = kept

    async def copy_of(self, key: str) -> bytes | None:
        until, value = self._copies.get(key, (0.0, None))
        return value if until > self._monotonic() else None

    async def keep_copy(self, key: str, value: bytes, seconds: float) -> None:
        if self._copies.get(key, (0.0, None))[0] <= self._monotonic():
            self._put(key, value, seconds)

    async def end_copy(self, key: str, seconds: float) -> None:
        self._put(key, None, seconds)

    def _put(self, key: str, value: bytes | None, seconds: float) -> None:
        now = self._monotonic()
        if len(self._copies) >= MOST_KEPT:
            self._copies = {k: one for k, one in self._copies.items() if one[0] > now}
            if len(self._copies) >= MOST_KEPT:
                self._copies.clear()
        self._copies[key] = now + seconds, value

    async def renew_generation(self) -> None:
        self.generation = str(int(self.generation) + 1)

    async def hear(self, tenant_id: str, agent_ids: Sequence[str], process_id: UUID, at: float) -> None:
        for agent_id in agent_ids:
            self._heard[tenant_id, agent_id] = Heard(process_id, at)

    async def last_heard(self, tenant_id: str, agent_ids: Sequence[str]) -> Mapping[str, Heard]:
        found = {agent_id: self._heard.get((tenant_id, agent_id)) for agent_id in agent_ids}
        return {agent_id: heard for agent_id, heard in found.items() if heard is not None}

    async def publish(self, hint: bytes) -> None:
        self.figures.hints_sent += 1
        for hearer in list(self._hearers):
            self.figures.hints_heard += 1
            hearer(hint)

    async def listen(self, heard: Callable[[bytes], None], begun: Callable[[], None]) -> None:
        self._hearers.add(heard)
        try:
            begun()
            await asyncio.Event().wait()
        finally:
            self._hearers.discard(heard)

    async def look_after(self) -> float:
        return LOOK_SECONDS

    async def close(self) -> None:
        self._hearers.clear()
