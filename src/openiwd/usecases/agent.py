"""Agents at work: their states, presence, and what lies on their desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.agent import CONNECTION_LOST, Agent, AgentProfile, AgentState, MediaState
from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.event import Event, EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases.command import Command, Done
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

EVERY_MEDIA = "*"


class MyItems(Struct, kw_only=True):
    """What an agent has before them."""

    offers: list[WorkItem]
    assigned: list[WorkItem]
    reserved: list[WorkItem]
    held: list[WorkItem]


async def get(services: TenantServices, agent_id: str) -> Agent:
    """The agent as configured and as present; NotFoundError if there is none."""
    async with services.runtime.store.reading() as reading:
        found = (await reading.agents([agent_id])).get(agent_id)
    if found is None:
        raise NotFoundError(
            f"there is no agent '{agent_id}'", field="agent", hint="check the id of the agent"
        )
    return found


async def all_agents(services: TenantServices) -> list[Agent]:
    """All agents, by name."""
    async with services.runtime.store.reading() as reading:
        return sorted((await reading.agents()).values(), key=lambda a: (a.name, a.id))


def next_states(
    agent: Agent,
    state: AgentState,
    *,
    reason: str | None,
    media_type: str | None,
    after_current: bool,
    now: datetime,
) -> dict[str, MediaState]:
    """The agent's states after this change; a state for all media replaces those of single ones."""
    states = dict(agent.states)
    key = media_type or EVERY_MEDIA
    present = agent.state(key)
    if after_current:
        states[key] = replace(present, pending=state, pending_reason=reason)
        return states
    same = present.state is state and present.reason == reason
    fresh = MediaState(state=state, reason=reason, since=present.since if same else now)
    if media_type is None:
        return {EVERY_MEDIA: fresh}
    states[key] = fresh
    return states


async def set_state(
    services: TenantServices,
    agent_id: str,
    state: AgentState,
    *,
    caller: Caller,
    reason: str | None = None,
    media_type: str | None = None,
    after_current: bool = False,
    session: str | None = None,
) -> Agent:
    """Ready, not ready (with a reason; also 'after current items'), after-work or logged out.

    An agent who is no longer ready loses open offers; assigned items stay.
    """
    if caller.agent_id != agent_id:
        caller.require("agents.state")
    if state is AgentState.AFTER_WORK and after_current:
        raise InvalidInputError(
            "after-work begins by itself", field="state", hint="choose notReady after current items"
        )
    own = caller.agent_id == agent_id

    def change(agent: Agent, now: datetime) -> dict[str, MediaState]:
        if not agent.active and state is not AgentState.LOGGED_OUT:
            raise InvalidInputError(
                f"agent '{agent_id}' is not active", field="agent", hint="an administrator can activate it"
            )
        return next_states(
            agent, state, reason=reason, media_type=media_type, after_current=after_current, now=now
        )

    agent = await _change_states(services, agent_id, change, caller, reason, session=session, own=own)
    if agent is None:
        raise NotFoundError(f"there is no agent '{agent_id}'", field="agent")
    services.wanted.set()
    if own:
        services.presence.seen(agent_id)
    if not after_current and state is not AgentState.READY:
        await end_offers(services, agent_id, OfferOutcome.WITHDRAWN, reason or state.value, media_type)
    return agent


async def _change_states(
    services: TenantServices,
    agent_id: str,
    change: Callable[[Agent, datetime], dict[str, MediaState] | None],
    caller: Caller,
    reason: str | None,
    *,
    session: str | None = None,
    own: bool = False,
) -> Agent | None:
    """Decides on the agent's row while it is locked, so that two processes never undo each other's change.

    None when `change` wants none. Only the agent's own doing tells which process holds the stream.
    """
    runtime = services.runtime
    expected = False
    async with services.agent_lock(agent_id), runtime.store.writing() as tx:
        agent = await tx.lock_agent(agent_id)
        if agent is None:
            raise NotFoundError(
                f"there is no agent '{agent_id}'", field="agent", hint="check the id of the agent"
            )
        now = runtime.now()
        states = change(agent, now)
        if states is None:
            return None
        logged_in = any(s.state is not AgentState.LOGGED_OUT for s in states.values())
        expected = logged_in and not own and not agent.logged_in
        after = replace(
            agent,
            states=states,
            session=session or agent.session,
            seen_by=str(services.process_id) if own or expected else agent.seen_by,
            logged_in_at=(agent.logged_in_at or now) if logged_in else None,
        )
        await tx.save_agent_state(after)
        if runtime.virtual is not None:
            await tx.set_virtual_now(now)
        await tx.append_events([_state_event(after, now, caller, reason)])
    runtime.committed()
    if expected:
        services.presence.expect(agent_id)
    return after


def _state_event(agent: Agent, now: datetime, caller: Caller, reason: str | None) -> Event:
    return Event(
        type=EventType.AGENT_STATE_CHANGED,
        at=now,
        actor=caller.actor,
        subject_id=agent.id,
        body={
            "states": {
                m: {
                    "state": s.state.value,
                    "reason": s.reason,
                    "pending": s.pending.value if s.pending else None,
                }
                for m, s in agent.states.items()
            },
            "reason": reason,
        },
    )


async def take_pending(services: TenantServices, agent_id: str, media_type: str, caller: Caller) -> None:
    """'After current items' has come: the state waited for begins, unless the agent has thought better of it."""
    present = (await get(services, agent_id)).states.get(media_type)
    if present is None or present.pending is None:
        return
    state = present.pending

    def change(agent: Agent, now: datetime) -> dict[str, MediaState] | None:
        if agent.states.get(media_type) != present or not agent.active:
            return None
        single = None if media_type == EVERY_MEDIA else media_type
        return next_states(
            agent, state, reason=present.pending_reason, media_type=single, after_current=False, now=now
        )

    after = await _change_states(services, agent_id, change, caller, present.pending_reason)
    if after is not None and state is not AgentState.READY:
        single = None if media_type == EVERY_MEDIA else media_type
        await end_offers(
            services, agent_id, OfferOutcome.WITHDRAWN, present.pending_reason or state.value, single
        )


async def end_offers(
    services: TenantServices,
    agent_id: str,
    outcome: OfferOutcome,
    reason: str,
    media_type: str | None = None,
    *,
    among: Callable[[WorkItem], bool] | None = None,
) -> None:
    """Ends the agent's open offers (or those `among` the items meant): the items go back in place."""
    async with services.runtime.store.reading() as reading:
        items = await reading.items_of_agent(agent_id)
    action = Action.LOSE if outcome is OfferOutcome.LOST else Action.WITHDRAW
    commands = [
        Command(
            action=action,
            caller=system("distribution"),
            item_id=i.id,
            offer_id=i.offer_id,
            outcome=outcome,
            reason=reason,
            internal=True,
        )
        for i in items
        if i.offered_to == agent_id
        and i.offer_id is not None
        and media_type in (None, i.media_type)
        and (among is None or among(i))
    ]
    if commands:
        await apply(services.runtime, commands)


async def lose(services: TenantServices, agent_id: str, held_by: str | None = None) -> bool:
    """No sign of life for too long: not ready, open offers return; assigned items stay with the agent.

    Only if the agent's stream is still with process `held_by` (default: this one); False when it is elsewhere.
    """
    held_by = held_by or str(services.process_id)

    def change(agent: Agent, now: datetime) -> dict[str, MediaState] | None:
        if not agent.logged_in or agent.seen_by not in (None, held_by) or agent.connection_lost:
            return None
        return {EVERY_MEDIA: MediaState(AgentState.NOT_READY, CONNECTION_LOST, now)}

    try:
        lost = await _change_states(services, agent_id, change, system("presence"), CONNECTION_LOST)
    except NotFoundError:
        return False
    if lost is None:
        return False
    await end_offers(services, agent_id, OfferOutcome.LOST, CONNECTION_LOST)
    return True


async def take_in(services: TenantServices, agent_ids: Sequence[str]) -> None:
    """The streams of these agents are with this process from now on."""
    if agent_ids:
        async with services.runtime.store.writing() as tx:
            await tx.agents_seen(agent_ids, services.process_id)


async def hand_over(services: TenantServices, agent_ids: Sequence[str], process_id: UUID) -> None:
    """Another process hears these agents: they are with it from now on."""
    async with services.runtime.store.writing() as tx:
        await tx.agents_seen(agent_ids, process_id)


async def my_items(services: TenantServices, agent_id: str) -> MyItems:
    """Offers, assigned items, and the personal workbin (queued or held, reserved for the agent)."""
    async with services.runtime.store.reading() as reading:
        items = await reading.items_of_agent(agent_id)
    mine = MyItems(offers=[], assigned=[], reserved=[], held=[])
    for item in items:
        if item.assigned_to == agent_id:
            mine.assigned.append(item)
        elif item.offered_to == agent_id:
            mine.offers.append(item)
        elif item.status is Status.HELD:
            mine.held.append(item)
        elif item.reserved_for == agent_id:
            mine.reserved.append(item)
    mine.assigned.sort(key=lambda i: (i.assigned_at or i.received_at, i.number))
    return mine


async def save_profile(
    services: TenantServices, profile: AgentProfile, caller: Caller, *, revision: int | None = None
) -> Agent:
    """Creates or replaces an agent's profile; live at once."""
    caller.require("agents.update")
    agents = await save_profiles(services, [profile], caller, revision=revision)
    return agents[0]


async def save_profiles(
    services: TenantServices, profiles: Sequence[AgentProfile], caller: Caller, *, revision: int | None = None
) -> list[Agent]:
    """Several at once, in one transaction."""
    caller.require("agents.update")
    runtime = services.runtime
    now = runtime.now()
    async with runtime.store.writing() as tx:
        saved = [await tx.save_agent(profile, revision=revision) for profile in profiles]
        events = [
            Event(
                type=EventType.AGENT_CHANGED,
                at=now,
                actor=caller.actor,
                subject_id=a.id,
                body=_profile_body(a),
                personal=_personal(a),
            )
            for a in saved
        ]
        await tx.append_events(events)
    runtime.committed()
    return saved


PERSONAL: Final = frozenset({"name", "userLogin", "employeeId", "absences", "attributes"})
"""Of a profile, in its written form: what is of the person lies apart from the event."""


def _profile(agent: Agent) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(agent)
    names = msgspec.structs.fields(AgentProfile)
    return {f.encode_name: values[f.encode_name] for f in names}


def _personal(agent: Agent) -> dict[str, Any]:
    return {name: value for name, value in _profile(agent).items() if name in PERSONAL}


def _profile_body(agent: Agent) -> dict[str, object]:
    return {
        "profile": {name: value for name, value in _profile(agent).items() if name not in PERSONAL},
        "groups": list(agent.groups),
        "skills": [{"skill": s.skill, "level": s.level} for s in agent.skills],
        "capacity": {"total": agent.capacity.total, "media": dict(agent.capacity.media)},
        "active": agent.active,
        "revision": agent.revision,
    }


async def delete(services: TenantServices, agent_id: str, caller: Caller) -> None:
    """Removes an agent that has nothing assigned; others are deactivated instead."""
    caller.require("agents.update")
    mine = await my_items(services, agent_id)
    if mine.assigned:
        raise InvalidInputError(
            f"agent '{agent_id}' has {len(mine.assigned)} items",
            field="agent",
            hint="return or reassign them, or deactivate the agent",
        )
    runtime = services.runtime
    async with runtime.store.writing() as tx:
        if not await tx.delete_agent(agent_id):
            raise NotFoundError(f"there is no agent '{agent_id}'", field="agent")
        event = Event(
            type=EventType.AGENT_CHANGED,
            at=runtime.now(),
            actor=caller.actor,
            subject_id=agent_id,
            body={"deleted": True},
        )
        await tx.append_events([event])
    runtime.committed()


def heartbeat(services: TenantServices, agent_id: str) -> None:
    """The workspace is there."""
    services.presence.seen(agent_id)


class ReturnedItems(Struct):
    """What came of returning all items of an agent."""

    returned: int
    refused: int = 0
    """Those that the caller may not return, or that have changed meanwhile: they are where they were."""


async def return_all(services: TenantServices, agent_id: str, caller: Caller, reason: str) -> ReturnedItems:
    """Returns the assigned items of an agent to their queues, as far as the caller may return them."""
    mine = await my_items(services, agent_id)
    commands = [
        Command(action=Action.RETURN, caller=caller, item_id=i.id, reason=reason) for i in mine.assigned
    ]
    results = await apply(services.runtime, commands) if commands else []
    returned = sum(1 for r in results if isinstance(r, Done))
    return ReturnedItems(returned, len(results) - returned)
