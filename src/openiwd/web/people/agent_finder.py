"""One page of the agents that a filter finds, with how many are in each state. Reads only."""

from __future__ import annotations

from typing import NamedTuple

from openiwd.domain.agent import Agent, AgentState
from openiwd.usecases import agent_profile
from openiwd.web.people.agent_filter import INACTIVE, AgentFilter
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.listing import SIZE, Pager, page_number, pager_of
from openiwd.web.shell.visit import Visit


class FoundAgents(NamedTuple):
    agents: list[Agent]
    pager: Pager
    states: dict[AgentState, int]
    """Of active ones, whatever state is asked for."""
    inactive: int

    @property
    def active(self) -> int:
        return sum(self.states.values())


async def find_agents(visit: Visit, asked: AgentFilter, path: str, *, active_only: bool) -> FoundAgents:
    """The page that the address names; only as many agents are read as are shown."""
    editor, number = editor_of(visit), visit.request.query_params.get("page")
    wanted = asked.wanted()
    if active_only:
        wanted.active = True
    first = await agent_profile.find(editor, wanted, SIZE, 0)
    states = {s: first.counts.get((True, s), 0) for s in AgentState}
    inactive = sum(n for (active, _), n in first.counts.items() if not active)
    total = _total(asked, states, inactive, active_only=active_only)
    page = page_number(number, total)
    agents = first.agents
    if page > 1:
        agents = (await agent_profile.find(editor, wanted, SIZE, (page - 1) * SIZE)).agents
    return FoundAgents(agents, pager_of(total, page, path, asked.query(), visit.t), states, inactive)


def _total(asked: AgentFilter, states: dict[AgentState, int], inactive: int, *, active_only: bool) -> int:
    if asked.state == INACTIVE:
        return 0 if active_only else inactive
    if asked.state:
        return states[AgentState(asked.state)]
    return sum(states.values()) + (0 if active_only else inactive)
