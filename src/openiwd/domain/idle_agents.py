"""Agents for whom nothing waits: looked for once, and again only when something has changed for them. Pure.

Knows what the world tells it of changes; what time alone changes for an agent, the world knows.
"""

from __future__ import annotations

from openiwd.domain.agent import Agent
from openiwd.domain.roster import Roster


class IdleAgents:
    """Who is ready and has to be looked at (`awake`); all others who are ready rest: they could be given nothing of the
    whole backlog when they were looked at last, but for the backlog's `fresh` groups.
    """

    __slots__ = ("_roster", "awake")

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.awake: dict[str, Agent] = {}

    def settle(self, agent_id: str) -> None:
        """Nothing waits for the agent as of now, whatever others may be given."""
        del self.awake[agent_id]
        self._roster.rest(agent_id)

    def wake(self, agent: Agent) -> None:
        """Something has changed for the agent, who is ready."""
        self.awake[agent.id] = agent
        self._roster.wake(agent.id)

    def leave(self, agent_id: str) -> None:
        """The agent is not ready."""
        self.awake.pop(agent_id, None)
        self._roster.wake(agent_id)
