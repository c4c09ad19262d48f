"""Agents for whom nothing waits: looked for once, and again only when something has changed for them. Pure.

Knows what the world tells it of changes; what time alone changes for an agent, the world knows.
"""

from __future__ import annotations

from collections.abc import Callable

from openiwd.domain.backlog import Backlog
from openiwd.domain.eligibility import Profile
from openiwd.domain.fit_table import FitTable


class IdleAgents:
    """Ids of agents who could be given nothing of the whole backlog when they were looked at last."""

    __slots__ = ("_backlog", "_ids", "_table", "_version")

    def __init__(self, backlog: Backlog, table: FitTable) -> None:
        self._backlog = backlog
        self._table = table
        self._ids: set[str] = set()
        self._version = backlog.heads.version

    def __contains__(self, agent_id: str) -> bool:
        return agent_id in self._ids

    def settle(self, agent_id: str) -> None:
        """Nothing waits for the agent as of now, whatever others may be given."""
        self._ids.add(agent_id)

    def wake(self, agent_id: str) -> None:
        """Something about the agent has changed."""
        self._ids.discard(agent_id)

    def wake_all(self) -> None:
        self._ids.clear()

    def meet(self, profile_of: Callable[[str], Profile]) -> None:
        """Wakes those who could serve what has come into the backlog since."""
        fresh = self._backlog.fresh
        if self._version != self._backlog.heads.version:
            self._version = self._backlog.heads.version
            self._ids.clear()
        elif fresh and self._ids:
            woken = self._table.fitting(map(profile_of, self._ids), fresh)
            self._ids -= {profile.id for profile in woken}
        fresh.clear()
