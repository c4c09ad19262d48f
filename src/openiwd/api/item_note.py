"""What hangs on items: notes, tags, attachments and links."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.idempotency import made_id, once
from openiwd.api.item import CapturePoint, Changed, answer
from openiwd.api.raw import Answer, json_answer
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.work_item import Tag
from openiwd.ports.tenant_store import AttachmentInfo, Link, Note
from openiwd.usecases import item_detail, item_note

SAFE_TYPES: Final = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "application/pdf",
        "text/plain",
        "text/csv",
        "application/zip",
    }
)
"""Served as what they are; all else goes as bytes."""
UPLOAD_LIMIT: Final = item_note.MAX_ATTACHMENT + 1024 * 1024


class NoteInput(Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=32_000)]


class TagInput(Struct, forbid_unknown_fields=True):
    add: Annotated[list[Tag], Meta(max_length=32)] = []
    remove: Annotated[list[Tag], Meta(max_length=64)] = []


class LinkInput(Struct, forbid_unknown_fields=True):
    kind: str
    """`parent`, `duplicateOf`, `relatesTo` or `continues`."""
    item: UUID
    merge: bool = False
    """With `duplicateOf`: cancels this item with the reason `merged`."""


class Notes(Struct):
    notes: list[Note]


class Attachments(Struct):
    attachments: list[AttachmentInfo]


class Links(Struct):
    links: list[Link]


@get("/items/{item_id:str}/notes", tags=["items"], operation_id="listNotes")
async def list_notes(call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None) -> Notes:
    """The internal notes of an item, oldest first."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return Notes((await item_detail.around(call.services, call.caller, item)).notes)


@post("/items/{item_id:str}/notes", tags=["items"], operation_id="addNote")
async def add_note(
    call: CurrentCall,
    item_id: FromPath[str],
    data: JSONBody[NoteInput],
    request: Request[Any, Any, Any],
    capture_point: CapturePoint = None,
) -> Response[Note]:
    """Adds an internal note; final items take notes too."""
    found = await item_detail.sought(call.services, call.caller, item_note.NOTE, item_id, capture_point)
    route, body = f"POST {request.url.path}", await request.body()
    note_id = made_id(call, route, body)

    async def run() -> Answer:
        if isinstance(found, OpenIwdError):
            raise found
        note = await item_note.add_note(call.services.runtime, call.caller, found, data.text, note_id)
        return json_answer(201, note)

    done = await once(call, route, body, run, None if isinstance(found, OpenIwdError) else found.number)
    return Response(msgspec.json.decode(done.body, type=Note), status_code=done.status, headers=done.headers)


@post("/items/{item_id:str}/tags", tags=["items"], operation_id="changeTags", status_code=200)
async def change_tags(
    call: CurrentCall, item_id: FromPath[str], data: JSONBody[TagInput], capture_point: CapturePoint = None
) -> Response[Changed]:
    """Adds and removes tags; final items too."""
    item = await item_detail.reached(call.services, call.caller, item_note.NOTE, item_id, capture_point)
    return await answer(
        call,
        await item_note.change_tags(
            call.services.runtime, call.caller, item, data.add, data.remove, call.if_match
        ),
    )


@get("/items/{item_id:str}/attachments", tags=["items"], operation_id="listAttachments")
async def list_attachments(
    call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None
) -> Attachments:
    """The attachments of an item."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return Attachments((await item_detail.around(call.services, call.caller, item)).attachments)


@post(
    "/items/{item_id:str}/attachments",
    tags=["items"],
    operation_id="addAttachment",
    request_max_body_size=UPLOAD_LIMIT,
)
async def add_attachment(
    call: CurrentCall,
    item_id: FromPath[str],
    request: Request[Any, Any, Any],
    capture_point: CapturePoint = None,
    file_name: Annotated[str | None, QueryParameter(name="fileName", max_length=255)] = None,
) -> AttachmentInfo:
    """Stores a file of at most 25 MB: the bytes as the body with `?fileName=`, or one file as multipart/form-data."""
    item = await item_detail.reached(call.services, call.caller, item_note.NOTE, item_id, capture_point)
    content_type = request.headers.get("content-type", "application/octet-stream")
    if content_type.lower().startswith("multipart/form-data"):
        form = await request.form()
        files = [v for v in form.values() if isinstance(v, UploadFile)]
        if len(files) != 1:
            raise InvalidInputError(
                "exactly one file is needed", field="file", hint="send one part with a file name"
            )
        content, name, content_type = await files[0].read(), files[0].filename, files[0].content_type
    else:
        content, name = await request.body(), "attachment"
    info, _ = await item_note.add_attachment(
        call.services.runtime, call.caller, item, file_name or name, content_type, content
    )
    return info


@get(
    "/items/{item_id:str}/attachments/{attachment_id:uuid}",
    tags=["items"],
    operation_id="getAttachment",
    media_type="application/octet-stream",
)
async def get_attachment(
    call: CurrentCall,
    item_id: FromPath[str],
    attachment_id: FromPath[UUID],
    capture_point: CapturePoint = None,
) -> Response[bytes]:
    """The bytes of an attachment, always as a download."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    async with call.services.runtime.store.reading() as reading:
        found = await reading.attachment(item.number, attachment_id)
    if found is None:
        raise NotFoundError("there is no such attachment", field="attachmentId")
    info, content = found
    media_type = info.content_type if info.content_type in SAFE_TYPES else "application/octet-stream"
    quoted = quote(info.file_name, safe="")
    ascii_name = info.file_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quoted}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


@get("/items/{item_id:str}/links", tags=["items"], operation_id="listLinks")
async def list_links(call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None) -> Links:
    """Links from and to the item."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return Links((await item_detail.around(call.services, call.caller, item)).links)


@post("/items/{item_id:str}/links", tags=["items"], operation_id="addLink", status_code=200)
async def add_link(
    call: CurrentCall, item_id: FromPath[str], data: JSONBody[LinkInput], capture_point: CapturePoint = None
) -> Response[Changed]:
    """Links the item to another one. Merging a duplicate cancels it with the reason `merged`."""
    item = await item_detail.reached(call.services, call.caller, item_note.NOTE, item_id, capture_point)
    done = await item_note.add_link(
        call.services.runtime, call.caller, item, data.kind, data.item, merge=data.merge
    )
    return await answer(call, done)


HANDLERS: Final = [
    list_notes,
    add_note,
    change_tags,
    list_attachments,
    add_attachment,
    get_attachment,
    list_links,
    add_link,
]
