"""The error inbox of a capture point: what could not be taken and why; tried again, mended, or discarded."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.ports.capture_store import CaptureError, CaptureErrorQuery, ErrorState
from openiwd.usecases import capture_inbox, capture_point, capture_status
from openiwd.web.capture.point_page import SECTION
from openiwd.web.capture.point_view import PATH, errors_href, href_of
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.said import said
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.time_text import Moment, TimeText
from openiwd.web.shell.visit import CurrentVisit, Visit

PART: Final = 50


class ErrorLine(NamedTuple):
    id: UUID
    position: str
    at: Moment | None
    capture_id: str
    reason: str
    field: str
    hint: str
    raw: str
    tries: int
    state: str
    href: str
    kept: bool


def _line(error: CaptureError, times: TimeText) -> ErrorLine:
    return ErrorLine(
        id=error.id,
        position=error.position,
        at=times.ago(error.at),
        capture_id=error.capture_id or "",
        reason=error.reason,
        field=error.field or "",
        hint=error.hint or "",
        raw=error.raw,
        tries=error.tries,
        state=error.state.value,
        href=f"{errors_href(error.capture_point)}/{error.id}",
        kept=error.fields is not None,
    )


@get(f"{PATH}/{{point_id:str}}/errors")
async def inbox_page(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """The records that could not be taken, newest first."""
    editor = editor_of(visit)
    stored = await capture_point.get(editor, point_id)
    query = visit.request.query_params
    state, q, before = query.get("state", "open"), query.get("q", "").strip(), query.get("before", "")
    wanted = ErrorState(state) if state in frozenset(ErrorState) else None
    found = await capture_inbox.errors(
        editor,
        CaptureErrorQuery(
            capture_point=point_id, state=wanted, text=q or None, before=_id(before), limit=PART + 1
        ),
    )
    how = await capture_status.status(editor, point_id)
    return show(
        visit,
        "capture/inbox.html",
        SECTION,
        point=stored.point,
        href=errors_href(point_id),
        point_href=href_of(point_id),
        dropped=how.dropped_errors,
        lines=[_line(e, visit.times) for e in found[:PART]],
        next=str(found[PART - 1].id) if len(found) > PART else "",
        state=state,
        states=[
            ("open", visit.t("capture_error.open")),
            ("done", visit.t("capture_error.done")),
            ("discarded", visit.t("capture_error.discarded")),
            ("all", visit.t("capture_error.all")),
        ],
        q=q,
        can_edit=visit.caller.may("capturePoints.update"),
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _retry_form(visit: Visit, error: CaptureError) -> Form:
    t = visit.t
    kept = error.fields is not None
    shown = json.dumps(error.fields, ensure_ascii=False, indent=2) if kept else ""
    return Form(
        action=f"{errors_href(error.capture_point)}/{error.id}",
        title=t("capture_error.retry_title", position=error.position or error.capture_id or ""),
        text=" – ".join(said(part, t) for part in (error.reason, error.hint) if part)
        if kept
        else t("capture_error.not_kept"),
        fields=[
            Field(
                "fields",
                t("capture_error.fields"),
                "textarea",
                value=shown,
                hint=t("capture_error.fields_hint"),
            )
        ]
        if kept
        else [],
        submit=t("capture_error.retry"),
        roomy=True,
        blocked=not kept,
    )


@get(f"{PATH}/{{point_id:str}}/errors/{{error_id:uuid}}")
async def retry_dialog(
    visit: CurrentVisit, point_id: FromPath[str], error_id: FromPath[UUID]
) -> Response[Any]:
    """The record as it came, to be mended."""
    visit.caller.require("capturePoints.update")
    return show_dialog(
        visit, _retry_form(visit, await capture_inbox.get(editor_of(visit), point_id, error_id))
    )


@post(f"{PATH}/{{point_id:str}}/errors/{{error_id:uuid}}", status_code=200)
async def retry(visit: CurrentVisit, point_id: FromPath[str], error_id: FromPath[UUID]) -> Response[Any]:
    """Takes it as it stands in the dialog; what is still wrong is told there."""
    editor, sent = editor_of(visit), await sent_by(visit)
    entry = await capture_inbox.get(editor, point_id, error_id)
    try:
        answer = await capture_inbox.retry(editor, point_id, error_id, _fields(visit, sent.raw("fields")))
        if answer.error is not None:
            raise InvalidInputError(answer.error.message, code=answer.error.code, hint=answer.error.hint)
    except OpenIwdError as error:
        return refuse_dialog(visit, _retry_form(visit, entry), sent, error)
    return done(visit, visit.t("capture_error.taken", id=answer.capture_id or ""))


def _fields(visit: Visit, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(visit.t("capture_error.no_json", fault=str(error)), field="fields") from error
    if not isinstance(value, dict):
        raise InvalidInputError(visit.t("capture_error.no_object"), field="fields")
    return value


@post(f"{PATH}/{{point_id:str}}/errors/{{error_id:uuid}}/discard", status_code=200)
async def discard(visit: CurrentVisit, point_id: FromPath[str], error_id: FromPath[UUID]) -> Response[Any]:
    """Closes one entry for good."""
    await capture_inbox.discard(editor_of(visit), point_id, error_id)
    return done(visit, visit.t("capture_error.discarded_one"))


def _discard_form(visit: Visit, entry: CaptureError) -> Form:
    t = visit.t
    return Form(
        action=f"{errors_href(entry.capture_point)}/{entry.id}/discard",
        title=t("capture_error.discard_title", position=entry.position or entry.capture_id or ""),
        text=t("capture_error.discard_text"),
        fields=[],
        submit=t("capture_error.discard"),
        danger=True,
    )


@get(f"{PATH}/{{point_id:str}}/errors/{{error_id:uuid}}/discard")
async def discard_dialog(
    visit: CurrentVisit, point_id: FromPath[str], error_id: FromPath[UUID]
) -> Response[Any]:
    """Says that the record will not be taken."""
    visit.caller.require("capturePoints.update")
    return show_dialog(
        visit, _discard_form(visit, await capture_inbox.get(editor_of(visit), point_id, error_id))
    )


def _all_form(visit: Visit, point_id: str, act: str, count: int, q: str) -> Form:
    t = visit.t
    return Form(
        action=f"{errors_href(point_id)}/-/{act}",
        title=t(f"capture_error.{act}_all_title"),
        text=t(f"capture_error.{act}_all_text", n=count),
        fields=[],
        submit=t(f"capture_error.{act}"),
        danger=act == "discard",
        hidden=[("q", q)],
    )


async def _query(visit: Visit, point_id: str, q: str) -> tuple[CaptureErrorQuery, int]:
    query = CaptureErrorQuery(capture_point=point_id, text=q or None, limit=capture_inbox.MOST_AT_ONCE)
    return query, len(await capture_inbox.errors(editor_of(visit), query))


@get([f"{PATH}/{{point_id:str}}/errors/-/retry", f"{PATH}/{{point_id:str}}/errors/-/discard"])
async def all_dialog(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """How many of the listed records it will touch."""
    visit.caller.require("capturePoints.update")
    act = visit.request.url.path.rpartition("/")[2]
    q = visit.request.query_params.get("q", "")
    _, count = await _query(visit, point_id, q)
    return show_dialog(visit, _all_form(visit, point_id, act, count, q))


@post(
    [f"{PATH}/{{point_id:str}}/errors/-/retry", f"{PATH}/{{point_id:str}}/errors/-/discard"], status_code=200
)
async def for_all(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """Tries all listed records again, or discards them."""
    editor, sent = editor_of(visit), await sent_by(visit)
    query, _ = await _query(visit, point_id, sent.text("q"))
    if visit.request.url.path.endswith("/discard"):
        count = await capture_inbox.discard_all(editor, query)
        return done(visit, visit.t("capture_error.discarded_all", n=count))
    taken, failing = await capture_inbox.retry_all(editor, query)
    return done(
        visit, visit.t("capture_error.taken_all", n=taken), hint=visit.t("capture_error.failing", n=failing)
    )


PAGES: Final[list[Any]] = [
    inbox_page,
    all_dialog,
    for_all,
    retry_dialog,
    retry,
    discard_dialog,
    discard,
]
