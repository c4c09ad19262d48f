"""Absences of all agents in one list: now, coming, over; each is part of its agent's profile."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.agent import Absence
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.usecases import agent as agent_use
from openiwd.usecases import agent_profile
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import agents_of
from openiwd.web.people.agent_view import edit_href
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.listing import part_of
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/absences"
WHEN: Final = ("now", "coming", "over")


class AbsenceLine(NamedTuple):
    agent: str
    href: str
    start: Moment | None
    end: Moment | None
    length: str
    reason: str
    when: str
    delete_href: str


def _when(absence: Absence, visit: Visit) -> str:
    if absence.end <= visit.now:
        return "over"
    return "now" if absence.start <= visit.now else "coming"


@get(PATH)
async def absences_page(visit: CurrentVisit) -> Response[Any]:
    """Who is absent now and who will be; what is over is kept until it is deleted."""
    visit.caller.require("agents.view")
    query = visit.request.query_params
    when, q = query.get("when", ""), query.get("q", "").strip()
    found = [
        (a, absence, i)
        for a in await agents_of(visit)
        if q.casefold() in f"{a.name} {a.id}".casefold()
        for i, absence in enumerate(sorted(a.absences, key=lambda b: b.start))
        if _when(absence, visit) == when or (when not in WHEN and _when(absence, visit) != "over")
    ]
    found.sort(key=lambda f: (f[1].start, f[0].name))
    part, pager = part_of(found, query.get("page"), PATH, {"q": q, "when": when}, visit.t)
    lines = [
        AbsenceLine(
            agent=a.name,
            href=edit_href(a.id),
            start=visit.times.moment(b.start),
            end=visit.times.moment(b.end),
            length=visit.times.round_duration((b.end - b.start).total_seconds()),
            reason=b.reason or "–",
            when=_when(b, visit),
            delete_href=f"{PATH}/{quote(a.id, safe='')}/{i}/delete",
        )
        for a, b, i in part
    ]
    return show(
        visit,
        "people/absences.html",
        "absences",
        lines=lines,
        q=q,
        when=when,
        filtered=bool(q or when),
        pager=pager,
        can_edit=visit.caller.may("agents.update"),
    )


async def _form(visit: Visit) -> Form:
    t = visit.t
    agents = [("", t("absence.choose")), *((a.id, a.name) for a in await agents_of(visit) if a.active)]
    return Form(
        action=f"{PATH}/new",
        title=t("absence.new"),
        text=t("absence.new_text"),
        fields=[
            Field("agent", t("agents.agent"), "select", options=agents, required=True),
            Field("start", t("absence.start"), "datetime-local", required=True),
            Field("end", t("absence.end"), "datetime-local", required=True),
            Field("reason", t("act.reason"), hint=t("absence.reason_hint")),
        ],
        submit=t("absence.add"),
    )


@get(f"{PATH}/new")
async def new_dialog(visit: CurrentVisit) -> Response[Any]:
    """An absence of somebody."""
    visit.caller.require("agents.update")
    return show_dialog(visit, await _form(visit))


@post(f"{PATH}/new", status_code=200)
async def add(visit: CurrentVisit) -> Response[Any]:
    """Adds it to the agent's profile."""
    visit.caller.require("agents.update")
    sent = await sent_by(visit)
    try:
        start, end = sent.moment("start"), sent.moment("end")
        if start is None or end is None:
            raise InvalidInputError(visit.t("people.absence_both"), field="end" if start else "start")
        if end <= start:
            raise InvalidInputError(visit.t("absence.backwards"), field="end")
        agent = await agent_use.get(visit.services, sent.text("agent"))
        planned = [*agent.absences, Absence(start, end, sent.optional("reason"))]
        await agent_profile.put_absences(editor_of(visit), agent.id, planned, agent.revision)
    except OpenIwdError as error:
        return refuse_dialog(visit, await _form(visit), sent, error)
    return done(visit, visit.t("absence.added", name=agent.name))


async def _one(visit: Visit, agent_id: str, place: int) -> tuple[str, list[Absence], int]:
    agent = await agent_use.get(visit.services, agent_id)
    ordered = sorted(agent.absences, key=lambda b: b.start)
    if not 0 <= place < len(ordered):
        raise NotFoundError(visit.t("absence.gone"), hint=visit.t("absence.gone_hint"))
    return agent.name, ordered, agent.revision


def _delete_form(visit: Visit, agent_id: str, place: int, name: str, absence: Absence, revision: int) -> Form:
    t, times = visit.t, visit.times
    text = t("absence.delete_text", start=times.clock(absence.start), end=times.clock(absence.end))
    return Form(
        action=f"{PATH}/{quote(agent_id, safe='')}/{place}/delete",
        title=t("absence.delete_title", name=name),
        text=text,
        fields=[],
        submit=t("form.delete"),
        danger=True,
        hidden=[("revision", str(revision))],
    )


@get(f"{PATH}/{{agent_id:str}}/{{place:int}}/delete")
async def delete_dialog(visit: CurrentVisit, agent_id: FromPath[str], place: FromPath[int]) -> Response[Any]:
    """Which absence will go."""
    visit.caller.require("agents.update")
    name, ordered, revision = await _one(visit, agent_id, place)
    return show_dialog(visit, _delete_form(visit, agent_id, place, name, ordered[place], revision))


@post(f"{PATH}/{{agent_id:str}}/{{place:int}}/delete", status_code=200)
async def delete(visit: CurrentVisit, agent_id: FromPath[str], place: FromPath[int]) -> Response[Any]:
    """Takes it out of the agent's profile."""
    visit.caller.require("agents.update")
    sent = await sent_by(visit)
    name, ordered, revision = await _one(visit, agent_id, place)
    gone = ordered[place]
    try:
        rest = [b for b in ordered if b is not gone]
        await agent_profile.put_absences(editor_of(visit), agent_id, rest, sent.revision())
    except OpenIwdError as error:
        return refuse_dialog(visit, _delete_form(visit, agent_id, place, name, gone, revision), sent, error)
    return done(visit, visit.t("absence.deleted", name=name))


PAGES: Final[list[Any]] = [absences_page, new_dialog, add, delete_dialog, delete]
