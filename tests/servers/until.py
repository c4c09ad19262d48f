"""Waits for something that gives no signal, with an end; never a fixed pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

POLL_SECONDS = 0.005


async def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Returns as soon as `condition()` is true; fails when the time is over."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the thing waited for sets no event
            await asyncio.sleep(POLL_SECONDS)
