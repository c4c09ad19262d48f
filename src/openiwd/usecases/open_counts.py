"""The counts of open items, of very many items not anew for each page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from openiwd.ports.tenant_store import OpenCount
from openiwd.usecases.tenant_runtime import TenantRuntime

MANY: Final = 20_000
"""Up to so many items every page counts for itself."""
SHARE: Final = 4.0
"""Counts of many items are kept for so many times as long as counting took."""
LONGEST_SECONDS: Final = 5.0


class OpenCounts:
    """The counts of one tenant in this process."""

    def __init__(self) -> None:
        self._counts: Sequence[OpenCount] | None = None
        self._until = 0.0
        self._counting: asyncio.Task[Sequence[OpenCount]] | None = None

    async def of(self, runtime: TenantRuntime) -> Sequence[OpenCount]:
        """The counts; those of very many items may be a few seconds old, and are counted again meanwhile."""
        if self._counts is None or sum(c.items for c in self._counts) <= MANY:
            return await self._count(runtime)
        if asyncio.get_running_loop().time() >= self._until and self._counting is None:
            self._counting = asyncio.create_task(self._count(runtime), name="counts of open items")
            self._counting.add_done_callback(self._counted)
        return self._counts

    async def _count(self, runtime: TenantRuntime) -> Sequence[OpenCount]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with runtime.store.reading() as reading:
            counts = await reading.open_counts(runtime.now())
        ended = loop.time()
        self._counts, self._until = counts, ended + min(LONGEST_SECONDS, SHARE * (ended - begun))
        return counts

    def _counted(self, task: asyncio.Task[Sequence[OpenCount]]) -> None:
        """A failure leaves the older counts, and is told by the next page that counts for itself."""
        self._counting = None
        if not task.cancelled() and task.exception() is not None:
            self._counts = None
