"""Agents at work: their states, presence, and what lies on their desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.agent import Agent, AgentProfile, AgentState, MediaState
from openiwd.domain.errors import InvalidInputError, NotFoundError
from openiwd.domain.event import Event, EventType
from openiwd.domain.lifecycle import Action
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.privilege import Caller, system
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.work_item import Command, apply

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
    runtime = services.runtime
    async with services.agent_lock(agent_id):
        agent = await get(services, agent_id)
        if not agent.active and state is not AgentState.LOGGED_OUT:
            raise InvalidInputError(
                f"agent '{agent_id}' is not active", field="agent", hint="an administrator can activate it"
            )
        now = runtime.now()
        states = next_states(
            agent, state, reason=reason, media_type=media_type, after_current=after_current, now=now
        )
        await _save(runtime, agent, states, caller, reason, session, services.process_id)
        agent = replace(agent, states=states)
    services.presence.seen(agent_id)
    if not after_current and state is not AgentState.READY:
        await end_offers(services, agent_id, OfferOutcome.WITHDRAWN, reason or state.value, media_type)
    return agent


async def _save(
    runtime: TenantRuntime,
    agent: Agent,
    states: dict[str, MediaState],
    caller: Caller,
    reason: str | None,
    session: str | None,
    process_id: object,
) -> None:
    now = runtime.now()
    logged_in = any(s.state is not AgentState.LOGGED_OUT for s in states.values())
    after = replace(
        agent,
        states=states,
        session=session or agent.session,
        seen_by=str(process_id),
        logged_in_at=(agent.logged_in_at or now) if logged_in else None,
    )
    event = Event(
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
                for m, s in states.items()
            },
            "reason": reason,
        },
    )
    async with runtime.store.writing() as tx:
        await tx.save_agent_state(after)
        if runtime.virtual is not None:
            await tx.set_virtual_now(now)
        await tx.append_events([event])
    runtime.committed()


async def end_offers(
    services: TenantServices, agent_id: str, outcome: OfferOutcome, reason: str, media_type: str | None = None
) -> None:
    """Ends the agent's open offers: the items go back in place."""
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
        if i.offered_to == agent_id and i.offer_id is not None and media_type in (None, i.media_type)
    ]
    if commands:
        await apply(services.runtime, commands)


async def lose(services: TenantServices, agent_id: str) -> None:
    """No heartbeat for too long: not ready, open offers return; assigned items stay with the agent."""
    agent = await get(services, agent_id)
    if not agent.logged_in or agent.state(EVERY_MEDIA).reason == "connectionLost":
        return
    caller = system("presence")
    states = {EVERY_MEDIA: MediaState(AgentState.NOT_READY, "connectionLost", services.runtime.now())}
    async with services.agent_lock(agent_id):
        await _save(services.runtime, agent, states, caller, "connectionLost", None, services.process_id)
    await end_offers(services, agent_id, OfferOutcome.LOST, "connectionLost")


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
            )
            for a in saved
        ]
        await tx.append_events(events)
    runtime.committed()
    return saved


def _profile_body(agent: Agent) -> dict[str, object]:
    return {
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


async def return_all(services: TenantServices, agent_id: str, caller: Caller, reason: str) -> int:
    """Returns all assigned items of an agent to their queues; how many."""
    mine = await my_items(services, agent_id)
    commands = [
        Command(action=Action.RETURN, caller=caller, item_id=i.id, reason=reason) for i in mine.assigned
    ]
    if commands:
        await apply(services.runtime, commands)
    return len(commands)
