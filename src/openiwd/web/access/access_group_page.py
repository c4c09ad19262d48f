"""Access groups: the categories and queues that the item privileges of their members reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from openiwd.domain.category import CategoryConfig
from openiwd.domain.errors import OpenIwdError
from openiwd.ports.control_store import AccessGroup
from openiwd.usecases import access_group, api_key, user_admin
from openiwd.usecases.grant import reach_refusal
from openiwd.web.configuration.navigation import show
from openiwd.web.item.directory import live_rules
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.listing import address
from openiwd.web.shell.page_form import act_in_page, require_free, saved
from openiwd.web.shell.sent import Sent, require
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/access-groups"


class Node(NamedTuple):
    path: str
    name: str
    ticked: bool
    children: list[Node]


class GroupLine(NamedTuple):
    id: str
    name: str
    href: str
    categories: str
    queues: str
    members: int
    members_href: str


def href_of(group_id: str) -> str:
    return f"{PATH}/{quote(group_id, safe='')}"


def nodes_of(configs: Sequence[CategoryConfig], ticked: Sequence[str], parent: str = "") -> list[Node]:
    """The category tree with what the group reaches; paths are of names."""
    found = []
    for config in configs:
        path = f"{parent}/{config.name}" if parent else config.name
        found.append(Node(path, config.name, path in ticked, nodes_of(config.children, ticked, path)))
    return found


@get(PATH)
async def groups_page(visit: CurrentVisit) -> Response[Any]:
    """All access groups."""
    editor = editor_of(visit)
    groups = await access_group.groups(editor)
    users = await user_admin.users(editor)
    rules = await live_rules(visit)
    queues = {q.id: q.name for q in rules.queues.values()} if rules is not None else {}
    lines = [
        GroupLine(
            id=g.id,
            name=g.name,
            href=href_of(g.id),
            categories="; ".join(c.replace("/", " › ") for c in g.categories),
            queues=", ".join(queues.get(q, q) for q in g.queues),
            members=sum(1 for u in users if g.id in u.access_groups),
            members_href=address("/configuration/users", {"group": g.id}),
        )
        for g in sorted(groups, key=lambda g: g.name.casefold())
    ]
    can_edit = visit.caller.may("users.update")
    return show(visit, "access/access_groups.html", "access_groups", lines=lines, can_edit=can_edit)


async def _page(
    visit: Visit,
    group: AccessGroup,
    *,
    new: bool,
    fields: list[Field] | None = None,
    error: OpenIwdError | None = None,
) -> Response[Any]:
    t = visit.t
    rules = await live_rules(visit)
    named = fields or _fields(visit, group, new=new)
    queues = [(q.id, q.name) for q in rules.queues.values()] if rules is not None else []
    known = dict(queues)
    queues += [(q, q) for q in group.queues if q not in known]
    return show(
        visit,
        "access/access_group_edit.html",
        "access_groups",
        group=group,
        new=new,
        action=f"{PATH}/-/new" if new else href_of(group.id),
        fields=named,
        nodes=nodes_of(rules.document.categories, group.categories) if rules is not None else [],
        queues=Field("queues", t("conf_nav.queues"), "choices", value=group.queues, options=queues),
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may("users.update") and (new or reach_refusal(visit.caller, [group]) is None),
        status=422 if error is not None else 200,
    )


def _fields(visit: Visit, group: AccessGroup, *, new: bool) -> list[Field]:
    t = visit.t
    fields = [Field("name", t("people.name"), value=group.name, required=True)]
    if new:
        fields.append(Field("id", t("people.id"), value=group.id, required=True, hint=t("access.id_hint")))
    return fields


@get(f"{PATH}/-/new")
async def new_group(visit: CurrentVisit) -> Response[Any]:
    """An empty group."""
    visit.caller.require("users.update")
    return await _page(visit, AccessGroup(id="", name=""), new=True)


@get(f"{PATH}/{{group_id:str}}")
async def group_editor(visit: CurrentVisit, group_id: FromPath[str]) -> Response[Any]:
    """One group with what it reaches."""
    return await _page(visit, await access_group.get(editor_of(visit), group_id), new=False)


@post([f"{PATH}/-/new", f"{PATH}/{{group_id:str}}"], status_code=200)
async def save_group(visit: CurrentVisit, group_id: FromPath[str] = "") -> Response[Any]:
    """Creates or changes it: it reaches no further than who makes it."""
    visit.caller.require("users.update")
    editor = editor_of(visit)

    async def save(sent: Sent) -> Response[Any]:
        group = _sent_group(sent, group_id)
        require(visit, sent, ["name"] if group_id else ["name", "id"])
        if not group_id:
            require_free(visit, group.id, (g.id for g in await access_group.groups(editor)))
        await access_group.put(editor, group, sent.revision() if group_id else 0)
        return saved(visit, href_of(group.id))

    async def again(sent: Sent, error: OpenIwdError) -> Response[Any]:
        # What was read first stays what it is compared with, whatever was stored since.
        group = replace(_sent_group(sent, group_id), revision=sent.revision() or 0)
        fields = with_errors(_fields(visit, group, new=not group_id), error)
        return await _page(visit, group, new=not group_id, fields=fields, error=error)

    return await act_in_page(visit, save, again)


def _sent_group(sent: Sent, group_id: str) -> AccessGroup:
    return AccessGroup(
        id=group_id or sent.text("id"),
        name=sent.text("name"),
        categories=sent.texts("categories"),
        queues=sent.texts("queues"),
    )


async def _delete_form(visit: Visit, group: AccessGroup) -> Form:
    """Says who belongs to it, before it is tried."""
    t, editor = visit.t, editor_of(visit)
    holders = [u.login for u in await user_admin.users(editor) if group.id in u.access_groups]
    if visit.caller.may("apiKeys.view"):
        holders += [k.name for k in await api_key.keys(editor) if group.id in k.access_groups]
    text = t("access.group_delete_text")
    if holders:
        text = t("named.in_use")
    return Form(
        action=f"{href_of(group.id)}/delete",
        title=t("named.delete_title", name=group.name),
        text=text,
        fields=[],
        submit=t("form.delete"),
        danger=True,
        blocked=bool(holders),
        lines=holders,
    )


async def _delete(visit: Visit, group_id: str) -> Question:
    """Only a group without members."""
    editor = editor_of(visit)
    form = await _delete_form(visit, await access_group.get(editor, group_id))
    return Question(form, lambda: access_group.delete(editor, group_id), PATH)


PAGES: Final[list[Any]] = [
    groups_page,
    new_group,
    group_editor,
    save_group,
    *asking(f"{PATH}/{{group_id:str}}/delete", _delete),
]
