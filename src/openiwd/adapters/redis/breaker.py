"""Decides whether Redis is asked at all: once it fails nobody waits for it again until it has been found well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

HOLD_SECONDS: Final = 0.5
HOLD_SECONDS_AT_MOST: Final = 15.0
CALM_SECONDS: Final = 30.0
"""Who fails again within this time after having been found well stays off for longer."""


class Breaker:
    """Open (nobody asks) until `found_well`. Requests never try a server that is away: who looks after it does."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.is_closed = False
        self._hold = HOLD_SECONDS
        self._opened_at = float("-inf")
        self._closed_at = float("-inf")

    def failed(self) -> bool:
        """A command failed; True when that is news."""
        if not self.is_closed:
            return False
        now = self._monotonic()
        calm = now - self._closed_at > CALM_SECONDS
        self._hold = HOLD_SECONDS if calm else min(self._hold * 2, HOLD_SECONDS_AT_MOST)
        self.is_closed = False
        self._opened_at = now
        return True

    def found_well(self) -> None:
        """It answers; believed once the hold is over, so that a server that half works is mostly left alone."""
        now = self._monotonic()
        if not self.is_closed and now - self._opened_at >= self._hold:
            self.is_closed = True
            self._closed_at = now
