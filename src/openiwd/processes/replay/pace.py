"""How fast operations go out: as fast as it goes, or at a multiple of the log's own pace. Changes no operation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from time import monotonic
from typing import Final

from openiwd.domain.replay.plan import Operation

BATCH: Final = 1_000
"""Most operations of one request."""


async def paced(operations: Iterable[Operation], speed: float) -> AsyncIterator[list[Operation]]:
    """Batches in order; none before its operations are due. The first one is due at once."""
    batch: list[Operation] = []
    origin: datetime | None = None
    began = monotonic()
    for operation in operations:
        if speed > 0:
            origin = origin or operation.at
            due = began + (operation.at - origin).total_seconds() / speed
            if due > monotonic():
                if batch:
                    yield batch
                    batch = []
                await asyncio.sleep(max(0.0, due - monotonic()))
        batch.append(operation)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
