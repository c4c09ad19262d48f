"""Assigned items whose agents have left them: they return to their queue. Looks at a desk; returns nothing itself."""

from __future__ import annotations

from datetime import datetime

from openiwd.domain.agent import Agent
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.reservation import after_business_days
from openiwd.usecases.desk import Desk, Holding


def abandoned(desk: Desk, now: datetime) -> list[int]:
    """Assigned items of agents inactive, gone absent, or away for longer than the queue's `returnAfter`."""
    found = []
    for number, holding in desk.holdings.items():
        if holding.offered:
            continue
        agent = desk.world.agents.get(holding.agent_id)
        queue = desk.rules.queues.get(holding.queue_id)
        if agent is None or (queue is not None and not queue.is_native):  # a router's agents work elsewhere
            continue
        if not agent.active or _left(agent, holding, now) or _gone_too_long(desk, agent, holding, now):
            found.append(number)
    return found


def _gone_too_long(desk: Desk, agent: Agent, holding: Holding, now: datetime) -> bool:
    state = agent.states.get("*")
    if state is None or state.since is None or (agent.logged_in and not agent.connection_lost):
        return False
    queue = desk.rules.queues.get(holding.queue_id)
    if queue is None:
        return False
    since = max(to_micros(state.since), holding.since)
    clock = desk.rules.clocks.get(queue.hours) if queue.hours else None
    gone = after_business_days(since, queue.return_after, clock, desk.rules.zone)
    return now >= from_micros(gone)


def _left(agent: Agent, holding: Holding, now: datetime) -> bool:
    """Whether an absence has started since the agent got the item; one given in an absence is meant to be there."""
    return any(a.start <= now < a.end and holding.since < to_micros(a.start) for a in agent.absences)
