"""Remembers what is dear to find out: for a moment, longer the dearer it was, found out once for all who ask."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

LEAST_SECONDS: Final = 2.0
TIMES_ITS_COST: Final = 10.0
"""What took a second is kept for ten: at most a tenth of one connection's time goes into it."""
MOST_KEPT: Final = 200

T = TypeVar("T")


class Remembered:
    """Values by key, each with the instant until which it counts."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, key: Hashable, find: Callable[[], Awaitable[T]]) -> T:
        """The value found lately, else by `find`; whoever asks meanwhile waits for the same answer."""
        async with self._locks[key]:
            kept = self._kept.get(key)
            began = self._monotonic()
            if kept is not None and began < kept[0]:
                value: T = kept[1]
                return value
            value = await find()
            ended = self._monotonic()
            self._forget(ended)
            self._kept[key] = (ended + max(LEAST_SECONDS, TIMES_ITS_COST * (ended - began)), value)
            return value

    def forget(self) -> None:
        """All of it is to be found out anew."""
        self._kept.clear()

    def _forget(self, now: float) -> None:
        if len(self._kept) < MOST_KEPT:
            return
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]
            if not self._locks[key].locked():
                del self._locks[key]
