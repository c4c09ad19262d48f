"""Skills, groups and hold reasons: lists with what refers to each, and dialogs to make, change and delete them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import DuplicateError, OpenIwdError
from openiwd.usecases import live_object
from openiwd.usecases.live_object import GROUPS, HOLD_REASONS, SKILLS, LiveKind, Stored, Usage
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.listing import address, part_of
from openiwd.web.shell.said import said
from openiwd.web.shell.sent import Sent, as_, require, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit


class Room(NamedTuple):
    """A kind of objects and its page; `word` begins the keys of its texts."""

    kind: LiveKind
    path: str
    section: str
    word: str


ROOMS: Final = {
    r.path: r
    for r in (
        Room(SKILLS, "skills", "skills", "skill"),
        Room(GROUPS, "groups", "groups", "group"),
        Room(HOLD_REASONS, "hold-reasons", "hold_reasons", "hold_reason"),
    )
}
EDIT: Final = [f"/configuration/{path}/{{object_id:str}}/edit" for path in ROOMS]
DELETE: Final = [f"/configuration/{path}/{{object_id:str}}/delete" for path in ROOMS]
USES: Final = [f"/configuration/{path}/{{object_id:str}}/uses" for path in ROOMS]
NEW: Final = "-"
"""In the place of an id, for what does not exist yet: no id is just this."""


class NamedLine(NamedTuple):
    id: str
    name: str
    description: str
    agents: int
    agents_href: str
    rules: int
    uses_href: str
    edit_href: str
    delete_href: str
    pauses: bool
    active: bool
    own: bool
    """Made by the tenant, rather than the product's."""


def _line(room: Room, stored: Stored, used: Usage) -> NamedLine:
    v = stored.value
    base = f"/configuration/{room.path}/{quote(v.id, safe='')}"
    hold = room.kind is HOLD_REASONS
    return NamedLine(
        id=v.id,
        name=v.name,
        description="" if hold else v.description,
        agents=used.agents,
        agents_href=address("/configuration/agents", {room.word: v.id}),
        rules=used.rules,
        uses_href=f"{base}/uses",
        edit_href=f"{base}/edit",
        delete_href=f"{base}/delete",
        pauses=v.pauses_clock if hold else False,
        active=v.active if hold else True,
        own=stored.revision > 0,
    )


async def _list(visit: Visit, room: Room) -> Response[Any]:
    editor = editor_of(visit)
    found = await live_object.objects(editor, room.kind)
    used = await live_object.usage(editor, room.kind)
    query = visit.request.query_params
    q = query.get("q", "").strip()
    matching = [o for o in found if q.casefold() in f"{o.value.name} {o.value.id}".casefold()]
    matching.sort(key=lambda o: o.value.name.casefold())
    part, pager = part_of(matching, query.get("page"), f"/configuration/{room.path}", {"q": q}, visit.t)
    return show(
        visit,
        "people/named_list.html",
        room.section,
        room=room,
        lines=[_line(room, o, used.get(o.value.id, Usage())) for o in part],
        any_objects=bool(found),
        q=q,
        pager=pager,
        can_edit=visit.caller.may(room.kind.update),
        hold=room.kind is HOLD_REASONS,
    )


@get("/configuration/skills")
async def skills_page(visit: CurrentVisit) -> Response[Any]:
    """The skills that agents have and items require."""
    return await _list(visit, ROOMS["skills"])


@get("/configuration/groups")
async def groups_page(visit: CurrentVisit) -> Response[Any]:
    """The groups that queues serve."""
    return await _list(visit, ROOMS["groups"])


@get("/configuration/hold-reasons")
async def hold_reasons_page(visit: CurrentVisit) -> Response[Any]:
    """Why items are set aside."""
    visit.caller.require("queues.view")
    return await _list(visit, ROOMS["hold-reasons"])


def _room(visit: Visit) -> Room:
    return ROOMS[visit.request.url.path.split("/")[2]]


def _form(visit: Visit, room: Room, stored: Stored | None) -> Form:
    t, word = visit.t, room.word
    value = stored.value if stored is not None else None
    object_id = value.id if value is not None else NEW
    fields = [Field("name", t("people.name"), value=value.name if value else "", required=True)]
    if stored is None:
        fields.append(Field("id", t("people.id"), required=True, hint=t("named.id_hint")))
    if room.kind is HOLD_REASONS:
        pauses = value.pauses_clock if value else False
        fields.append(
            Field("pausesClock", t("named.pauses"), "checkbox", value=pauses, hint=t("named.pauses_hint"))
        )
        active = value.active if value else True
        fields.append(Field("active", t("named.active"), "checkbox", value=active))
    else:
        fields.append(
            Field("description", t("named.description"), "textarea", value=value.description if value else "")
        )
    return Form(
        action=f"/configuration/{room.path}/{quote(object_id, safe='')}/edit",
        title=t(f"named.{word}_edit", name=value.name) if value else t(f"named.{word}_new"),
        text=t("named.rename_text", id=value.id) if value else t(f"named.{word}_text"),
        fields=fields,
        submit=t("form.save") if value else t("form.create"),
        hidden=[("revision", str(stored.revision))] if stored is not None else [],
    )


async def _stored(visit: Visit, room: Room, object_id: str) -> Stored | None:
    if object_id == NEW:
        return None
    return await live_object.get(editor_of(visit), room.kind, object_id)


@get(EDIT)
async def edit_dialog(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """A new object, or one to change."""
    room = _room(visit)
    visit.caller.require(room.kind.update)
    return show_dialog(visit, _form(visit, room, await _stored(visit, room, object_id)))


@post(EDIT, status_code=200)
async def save(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """Creates or changes it; live at once."""
    room = _room(visit)
    visit.caller.require(room.kind.update)
    sent = await sent_by(visit)
    stored = await _stored(visit, room, object_id)
    try:
        require(visit, sent, ["name"] if stored else ["name", "id"])
        value = as_(room.kind.type, _values(room, sent, stored))
        if stored is None and any(
            o.value.id == value.id for o in await live_object.objects(editor_of(visit), room.kind)
        ):
            raise DuplicateError(visit.t("people.id_taken", id=value.id), field="id")
        await live_object.put(editor_of(visit), room.kind, value, sent.revision() if stored else None)
    except OpenIwdError as error:
        return refuse_dialog(visit, _form(visit, room, stored), sent, error)
    return done(visit, visit.t("form.saved", name=value.name))


def _values(room: Room, sent: Sent, stored: Stored | None) -> dict[str, Any]:
    values: dict[str, Any] = {"id": stored.value.id if stored else sent.text("id"), "name": sent.text("name")}
    if room.kind is HOLD_REASONS:
        return {**values, "pausesClock": sent.flag("pausesClock"), "active": sent.flag("active")}
    return {**values, "description": sent.text("description")}


def _delete_form(visit: Visit, room: Room, stored: Stored, uses: list[dict[str, Any]]) -> Form:
    """Says what stands against it, before it is tried."""
    t = visit.t
    return Form(
        action=f"/configuration/{room.path}/{quote(stored.value.id, safe='')}/delete",
        title=t("named.delete_title", name=stored.value.name),
        text=t("named.in_use") if uses else t(f"named.{room.word}_delete_text"),
        fields=[],
        submit=t("form.delete"),
        danger=True,
        blocked=bool(uses),
        lines=[said(u["message"], t) for u in uses],
    )


@get(USES)
async def uses_dialog(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """Everything that refers to it."""
    room, editor, t = _room(visit), editor_of(visit), visit.t
    stored = await live_object.get(editor, room.kind, object_id)
    uses = await live_object.uses(editor, room.kind, object_id)
    form = Form(
        action="",
        title=t("named.uses_title", name=stored.value.name),
        text="" if uses else t("named.no_uses"),
        fields=[],
        submit="",
        blocked=True,
        lines=[said(u["message"], t) for u in uses],
    )
    return show_dialog(visit, form)


@get(DELETE)
async def delete_dialog(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """What refers to it; without any use it can go."""
    room = _room(visit)
    visit.caller.require(room.kind.update)
    editor = editor_of(visit)
    stored = await live_object.get(editor, room.kind, object_id)
    return show_dialog(
        visit, _delete_form(visit, room, stored, await live_object.uses(editor, room.kind, object_id))
    )


@post(DELETE, status_code=200)
async def delete(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """Removes what nothing refers to."""
    room, editor = _room(visit), editor_of(visit)
    stored = await live_object.get(editor, room.kind, object_id)
    try:
        await live_object.delete(editor, room.kind, object_id)
    except OpenIwdError as error:
        return refuse_dialog(visit, _delete_form(visit, room, stored, []), await sent_by(visit), error)
    return done(visit, visit.t("form.deleted", name=stored.value.name))


PAGES: Final[list[Any]] = [
    skills_page,
    groups_page,
    hold_reasons_page,
    edit_dialog,
    save,
    uses_dialog,
    delete_dialog,
    delete,
]
