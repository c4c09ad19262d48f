"""Rate limits of callers: tokens are taken from the buckets that all processes share, in blocks, so that few requests
wait for them; without the shared ones, from buckets of this process.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from openiwd.domain.errors import LimitedError
from openiwd.domain.rate_limit import Limit, Limits, Taken
from openiwd.ports.runtime_cache import CacheAwayError, RuntimeCache

BLOCK_SECONDS: Final = 0.5
"""A block that is not used up within this time is given up: whoever is limited elsewhere must not wait for it long."""
BLOCK_SHARE: Final = 0.05
"""Of a second's tokens: about so many blocks a second are asked for at the full rate, by each process."""
MOST_BLOCKS: Final = 20_000


class Allowance(Struct, frozen=True):
    """What is left of a limit after a request, for its answer."""

    limit: Limit
    left: int


class _Block:
    """Tokens taken ahead, or the knowledge that there are none until `until`."""

    __slots__ = ("behind", "left", "until")

    def __init__(self, left: int, behind: float, until: float) -> None:
        self.left = left
        self.behind = behind
        """Left in the bucket that the block came from."""
        self.until = until


class RateLimits:
    """The limits of this process's callers. `shared` None: there is only this process, or none knows of the others."""

    def __init__(
        self,
        local: RuntimeCache,
        shared: RuntimeCache | None = None,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.refused: Counter[str] = Counter()
        """By limit, since the start."""
        self._local = local
        self._shared = shared
        self._monotonic = monotonic
        self._blocks: dict[str, _Block] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def admit(self, limit: Limit | None, who: str) -> Allowance | None:
        """Lets one request of `who` in; LimitedError when that was too many. None: there is no such limit."""
        if limit is None:
            return None
        key = f"{limit.name}:{who}"
        now = self._monotonic()
        block = self._blocks.get(key)
        if block is not None and block.until > now:
            return self._from_block(block, limit, now)
        if self._shared is None:
            taken = await self._local.take(key, limit, 1)
            if not taken.given:
                raise self._refusal(limit, taken.wait_seconds)
            return Allowance(limit, int(taken.left))
        return await self._from_shared(self._shared, key, limit)

    async def _from_shared(self, shared: RuntimeCache, key: str, limit: Limit) -> Allowance:
        """One asks for all that come meanwhile."""
        lock = self._fetching.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                now = self._monotonic()
                block = self._blocks.get(key)
                if block is None or block.until <= now:
                    block = await self._next_block(shared, key, limit, now)
                return self._from_block(block, limit, now)
        finally:
            if not lock.locked():
                self._fetching.pop(key, None)

    async def _next_block(self, shared: RuntimeCache, key: str, limit: Limit, now: float) -> _Block:
        wanted = max(1, int(limit.per_second * BLOCK_SHARE))
        try:
            taken = await shared.take(key, limit, wanted)
        except CacheAwayError:
            taken = await self._local.take(key, limit, 1)
        until = now + (BLOCK_SECONDS if taken.given else min(taken.wait_seconds, BLOCK_SECONDS))
        block = _Block(taken.given, taken.left, until)
        if len(self._blocks) >= MOST_BLOCKS:
            self._blocks = {k: b for k, b in self._blocks.items() if b.until > now}
        self._blocks[key] = block
        return block

    def _from_block(self, block: _Block, limit: Limit, now: float) -> Allowance:
        if block.left <= 0:
            raise self._refusal(limit, block.until - now)
        block.left -= 1
        if block.left == 0:
            block.until = now
        return Allowance(limit, block.left + int(block.behind))

    async def spend(self, limit: Limit | None, who: str) -> None:
        """Takes exactly one, past all blocks; LimitedError when there is none."""
        if limit is None:
            return
        taken = await self._take(f"{limit.name}:{who}", limit, 1)
        if not taken.given:
            raise self._refusal(limit, taken.wait_seconds)

    async def give_back(self, limit: Limit | None, who: str) -> None:
        """What was spent did not count."""
        if limit is not None:
            await self._take(f"{limit.name}:{who}", limit, -1)

    async def _take(self, key: str, limit: Limit, wanted: int) -> Taken:
        if self._shared is not None:
            try:
                return await self._shared.take(key, limit, wanted)
            except CacheAwayError:
                pass
        return await self._local.take(key, limit, wanted)

    def _refusal(self, limit: Limit, wait_seconds: float) -> LimitedError:
        self.refused[limit.name] += 1
        seconds = max(1, math.ceil(wait_seconds))
        return LimitedError(
            f"more than {_rate(limit)} requests",
            hint=f"wait {seconds} s, and send less often",
            policy=limit.name,
            limit=limit.burst,
            window_seconds=limit.window_seconds,
            retry_after=seconds,
        )


def _rate(limit: Limit) -> str:
    if limit.per_second >= 1:
        return f"{limit.per_second:g} per second ({limit.burst} at once)"
    return f"one per {1 / limit.per_second:g} seconds ({limit.burst} at once)"
