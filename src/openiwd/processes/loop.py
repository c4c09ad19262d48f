"""A loop that outlives errors: each is caught at its edge, counted and logged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import structlog
from prometheus_client import Counter

from openiwd.domain.errors import UnavailableError

log = structlog.get_logger()

STOP_SECONDS: Final = 5.0
"""After so long a loop that has not ended is asked again."""

loop_errors = Counter(
    "iwd_background_errors_total", "Errors caught at the edge of a background loop", ["loop"]
)


async def forever(name: str, step: Callable[[], Awaitable[float]]) -> None:
    """Runs `step` again and again; it says after how many seconds. An error is logged, counted, and tried again."""
    while True:
        try:
            pause = await step()
        except Exception as error:
            loop_errors.labels(name).inc()
            away = _unavailable(error)
            if away is None:
                log.exception("background step failed", loop=name)
            else:
                log.warning("background step waits", loop=name, reason=away.message)
            pause = 1.0
        if (own := asyncio.current_task()) is not None and own.cancelling():
            # A library that ended in the same instant can swallow the request to stop.
            raise asyncio.CancelledError
        await asyncio.sleep(pause)


def _unavailable(error: BaseException) -> UnavailableError | None:
    """What is away, where that is all that went wrong: nothing that a trace would explain."""
    if isinstance(error, BaseExceptionGroup):
        found = [_unavailable(each) for each in error.exceptions]
        return found[0] if all(found) else None
    return error if isinstance(error, UnavailableError) else None


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Ends loops and waits until they have: a library that ended in the same instant can swallow the first request."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=STOP_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
