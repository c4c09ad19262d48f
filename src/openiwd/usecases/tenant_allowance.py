"""How much of a process one tenant may take: requests per second, with a burst of two seconds. Counts, and refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from openiwd.domain.errors import ConflictError, UnavailableError
from openiwd.domain.tenant_life import TenantLimits

BURST_SECONDS: Final = 2.0


class Allowance:
    """A bucket that fills with time; requests empty it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left: float | None = None
        self._at = 0.0

    def take(self, limits: TenantLimits) -> None:
        """One request; UnavailableError `tenantLimit` (429) when the tenant has had its share."""
        rate = limits.requests_per_second
        if rate is None:
            return
        now = self._monotonic()
        full = max(1.0, rate * BURST_SECONDS)
        left = full if self._left is None else min(full, self._left + (now - self._at) * rate)
        self._at = now
        if left < 1.0:
            self._left = left
            raise UnavailableError(
                f"this tenant may send {rate:g} requests per second",
                code="tenantLimit",
                hint="send fewer, or many items in one request",
                retry_after=max(1, round((1.0 - left) / rate)),
            )
        self._left = left - 1.0


def require_room(limit: int | None, present: int, what: str) -> None:
    """Whether one more may be made; ConflictError `limitReached` otherwise."""
    if limit is not None and present >= limit:
        raise ConflictError(
            f"this tenant may have {limit} {what}, and has {present}",
            code="limitReached",
            hint="remove one, or ask whoever runs the platform",
        )
