"""Saved queue views: private ones of the caller, and shared ones."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.editing import CurrentEditor, etag
from openiwd.usecases import saved_view
from openiwd.usecases.saved_view import SavedView, ViewInput

_TAGS: Final = ["configuration"]


class Views(Struct):
    views: list[SavedView]


@get("/views", tags=_TAGS, operation_id="listViews")
async def list_views(editor: CurrentEditor) -> Views:
    """One's own views and the shared ones."""
    return Views(await saved_view.views(editor))


@post("/views", tags=_TAGS, operation_id="createView", status_code=201)
async def create_view(editor: CurrentEditor, data: JSONBody[ViewInput]) -> Response[SavedView]:
    """Saves a view; sharing one takes the privilege `dashboard.view`."""
    view = await saved_view.create(editor, data)
    return Response(view, headers=etag(view.revision))


@get("/views/{view_id:uuid}", tags=_TAGS, operation_id="getView")
async def get_view(editor: CurrentEditor, view_id: FromPath[UUID]) -> Response[SavedView]:
    """One view."""
    view = await saved_view.get(editor, view_id)
    return Response(view, headers=etag(view.revision))


@put("/views/{view_id:uuid}", tags=_TAGS, operation_id="putView")
async def put_view(
    call: CurrentCall, editor: CurrentEditor, view_id: FromPath[UUID], data: JSONBody[ViewInput]
) -> Response[SavedView]:
    """Replaces a view of one's own."""
    view = await saved_view.put(editor, view_id, data, call.if_match)
    return Response(view, headers=etag(view.revision))


@delete("/views/{view_id:uuid}", tags=_TAGS, operation_id="deleteView", status_code=204)
async def delete_view(editor: CurrentEditor, view_id: FromPath[UUID]) -> None:
    """Removes a view of one's own."""
    await saved_view.delete(editor, view_id)


HANDLERS: Final[list[Any]] = [list_views, create_view, get_view, put_view, delete_view]
