"""Users: the list, and the editor of one; nobody gives away more than they have themselves."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.privilege import Role
from openiwd.ports.control_store import AccessGroup
from openiwd.usecases import access_group, user_admin
from openiwd.usecases.grant import granted, refusal
from openiwd.usecases.user_admin import NewUser, UserInput, UserRecord
from openiwd.web.access.grant_view import role_options
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import agents_of
from openiwd.web.people.agent_edit_page import ZONES
from openiwd.web.people.agent_filter import Choice
from openiwd.web.people.agent_view import edit_href
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.dialog_page import act_in_dialog, done, editor_of, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.listing import part_of
from openiwd.web.shell.page_form import act_in_page, saved, sent_again
from openiwd.web.shell.rendering import CATALOGUES
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.time_text import Moment
from openiwd.web.shell.visit import CurrentVisit, Visit, initials, now_utc

PATH: Final = "/configuration/users"
MOST_SUGGESTED: Final = 1_000


class UserLine(NamedTuple):
    name: str
    initials: str
    login: str
    href: str
    role: str
    groups: str
    agent: str
    agent_href: str
    last_login: Moment | None
    active: bool
    locked: str
    has_password: bool


def language_options(visit: Visit) -> list[tuple[str, str]]:
    return [(code, visit.t.named("language", code)) for code in CATALOGUES]


def reach_text(role: str, groups: list[str], t: Catalogue) -> str:
    """Which items a role reaches."""
    if role == Role.AGENT:
        return t("access.own_items")
    return ", ".join(groups) or t("access.all_items")


def line_of(user: UserRecord, groups: dict[str, str], agents: dict[str, str], visit: Visit) -> UserLine:
    locked = user.locked_until is not None and user.locked_until > now_utc()
    return UserLine(
        name=user.name,
        initials=initials(user.name),
        login=user.login,
        href=f"{PATH}/{user.id}",
        role=visit.t.named("role", user.role),
        groups=reach_text(user.role, [groups.get(g, g) for g in user.access_groups], visit.t),
        agent=agents.get(user.agent_id or "", user.agent_id or ""),
        agent_href=edit_href(user.agent_id) if user.agent_id else "",
        last_login=visit.times.ago(user.last_login_at),
        active=user.active,
        locked=visit.times.clock(user.locked_until) if locked and user.locked_until else "",
        has_password=user.has_password,
    )


@get(PATH)
async def users_page(visit: CurrentVisit) -> Response[Any]:
    """All users of the tenant."""
    editor = editor_of(visit)
    query = visit.request.query_params
    q, role, state = query.get("q", "").strip(), query.get("role", ""), query.get("state", "")
    group = query.get("group", "")
    users = await user_admin.users(editor)
    found = [
        u
        for u in users
        if q.casefold() in f"{u.name} {u.login} {u.agent_id or ''}".casefold()
        and role in ("", u.role)
        and (not group or group in u.access_groups)
        and (state not in ("active", "inactive") or u.active == (state == "active"))
    ]
    found.sort(key=lambda u: (not u.active, u.name.casefold()))
    part, pager = part_of(
        found, query.get("page"), PATH, {"q": q, "role": role, "state": state, "group": group}, visit.t
    )
    groups = {g.id: g.name for g in await access_group.groups(editor)}
    chosen = [Choice("group", visit.t("access.every_group"), group, list(groups.items()))] if groups else []
    agents = {a.id: a.name for a in await agents_of(visit)}
    roles = [(r.value, visit.t.named("role", r.value)) for r in Role]
    states = [("active", visit.t("access.active")), ("inactive", visit.t("people.inactive"))]
    return show(
        visit,
        "access/users.html",
        "users",
        lines=[line_of(u, groups, agents, visit) for u in part],
        q=q,
        choices=[
            Choice("role", visit.t("access.every_role"), role, roles),
            Choice("state", visit.t("people.every_state"), state, states),
            *chosen,
        ],
        pager=pager,
        summary=visit.t("access.summary", n=len(users), active=sum(1 for u in users if u.active)),
        can_edit=visit.caller.may("users.update"),
    )


# The editor ----------------------------------------------------------------------------------------------


async def _fields(visit: Visit, user: UserRecord | None, groups: list[AccessGroup]) -> list[Field]:
    t = visit.t
    roles = role_options(visit.caller, t)
    if user is not None and user.role not in dict(roles):
        roles.append((user.role, t.named("role", user.role)))
    zone = user.time_zone if user else visit.services.tenant.time_zone
    fields = [
        Field("name", t("people.name"), value=user.name if user else "", required=True),
        Field("login", t("login.login"), value=user.login if user else "", required=True),
        Field(
            "role",
            t("access.role"),
            "select",
            value=user.role if user else Role.VIEWER.value,
            options=roles,
            hint=t("access.role_hint"),
        ),
        Field(
            "accessGroups",
            t("conf_nav.access_groups"),
            "choices",
            value=user.access_groups if user else [],
            options=[(g.id, g.name) for g in groups],
            hint=t("access.groups_hint"),
        ),
        Field(
            "agentId",
            t("access.agent"),
            value=(user.agent_id or "") if user else "",
            hint=t("access.agent_hint"),
            suggestions="agent-ids",
        ),
        Field(
            "language",
            t("settings.language"),
            "select",
            value=user.language if user else visit.caller.language,
            options=language_options(visit),
        ),
        Field("timeZone", t("people.time_zone"), value=zone, required=True, suggestions="zones"),
    ]
    if user is None:
        fields.append(Field("password", t("access.first_password"), "password", hint=t("access.first_hint")))
    return fields


def _is_out_of_reach(visit: Visit, user: UserRecord, groups: list[AccessGroup]) -> bool:
    theirs = [g for g in groups if g.id in user.access_groups]
    wanted = granted(user.role, (), user.access_groups)
    return refusal(visit.caller, wanted, theirs, user.agent_id) is not None


async def _page(
    visit: Visit,
    user: UserRecord | None,
    fields: list[Field],
    groups: list[AccessGroup],
    error: OpenIwdError | None = None,
) -> Response[Any]:
    caller = visit.caller
    out_of_reach = user is not None and _is_out_of_reach(visit, user, groups)
    agents = [(a.id, a.name) for a in await agents_of(visit) if a.active][:MOST_SUGGESTED]
    names = {g.id: g.name for g in groups}
    return show(
        visit,
        "access/user_edit.html",
        "users",
        user=user,
        line=line_of(user, names, dict(agents), visit) if user else None,
        is_self=user is not None and user.login == caller.login,
        action=f"{PATH}/{user.id}" if user else f"{PATH}/-/new",
        fields={f.name: f for f in fields},
        zones=ZONES,
        agents=agents,
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        out_of_reach=out_of_reach,
        can_edit=caller.may("users.update") and not out_of_reach,
        status=422 if error is not None else 200,
    )


@get(f"{PATH}/-/new")
async def new_user(visit: CurrentVisit) -> Response[Any]:
    """An empty form."""
    visit.caller.require("users.update")
    groups = await access_group.groups(editor_of(visit))
    return await _page(visit, None, await _fields(visit, None, groups), groups)


@get(f"{PATH}/{{user_id:uuid}}")
async def user_editor(visit: CurrentVisit, user_id: FromPath[UUID]) -> Response[Any]:
    """One user."""
    editor = editor_of(visit)
    user = await user_admin.get(editor, user_id)
    groups = await access_group.groups(editor)
    return await _page(visit, user, await _fields(visit, user, groups), groups)


def _values(sent: Sent, *, active: bool) -> dict[str, Any]:
    return {
        "login": sent.text("login"),
        "name": sent.text("name"),
        "role": sent.text("role"),
        "accessGroups": sent.texts("accessGroups"),
        "agentId": sent.optional("agentId"),
        "language": sent.text("language"),
        "timeZone": sent.text("timeZone"),
        "active": active,
    }


@post(f"{PATH}/-/new", status_code=200)
async def create_user(visit: CurrentVisit) -> Response[Any]:
    """Creates the user, or says at each field what is wrong."""
    visit.caller.require("users.update")

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "login", "timeZone"])
        values = _values(sent, active=True) | {"password": sent.raw("password") or None}
        made = await user_admin.create(editor_of(visit), as_(NewUser, values))
        return saved(visit, f"{PATH}/{made.id}")

    return await act_in_page(visit, make, partial(_again, visit, None))


@post(f"{PATH}/{{user_id:uuid}}", status_code=200)
async def save_user(visit: CurrentVisit, user_id: FromPath[UUID]) -> Response[Any]:
    """Changes the user; the password stays."""
    visit.caller.require("users.update")
    editor = editor_of(visit)
    before = await user_admin.get(editor, user_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, ["name", "login", "timeZone"])
        data = as_(UserInput, _values(sent, active=before.active))
        await user_admin.update(editor, user_id, data, sent.revision())
        return saved(visit, f"{PATH}/{user_id}")

    return await act_in_page(visit, save, partial(_again, visit, before))


async def _again(visit: Visit, user: UserRecord | None, sent: Sent, error: OpenIwdError) -> Response[Any]:
    groups = await access_group.groups(editor_of(visit))
    fields = sent_again(await _fields(visit, user, groups), sent, error)
    return await _page(visit, user, fields, groups, error)


# Password, switching off -----------------------------------------------------------------------------------


def _password_form(visit: Visit, user: UserRecord) -> Form:
    t = visit.t
    return Form(
        action=f"{PATH}/{user.id}/password",
        title=t("access.password_title", name=user.name),
        text=t("access.password_text"),
        fields=[
            Field(
                "password",
                t("settings.new_password"),
                "password",
                required=True,
                hint=t("settings.password_hint"),
            )
        ],
        submit=t("access.password_submit"),
    )


@get(f"{PATH}/{{user_id:uuid}}/password")
async def password_dialog(visit: CurrentVisit, user_id: FromPath[UUID]) -> Response[Any]:
    """A new password for somebody."""
    visit.caller.require("users.update")
    return show_dialog(visit, _password_form(visit, await user_admin.get(editor_of(visit), user_id)))


@post(f"{PATH}/{{user_id:uuid}}/password", status_code=200)
async def set_password(visit: CurrentVisit, user_id: FromPath[UUID]) -> Response[Any]:
    """Sets it: the user's sessions end, a lock too."""
    editor = editor_of(visit)
    user = await user_admin.get(editor, user_id)

    async def put(sent: Sent) -> Response[Any]:
        await user_admin.set_password(editor, user_id, sent.raw("password"))
        return done(visit, visit.t("access.password_done", name=user.name))

    return await act_in_dialog(visit, _password_form(visit, user), put)


async def _end_factor(visit: Visit, user_id: UUID) -> Question:
    """The user's sessions end with it."""
    t, editor = visit.t, editor_of(visit)
    user = await user_admin.get(editor, user_id)
    form = Form(
        action=f"{PATH}/{user.id}/second-factor",
        title=t("security.reset_title", name=user.name),
        text=t("security.reset_text"),
        fields=[],
        submit=t("security.reset"),
        danger=True,
    )
    return Question(form, lambda: user_admin.end_second_factor(editor, user_id), f"{PATH}/{user_id}?saved=1")


def _switch_form(visit: Visit, user: UserRecord) -> Form:
    t = visit.t
    key = "deactivate" if user.active else "activate"
    return Form(
        action=f"{PATH}/{user.id}/active",
        title=t(f"people.{key}_title", name=user.name),
        text=t(f"access.{key}_text"),
        fields=[],
        submit=t(f"people.{key}"),
        note=t("access.deactivate_note") if user.active else "",
        danger=user.active,
    )


async def _switch(visit: Visit, user_id: UUID) -> Question:
    """Off, or on again."""
    editor = editor_of(visit)
    user = await user_admin.get(editor, user_id)

    async def switch() -> None:
        if user.active:
            await user_admin.deactivate(editor, user_id)
        else:
            values = {f: getattr(user, f) for f in UserInput.__struct_fields__} | {"active": True}
            await user_admin.update(editor, user_id, UserInput(**values), user.revision)

    return Question(_switch_form(visit, user), switch, f"{PATH}/{user_id}?saved=1")


PAGES: Final[list[Any]] = [
    users_page,
    new_user,
    user_editor,
    create_user,
    save_user,
    password_dialog,
    set_password,
    *asking(f"{PATH}/{{user_id:uuid}}/second-factor", _end_factor),
    *asking(f"{PATH}/{{user_id:uuid}}/active", _switch),
]
