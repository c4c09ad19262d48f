"""The access token of one mailbox that no password lets in, kept until it runs out or is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

EARLY_SECONDS: Final = 120.0
"""A token is not used up to its end."""
Ask = Callable[[], Awaitable[tuple[str, int]]]
"""A new token, and for how many seconds it is good."""


class KeptToken:
    """Is an `AccessTokens`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._token: str | None = None
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def __call__(self, refused: str | None = None) -> str:
        async with self._asking:
            if self._token is None or self._token == refused or time.monotonic() >= self._good_until:
                self._token, seconds = await self._ask()
                self._good_until = time.monotonic() + max(seconds / 2, seconds - EARLY_SECONDS)
            return self._token
