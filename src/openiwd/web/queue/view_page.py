"""Saved filters: the pane beside the list with counts, saving the present search, renaming, sharing, deleting."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import saved_view
from openiwd.usecases.saved_view import SavedView, ViewInput
from openiwd.usecases.view_counts import MOST
from openiwd.web.queue.column_view import COLUMNS_COOKIE, chosen_columns
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.queue.queue_page import asked_for, editor_of
from openiwd.web.shell.catalogue import number
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import nothing
from openiwd.web.shell.visit import CurrentVisit, Visit


class ViewLine(NamedTuple):
    id: str
    name: str
    shared: bool
    mine: bool
    found: str
    title: str


def _may_change(visit: Visit, view: SavedView) -> bool:
    return view.owner == saved_view.owner_of(editor_of(visit)) or (
        view.shared and visit.caller.may("users.update")
    )


def _count_text(count: int | None) -> str:
    if count is None:
        return ""
    return number(count) if count <= MOST else f"{MOST // 1_000}k+"


@get("/queue/views")
async def views_pane(visit: CurrentVisit) -> Response[Any]:
    """One's own and the shared filters, with how many items each finds."""
    visit.refuse_agents()
    visit.caller.require("workitems.search")
    views = await saved_view.views(editor_of(visit))
    counts = await visit.services.view_counts.of(visit.services, visit.caller, views)
    lines = [
        ViewLine(
            str(v.id),
            v.name,
            v.shared,
            _may_change(visit, v),
            _count_text(counts.get(v.id)),
            visit.t("uq.view.shared_by", name=v.name, owner=v.owner) if v.shared else v.name,
        )
        for v in views
    ]
    return visit.page("queue/queue_views.html", views=lines)


def _may_share(visit: Visit) -> bool:
    return visit.caller.may("dashboard.view")


def _save_form(visit: Visit, query: str, base: SavedView | None) -> Form:
    """Saving the search as it is: as a new one, or in the place of the one that it began with."""
    t = visit.t
    fields = [Field("name", t("uq.view.name"), value=base.name if base is not None else "", required=True)]
    if _may_share(visit):
        fields.append(
            Field("shared", t("uq.view.shared"), "checkbox", base.shared if base is not None else False)
        )
    if base is not None and _may_change(visit, base):
        options = [(str(base.id), t("uq.view.replace", name=base.name)), ("", t("uq.view.as_new"))]
        fields.append(Field("id", t("uq.view.where"), "select", str(base.id), options))
    return Form(
        action=f"/queue/views{query}",
        title=t("uq.view.save_title"),
        text=t("uq.view.save_text"),
        fields=fields,
        submit=t("uq.view.save_submit"),
    )


def _input(visit: Visit, chosen: QueueFilter, name: str, *, shared: bool) -> ViewInput:
    columns = chosen_columns(chosen, visit.request.cookies.get(COLUMNS_COOKIE))
    return ViewInput(
        name=name,
        shared=shared,
        filter=chosen.conditions(),
        text=chosen.text or None,
        category=chosen.category or None,
        columns=list(columns),
        sort=chosen.order(),
    )


@get("/queue/views/dialog")
async def save_dialog(visit: CurrentVisit) -> Response[Any]:
    """Asks for the name of the filter to save."""
    visit.refuse_agents()
    asked = await asked_for(visit)
    form = _save_form(visit, asked.chosen.address(path=""), asked.view)
    return visit.page("components/dialog.html", form=form, error=None)


@post("/queue/views", status_code=200)
async def save_view(visit: CurrentVisit) -> Response[Any]:
    """Saves the present search, with its columns and order."""
    visit.refuse_agents()
    sent = await visit.request.form()
    asked = await asked_for(visit)
    name, shared = str(sent.get("name") or "").strip()[:200], sent.get("shared") == "true"
    replaced = asked.view if asked.view is not None and sent.get("id") == str(asked.view.id) else None
    editor = editor_of(visit)
    try:
        if not name:
            raise InvalidInputError(visit.t("uq.view.name_missing"), field="name")
        data = _input(visit, asked.chosen, name, shared=shared)
        if replaced is None:
            view = await saved_view.create(editor, data)
        else:
            view = await saved_view.put(editor, replaced.id, data, replaced.revision)
    except OpenIwdError as error:
        form = _save_form(visit, asked.chosen.address(path=""), asked.view)
        kept = {"name": name, "shared": shared, "id": str(sent.get("id") or "")}
        fields = with_errors([f._replace(value=kept.get(f.name, f.value)) for f in form.fields], error)
        return visit.page(
            "components/dialog.html", status=422, form=form._replace(fields=fields), error=error
        )
    headers = visit.toast(
        visit.t("uq.view.saved"),
        hint=view.name,
        closeDialog={},
        viewsChanged={},
        showList={"href": f"/?view={view.id}"},
    )
    return nothing(headers=headers)


def _rename_form(visit: Visit, view: SavedView) -> Form:
    t = visit.t
    fields = [Field("name", t("uq.view.name"), value=view.name, required=True)]
    if _may_share(visit):
        fields.append(Field("shared", t("uq.view.shared"), "checkbox", view.shared))
    return Form(
        action=f"/queue/views/{view.id}/rename",
        title=t("uq.view.rename_title"),
        text="",
        fields=fields,
        submit=t("uq.view.save_submit"),
    )


@get("/queue/views/{view_id:uuid}/rename")
async def rename_dialog(visit: CurrentVisit, view_id: FromPath[UUID]) -> Response[Any]:
    """Asks for a new name, and whether everybody sees it."""
    visit.refuse_agents()
    view = await saved_view.get(editor_of(visit), view_id)
    return visit.page("components/dialog.html", form=_rename_form(visit, view), error=None)


@post("/queue/views/{view_id:uuid}/rename", status_code=200)
async def rename_view(visit: CurrentVisit, view_id: FromPath[UUID]) -> Response[Any]:
    """Renames or shares it; what it finds stays."""
    visit.refuse_agents()
    sent = await visit.request.form()
    editor = editor_of(visit)
    view = await saved_view.get(editor, view_id)
    name, shared = str(sent.get("name") or "").strip()[:200], sent.get("shared") == "true"
    values = {f: getattr(view, f) for f in ViewInput.__struct_fields__}
    try:
        if not name:
            raise InvalidInputError(visit.t("uq.view.name_missing"), field="name")
        shared = shared if _may_share(visit) else view.shared
        await saved_view.put(
            editor, view_id, ViewInput(**{**values, "name": name, "shared": shared}), view.revision
        )
    except OpenIwdError as error:
        form = _rename_form(visit, view)
        fields = with_errors(
            [f._replace(value=name if f.name == "name" else shared) for f in form.fields], error
        )
        return visit.page(
            "components/dialog.html", status=422, form=form._replace(fields=fields), error=error
        )
    return nothing(headers=visit.toast(visit.t("uq.view.saved"), hint=name, closeDialog={}, viewsChanged={}))


@get("/queue/views/{view_id:uuid}/delete")
async def delete_dialog(visit: CurrentVisit, view_id: FromPath[UUID]) -> Response[Any]:
    """Says whom it concerns before it is gone."""
    visit.refuse_agents()
    view, t = await saved_view.get(editor_of(visit), view_id), visit.t
    form = Form(
        action=f"/queue/views/{view.id}/delete",
        title=t("uq.view.delete_title", name=view.name),
        text=t("uq.view.delete_shared" if view.shared else "uq.view.delete_text"),
        fields=[],
        submit=t("uq.view.delete_submit"),
        danger=True,
    )
    return visit.page("components/dialog.html", form=form, error=None)


@post("/queue/views/{view_id:uuid}/delete", status_code=200)
async def delete_view(visit: CurrentVisit, view_id: FromPath[UUID]) -> Response[Any]:
    """Removes it; the items are not touched."""
    visit.refuse_agents()
    await saved_view.delete(editor_of(visit), view_id)
    return nothing(headers=visit.toast(visit.t("uq.view.deleted"), closeDialog={}, viewsChanged={}))


PAGES: Final[list[Any]] = [
    views_pane,
    save_dialog,
    save_view,
    rename_dialog,
    rename_view,
    delete_dialog,
    delete_view,
]
