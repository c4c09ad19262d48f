"""Needs: whether a tenant has anything to do by itself, so that it can rest in a process until it has."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class RestReading(Protocol):
    """The part of `Reading` that says what keeps a tenant from resting."""

    async def reasons_to_wake(self, now: datetime, until: datetime) -> list[str]:
        """What is in progress, or falls due up to an instant, though nobody asks; empty: it may rest until then."""
        ...
