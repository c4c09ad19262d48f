"""Waits for something that gives no signal, with an end; never a fixed pause."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

POLL_SECONDS, LONGEST_PAUSE_SECONDS = 0.005, 0.05
PAUSES_PER_QUESTION = 3
"""Who asks a server must not keep the machine from what is waited for."""


async def until(condition: Callable[[], object | Awaitable[object]], *, seconds: float = 30.0) -> None:
    """Returns as soon as `condition()` (awaited, if it is to be) is true; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while True:
            asked = time.monotonic()
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return
            pause = PAUSES_PER_QUESTION * (time.monotonic() - asked)
            await asyncio.sleep(min(max(pause, POLL_SECONDS), LONGEST_PAUSE_SECONDS))
