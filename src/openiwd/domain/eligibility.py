"""Eligibility: whether an agent may be given a waiting item now, and if not, for which reason first. Pure.

Asks for group, skills, media, capacity, working time and exclusions; has no say in the order of items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple, assert_never

from msgspec import Struct

from openiwd.domain.agent import Agent, AgentState, MediaState
from openiwd.domain.backlog_item import BacklogItem, Demand
from openiwd.domain.calendar import Clock
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.offer import GrantKind
from openiwd.domain.queue import Queue


class Reason(StrEnum):
    """Why an agent cannot be given an item. Stable codes; the first that applies, in this order, is told."""

    QUEUE_MISSING = "queueMissing"
    ROUTED_OUTSIDE = "routedOutside"
    """The queue's items are given to agents by an external router."""
    DELIVERY = "delivery"
    QUEUE_CLOSED = "queueClosed"
    SEGMENT_LIMIT = "segmentLimit"
    INACTIVE = "inactive"
    MEDIA = "media"
    EXCLUDED = "excluded"
    RESERVED = "reserved"
    REQUESTED = "requested"
    GROUP = "group"
    SKILL = "skill"
    GROUP_DELAY = "groupDelay"
    PREFERRED = "preferred"
    DECLINED = "declined"
    LOGGED_OUT = "loggedOut"
    ABSENT = "absent"
    OFF_SHIFT = "offShift"
    NOT_READY = "notReady"
    AFTER_WORK = "afterWork"
    OFFERED = "offered"
    CAPACITY = "capacity"
    MEDIA_CAPACITY = "mediaCapacity"
    SHIFT_END = "shiftEnd"


OF_QUEUE = frozenset({
    Reason.QUEUE_MISSING, Reason.ROUTED_OUTSIDE, Reason.DELIVERY, Reason.QUEUE_CLOSED, Reason.SEGMENT_LIMIT,
})  # fmt: skip
"""Reasons that hold for every agent."""


class Load(Struct, frozen=True):
    """What an agent has in hand: open offers, assigned items and wrap-up count, held items do not."""

    weight: int = 0
    media: dict[str, int] = {}
    """Items by media type."""
    open_offer: bool = False
    idle_since: int = 0
    """The instant at which the agent last had something; the earliest has idled longest."""
    frees_at: int | None = None
    """When the first wrap-up ends by itself."""


NO_LOAD = Load()


class Profile(NamedTuple):
    """An agent's lasting traits at an instant: what decides which demands the agent could serve."""

    id: str
    active: bool
    groups: frozenset[str]
    skills: Mapping[str, int]
    barred_media: frozenset[str]


def profile_of(agent: Agent, now: int) -> Profile:
    """The traits that count at this instant: skills that have ended are gone."""
    at = from_micros(now)
    skills: dict[str, int] = {}
    for own in agent.skills:
        if own.until is None or at < own.until:
            skills.setdefault(own.skill, own.level)
    barred = frozenset(media for media, most in agent.capacity.media.items() if most == 0)
    return Profile(agent.id, agent.active, frozenset(agent.groups), skills, barred)


def misfit(profile: Profile, demand: Demand, queue: Queue | None, kind: GrantKind) -> Reason | None:
    """Why the agent could not serve the demand however free; None if the agent could.

    Who reserved an item for an agent (a transfer, a kept hold) has chosen that agent: queue groups, skills
    and requests are then not asked, exclusions are. Requested agents and groups are alternatives, and so
    are all preferences that run at the same time.
    """
    asked = demand.signature
    if not profile.active:
        return Reason.INACTIVE
    if asked.media in profile.barred_media:
        return Reason.MEDIA
    if profile.id in asked.excluded:
        return Reason.EXCLUDED
    if demand.reserved_for is not None:
        return None if demand.reserved_for == profile.id else Reason.RESERVED
    if not _requested(profile, demand):
        return Reason.REQUESTED
    delayed = False
    if demand.served is not None and not profile.groups.intersection((*demand.served, *asked.widened)):
        delayed = queue is not None and any(g.group in profile.groups for g in queue.groups)
        if not delayed:
            return Reason.GROUP
    for skill, level in asked.skills:
        if profile.skills.get(skill, 0) < level:
            return Reason.SKILL
    if delayed:
        return Reason.GROUP_DELAY
    return None if kind is GrantKind.PICK or _preferred(profile, demand) else Reason.PREFERRED


def _requested(profile: Profile, demand: Demand) -> bool:
    """Whether the agent is among those requested exclusively, if any are."""
    asked = demand.signature
    agents = asked.agents if asked.agents_only else ()
    groups = asked.groups if asked.groups_only else ()
    return not (agents or groups) or profile.id in agents or not profile.groups.isdisjoint(groups)


def _preferred(profile: Profile, demand: Demand) -> bool:
    """Whether the agent is among those preferred for the time being, if any are."""
    asked = demand.signature
    agents = () if asked.agents_only else asked.agents
    groups = () if asked.groups_only else asked.groups
    if demand.preferred is not None:
        agents = (*agents, demand.preferred)
    return not (agents or groups) or profile.id in agents or not profile.groups.isdisjoint(groups)


def state_at(state: MediaState, at: int) -> AgentState:
    """The state for new items: after-work ends at its instant, and who is about to stop has stopped."""
    found = state.state
    if found is AgentState.AFTER_WORK and state.until is not None and at >= to_micros(state.until):
        found = AgentState.READY
    if found is AgentState.READY and state.pending is not None:
        return state.pending
    return found


class Eligibility:
    """Answers for one instant and one way of granting; keeps what several answers share.

    Push asks for all. Pull needs login and capacity: neither state nor hours count, and an item reserved for
    the agent may be pulled whatever the queue's delivery. Pick also passes over preferences, declines,
    delivery and segment limits, as a person has chosen the item.
    """

    def __init__(
        self,
        queues: Mapping[str, Queue],
        clocks: Mapping[str, Clock],
        outstanding: Mapping[tuple[str, str | None], int],
        now: int,
        kind: GrantKind = GrantKind.PUSH,
        profiles: Callable[[Agent, int], Profile] | None = None,
    ) -> None:
        self.now = now
        self.kind = kind
        self._queues = queues
        self._clocks = clocks
        self._outstanding = outstanding
        self._profile_of = profile_of if profiles is None else profiles
        self._closed: dict[str, bool] = {}
        self._shift_ends: dict[str, int | None] = {}

    def of_queue(self, demand: Demand, segment: str | None) -> Reason | None:
        """Why nobody can be given an item of this queue and segment."""
        return self.closed(demand.signature.queue, segment, reserved=demand.reserved_for is not None)

    def closed(self, queue_id: str, segment: str | None, *, reserved: bool) -> Reason | None:
        """As `of_queue`, by what of the demand it depends on."""
        queue = self._queues.get(queue_id)
        if queue is None:
            return Reason.QUEUE_MISSING
        if not queue.is_native:
            return Reason.ROUTED_OUTSIDE
        push = self.kind is GrantKind.PUSH
        if push and not queue.pushes:
            return Reason.DELIVERY
        if self.kind is GrantKind.PULL and not queue.pulls and not reserved:
            return Reason.DELIVERY
        if push and queue.hours is not None and self._is_closed(queue.hours):
            return Reason.QUEUE_CLOSED
        limit = None if self.kind is GrantKind.PICK else queue.limit
        if limit is not None and self._outstanding.get((queue.id, segment), 0) >= limit:
            return Reason.SEGMENT_LIMIT
        return None

    def profile(self, agent: Agent) -> Profile:
        return self._profile_of(agent, self.now)

    def misfit(self, agent: Agent, demand: Demand) -> Reason | None:
        """As the function `misfit`, for the agent now."""
        queue = self._queues.get(demand.signature.queue)
        return misfit(self.profile(agent), demand, queue, self.kind)

    def unavailable(
        self, agent: Agent, load: Load, media: str, weight: int, handle_time: int | None
    ) -> Reason | None:
        """Why an agent who could serve the item cannot take one more of its kind now."""
        if not agent.logged_in:
            return Reason.LOGGED_OUT
        if self.kind is GrantKind.PUSH:
            reason = self._off_work(agent) or self._state_reason(agent, media)
            if reason is not None:
                return reason
            if load.open_offer:
                return Reason.OFFERED
        if load.weight + weight > agent.capacity.total:
            return Reason.CAPACITY
        most = agent.capacity.media.get(media)
        if most is not None and load.media.get(media, 0) >= most:
            return Reason.MEDIA_CAPACITY
        is_late = self.kind is GrantKind.PUSH and self._ends_too_soon(agent, handle_time)
        return Reason.SHIFT_END if is_late else None

    def qualifies(self, agent: Agent, item: BacklogItem, demand: Demand) -> bool:
        """Whether the agent could be given the item but for what people do: login, states, items in hand."""
        if self.misfit(agent, demand) is not None or self.declined(agent.id, item):
            return False
        if self.kind is not GrantKind.PUSH:
            return True
        return self._off_work(agent) is None and not self._ends_too_soon(agent, item.handle_time)

    def blocked(self, agent: Agent, load: Load) -> bool:
        """Whether the agent can be given nothing at all now, whatever the item: a cheap first question."""
        if not agent.active or not agent.logged_in:
            return True
        return self.kind is GrantKind.PUSH and (load.open_offer or self._off_work(agent) is not None)

    def of_demand(self, agent: Agent, load: Load, demand: Demand) -> Reason | None:
        """Why the agent can take no item of this demand; its queue and declines are asked apart."""
        asked = demand.signature
        return self.misfit(agent, demand) or self.unavailable(
            agent, load, asked.media, asked.weight, demand.handle_time
        )

    def reason(
        self, agent: Agent, load: Load, item: BacklogItem, demand: Demand, *, with_queue: bool = True
    ) -> Reason | None:
        """The first reason why the agent cannot be given the item, None if eligible."""
        return (
            (self.of_queue(demand, item.segment) if with_queue else None)
            or self.misfit(agent, demand)
            or (Reason.DECLINED if self.declined(agent.id, item) else None)
            or self.unavailable(agent, load, item.media_type, item.weight, item.handle_time)
        )

    def declined(self, agent_id: str, item: BacklogItem) -> bool:
        """Whether the agent is left out for a while after a decline or time-out."""
        return bool(item.excluded) and self.left_out(agent_id, item.excluded)

    def left_out(self, agent_id: str, excluded: tuple[tuple[str, int], ...]) -> bool:
        """As `declined`, of an item's excluded agents."""
        if self.kind is GrantKind.PICK:
            return False
        return any(agent_id == agent and self.now < until for agent, until in excluded)

    def shift_end(self, agent: Agent) -> int | None:
        """When the working hours that run now end, or the next absence starts; None: no end is known."""
        ends: list[int] = [at for absence in agent.absences if (at := to_micros(absence.start)) > self.now]
        hours = agent.working_hours
        if hours is not None and hours in self._clocks:
            if hours not in self._shift_ends:
                self._shift_ends[hours] = self._clocks[hours].next_change(self.now)
            end = self._shift_ends[hours]
            if end is not None:
                ends.append(end)
        return min(ends, default=None)

    def _ends_too_soon(self, agent: Agent, handle_time: int | None) -> bool:
        end = None if handle_time is None else self.shift_end(agent)
        return handle_time is not None and end is not None and handle_time > end - self.now

    def _off_work(self, agent: Agent) -> Reason | None:
        if agent.absences and agent.absent(from_micros(self.now)):
            return Reason.ABSENT
        if agent.working_hours is not None and self._is_closed(agent.working_hours):
            return Reason.OFF_SHIFT
        return None

    def _state_reason(self, agent: Agent, media: str) -> Reason | None:
        state = state_at(agent.state(media), self.now)
        match state:
            case AgentState.READY:
                return None
            case AgentState.NOT_READY:
                return Reason.NOT_READY
            case AgentState.AFTER_WORK:
                return Reason.AFTER_WORK
            case AgentState.LOGGED_OUT:
                return Reason.LOGGED_OUT
            case _:
                assert_never(state)

    def _is_closed(self, calendar_id: str) -> bool:
        """Hours that the rule set no longer has close nothing."""
        closed = self._closed.get(calendar_id)
        if closed is None:
            clock = self._clocks.get(calendar_id)
            closed = self._closed[calendar_id] = clock is not None and not clock.is_open(self.now)
        return closed
