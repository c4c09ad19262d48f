"""Waits for something that gives no signal, with an end; never a fixed pause."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.005


async def until(condition: Callable[[], object | Awaitable[object]], *, seconds: float = 30.0) -> None:
    """Returns as soon as `condition()` (awaited, if it is to be) is true; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(POLL_SECONDS)
