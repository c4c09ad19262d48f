"""Capture points: configuration, live sample, messages, status and the error inbox."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import LARGE, CurrentEditor, etag
from openiwd.api.metrics import Metrics
from openiwd.domain.capture.answer import Answer, Outcome
from openiwd.domain.capture.point import CapturePoint, shown
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.capture_store import CaptureError, CaptureErrorQuery, ErrorState
from openiwd.usecases import capture_inbox, capture_point, capture_receive, capture_sample, capture_status
from openiwd.usecases.capture_json import records_of_json
from openiwd.usecases.capture_point import StoredPoint
from openiwd.usecases.capture_sample import SampleLine
from openiwd.usecases.capture_status import PointStatus
from openiwd.usecases.rule_set_object import body_named

_TAGS: Final = ["configuration"]
_ONE: Final = "/capture-points/{object_id:str}"
MOST_ERRORS: Final = 500


class CapturePointView(CapturePoint, kw_only=True):
    """A capture point; in the place of each secret stands `********`."""

    revision: int = 0


class CapturePointList(Struct, rename="camel"):
    capture_points: list[CapturePointView]


class PointUse(Struct):
    """What stands against removing it."""

    message: str
    hint: str | None
    field: str | None


class PointUses(Struct):
    uses: list[PointUse]


class Statuses(Struct):
    statuses: list[PointStatus]


class SampleInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A pasted row, file or message."""

    sample: Annotated[str, Meta(min_length=1, max_length=1_500_000)]
    base64: bool = False
    """The sample is base64 (workbooks, other encodings)."""
    file_name: Annotated[str, Meta(max_length=200)] = ""
    """Tells the form of a file; else it is guessed."""
    point: dict[str, Any] | None = None
    """Tries this capture point rather than the stored one."""


class SampleAnswer(Struct):
    records: list[SampleLine]


class MessageAnswers(Struct):
    """What became of each message, in order."""

    done: int
    failed: int
    answers: list[Answer]


class CaptureErrors(Struct):
    errors: list[CaptureError]


class RetryInput(Struct, kw_only=True, forbid_unknown_fields=True):
    fields: dict[str, Any] | None = None
    """The mended record, in the place of what came."""


class Retried(Struct):
    taken: int
    failing: int


class Discarded(Struct):
    discarded: int


def _view(stored: StoredPoint) -> CapturePointView:
    return msgspec.convert({**shown(stored.point), "revision": stored.revision}, CapturePointView)


@get("/capture-points", tags=_TAGS, operation_id="listCapturePoints")
async def list_points(editor: CurrentEditor) -> CapturePointList:
    """All capture points."""
    return CapturePointList([_view(p) for p in await capture_point.points(editor)])


@get("/capture-point-status", tags=_TAGS, operation_id="listCapturePointStatus")
async def list_status(editor: CurrentEditor) -> Statuses:
    """How all capture points work now: who reads each, how far behind, how many errors wait."""
    return Statuses(await capture_status.statuses(editor))


@get(_ONE, tags=_TAGS, operation_id="getCapturePoint")
async def get_point(editor: CurrentEditor, object_id: FromPath[str]) -> Response[CapturePointView]:
    """One capture point."""
    found = await capture_point.get(editor, object_id)
    return Response(_view(found), headers=etag(found.revision))


@get(f"{_ONE}/uses", tags=_TAGS, operation_id="usesOfCapturePoint")
async def uses_of_point(editor: CurrentEditor, object_id: FromPath[str]) -> PointUses:
    """What stands against removing a capture point."""
    found = await capture_point.uses(editor, object_id)
    return PointUses([PointUse(u["message"], u["hint"], u["field"]) for u in found])


@put(_ONE, tags=_TAGS, operation_id="putCapturePoint", request_max_body_size=LARGE)
async def put_point(
    call: CurrentCall, editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[CapturePointView]:
    """Creates or replaces a capture point; live at once. With `If-Match`, only that revision (else 412)."""
    sent = {k: v for k, v in body_named(data, "id", object_id).items() if k != "revision"}
    point: CapturePoint = decode(msgspec.json.encode(sent), CapturePoint)
    stored, created = await capture_point.put(editor, point, call.if_match)
    return Response(_view(stored), status_code=201 if created else 200, headers=etag(stored.revision))


@delete(_ONE, tags=_TAGS, operation_id="deleteCapturePoint", status_code=204)
async def delete_point(editor: CurrentEditor, object_id: FromPath[str]) -> None:
    """Removes a capture point with its error inbox; 409 `inUse` while open items came from it."""
    await capture_point.delete(editor, object_id)


@post(
    f"{_ONE}/test", tags=_TAGS, operation_id="testCapturePoint", status_code=200, request_max_body_size=LARGE
)
async def test_point(
    editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[SampleInput]
) -> SampleAnswer:
    """A live sample: what the first 20 records would become, judged by the live rules; writes nothing."""
    if data.point is None:
        point = (await capture_point.get(editor, object_id)).point
    else:
        sent = {k: v for k, v in body_named(data.point, "id", object_id).items() if k != "revision"}
        point = decode(msgspec.json.encode(sent), CapturePoint)
    return SampleAnswer(await capture_sample.sample(editor, point, _content(data), data.file_name))


def _content(data: SampleInput) -> bytes:
    if not data.base64:
        return data.sample.encode("utf-8", "replace")
    try:
        return b64decode(data.sample, validate=True)
    except (Base64Error, ValueError) as error:
        raise InvalidInputError(
            "the sample is no base64", field="sample", hint="encode the whole file"
        ) from error


@get(f"{_ONE}/status", tags=_TAGS, operation_id="getCapturePointStatus")
async def point_status(editor: CurrentEditor, object_id: FromPath[str]) -> PointStatus:
    """How a capture point works now."""
    return await capture_status.status(editor, object_id)


@post(
    f"{_ONE}/messages",
    tags=["items"],
    operation_id="sendMessages",
    status_code=200,
    request_max_body_size=LARGE,
)
async def send_messages(
    call: CurrentCall,
    metrics: NamedDependency[Metrics],
    object_id: FromPath[str],
    request: Request[Any, Any, Any],
) -> MessageAnswers:
    """Sends messages (create, update, hold, resume, cancel, complete, restart, getInfo, ping) to a `rest` point.

    The body is one object, a list of up to 1,000, or NDJSON; each is mapped as the capture point says, carried out in
    order in one transaction, and answered on its own.
    """
    records = records_of_json(await request.body())
    point = await capture_receive.point_for(call.services, object_id)
    answers = await capture_receive.receive(call.services, point, records, call.caller)
    for answer in answers:
        if answer.outcome is Outcome.CREATED:
            metrics.item_created(call.services.tenant.id, object_id)
    failed = sum(1 for a in answers if a.failed)
    return MessageAnswers(len(answers) - failed, failed, answers)


@get(f"{_ONE}/errors", tags=_TAGS, operation_id="listCaptureErrors")
async def list_errors(
    editor: CurrentEditor,
    object_id: FromPath[str],
    of_state: Annotated[
        Literal["open", "done", "discarded", "all"],
        QueryParameter(name="state", description="open by default."),
    ] = "open",
    text: Annotated[
        str | None,
        QueryParameter(name="text", max_length=200, description="A part of reason, captureId or position."),
    ] = None,
    before: Annotated[
        UUID | None, QueryParameter(name="before", description="The last one of the page before.")
    ] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_ERRORS)] = 100,
) -> CaptureErrors:
    """The error inbox of a capture point, newest first."""
    await capture_point.get(editor, object_id)
    wanted = None if of_state == "all" else ErrorState(of_state)
    query = CaptureErrorQuery(capture_point=object_id, state=wanted, text=text, before=before, limit=limit)
    return CaptureErrors(await capture_inbox.errors(editor, query))


@get(f"{_ONE}/errors/{{error_id:uuid}}", tags=_TAGS, operation_id="getCaptureError")
async def get_error(
    editor: CurrentEditor, object_id: FromPath[str], error_id: FromPath[UUID]
) -> CaptureError:
    """One record of the error inbox."""
    return await capture_inbox.get(editor, object_id, error_id)


@post(f"{_ONE}/errors/{{error_id:uuid}}/retry", tags=_TAGS, operation_id="retryCaptureError", status_code=200)
async def retry_error(
    editor: CurrentEditor, object_id: FromPath[str], error_id: FromPath[UUID], data: JSONBody[RetryInput]
) -> Answer:
    """Takes the record again by today's mapping; `fields` replaces what came. 409 when it is closed or was not kept."""
    return await capture_inbox.retry(editor, object_id, error_id, data.fields)


@post(
    f"{_ONE}/errors/{{error_id:uuid}}/discard",
    tags=_TAGS,
    operation_id="discardCaptureError",
    status_code=200,
)
async def discard_error(
    editor: CurrentEditor, object_id: FromPath[str], error_id: FromPath[UUID]
) -> CaptureError:
    """Closes the entry for good: the record is not taken."""
    return await capture_inbox.discard(editor, object_id, error_id)


@post(f"{_ONE}/errors/retry", tags=_TAGS, operation_id="retryCaptureErrors", status_code=200)
async def retry_errors(editor: CurrentEditor, object_id: FromPath[str]) -> Retried:
    """Tries the open entries again, oldest first, at most 500 at once."""
    await capture_point.get(editor, object_id)
    taken, failing = await capture_inbox.retry_all(editor, CaptureErrorQuery(capture_point=object_id))
    return Retried(taken, failing)


@post(f"{_ONE}/errors/discard", tags=_TAGS, operation_id="discardCaptureErrors", status_code=200)
async def discard_errors(editor: CurrentEditor, object_id: FromPath[str]) -> Discarded:
    """Discards the open entries, at most 500 at once."""
    await capture_point.get(editor, object_id)
    return Discarded(await capture_inbox.discard_all(editor, CaptureErrorQuery(capture_point=object_id)))


HANDLERS: Final[list[Any]] = [
    list_points,
    list_status,
    get_point,
    uses_of_point,
    put_point,
    delete_point,
    test_point,
    point_status,
    send_messages,
    list_errors,
    get_error,
    retry_error,
    discard_error,
    retry_errors,
    discard_errors,
]
