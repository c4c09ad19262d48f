"""One agent at work, as a supervisor sees the desk: state, capacity, items; setting the state and returning all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.agent import Agent
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import agent as agent_use
from openiwd.usecases import agent_profile
from openiwd.usecases.agent import EVERY_MEDIA
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import Row, Shown, media_name, row_of
from openiwd.web.people.agent_page import acts_of
from openiwd.web.people.agent_view import desk_href, edit_href, line_of
from openiwd.web.people.named import groups_and_skills
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit


class DeskPart(NamedTuple):
    title: str
    empty: str
    rows: list[Row]


class MediaLine(NamedTuple):
    media: str
    state: str
    css: str
    icon: str


def parts_of(
    offered: Sequence[WorkItem], assigned: Sequence[WorkItem], kept: Sequence[WorkItem], shown: Shown
) -> list[DeskPart]:
    t = shown.t
    wanted = (("assigned", assigned), ("offered", offered), ("kept", kept))
    return [
        DeskPart(t(f"people.desk_{key}"), t(f"people.desk_no_{key}"), [row_of(i, shown) for i in items])
        for key, items in wanted
        if items or key == "assigned"
    ]


def media_of(agent: Agent, shown: Shown) -> list[MediaLine]:
    """States of single media types, where they have any of their own."""
    found = []
    for media in sorted(agent.states):
        if media != EVERY_MEDIA:
            one = line_of(
                Agent(id=agent.id, name=agent.name, states={EVERY_MEDIA: agent.states[media]}),
                0,
                {},
                {},
                shown,
            )
            found.append(MediaLine(media_name(media, shown.rules, shown.t), one.state, one.css, one.icon))
    return found


def _readable(visit: Visit, items: Sequence[WorkItem]) -> list[WorkItem]:
    scope = visit.caller.require("workitems.read")
    return [i for i in items if visit.caller.covers(scope, i)]


@get("/agents/{agent_id:str}")
async def desk_page(visit: CurrentVisit, agent_id: FromPath[str]) -> Response[Any]:
    """What the agent has in hand, and in which state."""
    visit.caller.require("agents.view")
    agent = await agent_use.get(visit.services, agent_id)
    mine = await agent_use.my_items(visit.services, agent_id)
    shown = await shown_by(visit)
    groups, skills = await groups_and_skills(visit)
    assigned, offered = _readable(visit, mine.assigned), _readable(visit, mine.offers)
    line = line_of(agent, len(assigned), groups, skills, shown)
    can_set = visit.caller.may("agents.state") and agent.active
    calendars = {c.id: c.name for c in shown.rules.document.calendars} if shown.rules is not None else {}
    hours = calendars.get(agent.working_hours, agent.working_hours) if agent.working_hours else ""
    kept = [*mine.reserved, *mine.held]
    can_return = _returnable(visit, [*mine.assigned, *mine.offers]) > 0
    return visit.page(
        "people/desk.html",
        active="agents",
        agent=line,
        profile=agent,
        hours=hours,
        media=media_of(agent, shown),
        parts=parts_of(
            offered,
            assigned,
            _readable(visit, kept),
            shown,
        ),
        acts=acts_of(agent, visit.t) if can_set else [],
        return_href=f"{desk_href(agent.id)}/return" if can_set and can_return else "",
        edit_href=edit_href(agent.id) if visit.caller.may("agents.update") else "",
    )


def _returnable(visit: Visit, items: Sequence[WorkItem]) -> int:
    scope = visit.caller.privileges.get("workitems.return")
    return sum(1 for i in items if scope is not None and visit.caller.covers(scope, i))


async def _return_form(visit: Visit, agent: Agent) -> Form:
    t = visit.t
    mine = await agent_use.my_items(visit.services, agent.id)
    assigned, offered = _returnable(visit, mine.assigned), _returnable(visit, mine.offers)
    text = t("people.return_text", n=assigned, name=agent.name)
    if offered:
        text += " " + t("people.return_offers", n=offered)
    return Form(
        action=f"{desk_href(agent.id)}/return",
        title=t("people.return_title", name=agent.name),
        text=text,
        fields=[Field("reason", t("act.reason"))],
        submit=t("people.return_submit", n=assigned),
        note=t("people.return_note"),
    )


@get("/agents/{agent_id:str}/return")
async def return_dialog(visit: CurrentVisit, agent_id: FromPath[str]) -> Response[Any]:
    """What returning everything would touch."""
    visit.caller.require("agents.state")
    agent = await agent_use.get(visit.services, agent_id)
    return show_dialog(visit, await _return_form(visit, agent))


@post("/agents/{agent_id:str}/return", status_code=200)
async def return_all(visit: CurrentVisit, agent_id: FromPath[str]) -> Response[Any]:
    """All of the agent's items go back to their queues, with place and age."""
    sent = await sent_by(visit)
    try:
        came = await agent_profile.return_items(editor_of(visit), agent_id, sent.optional("reason"))
    except OpenIwdError as error:
        agent = await agent_use.get(visit.services, agent_id)
        return refuse_dialog(visit, await _return_form(visit, agent), sent, error)
    told = visit.t("people.returned", n=came.returned)
    if came.refused:
        told += " · " + visit.t("people.not_returned", n=came.refused)
    return done(visit, told)


PAGES: Final[list[Any]] = [desk_page, return_dialog, return_all]
