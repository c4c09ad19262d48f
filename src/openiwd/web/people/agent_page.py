"""The agents at work: who is ready, since when, and with how much; supervisors set states from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.errors import InvalidInputError
from openiwd.usecases import agent as agent_use
from openiwd.usecases.agent import EVERY_MEDIA
from openiwd.web.item.directory import shown_by
from openiwd.web.people.agent_filter import AgentFilter, choices_of, filter_of
from openiwd.web.people.agent_finder import find_agents
from openiwd.web.people.agent_view import CSS, AgentLine, line_of
from openiwd.web.people.named import groups_and_skills
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.visit import CurrentVisit, Visit
from openiwd.web.workspace.workspace_view import STATE_ICONS

PATH: Final = "/agents"


class StateAct(NamedTuple):
    text: str
    values: str


class StateChip(NamedTuple):
    text: str
    size: int
    href: str
    current: bool
    icon: str
    css: str


class WorkingLine(NamedTuple):
    agent: AgentLine
    acts: list[StateAct]


async def _context(visit: Visit) -> dict[str, Any]:
    visit.caller.require("agents.view")
    query = visit.request.query_params
    wanted = filter_of(query)
    found = await find_agents(visit, wanted, PATH, active_only=True)
    everybody = (
        found if not wanted.query() else await find_agents(visit, AgentFilter(), PATH, active_only=True)
    )
    shown = await shown_by(visit, found.agents)
    groups, skills = await groups_and_skills(visit)
    async with visit.services.runtime.store.reading() as reading:
        items = await reading.held_by_agents()
    scope = visit.caller.privileges.get("workitems.read")
    seen = [i for i in items if scope is not None and visit.caller.covers(scope, i)]
    held = Counter(i.assigned_to for i in seen if i.assigned_to is not None)
    can_set = visit.caller.may("agents.state")
    return {
        "active": "agents",
        "any_agents": everybody.active > 0,
        "agents": [
            WorkingLine(line_of(a, held[a.id], groups, skills, shown), acts_of(a, visit.t) if can_set else [])
            for a in found.agents
        ],
        "summary": visit.t("agents.summary", n=everybody.active, ready=everybody.states[AgentState.READY]),
        "chips": _chips(wanted, found.states, visit.t),
        "wanted": wanted,
        "choices": choices_of(wanted, groups, skills, visit.t, states=False),
        "pager": found.pager,
        "query": urlencode({**wanted.query(), **({"page": query["page"]} if "page" in query else {})}),
        "can_set": can_set,
    }


def _chips(wanted: AgentFilter, counts: Mapping[AgentState, int], t: Catalogue) -> list[StateChip]:
    """Each state with how many are in it."""
    return [
        StateChip(
            t("people.all_states"),
            sum(counts.values()),
            wanted._replace(state="").address(PATH),
            not wanted.state,
            "users",
            "",
        ),
        *(
            StateChip(
                t.named("state", state.value),
                counts[state],
                wanted._replace(state=state.value).address(PATH),
                wanted.state == state.value,
                STATE_ICONS[state],
                CSS[state],
            )
            for state in AgentState
        ),
    ]


def acts_of(agent: Agent, t: Catalogue) -> list[StateAct]:
    """The states that a supervisor may set, other than the present one."""
    wanted = (
        (AgentState.READY, "agents.set_ready"),
        (AgentState.NOT_READY, "agents.set_not_ready"),
        (AgentState.LOGGED_OUT, "agents.log_out"),
    )
    state = agent.state(EVERY_MEDIA).state
    return [
        StateAct(t(key), msgspec.json.encode({"agent": agent.id, "state": new.value}).decode())
        for new, key in wanted
        if new is not state
    ]


@get(PATH)
async def agents_page(visit: CurrentVisit) -> Response[Any]:
    """All active agents with their states, capacity and skills."""
    context = await _context(visit)
    rows_only = visit.is_htmx and visit.request.headers.get("hx-target") == "agent-live"
    return visit.page("people/agent_rows.html" if rows_only else "people/agents.html", **context)


@post("/agents/state", status_code=200)
async def set_agent_state(visit: CurrentVisit) -> Response[Any]:
    """A supervisor sets an agent's state."""
    visit.caller.require("agents.state")
    form = await visit.request.form()
    try:
        state = AgentState(str(form.get("state") or ""))
    except ValueError as error:
        raise InvalidInputError(
            "this is no state", field="state", hint="choose one of the buttons"
        ) from error
    reason = "supervisor" if state is AgentState.NOT_READY else None
    agent = await agent_use.set_state(
        visit.services, str(form.get("agent") or ""), state, caller=visit.caller, reason=reason
    )
    text = visit.t("agents.done", name=agent.name, state=visit.t.named("state", state.value))
    return visit.page(
        "people/agent_rows.html", headers=visit.toast(text, deskChanged={}), **await _context(visit)
    )


PAGES: Final[list[Any]] = [agents_page, set_agent_state]
