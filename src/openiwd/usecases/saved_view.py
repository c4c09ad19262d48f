"""Saved queue views: a search with columns and order under a name, private or shared with everybody of the tenant."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.errors import ForbiddenError, NotFoundError
from openiwd.ports.tenant_store import Reading
from openiwd.usecases.configuration import Editor
from openiwd.usecases.export import check_columns
from openiwd.usecases.search import SearchRequest, search

KIND: Final = "saved_view"


class ViewInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What a view shows."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    shared: bool = False
    filter: dict[str, Any] | None = None
    text: Annotated[str, Meta(max_length=500)] | None = None
    category: Annotated[str, Meta(max_length=1_000)] | None = None
    columns: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=100)] = []
    sort: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=8)] = msgspec.field(
        default_factory=lambda: ["-priority"]
    )


class SavedView(ViewInput, kw_only=True, rename="camel"):
    """A view as stored."""

    id: UUID
    owner: str
    revision: int


async def views(editor: Editor) -> list[SavedView]:
    """One's own views and the shared ones, by name."""
    async with editor.services.runtime.store.reading() as reading:
        found = await _all(reading)
    mine = [v for v in found if v.shared or v.owner == owner_of(editor)]
    return sorted(mine, key=lambda v: (v.name, str(v.id)))


def owner_of(editor: Editor) -> str:
    return editor.caller.login or editor.caller.actor


async def _all(reading: Reading) -> list[SavedView]:
    return [msgspec.convert(raw, SavedView) for raw in await reading.objects(KIND)]


async def get(editor: Editor, view_id: UUID) -> SavedView:
    """A view that the caller may see."""
    found = next((v for v in await views(editor) if v.id == view_id), None)
    if found is None:
        raise NotFoundError(f"there is no view {view_id}", field="id", hint="see the list of views")
    return found


async def create(editor: Editor, data: ViewInput) -> SavedView:
    """A new view of the caller's."""
    view = _made(data, editor.services.runtime.new_id(), owner_of(editor), 1)
    return await _save(editor, view, None, None)


async def put(editor: Editor, view_id: UUID, data: ViewInput, revision: int | None) -> SavedView:
    """Replaces a view of one's own; shared ones also by who administers users."""
    before = await _own(editor, view_id)
    return await _save(editor, _made(data, view_id, before.owner, before.revision), before, revision)


def _made(data: ViewInput, view_id: UUID, owner: str, revision: int) -> SavedView:
    values = {f: getattr(data, f) for f in ViewInput.__struct_fields__}
    return SavedView(**values, id=view_id, owner=owner, revision=revision)


async def _save(editor: Editor, view: SavedView, before: SavedView | None, revision: int | None) -> SavedView:
    if view.shared and not (before is not None and before.shared):
        editor.caller.require("dashboard.view")
    check_columns(view.columns)
    request = SearchRequest(
        filter=view.filter, text=view.text, category=view.category, sort=view.sort, limit=1, count=False
    )
    await search(editor.services, editor.caller, request.query())  # refuses what cannot be searched for
    body = {k: v for k, v in msgspec.to_builtins(view).items() if k not in ("id", "revision")}
    async with editor.services.runtime.store.writing() as tx:
        stored = await tx.save_object(KIND, {**body, "id": view.id}, revision=revision)
        await editor.tell(tx, KIND, str(view.id), "created" if before is None else "updated", stored)
    editor.committed()
    if view.shared or (before is not None and before.shared):
        await editor.note("created" if before is None else "updated", "view", str(view.id), before, view)
    return msgspec.structs.replace(view, revision=stored)


async def delete(editor: Editor, view_id: UUID) -> None:
    """Removes a view of one's own; shared ones also by who administers users."""
    before = await _own(editor, view_id)
    async with editor.services.runtime.store.writing() as tx:
        await tx.delete_object(KIND, view_id)
        await editor.tell(tx, KIND, str(view_id), "deleted")
    editor.committed()
    if before.shared:
        await editor.note("deleted", "view", str(view_id), before)


async def _own(editor: Editor, view_id: UUID) -> SavedView:
    found = await get(editor, view_id)
    if found.owner != owner_of(editor) and not editor.caller.may("users.update"):
        raise ForbiddenError("this view belongs to somebody else", hint="save a view of your own")
    return found
