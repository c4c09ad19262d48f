"""Presence: who of the agents whose stream this process holds has shown signs of life."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

HEARTBEAT_SECONDS: Final = 15
LOST_AFTER_SECONDS: Final = 45
GRACE_SECONDS: Final = 60
"""After a start, agents known as logged in have this long to come back."""


class Presence:
    """Heartbeats in memory; the lease that stands for them is the process's."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, float] = {}

    def seen(self, agent_id: str) -> None:
        self._seen[agent_id] = max(self._monotonic(), self._seen.get(agent_id, 0.0))

    def expect(self, agent_id: str) -> None:
        """An agent found logged in at start: counts as seen until the grace time is over."""
        self._seen.setdefault(agent_id, self._monotonic() + GRACE_SECONDS - LOST_AFTER_SECONDS)

    def forget(self, agent_id: str) -> None:
        self._seen.pop(agent_id, None)

    def lost(self) -> list[str]:
        """Agents that have been silent for too long."""
        limit = self._monotonic() - LOST_AFTER_SECONDS
        return [agent_id for agent_id, at in self._seen.items() if at < limit]
