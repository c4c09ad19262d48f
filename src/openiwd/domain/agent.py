"""Agents: skills, groups, capacity, states and working time. Decides nothing about items (see distribution)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

CONNECTION_LOST = "connectionLost"
"""Reason of the state that an agent gets whose workspace no longer shows signs of life."""


class AgentState(StrEnum):
    """Of one agent in one media type."""

    READY = "ready"
    NOT_READY = "notReady"
    AFTER_WORK = "afterWork"
    LOGGED_OUT = "loggedOut"


class AgentSkill(Struct, frozen=True, rename="camel"):
    skill: str
    level: Annotated[int, Meta(ge=1, le=10)] = 5
    until: datetime | None = None
    """The skill no longer counts from this instant on."""


class Absence(Struct, frozen=True, rename="camel"):
    start: datetime
    end: datetime
    reason: str | None = None


class Capacity(Struct, frozen=True, rename="camel"):
    """How much an agent may hold: a total weight, and optionally a number of items per media type."""

    total: Annotated[int, Meta(ge=0, le=10_000)] = 1
    media: dict[str, Annotated[int, Meta(ge=0, le=10_000)]] = {}


class MediaState(Struct, frozen=True, rename="camel"):
    state: AgentState = AgentState.LOGGED_OUT
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """For after-work: when wrap-up ends by itself."""
    pending: AgentState | None = None
    """Taken over once the present items are done ('not ready after current items')."""
    pending_reason: str | None = None


class Agent(Struct, kw_only=True, rename="camel"):
    """A user with an agent profile, as configured and as present."""

    id: str
    name: str
    user_login: str | None = None
    employee_id: str | None = None
    active: bool = True
    groups: tuple[str, ...] = ()
    skills: tuple[AgentSkill, ...] = ()
    capacity: Capacity = Capacity()
    time_zone: str = "UTC"
    working_hours: str | None = None
    """Calendar id; outside of it nothing is pushed."""
    absences: tuple[Absence, ...] = ()
    attributes: dict[str, Any] = {}
    revision: int = 1
    states: dict[str, MediaState] = msgspec.field(default_factory=dict)
    """Per media type; '*' is the state of all media types that have none of their own."""
    session: str | None = None
    """The workspace session (or key) whose presence keeps the states alive."""
    seen_by: str | None = None
    """The process that holds the agent's stream; its presence lease stands for all its agents."""
    logged_in_at: datetime | None = None

    def state(self, media_type: str) -> MediaState:
        """The state that counts for this media type."""
        return self.states.get(media_type) or self.states.get("*") or LOGGED_OUT

    @property
    def logged_in(self) -> bool:
        for state in self.states.values():  # noqa: SIM110 - hot: half the time of any()
            if state.state is not AgentState.LOGGED_OUT:
                return True
        return False

    @property
    def connection_lost(self) -> bool:
        return self.state("*").reason == CONNECTION_LOST

    def level(self, skill: str, now: datetime) -> int:
        """The agent's level in a skill at an instant; 0 without it."""
        for own in self.skills:
            if own.skill == skill and (own.until is None or now < own.until):
                return own.level
        return 0

    def absent(self, now: datetime) -> bool:
        return any(a.start <= now < a.end for a in self.absences)


LOGGED_OUT = MediaState()


class AgentProfile(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What administrators edit of an agent."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    user_login: str | None = None
    employee_id: str | None = None
    active: bool = True
    groups: list[str] = []
    skills: list[AgentSkill] = []
    capacity: Capacity = Capacity()
    time_zone: str = "UTC"
    working_hours: str | None = None
    absences: list[Absence] = []
    attributes: dict[str, Any] = {}
