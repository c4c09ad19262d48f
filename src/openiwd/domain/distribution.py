"""Distribution: which waiting item goes to which agent. Pure decisions on a world that its caller updates.

Grants nothing: a choice becomes an offer or assignment by the decider's claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from openiwd.domain.agent import Agent
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.burst import Burst, Crew
from openiwd.domain.eligibility import Eligibility, Load
from openiwd.domain.offer import GrantKind
from openiwd.domain.world import World

FEW = 32
"""For so many agents each one's way through the backlog is followed; for more, the backlog's."""


class Choice(NamedTuple):
    """One item for one agent, and its exact priority at the instant of the decision."""

    item: BacklogItem
    agent_id: str
    kind: GrantKind
    priority: Fraction


def for_agent(world: World, agent: Agent, now: int) -> Choice | None:
    """What to push to an agent who has become free: the best eligible item of the whole backlog."""
    return _best_for(world, agent, now, GrantKind.PUSH)


def next_for(world: World, agent: Agent, now: int) -> Choice | None:
    """What the agent gets who asks for the next best item."""
    return _best_for(world, agent, now, GrantKind.PULL)


def for_item(world: World, item: BacklogItem, now: int) -> Choice | None:
    """Whom to push a new item to that finds idle agents: least flexible, then longest idle, then id."""
    now = world.backlog.advance(now)
    world.candidates(now)
    group = world.backlog.group_of(item.number)
    crew = Crew(world, world.eligibility(now), world.roster.ready)
    if not crew.goes_on(group):
        return None
    place = crew.taker(world.backlog.slot_of(item.number), group)
    if place is None:
        return None
    return Choice(item, crew.agent(place).id, GrantKind.PUSH, world.backlog.priority(item.number, now))


def eligible_items(
    world: World, agent: Agent, now: int, kind: GrantKind, load: Load | None = None
) -> Iterable[BacklogItem]:
    """The items that the agent could be given now, best first, lazily."""
    return (
        world.backlog.item_in(slot)
        for slot in _eligible(world, agent, now, kind, world.load(agent.id) if load is None else load)
    )


def _eligible(world: World, agent: Agent, now: int, kind: GrantKind, load: Load) -> Iterable[int]:
    now = world.backlog.advance(now)
    eligibility = world.eligibility(now, kind)
    return () if eligibility.blocked(agent, load) else world.selection(eligibility, agent, load).slots()


def _best_for(world: World, agent: Agent, now: int, kind: GrantKind) -> Choice | None:
    for slot in _eligible(world, agent, now, kind, world.load(agent.id)):
        return _choice(world, slot, agent, kind)
    return None


def _choice(world: World, slot: int, agent: Agent, kind: GrantKind) -> Choice:
    backlog = world.backlog
    return Choice(backlog.item_in(slot), agent.id, kind, backlog.priority_at(backlog.place_in(slot)))


def distribute(world: World, now: int, few: int = FEW) -> list[Choice]:
    """Everything that can be offered now, in one pass; the world is left as it is.

    Items are taken in exact order of priority, and each goes to the best agent still free for it: the least
    flexible, then longest idle, then by id (flexibility as of the start of the pass). Both rules hold then.
    Each item got the first of the agents whom it found idle. And each agent got the best item to be had: an
    item before it in the order that the agent could serve has been handed out as well, or the agent, free
    at that moment, would have been given it. An agent gets one item, as there is one push offer at a time.
    For up to `few` agents who have to be looked at the one way of two is taken, which come to the same.
    """
    now = world.backlog.advance(now)
    candidates = world.candidates(now)
    fresh = world.fresh()
    if not candidates and not fresh:
        return []
    outstanding = dict(world.outstanding)
    eligibility = Eligibility(world.queues, world.clocks, outstanding, now, profiles=world.profile)
    free = []
    for agent in candidates:
        if eligibility.blocked(agent, world.load(agent.id)):
            world.idle.settle(agent.id)
        else:
            free.append(agent)
    burst = Burst(world, eligibility, free, fresh, few)
    chosen: list[Choice] = []
    for slot, agent in burst.pairs():
        choice = _choice(world, slot, agent, GrantKind.PUSH)
        chosen.append(choice)
        key = (choice.item.queue_id, choice.item.segment)
        outstanding[key] = outstanding.get(key, 0) + 1
    burst.conclude({choice.agent_id: choice.item.number for choice in chosen})
    return chosen


def next_change(world: World, now: int) -> int | None:
    """The next instant at which something becomes possible by time alone: the decider sets its timer to it.

    Relaxation, group delay, the end of a preference, reservation or exclusion, of an absence, after-work or
    wrap-up, the start of a shift, the opening of a queue. A bend or crossing of curves is none of these: it
    changes who comes first when an agent becomes free, and the backlog applies it by itself then.
    """
    world.backlog.advance(now)
    changes = [world.backlog.next_opening(), world.agents_change(now)]
    hours = {
        queue.hours
        for queue_id in world.backlog.counts()
        if (queue := world.queues.get(queue_id)) is not None and queue.hours is not None
    }
    changes += [world.opening(one, now) for one in hours]
    return min((at for at in changes if at is not None and at > now), default=None)
