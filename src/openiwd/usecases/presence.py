"""Presence: who of the agents whose stream this process holds has shown signs of life."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

HEARTBEAT_SECONDS: Final = 15
LOST_AFTER_SECONDS: Final = 45
GRACE_SECONDS: Final = 60
"""After a start, agents known as logged in have this long to come back."""
EXTENDED_SECONDS: Final = 60
"""So much longer silence is borne while processes cannot ask each other."""
STRANDED_SECONDS: Final = 10
"""How long agents have to come to another process when theirs has died."""
FROZEN_SECONDS: Final = 15
"""Whoever has not looked for so long was frozen, and has not heard those who spoke meanwhile."""


class Presence:
    """Heartbeats in memory; the lease that stands for them is the process's."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, float] = {}
        self._arrived: set[str] = set()
        self._checked = monotonic()

    def seen(self, agent_id: str) -> None:
        """A sign of life in this process."""
        if agent_id not in self._seen:
            self._arrived.add(agent_id)
        self._seen[agent_id] = max(self._monotonic(), self._seen.get(agent_id, 0.0))

    def expect(self, agent_id: str) -> None:
        """An agent logged in without a stream: counts as seen until the grace time is over."""
        self._seen.setdefault(agent_id, self._monotonic() + GRACE_SECONDS - LOST_AFTER_SECONDS)

    def forget(self, agent_id: str) -> None:
        self._seen.pop(agent_id, None)
        self._arrived.discard(agent_id)

    def arrived(self) -> list[str]:
        """Agents whose first sign of life here has come since this was last asked."""
        arrived, self._arrived = self._arrived, set()
        return list(arrived)

    def unheard(self, agent_ids: list[str]) -> None:
        """Gives back what `arrived` has told and could not be noted."""
        self._arrived.update(agent_id for agent_id in agent_ids if agent_id in self._seen)

    def fresh(self, within_seconds: float) -> list[str]:
        """Agents that have shown a sign of life to this process so lately; not those who are only expected to."""
        now = self._monotonic()
        return [agent_id for agent_id, at in self._seen.items() if now - within_seconds <= at <= now]

    def lost(self, extended_seconds: float = 0.0) -> list[str]:
        """Agents that have been silent for too long. Time in which nobody listened is not held against them."""
        now = self._monotonic()
        deaf, self._checked = now - self._checked, now
        if deaf > FROZEN_SECONDS:
            self._seen = {agent_id: at + deaf for agent_id, at in self._seen.items()}
        limit = now - LOST_AFTER_SECONDS - extended_seconds
        return [agent_id for agent_id, at in self._seen.items() if at < limit]


class Stranded:
    """Agents whose process has died, and since when they are known to be without one."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._since: dict[str, tuple[str, float]] = {}

    def over(self, found: Mapping[str, str], met: Collection[str]) -> list[tuple[str, str]]:
        """(agent, dead process) of those who have had the time to come elsewhere, by who is stranded now.

        `met` are the processes that this one has seen alive. When the agent's died before this one began,
        the service may have been away as a whole, and agents have longer to come back.
        """
        now = self._monotonic()
        before = self._since
        self._since = {
            agent_id: (held_by, before[agent_id][1] if before.get(agent_id, ("",))[0] == held_by else now)
            for agent_id, held_by in found.items()
        }
        return [
            (agent_id, held_by)
            for agent_id, (held_by, at) in self._since.items()
            if now >= (at + STRANDED_SECONDS if held_by in met else self._began + GRACE_SECONDS)
        ]
