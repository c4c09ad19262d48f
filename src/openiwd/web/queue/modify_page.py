"""Modifying one item: the form of all its fields with their present values, of which only the ticked ones change."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import item_action, item_detail
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import Shown, subject_of
from openiwd.web.queue.column_view import value_of
from openiwd.web.queue.modify_form import modify_fields, read_modify, typed
from openiwd.web.queue.vocabulary import Known, vocabulary
from openiwd.web.shell.rendering import nothing
from openiwd.web.shell.visit import CurrentVisit, Visit


def _present(item: WorkItem, known: dict[str, Known], shown: Shown, visit: Visit) -> dict[str, Any]:
    return {name: typed(one.type, value_of(item, name, shown), visit.times) for name, one in known.items()}


async def _dialog(
    visit: Visit, item: WorkItem, sent: dict[str, Any] | None = None, error: OpenIwdError | None = None
) -> Response[Any]:
    shown = await shown_by(visit)
    known = vocabulary(shown)
    values = sent if sent is not None else _present(item, known, shown, visit)
    return visit.page(
        "queue/modify.html",
        status=200 if error is None else 422,
        item_id=str(item.id),
        revision=item.revision,
        subject=subject_of(item, visit.t),
        modify=modify_fields(known, values, error, visit.t),
        error=error,
    )


@get("/items/{item_id:str}/act/update")
async def modify_dialog(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """The fields with what is in them now."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item("workitems.update", item)
    return await _dialog(visit, item)


@post("/items/{item_id:str}/act/update", status_code=200)
async def modify_item(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Changes the ticked fields, unless somebody has changed the item since the form was opened."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    form = await visit.request.form()
    ticked = [str(v) for v in form.getall("tick", [])]
    sent: dict[str, Any] = {**dict(form), "tick": ticked}
    revision = str(sent.get("revision") or "")
    try:
        change = read_modify(vocabulary(await shown_by(visit)), ticked, sent, visit)
        await item_action.update(
            visit.services.runtime,
            change,
            visit.caller,
            item.id,
            if_match=int(revision) if revision.isdigit() else None,
        )
    except OpenIwdError as error:
        return await _dialog(visit, item, sent, error)
    events = {"itemChanged": {"id": str(item.id), "action": "update"}, "closeDialog": {}}
    return nothing(headers=visit.toast(visit.t("uq.item.modified"), hint=subject_of(item, visit.t), **events))


PAGES: Final[list[Any]] = [modify_dialog, modify_item]
