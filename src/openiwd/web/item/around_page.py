"""What hangs on an item: attaching a file, changing tags, linking to another item."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import item_detail, item_note
from openiwd.web.item.directory import shown_by
from openiwd.web.item.item_page import tab_context
from openiwd.web.item.item_view import item_card
from openiwd.web.shell.visit import CurrentVisit, Visit

UPLOAD_LIMIT: Final = item_note.MAX_ATTACHMENT + 1024 * 1024


async def _details(
    visit: Visit, item: WorkItem, said: str, error: OpenIwdError | None = None
) -> Response[Any]:
    """The details again, with what was done or what stands against it."""
    shown = await shown_by(visit)
    fresh = await item_detail.read(visit.services, visit.caller, str(item.id))
    context = await tab_context(visit, fresh, "details", shown)
    headers = visit.toast(said, itemChanged={"id": str(item.id)}) if error is None else None
    sent = (
        {} if error is None else {k: str(v) for k, v in (await visit.request.form()).items() if k != "file"}
    )
    return visit.page(
        "item/tab_details.html",
        headers=headers,
        status=200 if error is None else 422,
        item=item_card(fresh, visit.caller, shown),
        **{**context, "around_error": error, "around_sent": sent},
    )


@post("/items/{item_id:str}/files", status_code=200, request_max_body_size=UPLOAD_LIMIT)
async def attach_file(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Stores one file with the item."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    form = await visit.request.form()
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidInputError("no file is chosen", field="file", hint="choose one")
        content = await file.read()
        await item_note.add_attachment(
            visit.services.runtime, visit.caller, item, file.filename, file.content_type, content
        )
    except OpenIwdError as error:
        return await _details(visit, item, "", error)
    return await _details(visit, item, visit.t("uq.item.attached"))


@post("/items/{item_id:str}/tags", status_code=200)
async def change_tags(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Adds or removes a tag."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    sent = await visit.request.form()
    add = [part.strip()[:64] for part in str(sent.get("add") or "").split(",") if part.strip()]
    remove = [str(sent["remove"])] if sent.get("remove") else []
    try:
        await item_note.change_tags(visit.services.runtime, visit.caller, item, add, remove)
    except OpenIwdError as error:
        return await _details(visit, item, "", error)
    return await _details(visit, item, visit.t("uq.item.tags_changed"))


@post("/items/{item_id:str}/links", status_code=200)
async def add_link(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Links the item to another one, named by id or captureId."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    sent = await visit.request.form()
    try:
        other = await _other(visit, str(sent.get("to") or "").strip())
        await item_note.add_link(
            visit.services.runtime, visit.caller, item, str(sent.get("kind") or "relatesTo"), other.id
        )
    except OpenIwdError as error:
        return await _details(visit, item, "", error)
    return await _details(visit, item, visit.t("uq.item.linked"))


async def _other(visit: Visit, reference: str) -> WorkItem:
    for wanted in (reference, f"{item_detail.EXT_PREFIX}{reference}"):
        try:
            return await item_detail.read(visit.services, visit.caller, wanted)
        except NotFoundError:
            continue
    raise NotFoundError(f"there is no item {reference[:80]}", field="to", hint="check its id or captureId")


PAGES: Final[list[Any]] = [attach_file, change_tags, add_link]
