"""Emails: of items for people, and the ways in and out for the email service."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall, instant
from openiwd.api.idempotency import made_id, once
from openiwd.api.item import CapturePoint
from openiwd.api.item_note import SAFE_TYPES
from openiwd.api.raw import Answer, json_answer
from openiwd.domain.email.outbound import OutboundFile, SendingState
from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.ports.email import EmailMove, OutboundEmail
from openiwd.usecases import email_intake, email_sending, email_thread, email_view, email_writing, item_detail
from openiwd.usecases.email_draft import Draft
from openiwd.usecases.email_intake import Arrival, Received
from openiwd.usecases.email_sending import SendingStatus, Told
from openiwd.usecases.email_thread import MERGE
from openiwd.usecases.email_view import EmailView, ThreadView
from openiwd.usecases.email_writing import SEND

_TAGS: Final = ["email"]
RAW_LIMIT: Final = 52 * 1024 * 1024
DRAFT_LIMIT: Final = 36 * 1024 * 1024
_INT: Final = 2**53


class FileInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A file of an email that is written; `content` is base64."""

    file_name: Annotated[str, Meta(min_length=1, max_length=255)]
    content_type: Annotated[str, Meta(max_length=200)] = "application/octet-stream"
    content: str


class DraftInput(Draft, kw_only=True, rename="camel", forbid_unknown_fields=True):
    files: Annotated[list[FileInput], Meta(max_length=50)] = msgspec.field(default_factory=list)


class Outbound(Struct):
    emails: list[OutboundEmail]


class Emails(Struct):
    emails: list[EmailView]


class MergeInput(Struct, kw_only=True, forbid_unknown_fields=True):
    into: UUID
    reason: Annotated[str, Meta(max_length=500)] | None = None


class SplitInput(Struct, kw_only=True, forbid_unknown_fields=True):
    emails: Annotated[list[UUID], Meta(min_length=1, max_length=500)]
    reason: Annotated[str, Meta(max_length=500)] | None = None


class Moves(Struct):
    moves: list[EmailMove]


class SplitOff(Struct, rename="camel"):
    item_id: UUID
    move: EmailMove


class SettleInput(Struct, kw_only=True, forbid_unknown_fields=True):
    status: SendingState
    reason: Annotated[str, Meta(max_length=500)] | None = None


MailboxName = Annotated[str, QueryParameter(name="mailbox", max_length=64)]
Holder = Annotated[UUID, QueryParameter(name="holder", description="Who holds the mailbox.")]
Epoch = Annotated[int, QueryParameter(name="epoch", ge=1, lt=_INT, description="Of its lease.")]


@post("/emails", tags=_TAGS, operation_id="submitEmail", status_code=200, request_max_body_size=RAW_LIMIT)
async def submit_email(
    call: CurrentCall,
    request: Request[Any, Any, Any],
    mailbox: MailboxName,
    holder: Holder,
    epoch: Epoch,
    uid: Annotated[int, QueryParameter(name="uid", ge=0, lt=_INT)],
    uid_validity: Annotated[int, QueryParameter(name="uidValidity", ge=0, lt=_INT)],
    folder: Annotated[str, QueryParameter(name="folder", min_length=1, max_length=255)] = "INBOX",
    received_at: Annotated[str | None, QueryParameter(name="receivedAt", max_length=64)] = None,
    full_size: Annotated[
        int | None,
        QueryParameter(
            name="fullSize", ge=1, lt=_INT, description="Only the beginning of so many bytes is sent."
        ),
    ] = None,
) -> Received:
    """For the email service: stores one raw message (the body) and ties it to an item, all in one transaction.

    Sent again it is answered as before. 409 `leaseLost` when another process holds the mailbox now.
    """
    arrived: datetime | None = None if received_at is None else instant(received_at, "receivedAt")
    raw = await request.body()
    arrival = Arrival(
        raw=raw, mailbox_id=mailbox, holder=holder, epoch=epoch, folder=folder, uid_validity=uid_validity,
        uid=uid, received_at=arrived, full_size=full_size,
    )  # fmt: skip
    return await email_intake.receive(call.services, call.caller, arrival)


@get("/emails/outbound", tags=_TAGS, operation_id="listOutboundEmails")
async def list_outbound(call: CurrentCall, mailbox: MailboxName, holder: Holder, epoch: Epoch) -> Outbound:
    """For the email service: what is to be sent now, and what an earlier holder of the mailbox has left in between."""
    return Outbound(await email_sending.outbound(call.services, call.caller, mailbox, holder, epoch))


@get("/emails/{email_id:uuid}/raw", tags=_TAGS, operation_id="getRawEmail", media_type="message/rfc822")
async def get_raw(call: CurrentCall, email_id: FromPath[UUID]) -> Response[bytes]:
    """For the email service: the message to be sent, byte by byte the same at each try."""
    raw = await email_sending.content(call.services, call.caller, email_id)
    return Response(raw, media_type="message/rfc822", headers={"Cache-Control": "private, no-store"})


@post(
    "/emails/{email_id:uuid}/sending-status", tags=_TAGS, operation_id="reportSendingStatus", status_code=200
)
async def report_sending(call: CurrentCall, email_id: FromPath[UUID], data: JSONBody[SendingStatus]) -> Told:
    """For the email service: one step of sending. Steps that do not follow each other are a 409."""
    return await email_sending.tell(call.services, call.caller, email_id, data)


@post("/emails/{email_id:uuid}/settle", tags=_TAGS, operation_id="settleEmail", status_code=200)
async def settle_email(call: CurrentCall, email_id: FromPath[UUID], data: JSONBody[SettleInput]) -> Told:
    """A person's word on an email whose sending failed or whose outcome is unknown: `queued` sends it (again)."""
    return await email_sending.settle(call.services, call.caller, email_id, data.status, data.reason)


@get("/emails/aside", tags=_TAGS, operation_id="listEmailsAside")
async def list_aside(
    call: CurrentCall,
    status: Annotated[
        str, QueryParameter(name="status", max_length=20, description="quarantined, dropped or unknown")
    ] = "quarantined",
) -> Emails:
    """Emails without an item (in quarantine, dropped by a filter) or of unknown outcome, the latest first."""
    return Emails(await email_view.aside(call.services, call.caller, status))


@get("/items/{item_id:str}/emails", tags=_TAGS, operation_id="listItemEmails")
async def list_emails(
    call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None
) -> ThreadView:
    """The emails of an item, oldest first."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    return await email_view.thread_of(call.services, call.caller, item)


@post(
    "/items/{item_id:str}/emails",
    tags=_TAGS,
    operation_id="writeEmail",
    status_code=201,
    request_max_body_size=DRAFT_LIMIT,
)
async def write_email(
    call: CurrentCall,
    item_id: FromPath[str],
    data: JSONBody[DraftInput],
    request: Request[Any, Any, Any],
    capture_point: CapturePoint = None,
) -> Response[EmailView]:
    """Writes a reply, a forward or a new email of an item. Queued whole, sent once. Honours `Idempotency-Key`."""
    found = await item_detail.sought(call.services, call.caller, SEND, item_id, capture_point)
    files = [_file(f, n) for n, f in enumerate(data.files)]
    route, body = f"POST {request.url.path}", await request.body()
    email_id = made_id(call, route, body)

    async def run() -> Answer:
        if isinstance(found, OpenIwdError):
            raise found
        email = await email_writing.write(call.services, call.caller, found, data, files, email_id=email_id)
        return json_answer(201, email_view.email_view(email))

    done = await once(call, route, body, run, None if isinstance(found, OpenIwdError) else found.number)
    return Response(
        msgspec.json.decode(done.body, type=EmailView), status_code=done.status, headers=done.headers
    )


def _file(file: FileInput, number: int) -> OutboundFile:
    try:
        content = base64.b64decode(file.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError(
            "the file's content is not base64", field=f"files[{number}].content", hint="encode its bytes"
        ) from None
    return OutboundFile(file_name=file.file_name, content_type=file.content_type, content=content)


@get(
    "/items/{item_id:str}/emails/{email_id:uuid}/files/{ordinal:str}",
    tags=_TAGS,
    operation_id="getEmailFile",
    media_type="application/octet-stream",
)
async def get_file(
    call: CurrentCall,
    item_id: FromPath[str],
    email_id: FromPath[UUID],
    ordinal: FromPath[str],
    capture_point: CapturePoint = None,
) -> Response[bytes]:
    """A file of an email, always as a download."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    email = await email_view.email_of_item(call.services, call.caller, item, email_id)
    info, content = await email_view.file_of_email(call.services, email, _number(ordinal))
    media_type = info.content_type if info.content_type in SAFE_TYPES else "application/octet-stream"
    return download(content, info.file_name, media_type)


@get(
    "/items/{item_id:str}/emails/{email_id:uuid}/original",
    tags=_TAGS,
    operation_id="getEmailOriginal",
    media_type="application/octet-stream",
)
async def get_original(
    call: CurrentCall, item_id: FromPath[str], email_id: FromPath[UUID], capture_point: CapturePoint = None
) -> Response[bytes]:
    """The message as it came or went, as a download."""
    item = await item_detail.read(call.services, call.caller, item_id, capture_point)
    email = await email_view.email_of_item(call.services, call.caller, item, email_id)
    raw = await email_view.original(call.services, email)
    return download(raw, f"{email.subject[:80] or 'message'}.eml", "application/octet-stream")


def _number(text: str) -> int:
    """-1, which no file has, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1


def download(content: bytes, file_name: str, media_type: str) -> Response[bytes]:
    """Bytes that a browser stores and never shows."""
    plain = file_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


@post("/items/{item_id:str}/emails/merge", tags=_TAGS, operation_id="mergeEmails", status_code=200)
async def merge_emails(
    call: CurrentCall, item_id: FromPath[str], data: JSONBody[MergeInput], capture_point: CapturePoint = None
) -> Moves:
    """Moves the emails of an item to another one's thread; the emptied item is canceled as merged. Can be undone."""
    item = await item_detail.reached(call.services, call.caller, MERGE, item_id, capture_point)
    into = await item_detail.reached(call.services, call.caller, MERGE, str(data.into))
    return Moves(await email_thread.merge(call.services, call.caller, item, into, data.reason))


@post("/items/{item_id:str}/emails/split", tags=_TAGS, operation_id="splitEmails", status_code=201)
async def split_emails(
    call: CurrentCall, item_id: FromPath[str], data: JSONBody[SplitInput], capture_point: CapturePoint = None
) -> SplitOff:
    """Moves some emails of an item to a new item. Can be undone."""
    item = await item_detail.reached(call.services, call.caller, MERGE, item_id, capture_point)
    made, move = await email_thread.split(call.services, call.caller, item, data.emails, data.reason)
    return SplitOff(made.id, move)


@post("/emails/moves/{move_id:uuid}/undo", tags=_TAGS, operation_id="undoEmailMove", status_code=200)
async def undo_move(call: CurrentCall, move_id: FromPath[UUID]) -> EmailMove:
    """Undoes a merge or a split: the emails go back; a merged item is reopened, one made by a split canceled."""
    return await email_thread.undo(call.services, call.caller, move_id)


HANDLERS: Final[list[Any]] = [
    submit_email,
    list_outbound,
    get_raw,
    report_sending,
    settle_email,
    list_aside,
    list_emails,
    write_email,
    get_file,
    get_original,
    merge_emails,
    split_emails,
    undo_move,
]
