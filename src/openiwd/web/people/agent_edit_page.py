"""The editor of an agent's profile: everything that distribution reads of a person."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from zoneinfo import available_timezones

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.agent import Absence, Agent, AgentProfile, AgentSkill, Capacity
from openiwd.domain.errors import (
    DuplicateError,
    InvalidInputError,
    NotFoundError,
    OpenIwdError,
)
from openiwd.usecases import agent as agent_use
from openiwd.usecases import agent_profile
from openiwd.usecases.agent_profile import profile_of
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import live_rules
from openiwd.web.item.row_view import media_name
from openiwd.web.people.agent_list_page import PATH
from openiwd.web.people.agent_view import (
    AbsenceRow,
    SkillRow,
    absence_rows,
    desk_href,
    edit_href,
    skill_rows,
)
from openiwd.web.people.named import groups_and_skills
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import editor_of, typed
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.page_form import act_in_page, saved, sent_again
from openiwd.web.shell.sent import Sent, as_
from openiwd.web.shell.visit import CurrentVisit, Visit

ZONES: Final = sorted(z for z in available_timezones() if "/" in z or z == "UTC")


class Editing(NamedTuple):
    """What the editor shows: of a stored agent, or as sent and refused."""

    fields: dict[str, Field]
    skills: list[SkillRow]
    absences: list[AbsenceRow]
    limits: list[Field]


async def _editing(visit: Visit, agent: Agent | None) -> Editing:
    t = visit.t
    a = agent or Agent(id="", name="", time_zone=visit.services.tenant.time_zone)
    groups, _ = await groups_and_skills(visit)
    rules = await live_rules(visit)
    calendars = [(c.id, c.name) for c in rules.document.calendars] if rules is not None else []
    media = list(dict.fromkeys([*(rules.media_types if rules is not None else ()), *a.capacity.media]))
    fields = [
        Field("id", t("people.id"), value=a.id, required=True, hint=t("people.id_hint")),
        Field("name", t("people.name"), value=a.name, required=True),
        Field("employeeId", t("people.employee_id"), value=a.employee_id or ""),
        Field("timeZone", t("people.time_zone"), value=a.time_zone, required=True, suggestions="zones"),
        Field(
            "workingHours",
            t("people.working_hours"),
            "select",
            value=a.working_hours or "",
            options=[("", t("people.any_time")), *calendars],
            hint=t("people.working_hours_hint"),
        ),
        Field("groups", t("agents.groups"), "choices", value=list(a.groups), options=list(groups.items())),
        Field("total", t("people.capacity_total"), "number", value=a.capacity.total, required=True),
    ]
    limits = [
        Field(f"limit.{m}", media_name(m, rules, t), "number", value=a.capacity.media.get(m, ""))
        for m in media
    ]
    return Editing(
        {f.name: f for f in fields},
        skill_rows(a, visit.times),
        absence_rows(a.absences, visit.times),
        limits,
    )


async def _page(
    visit: Visit,
    agent: Agent | None,
    editing: Editing,
    *,
    error: OpenIwdError | None = None,
) -> Response[Any]:
    _, skills = await groups_and_skills(visit)
    can_edit = visit.caller.may("agents.update")
    return show(
        visit,
        "people/agent_edit.html",
        "agents",
        agent=agent,
        action=edit_href(agent.id) if agent is not None else f"{PATH}/-/new",
        desk=desk_href(agent.id) if agent is not None else "",
        editing=editing,
        skills=list(skills.items()),
        zones=ZONES,
        login=await _login_of(visit, agent),
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=can_edit,
        status=422 if error is not None else 200,
    )


async def _login_of(visit: Visit, agent: Agent | None) -> tuple[str, str] | None:
    """The user that this agent is: login and address of its page, for who may see users."""
    if agent is None or not visit.caller.may("users.view"):
        return None
    users = await visit.platform.control.users(visit.services.tenant.id)
    found = next((u for u in users if u.agent_id == agent.id), None)
    return (found.login, f"/configuration/users/{found.id}") if found is not None else ("", "")


@get(f"{PATH}/-/new")
async def new_agent(visit: CurrentVisit) -> Response[Any]:
    """An empty profile."""
    visit.caller.require("agents.update")
    return await _page(visit, None, await _editing(visit, None))


@get(f"{PATH}/{{agent_id:str}}")
async def agent_editor(visit: CurrentVisit, agent_id: FromPath[str]) -> Response[Any]:
    """The profile; who may not edit it reads it."""
    visit.caller.require("agents.view")
    agent = await agent_use.get(visit.services, agent_id)
    return await _page(visit, agent, await _editing(visit, agent))


@post([f"{PATH}/-/new", f"{PATH}/{{agent_id:str}}"], status_code=200)
async def save_agent(visit: CurrentVisit, agent_id: FromPath[str] = "") -> Response[Any]:
    """Stores the profile, or says at each field what is wrong with it."""
    visit.caller.require("agents.update")
    before = await agent_use.get(visit.services, agent_id) if agent_id else None

    async def save(sent: Sent) -> Response[Any]:
        profile = await _profile(visit, sent, before)
        await agent_profile.put(editor_of(visit), profile, sent.revision() if before else None)
        return saved(visit, edit_href(profile.id))

    async def again(sent: Sent, error: OpenIwdError) -> Response[Any]:
        return await _page(visit, before, await _as_sent(visit, sent, before, error), error=error)

    return await act_in_page(visit, save, again)


async def _profile(visit: Visit, sent: Sent, before: Agent | None) -> AgentProfile:
    new_id = before.id if before is not None else sent.text("id")
    if before is None and new_id:
        try:
            await agent_use.get(visit.services, new_id)
        except NotFoundError:
            pass
        else:
            raise DuplicateError(visit.t("people.id_taken", id=new_id), field="id")
    skills = []
    for i, row in enumerate(_skills_sent(sent)):
        level = row["level"]
        if not level.isascii() or not level.isdigit() or not 1 <= int(level) <= 10:
            raise InvalidInputError(visit.t("people.level_range"), field=f"skills[{i}].level")
        until = sent.moment_of(row["until"], f"skills[{i}].until")
        skills.append(AgentSkill(row["skill"], int(level), until))
    absences = []
    for i, row in enumerate(sent.rows("start", "end", "reason")):
        start = sent.moment_of(row["start"], f"absences[{i}]")
        end = sent.moment_of(row["end"], f"absences[{i}]")
        if start is None or end is None:
            raise InvalidInputError(visit.t("people.absence_both"), field=f"absences[{i}]")
        absences.append(Absence(start, end, row["reason"] or None))
    limits = {name.removeprefix("limit."): sent.number(name) for name in sent.names("limit.")}
    values: dict[str, Any] = {
        "id": new_id,
        "name": sent.text("name"),
        "employeeId": sent.optional("employeeId"),
        "timeZone": sent.text("timeZone") or "UTC",
        "workingHours": sent.optional("workingHours"),
        "groups": sent.texts("groups"),
        "capacity": {"total": sent.number("total") or 0, "media": {}},
    }
    made = as_(AgentProfile, values)
    made.skills, made.absences = skills, absences
    made.capacity = as_(
        Capacity, {"total": made.capacity.total, "media": {m: n for m, n in limits.items() if n is not None}}
    )
    if before is not None:
        kept = profile_of(before)
        made.active, made.user_login, made.attributes = kept.active, kept.user_login, kept.attributes
    return made


def _skills_sent(sent: Sent) -> list[dict[str, str]]:
    """A row without a skill is one that was added and not filled in."""
    return [row for row in sent.rows("skill", "level", "until") if row["skill"]]


async def _as_sent(visit: Visit, sent: Sent, before: Agent | None, error: OpenIwdError) -> Editing:
    """The editor as it was sent, with the faults at their places."""
    empty = await _editing(visit, before)
    fields = sent_again(empty.fields.values(), sent, error)
    told = {str(error.field): error.message}
    told |= {str(e.get("field")): str(e.get("message")) for e in error.details.get("errors") or ()}

    def fault(kind: str, i: int) -> str:
        return next((m for name, m in told.items() if name.startswith(f"{kind}[{i}]")), "")

    skills = [
        SkillRow(r["skill"], r["level"], r["until"], fault("skills", i))
        for i, r in enumerate(_skills_sent(sent))
    ]
    absences = [
        AbsenceRow(r["start"], r["end"], r["reason"], fault("absences", i))
        for i, r in enumerate(sent.rows("start", "end", "reason"))
    ]
    limits = [typed(f, sent)._replace(error=told.get(f.name, "")) for f in empty.limits]
    return Editing({f.name: f for f in fields}, skills, absences, limits)


# Deactivating --------------------------------------------------------------------------------------------------


async def _switch_form(visit: Visit, agent: Agent) -> Form:
    t = visit.t
    if not agent.active:
        return Form(
            action=f"{edit_href(agent.id)}/active",
            title=t("people.activate_title", name=agent.name),
            text=t("people.activate_text"),
            fields=[],
            submit=t("people.activate"),
        )
    mine = await agent_use.my_items(visit.services, agent.id)
    return Form(
        action=f"{edit_href(agent.id)}/active",
        title=t("people.deactivate_title", name=agent.name),
        text=t("people.deactivate_text", n=len(mine.assigned), offers=len(mine.offers)),
        fields=[],
        submit=t("people.deactivate"),
        note=t("people.deactivate_note"),
        danger=True,
    )


async def _switch(visit: Visit, agent_id: str) -> Question:
    """Off, or on again."""
    agent = await agent_use.get(visit.services, agent_id)
    profile = profile_of(agent)
    profile.active = not agent.active
    return Question(
        await _switch_form(visit, agent),
        lambda: agent_profile.put(editor_of(visit), profile, agent.revision),
        f"{edit_href(agent_id)}?saved=1",
    )


async def _delete(visit: Visit, agent_id: str) -> Question:
    """Only an agent whom nothing refers to."""
    t, agent = visit.t, await agent_use.get(visit.services, agent_id)
    form = Form(
        action=f"{edit_href(agent.id)}/delete",
        title=t("people.delete_title", name=agent.name),
        text=t("people.delete_text"),
        fields=[],
        submit=t("people.delete"),
        danger=True,
    )
    return Question(form, lambda: agent_profile.delete(editor_of(visit), agent_id), PATH)


PAGES: Final[list[Any]] = [
    new_agent,
    agent_editor,
    save_agent,
    *asking(f"{PATH}/{{agent_id:str}}/active", _switch),
    *asking(f"{PATH}/{{agent_id:str}}/delete", _delete),
]
