"""The error inbox: records that could not be taken, to be tried again (mended, if need be) or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.capture.answer import Answer
from openiwd.domain.capture.place import storable
from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, OpenIwdError
from openiwd.ports.capture import SourceRecord
from openiwd.ports.capture_store import CaptureError, CaptureErrorQuery, ErrorState
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.capture_batch import Plan, inbox_entry, opened, planned, run
from openiwd.usecases.capture_point import get as get_point
from openiwd.usecases.configuration import Editor

MOST_AT_ONCE: Final = 500


async def errors(editor: Editor, query: CaptureErrorQuery) -> list[CaptureError]:
    """A part of the inbox, newest first."""
    editor.caller.require("capturePoints.view")
    async with editor.services.runtime.store.reading() as reading:
        return await reading.capture_errors(query)


async def get(editor: Editor, point_id: str, error_id: UUID) -> CaptureError:
    editor.caller.require("capturePoints.view")
    async with editor.services.runtime.store.reading() as reading:
        found = await reading.capture_error(error_id)
    if found is None or found.capture_point != point_id:
        raise NotFoundError(f"there is no error {error_id}", field="error", hint="see the error inbox")
    return found


async def retry(
    editor: Editor, point_id: str, error_id: UUID, fields: dict[str, Any] | None = None
) -> Answer:
    """Takes the record again by today's mapping, with `fields` in place of what it had; once, whoever else tries."""
    editor.caller.require("capturePoints.update")
    entry = await get(editor, point_id, error_id)
    _require_open(entry)
    if fields is None and entry.fields is None:
        raise ConflictError(
            "the record was not kept: it was too large, or could not be read at all",
            code="notKept",
            hint="correct it in the source and send it again",
        )
    if fields is not None and not isinstance(fields, dict):
        raise InvalidInputError("the fields are no object", field="fields", hint="send names and values")
    return await _again(editor, entry, entry.fields if fields is None else fields)


async def _again(editor: Editor, entry: CaptureError, fields: dict[str, Any] | None) -> Answer:
    services, stored = editor.services, await get_point(editor, entry.capture_point)
    point = opened(stored.point, editor.tenant_id)
    record = SourceRecord(
        fields=fields or {},
        stream=entry.stream,
        key=entry.place,
        position=entry.position,
        message=entry.named,
        raw=entry.raw,
    )
    plan = planned(point, record)

    async def close(tx: Writing, _: Sequence[Plan]) -> None:
        after = inbox_entry(services, point, plan)
        failed = plan.answer is not None and plan.answer.failed
        after = replace(
            after,
            id=entry.id,
            tries=entry.tries + 1,
            state=ErrorState.OPEN if failed else ErrorState.DONE,
            tried_at=services.runtime.now(),
            by=editor.caller.actor,
        )
        if not failed:
            after = replace(after, code=entry.code, reason=entry.reason, field=entry.field, hint=entry.hint)
        if not await tx.save_capture_error(after, entry.tries):
            raise ConflictError(
                "somebody else has tried or closed it meanwhile", code="changed", hint="load it again"
            )

    await run(services, point, [plan], close)
    if plan.answer is None:
        raise ConflictError("nothing came of it", code="internal")
    await editor.note("retried", "capture error", str(entry.id), after={"outcome": plan.answer.outcome.value})
    return plan.answer


async def discard(editor: Editor, point_id: str, error_id: UUID) -> CaptureError:
    """Closes an entry for good; the record is not taken."""
    editor.caller.require("capturePoints.update")
    entry = await get(editor, point_id, error_id)
    _require_open(entry)
    after = replace(
        entry,
        state=ErrorState.DISCARDED,
        tried_at=editor.services.runtime.now(),
        by=storable(editor.caller.actor),
    )
    async with editor.services.runtime.store.writing() as tx:
        if not await tx.save_capture_error(after, entry.tries):
            raise ConflictError(
                "somebody else has tried or closed it meanwhile", code="changed", hint="load it again"
            )
    await editor.note("discarded", "capture error", str(entry.id), before={"reason": entry.reason})
    return after


async def retry_all(editor: Editor, query: CaptureErrorQuery) -> tuple[int, int]:
    """Tries open entries again, oldest first, at most MOST_AT_ONCE; (taken, still failing)."""
    editor.caller.require("capturePoints.update")
    found = await errors(editor, replace(query, state=ErrorState.OPEN, limit=MOST_AT_ONCE))
    taken = failing = 0
    for entry in reversed(found):
        if entry.fields is None:
            failing += 1
            continue
        try:
            answer = await _again(editor, entry, entry.fields)
        except OpenIwdError as error:
            if error.code != "changed":
                raise
            continue
        taken, failing = (taken, failing + 1) if answer.failed else (taken + 1, failing)
    return taken, failing


async def discard_all(editor: Editor, query: CaptureErrorQuery) -> int:
    """Discards open entries, at most MOST_AT_ONCE; how many."""
    editor.caller.require("capturePoints.update")
    found = await errors(editor, replace(query, state=ErrorState.OPEN, limit=MOST_AT_ONCE))
    for entry in found:
        await discard(editor, entry.capture_point, entry.id)
    return len(found)


def _require_open(entry: CaptureError) -> None:
    if entry.state is not ErrorState.OPEN:
        raise ConflictError(f"the entry is {entry.state.value}", code="closed", hint="see the open ones")
