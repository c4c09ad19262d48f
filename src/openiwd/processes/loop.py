"""A loop that outlives errors: each is caught at its edge, counted and logged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

log = structlog.get_logger()

loop_errors = Counter(
    "iwd_background_errors_total", "Errors caught at the edge of a background loop", ["loop"]
)


async def forever(name: str, step: Callable[[], Awaitable[float]]) -> None:
    """Runs `step` again and again; it says after how many seconds. An error is logged, counted, and tried again."""
    while True:
        try:
            pause = await step()
        except Exception:
            loop_errors.labels(name).inc()
            log.exception("background step failed", loop=name)
            pause = 1.0
        if (own := asyncio.current_task()) is not None and own.cancelling():
            # A library that ended in the same instant can swallow the request to stop.
            raise asyncio.CancelledError
        await asyncio.sleep(pause)
