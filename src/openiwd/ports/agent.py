"""Needs: agents of one tenant, their states, and what they have after an item."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.agent import Agent, AgentProfile, AgentState
from openiwd.domain.offer import WrapUp


class AgentQuery(Struct, kw_only=True):
    """Which agents are wanted; what is None is not looked at."""

    text: str | None = None
    """A part of the name, id, employee id or login."""
    group: str | None = None
    skill: str | None = None
    active: bool | None = None
    state: AgentState | None = None
    """The one that counts for all media."""


class AgentReading(Protocol):
    """The part of `Reading` that agents need."""

    async def agents(self, ids: Collection[str] | None = None) -> dict[str, Agent]: ...
    async def agent_names(self) -> dict[str, str]:
        """The name of every agent by id, without the rest of the profile."""
        ...

    async def agents_found(self, wanted: AgentQuery, limit: int, offset: int = 0) -> list[Agent]:
        """A part of the agents that match, by name."""
        ...

    async def agent_counts(self, wanted: AgentQuery) -> list[tuple[bool, AgentState, int]]:
        """(active, state for all media, how many) of those that match by text, group and skill."""
        ...

    async def wrap_ups(self, agents: Collection[str] | None = None) -> list[WrapUp]:
        """Of these agents, or of all."""
        ...

    async def last_services(self, contacts: Collection[UUID]) -> dict[UUID, tuple[str, datetime]]:
        """Who last had an item of each of these contacts, and since when."""
        ...

    async def stranded_agents(self, live: Collection[UUID]) -> dict[str, str]:
        """Agents logged in whose stream was with a process that is none of these: agent id → that process."""
        ...

    async def last_busy(self, events: int) -> dict[str, datetime]:
        """When each agent last gave an item out of hand, as far as the last so many events tell."""
        ...


class AgentWriting(Protocol):
    """The part of `Writing` that agents need."""

    async def add_wrap_ups(self, wrap_ups: Sequence[WrapUp]) -> None: ...
    async def end_wrap_ups(self, agent_id: str | None, now: datetime) -> None:
        """Removes wrap-ups of the agent, or all that are over by `now`."""
        ...

    async def save_agent(self, profile: AgentProfile, *, revision: int | None) -> Agent:
        """Inserts or replaces; with `revision`, only if the stored one is that (RevisionMismatchError)."""
        ...

    async def lock_agent(self, agent_id: str) -> Agent | None:
        """The agent, kept from changing until this transaction ends; None if there is none."""
        ...

    async def save_agent_state(self, agent: Agent) -> None: ...
    async def agents_seen(self, ids: Sequence[str], process_id: UUID) -> None:
        """Notes which process holds these agents' streams."""
        ...

    async def delete_agent(self, agent_id: str) -> bool: ...
