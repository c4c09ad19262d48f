"""Needs: the present instant of a tenant, and new identities. The domain has neither."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

NewId = Callable[[], UUID]
"""Makes a UUIDv7."""


class Clock(Protocol):
    """Tells now (aware, UTC). The wall clock, or a virtual one that a replay moves and that never goes back."""

    def now(self) -> datetime: ...
