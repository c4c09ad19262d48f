"""The email editor of the workspace: begun, filled with standard responses, sent once. What is refused stays typed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery

from openiwd.domain.email.outbound import OutboundFile
from openiwd.domain.email.text_form import text_of_html
from openiwd.domain.errors import InvalidInputError, OpenIwdError, TooLargeError
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.usecases import email_view, email_writing, item_action, item_detail, standard_response
from openiwd.usecases.email_draft import MAX_TEXT, Draft
from openiwd.usecases.email_writing import MAX_BYTES, SEND
from openiwd.usecases.item_action import ActionRequest
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.web.email.editor_view import (
    Editing,
    Source,
    answered_by,
    begin,
    below_html_of,
    below_of,
    kind_of,
    mode_of,
    split_recipients,
)
from openiwd.web.email.response_view import response_folders
from openiwd.web.item.act_page import seconds_of
from openiwd.web.item.directory import shown_by
from openiwd.web.item.item_view import ItemCard, item_card
from openiwd.web.shell.rendering import catalogue, nothing
from openiwd.web.shell.said import said
from openiwd.web.shell.sent import Sent, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

UPLOAD_LIMIT: Final = 36 * 1024 * 1024
TAKE_BACK: Final = timedelta(seconds=10)
"""An email waits so long before it is sent, so that its author can take it back."""
MOST_FILES: Final = 50


async def _source(visit: Visit, item_id: str) -> Source:
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(SEND, item)
    thread = await email_view.thread_of(visit.services, visit.caller, item)
    async with visit.services.runtime.store.reading() as reading:
        mailboxes = await all_mailboxes(reading)
    language = _language(item) or visit.t.language
    return Source(item, thread.emails, mailboxes, visit.times, catalogue(language))


def _language(item: WorkItem) -> str:
    """Of whom it goes to: the contact's own, else the one that was written in."""
    email = item.data.get("email")
    detected = email.get("language") if isinstance(email, dict) else None
    return str((item.contact or {}).get("language") or detected or "")


@get("/workspace/items/{item_id:str}/editor")
async def editor(
    visit: CurrentVisit, item_id: FromPath[str], mode: FromQuery[str] = "reply", answers: FromQuery[str] = ""
) -> Response[Any]:
    """The editor, begun as asked for."""
    source = await _source(visit, item_id)
    editing = begin(source, mode_of(mode), answers, visit.services.runtime.new_id())
    card = item_card(source.item, visit.caller, await shown_by(visit))
    return visit.page("email/editor.html", editing=editing, item=card, can_complete=_can_complete(card))


def _can_complete(card: ItemCard) -> bool:
    return card.mine and any(act.action == Action.COMPLETE.value for act in card.acts)


# Standard responses --------------------------------------------------------------------------------------------------


@get("/workspace/items/{item_id:str}/responses")
async def responses(
    visit: CurrentVisit, item_id: FromPath[str], mailbox: FromQuery[str] = ""
) -> Response[Any]:
    """Standard responses to choose from."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(SEND, item)
    folders = response_folders(await standard_response.usable(visit.services), visit.t, _language(item))
    return visit.page("email/responses.html", folders=folders, item_id=str(item.id), mailbox=mailbox)


@get("/workspace/items/{item_id:str}/responses/{response_id:str}")
async def response(
    visit: CurrentVisit, item_id: FromPath[str], response_id: FromPath[str], mailbox: FromQuery[str] = ""
) -> Response[Any]:
    """One standard response with the item's values, as it would be inserted."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    found = await standard_response.filled(visit.services, visit.caller, item, response_id, mailbox or None)
    return visit.page("email/response.html", response=found)


# Sending -------------------------------------------------------------------------------------------------------------


async def _uploads(visit: Visit) -> list[OutboundFile]:
    form = await visit.request.form()
    found = []
    for upload in form.getall("files", []):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        content = await upload.read()
        kind = upload.content_type or "application/octet-stream"
        found.append(OutboundFile(file_name=upload.filename, content_type=kind, content=content))
    if len(found) > MOST_FILES:
        raise InvalidInputError(visit.t("mail.too_many_files", n=MOST_FILES), field="files")
    return found


async def _originals(visit: Visit, item: WorkItem, editing: Editing, sent: Sent) -> list[OutboundFile]:
    """Files of the email that is forwarded or written again, as far as they are still ticked."""
    wanted = set(sent.texts("originals"))
    if not wanted or not editing.originals:
        return []
    email = await email_view.email_of_item(visit.services, visit.caller, item, UUID(editing.answers))
    found = []
    for original in editing.originals:
        if str(original.ordinal) in wanted:
            info, content = await email_view.file_of_email(visit.services, email, original.ordinal)
            found.append(
                OutboundFile(file_name=info.file_name, content_type=info.content_type, content=content)
            )
    return found


async def _write(visit: Visit, source: Source, sent: Sent) -> StoredEmail:
    mode = mode_of(sent.text("mode"))
    answered = answered_by(source, mode, sent.text("answers"))
    kind, answers = kind_of(source, mode, answered)
    email_id = _email_id(sent.text("emailId"))
    editing = begin(source, mode, sent.text("answers"), email_id)
    files = [*await _originals(visit, source.item, editing, sent), *await _uploads(visit)]
    if sum(len(f.content) for f in files) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise TooLargeError(
            visit.t("mail.too_large", n=limit), field="files", hint=visit.t("mail.too_large_hint")
        )
    html = sent.raw("html")
    if not text_of_html(html).strip():
        raise InvalidInputError(visit.t("mail.empty"), field="html", hint=visit.t("mail.empty_hint"))
    if len(html) > MAX_TEXT:
        raise TooLargeError(visit.t("mail.too_long"), field="html", hint=visit.t("mail.too_long_hint"))
    quotes = sent.flag("quote")
    draft = Draft(
        kind=kind,
        answers=answers,
        mailbox=sent.optional("mailbox"),
        to=split_recipients(sent.text("to")),
        cc=split_recipients(sent.text("cc")),
        bcc=split_recipients(sent.text("bcc")),
        subject=sent.text("subject")[:500],
        html=html,
        below=below_of(source, mode, answered) if quotes else "",
        below_html=below_html_of(source, mode, answered) if quotes else None,
    )
    completing = sent.text("then") == "complete"
    not_before = None if completing else visit.services.runtime.now() + TAKE_BACK
    return await email_writing.write(
        visit.services, visit.caller, source.item, draft, files, email_id=email_id, not_before=not_before
    )


def _email_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInputError(
            "the editor is out of date", field="emailId", hint="reload the page"
        ) from error


@post("/workspace/items/{item_id:str}/emails", status_code=200, request_max_body_size=UPLOAD_LIMIT)
async def send(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Puts the email into the outbound queue, and completes the item if asked to. Sent again, it is sent once."""
    source = await _source(visit, item_id)
    sent = await sent_by(visit)
    card = item_card(source.item, visit.caller, await shown_by(visit))
    completing = sent.text("then") == "complete"
    try:
        if completing and card.disposition_required and not sent.text("resultCode"):
            raise InvalidInputError(
                visit.t("mail.disposition_needed"), field="resultCode", hint=visit.t("mail.disposition_hint")
            )
        email = await _write(visit, source, sent)
    except OpenIwdError as error:
        return visit.page("email/errors.html", status=422, error=error)
    told = {"item": str(source.item.id), "email": str(email.id)}
    if not completing:
        text = visit.t("mail.queued", seconds=TAKE_BACK.seconds)
        changed = {"id": str(source.item.id), "action": "email"}
        return nothing(headers=visit.toast(text, emailWritten=told, itemChanged=changed))
    request = ActionRequest(
        result_code=sent.optional("resultCode"), focus_seconds=seconds_of(sent.optional("focusSeconds"))
    )
    return await _complete(visit, source.item, request, told)


async def _complete(
    visit: Visit, item: WorkItem, request: ActionRequest, told: dict[str, str]
) -> Response[Any]:
    """The email is written by now: what stands against completing is only told."""
    changed = {"id": str(item.id), "action": "complete"}
    try:
        await item_action.perform(visit.services, Action.COMPLETE, request, visit.caller, item.id)
    except OpenIwdError as error:
        text, hint = visit.t("mail.not_completed"), said(error.message, visit.t)
        return nothing(
            headers=visit.toast(
                text, hint=hint, emailWritten=told, itemChanged={**changed, "action": "email"}
            )
        )
    return nothing(headers=visit.toast(visit.t("mail.completed"), emailWritten=told, itemChanged=changed))


PAGES: Final[list[Any]] = [editor, responses, response, send]
