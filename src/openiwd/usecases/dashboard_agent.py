"""Dashboards of agents: who is ready since when, what of their capacity is used, what they have completed today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from msgspec import Struct

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.dashboard import covered, day_start, lies_below
from openiwd.domain.offer import WrapUp
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.ports.dashboard import Handled, InHand
from openiwd.usecases.dashboard import active_agents, live_rules, reach, zone_of

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

EVERY_MEDIA: Final = "*"


class AgentLine(Struct, kw_only=True, rename="camel"):
    """An agent as of now, and what they have completed today."""

    id: str
    name: str
    groups: list[str]
    state: AgentState
    reason: str | None
    since: datetime | None
    used: int
    """Weight of what is assigned, offered or wrapped up."""
    capacity: int
    done: int
    handle_seconds: float | None
    """Mean time from assignment to completion."""


class GroupLine(Struct, kw_only=True, rename="camel"):
    """Agents of a group by state. None: those of no group."""

    id: str | None
    name: str | None
    ready: int = 0
    after_work: int = 0
    not_ready: int = 0
    logged_out: int = 0


class AgentBoard(Struct, kw_only=True, rename="camel"):
    """All active agents; an agent of several groups counts in each of them."""

    at: datetime
    day_start: datetime
    groups: list[GroupLine]
    agents: list[AgentLine]


class _Use(NamedTuple):
    """What agents have in hand, what they have completed today, and the names of groups."""

    in_hand: list[InHand]
    wrap_ups: list[WrapUp]
    handled: list[Handled]
    group_names: dict[str, str]


async def _used(services: TenantServices, since: datetime) -> _Use:
    async def read() -> _Use:
        async with services.runtime.store.reading() as reading:
            groups = await reading.objects("agent_group")
            return _Use(
                await reading.in_hand(),
                await reading.wrap_ups(),
                await reading.handled(since),
                {g["id"]: g["name"] for g in groups},
            )

    return await services.counts.get(("agents_use", since), read)


async def agents(services: TenantServices, caller: Caller, department: str | None = None) -> AgentBoard:
    """Active agents and their groups; what they completed is counted within the caller's scope and the department."""
    scope = reach(caller)
    caller.require("agents.view")
    now = services.runtime.now()
    since = day_start(now, zone_of(services))
    use = await _used(services, since)
    weights = _weights(use, await live_rules(services), now)
    done = _done(use.handled, caller, scope, department)
    found = await active_agents(services)
    return AgentBoard(
        at=now,
        day_start=since,
        groups=_groups(found, use.group_names),
        agents=[_line(a, weights.get(a.id, 0), done.get(a.id)) for a in sorted(found, key=_order)],
    )


def _order(agent: Agent) -> tuple[str, str]:
    return agent.name.casefold(), agent.id


def _line(agent: Agent, used: int, done: tuple[int, float] | None) -> AgentLine:
    state = agent.state(EVERY_MEDIA)
    items, seconds = done or (0, 0.0)
    return AgentLine(
        id=agent.id,
        name=agent.name,
        groups=list(agent.groups),
        state=state.state,
        reason=state.reason,
        since=state.since,
        used=used,
        capacity=agent.capacity.total,
        done=items,
        handle_seconds=seconds / items if items else None,
    )


def _weights(use: _Use, rules: CompiledRuleSet | None, now: datetime) -> dict[str, int]:
    """As distribution weighs: the queue's weight, else the media type's, else 1."""
    found: defaultdict[str, int] = defaultdict(int)
    for held in use.in_hand:
        queue = rules.queues.get(held.queue_id or "") if rules is not None else None
        media = rules.media_types.get(held.media_type) if rules is not None else None
        weight = 1 if media is None else media.weight
        found[held.agent] += held.items * (weight if queue is None or queue.weight is None else queue.weight)
    for wrap_up in use.wrap_ups:
        if wrap_up.until > now:
            found[wrap_up.agent_id] += wrap_up.weight
    return found


def _done(
    handled: Iterable[Handled], caller: Caller, scope: Scope, department: str | None
) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for row in handled:
        if lies_below(row.category_path, department) and covered(
            caller, scope, row.category_path, row.queue_id
        ):
            items, seconds = found.get(row.agent, (0, 0.0))
            found[row.agent] = (items + row.items, seconds + row.seconds)
    return found


def _groups(agents: Sequence[Agent], names: dict[str, str]) -> list[GroupLine]:
    found: dict[str | None, GroupLine] = {}
    for agent in agents:
        for group in agent.groups or (None,):
            line = found.setdefault(group, GroupLine(id=group, name=names.get(group or "")))
            _count(line, agent.state(EVERY_MEDIA).state)
    return [
        found[group]
        for group in sorted(found, key=lambda g: (g is None, names.get(g or "", g or "").casefold()))
    ]


def _count(line: GroupLine, state: AgentState) -> None:
    match state:
        case AgentState.READY:
            line.ready += 1
        case AgentState.AFTER_WORK:
            line.after_work += 1
        case AgentState.NOT_READY:
            line.not_ready += 1
        case AgentState.LOGGED_OUT:
            line.logged_out += 1
        case _:
            assert_never(state)
