"""Agents and queues as lists: who is ready and what they have, what waits where."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.errors import InvalidInputError
from openiwd.usecases import agent as agent_use
from openiwd.usecases.agent import EVERY_MEDIA
from openiwd.web.item.directory import agents_of, shown_by
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.visit import CurrentVisit, Visit, initials
from openiwd.web.workspace.workspace_view import STATE_ICONS, state_text

CSS = {
    AgentState.READY: "ok",
    AgentState.NOT_READY: "warn",
    AgentState.AFTER_WORK: "",
    AgentState.LOGGED_OUT: "",
}


class StateAct(NamedTuple):
    text: str
    values: str


class AgentLine(NamedTuple):
    id: str
    name: str
    initials: str
    state: str
    css: str
    icon: str
    pending: str
    since: str
    items: str
    href: str
    groups: str
    skills: str
    acts: list[StateAct]


async def _context(visit: Visit) -> dict[str, Any]:
    visit.caller.require("agents.view")
    agents = [a for a in await agents_of(visit) if a.active]
    shown = await shown_by(visit, agents)
    async with visit.services.runtime.store.reading() as reading:
        held = Counter(i.assigned_to for i in await reading.held_by_agents() if i.assigned_to is not None)
    ready = sum(1 for a in agents if a.state(EVERY_MEDIA).state is AgentState.READY)
    can_set = visit.caller.may("agents.state")
    return {
        "active": "agents",
        "agents": [_line(a, held[a.id], shown, can_set=can_set) for a in agents],
        "summary": visit.t("agents.summary", n=len(agents), ready=ready),
        "can_set": can_set,
    }


def _line(agent: Agent, items: int, shown: Shown, *, can_set: bool) -> AgentLine:
    t, times = shown.t, shown.times
    state = agent.state(EVERY_MEDIA)
    pending = (
        t("state.pending", state=t.named("state", state.pending.value)) if state.pending is not None else ""
    )
    skills = [f"{s.skill} {s.level}" for s in agent.skills if s.until is None or s.until > times.now]
    return AgentLine(
        id=agent.id,
        name=agent.name,
        initials=initials(agent.name),
        state=state_text(state, shown),
        css=CSS[state.state],
        icon=STATE_ICONS[state.state],
        pending=pending,
        since=times.since(state.since) if state.since is not None else "–",
        items=t("workspace.media_use", used=items, total=agent.capacity.total),
        href="/?" + urlencode({"agent": agent.id}),
        groups=", ".join(agent.groups) or "–",
        skills=", ".join(skills) or "–",
        acts=_acts(agent, state.state, shown) if can_set else [],
    )


def _acts(agent: Agent, state: AgentState, shown: Shown) -> list[StateAct]:
    t = shown.t
    wanted = (
        (AgentState.READY, "agents.set_ready"),
        (AgentState.NOT_READY, "agents.set_not_ready"),
        (AgentState.LOGGED_OUT, "agents.log_out"),
    )
    return [
        StateAct(t(key), msgspec.json.encode({"agent": agent.id, "state": new.value}).decode())
        for new, key in wanted
        if new is not state
    ]


@get("/agents")
async def agents_page(visit: CurrentVisit) -> Response[Any]:
    """All active agents with their states, capacity and skills."""
    context = await _context(visit)
    return visit.page("people/agent_rows.html" if visit.is_htmx else "people/agents.html", **context)


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
    return visit.page("people/agent_rows.html", headers=visit.toast(text), **await _context(visit))


PAGES: Final[list[Any]] = [agents_page, set_agent_state]
