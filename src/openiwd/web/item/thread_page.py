"""The emails of an item: their HTML in a frame, words on a sending, taking back, merging, splitting, undoing."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from openiwd.domain.email.outbound import SendingState
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.ports.email import StoredEmail
from openiwd.usecases import (
    email_picture,
    email_sending,
    email_thread,
    email_view,
    email_withdrawal,
    item_detail,
)
from openiwd.usecases.email_thread import MERGE
from openiwd.usecases.email_writing import SEND
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.web.item.directory import shown_by
from openiwd.web.item.email_frame import frame_document, frame_headers
from openiwd.web.item.row_view import Shown, subject_of
from openiwd.web.item.thread_view import Thread, thread_view
from openiwd.web.shell.dialog_page import refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import nothing
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

SETTLED: Final = (SendingState.SENT, SendingState.QUEUED, SendingState.FAILED)


async def thread_of(visit: Visit, item: WorkItem, shown: Shown) -> Thread:
    found = await email_view.thread_of(visit.services, visit.caller, item)
    async with visit.services.runtime.store.reading() as reading:
        sends = any(m.enabled and m.sends for m in (await all_mailboxes(reading)).values())
    return thread_view(item, found, visit.caller, shown, sends=sends)


def _changed(visit: Visit, item: WorkItem, text: str) -> Response[Any]:
    """Says what was done; whatever shows the item reads it again."""
    events: dict[str, Any] = {"itemChanged": {"id": str(item.id), "action": "email"}, "closeDialog": {}}
    return nothing(headers=visit.toast(text, **events))


@get("/items/{item_id:str}/emails")
async def emails(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """The emails of an item, as a part of the workspace."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    shown = await shown_by(visit)
    return visit.page(
        "email/thread.html", thread=await thread_of(visit, item, shown), item_id=str(item.id), in_hand=True
    )


@get("/items/{item_id:str}/emails/{email_id:uuid}/html")
async def email_html(
    visit: CurrentVisit,
    item_id: FromPath[str],
    email_id: FromPath[UUID],
    elsewhere: FromQuery[bool] = False,
) -> Response[Any]:
    """One email's HTML for a frame; with `elsewhere`, pictures of other servers are loaded."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    email = await email_view.email_of_item(visit.services, visit.caller, item, email_id)
    html = await email_picture.shown_html(visit.services, email, elsewhere=elsewhere)
    return Response(
        frame_document(html, email.subject or visit.t("queue.no_subject"), visit.t.language),
        media_type="text/html",
        headers=frame_headers(elsewhere=elsewhere),
    )


# A person's word on a sending ----------------------------------------------------------------------------------------


async def _outbound(visit: Visit, item_id: str, email_id: UUID, name: str) -> tuple[WorkItem, StoredEmail]:
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(SEND, item)
    if name not in {s.value for s in SETTLED}:
        raise NotFoundError("nobody can say that of an email", field="status")
    return item, await email_view.email_of_item(visit.services, visit.caller, item, email_id)


def _settle_form(visit: Visit, item: WorkItem, email: StoredEmail, name: str) -> Form:
    t = visit.t
    was_unknown = email.state == SendingState.UNKNOWN.value
    text = t(f"mail_settle.{name}_text", to=", ".join(email.recipients[:3]))
    if name == SendingState.QUEUED.value and was_unknown:
        text = f"{text} {t('mail_settle.twice')}"
    fields = [Field("reason", t("mail.why"), required=True)] if name == SendingState.FAILED.value else []
    return Form(
        action=f"/items/{item.id}/emails/{email.id}/settle/{name}",
        title=t(f"mail_settle.{name}_title"),
        text=text,
        fields=fields,
        submit=t(f"mail_settle.{name}"),
        danger=name == SendingState.FAILED.value,
    )


@get("/items/{item_id:str}/emails/{email_id:uuid}/settle/{name:str}")
async def settle_dialog(
    visit: CurrentVisit, item_id: FromPath[str], email_id: FromPath[UUID], name: FromPath[str]
) -> Response[Any]:
    """What the word will do."""
    item, email = await _outbound(visit, item_id, email_id, name)
    return show_dialog(visit, _settle_form(visit, item, email, name))


@post("/items/{item_id:str}/emails/{email_id:uuid}/settle/{name:str}", status_code=200)
async def settle(
    visit: CurrentVisit, item_id: FromPath[str], email_id: FromPath[UUID], name: FromPath[str]
) -> Response[Any]:
    """Counts as sent, is sent again, or has failed."""
    item, email = await _outbound(visit, item_id, email_id, name)
    sent = await sent_by(visit)
    try:
        await email_sending.settle(
            visit.services, visit.caller, email_id, SendingState(name), sent.optional("reason")
        )
    except OpenIwdError as error:
        return refuse_dialog(visit, _settle_form(visit, item, email, name), sent, error)
    return _changed(visit, item, visit.t(f"mail_settle.{name}_done"))


@post("/items/{item_id:str}/emails/{email_id:uuid}/withdraw", status_code=200)
async def withdraw(visit: CurrentVisit, item_id: FromPath[str], email_id: FromPath[UUID]) -> Response[Any]:
    """Takes back what nobody has begun to send; the editor opens with it again."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    await email_withdrawal.withdraw(visit.services, visit.caller, item, email_id)
    events: dict[str, Any] = {
        "emailWithdrawn": {"item": str(item.id), "email": str(email_id)},
        "itemChanged": {"id": str(item.id), "action": "email"},
    }
    return nothing(headers=visit.toast(visit.t("mail.withdrawn"), **events))


# Merging, splitting, undoing -----------------------------------------------------------------------------------------


async def _other(visit: Visit, reference: str) -> WorkItem:
    for wanted in (reference, f"{item_detail.EXT_PREFIX}{reference}"):
        try:
            return await item_detail.read(visit.services, visit.caller, wanted)
        except NotFoundError:
            continue
    raise NotFoundError(visit.t("mail.no_such_item"), field="into", hint=visit.t("mail.into_hint"))


def _merge_form(visit: Visit, item: WorkItem, into: str) -> Form:
    t = visit.t
    return Form(
        action=f"/items/{item.id}/emails/merge",
        title=t("mail.merge_title"),
        text=t("mail.merge_text", subject=subject_of(item, t)),
        fields=[
            Field("into", t("mail.into"), value=into, required=True, hint=t("mail.into_hint")),
            Field("reason", t("mail.why")),
        ],
        submit=t("mail.merge_submit"),
        note=t("mail.move_note"),
    )


@get("/items/{item_id:str}/emails/merge")
async def merge_dialog(
    visit: CurrentVisit, item_id: FromPath[str], into: FromQuery[str] = ""
) -> Response[Any]:
    """Which item the emails move to, and what becomes of this one."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(MERGE, item)
    return show_dialog(visit, _merge_form(visit, item, into))


@post("/items/{item_id:str}/emails/merge", status_code=200)
async def merge(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Moves all emails of the item to another one."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    sent = await sent_by(visit)
    try:
        if not sent.text("into"):
            raise InvalidInputError(visit.t("form.needed"), field="into")
        into = await _other(visit, sent.text("into"))
        await email_thread.merge(visit.services, visit.caller, item, into, sent.optional("reason"))
    except OpenIwdError as error:
        return refuse_dialog(visit, _merge_form(visit, item, sent.text("into")), sent, error)
    return _changed(visit, item, visit.t("mail.merged", subject=subject_of(into, visit.t)))


def _split_form(visit: Visit, item: WorkItem, email_id: UUID, later: int) -> Form:
    t = visit.t
    choices = [("one", t("mail.split_one"))]
    if later:
        choices.append(("later", t("mail.split_later", n=later)))
    return Form(
        action=f"/items/{item.id}/emails/{email_id}/split",
        title=t("mail.split_title"),
        text=t("mail.split_text", subject=subject_of(item, t)),
        fields=[
            Field("which", t("mail.split_which"), "select", "one", choices),
            Field("reason", t("mail.why")),
        ],
        submit=t("mail.split_submit"),
        note=t("mail.move_note"),
    )


async def _from_here(visit: Visit, item: WorkItem, email_id: UUID) -> list[UUID]:
    """The email and those of its thread that came later."""
    found = (await email_view.thread_of(visit.services, visit.caller, item)).emails
    first = next((e for e in found if e.id == email_id), None)
    if first is None:
        raise NotFoundError("the item has no such email", field="emailId", hint="see its emails")
    same = [e for e in found if e.thread_id == first.thread_id]
    return [e.id for e in same[same.index(first) :]]


@get("/items/{item_id:str}/emails/{email_id:uuid}/split")
async def split_dialog(
    visit: CurrentVisit, item_id: FromPath[str], email_id: FromPath[UUID]
) -> Response[Any]:
    """Which emails get an item of their own."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(MERGE, item)
    later = len(await _from_here(visit, item, email_id)) - 1
    return show_dialog(visit, _split_form(visit, item, email_id, later))


@post("/items/{item_id:str}/emails/{email_id:uuid}/split", status_code=200)
async def split(visit: CurrentVisit, item_id: FromPath[str], email_id: FromPath[UUID]) -> Response[Any]:
    """Moves the email, or it and all later ones, to a new item."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    sent = await sent_by(visit)
    from_here = await _from_here(visit, item, email_id)
    chosen = from_here if sent.text("which") == "later" else from_here[:1]
    try:
        made, _ = await email_thread.split(
            visit.services, visit.caller, item, chosen, sent.optional("reason")
        )
    except OpenIwdError as error:
        return refuse_dialog(visit, _split_form(visit, item, email_id, len(from_here) - 1), sent, error)
    return _changed(visit, item, visit.t("mail.split", subject=subject_of(made, visit.t)))


@get("/items/{item_id:str}/emails/moves/{move_id:uuid}/undo")
async def undo_dialog(visit: CurrentVisit, item_id: FromPath[str], move_id: FromPath[UUID]) -> Response[Any]:
    """What undoing will do."""
    t = visit.t
    item = await item_detail.read(visit.services, visit.caller, item_id)
    visit.caller.require_item(MERGE, item)
    form = Form(
        action=f"/items/{item.id}/emails/moves/{move_id}/undo",
        title=t("mail.undo_title"),
        text=t("mail.undo_text"),
        fields=[],
        submit=t("mail.undo"),
    )
    return show_dialog(visit, form)


@post("/items/{item_id:str}/emails/moves/{move_id:uuid}/undo", status_code=200)
async def undo(visit: CurrentVisit, item_id: FromPath[str], move_id: FromPath[UUID]) -> Response[Any]:
    """Moves the emails back."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    await email_thread.undo(visit.services, visit.caller, move_id)
    return _changed(visit, item, visit.t("mail.undone"))


PAGES: Final[list[Any]] = [
    emails,
    email_html,
    settle_dialog,
    settle,
    withdraw,
    merge_dialog,
    merge,
    split_dialog,
    split,
    undo_dialog,
    undo,
]
