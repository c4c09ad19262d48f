"""What the simulated tenant has stored: the only truth, from which any picture of it can be made anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.eligibility import Load
from openiwd.domain.simulation.tenant import Kind
from openiwd.domain.work_item import Status

NOBODY: Final = ""


@dataclass(slots=True, eq=False)
class StoredItem:
    """An item that is not finished. `waiting` is the item as it was last queued, instants in microseconds."""

    kind: Kind
    waiting: BacklogItem
    created_at: int
    due_at: int | None
    business_value: int = 0
    adjustment: int = 0
    fixed: int | None = None
    status: Status = Status.QUEUED
    agent_id: str = NOBODY
    """Who has it in hand: offered while `status` is queued, else assigned."""
    grant: int = 0
    """Counts the grants: what was meant for an earlier one comes too late."""
    since: int = 0
    """Of the present hold."""
    pauses: bool = False
    """Whether the present hold stops the clock."""
    kept_for: str | None = None
    paused: tuple[tuple[int, int], ...] = ()

    @property
    def number(self) -> int:
        return self.waiting.number

    @property
    def waits(self) -> bool:
        return self.status is Status.QUEUED and not self.agent_id

    @property
    def offered(self) -> bool:
        return self.status is Status.QUEUED and bool(self.agent_id)


@dataclass(slots=True, eq=False)
class StoredAgent:
    """An agent and what is in their hands. `shift` counts logins; what was meant for an earlier one comes too late."""

    agent: Agent
    items: dict[int, StoredItem] = field(default_factory=dict)
    wrap_ups: list[tuple[int, int, str]] = field(default_factory=list)
    """(until, weight, media type)."""
    weight: int = 0
    media: dict[str, int] = field(default_factory=dict)
    offer: int | None = None
    idle_since: int = 0
    shift: int = 0
    lost: bool = False
    logged_in_at: int | None = None
    busy_since: int | None = None
    logged_in_time: int = 0
    busy_time: int = 0

    def load(self) -> Load:
        """As the decision code wants it."""
        return Load(
            weight=self.weight,
            media=self.media.copy(),
            open_offer=self.offer is not None,
            idle_since=self.idle_since,
            frees_at=min(self.wrap_ups)[0] if self.wrap_ups else None,
        )

    @property
    def assigned(self) -> int:
        """How many items the agent has accepted."""
        return len(self.items) - (self.offer is not None)

    def settle(self, now: int) -> None:
        """Adds the times that still run."""
        if self.busy_since is not None:
            self.busy_time += now - self.busy_since
            self.busy_since = now
        if self.logged_in_at is not None:
            self.logged_in_time += now - self.logged_in_at
            self.logged_in_at = now

    def take(self, weight: int, media: str) -> None:
        self.weight += weight
        self.media[media] = self.media.get(media, 0) + 1

    def free(self, weight: int, media: str) -> None:
        self.weight -= weight
        self.media[media] -= 1


class Store:
    """All that is not finished."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        self.items: dict[int, StoredItem] = {}
        self.waiting: dict[int, StoredItem] = {}
        self.agents = {agent.id: StoredAgent(agent) for agent in agents}
