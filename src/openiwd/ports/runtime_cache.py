"""Needs: what the processes of an installation share for speed. All of it can be lost at any time; nothing is true
because it stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.errors import UnavailableError
from openiwd.domain.rate_limit import Limit, Taken


class CacheAwayError(UnavailableError):
    """The cache does not answer: whoever asked does without, at once."""

    code = "cacheAway"


class Heard(Struct, frozen=True):
    """An agent's last sign of life: to which process, and when (seconds since 1970)."""

    process_id: UUID
    at: float


class CacheFigures(Struct, kw_only=True):
    """What the cache has done since the start, for metrics."""

    is_up: bool = True
    failures: int = 0
    refused: int = 0
    """Not asked, because it was known to be away."""
    lost: int = 0
    """How often it was found to be away."""
    commands: dict[str, int] = {}
    seconds: dict[str, float] = {}
    """Spent in them, by command."""
    hints_sent: int = 0
    hints_heard: int = 0


class RuntimeCache(Protocol):
    """Every method that asks raises `CacheAwayError` within a quarter of a second, and at once while it is known to be
    away.
    """

    figures: CacheFigures
    generation: str
    """Names the copies that may be believed; others were made before users or rights changed."""

    async def take(self, key: str, limit: Limit, wanted: int) -> Taken:
        """Tokens of the bucket `key`, at most those wanted; a negative number gives back."""
        ...

    async def copy_of(self, key: str) -> bytes | None:
        """What was kept under the key; None when nothing is, or its original has ended."""
        ...

    async def keep_copy(self, key: str, value: bytes, seconds: float) -> None:
        """Keeps a copy, unless there is one or its original has just ended."""
        ...

    async def end_copy(self, key: str, seconds: float) -> None:
        """The original has ended: for so long nothing is kept under the key."""
        ...

    async def renew_generation(self) -> None:
        """From now on no copy made until now is to be believed, in any process."""
        ...

    async def hear(self, tenant_id: str, agent_ids: Sequence[str], process_id: UUID, at: float) -> None:
        """Signs of life of agents, to this process."""
        ...

    async def last_heard(self, tenant_id: str, agent_ids: Sequence[str]) -> Mapping[str, Heard]:
        """To whom they have shown signs of life last."""
        ...

    async def publish(self, hint: bytes) -> None:
        """Tells all processes that listen; who does not listen just now never learns of it."""
        ...

    async def listen(self, heard: Callable[[bytes], None], begun: Callable[[], None]) -> None:
        """Calls `begun` once it listens, then `heard` for each hint, until it is cancelled or loses the connection."""
        ...

    async def look_after(self) -> float:
        """Finds out whether the cache is there, and takes over the generation; seconds until the next look."""
        ...

    async def close(self) -> None: ...
