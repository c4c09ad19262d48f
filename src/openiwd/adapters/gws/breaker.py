"""Leaves a service alone that has failed several times in a row; one request then finds out whether it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from openiwd.ports.external_router import RouterAwayError

FAILURES: Final = 5
FIRST_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0


class Breaker:
    """Counts failures; open while `until` lies ahead. What a service asks for itself (Retry-After) opens it at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._trying = False
        self.reason = ""

    @property
    def left(self) -> float:
        """Seconds for which the service is left alone."""
        return max(0.0, self._until - self._clock())

    def enter(self) -> None:
        """RouterAwayError while the service is left alone, or while somebody else finds out whether it is back."""
        left = self.left
        if left > 0 or (self._trying and self._failures >= FAILURES):
            raise RouterAwayError(
                self.reason or "the service is left alone for the moment",
                code="routerLeftAlone",
                retry_after=max(left, 0.5),
            )
        self._trying = self._failures >= FAILURES

    def succeeded(self) -> None:
        self._failures, self._until, self._trying, self.reason = 0, 0.0, False, ""

    def failed(self, reason: str) -> None:
        self._failures += 1
        self._trying = False
        self.reason = reason
        if self._failures >= FAILURES:
            opened = min(FIRST_SECONDS * 2 ** min(self._failures - FAILURES, 10), LONGEST_SECONDS)
            self._until = self._clock() + opened

    def leave_alone(self, seconds: float, reason: str) -> None:
        """The service has asked for a pause."""
        self._trying = False
        self.reason = reason
        self._until = max(self._until, self._clock() + min(seconds, LONGEST_SECONDS * 10))

    def abandoned(self) -> None:
        """A request was given up before anything could be said of the service."""
        self._trying = False
