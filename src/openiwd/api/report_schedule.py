"""Report schedules: which report goes out by email to whom and when, and what came of the last time."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CurrentEditor, etag
from openiwd.domain.report_schedule import ReportSchedule
from openiwd.usecases import live_object, report_schedule
from openiwd.usecases.report_schedule import ScheduleState
from openiwd.usecases.rule_set_object import body_named

_TAGS: Final = ["reports"]


class ReportSchedules(Struct, rename="camel"):
    report_schedules: list[ScheduleState]


@get("/report-schedules", tags=_TAGS, operation_id="listReportSchedules")
async def list_schedules(editor: CurrentEditor) -> ReportSchedules:
    """All report schedules: when each falls due next, and what came of the last time."""
    return ReportSchedules(await report_schedule.states(editor))


@put("/report-schedules/{schedule_id:str}", tags=_TAGS, operation_id="putReportSchedule")
async def put_schedule(
    call: CurrentCall, editor: CurrentEditor, schedule_id: FromPath[str], data: JSONBody[dict[str, Any]]
) -> Response[ReportSchedule]:
    """Creates or replaces a report schedule. Times are local ones of the tenant's zone; `since` is set by OpenIWD."""
    value = decode(msgspec.json.encode(body_named(data, "id", schedule_id)), ReportSchedule)
    stored, created = await report_schedule.put(editor, value, call.if_match)
    return Response(stored.value, status_code=201 if created else 200, headers=etag(stored.revision))


@delete("/report-schedules/{schedule_id:str}", tags=_TAGS, operation_id="deleteReportSchedule")
async def delete_schedule(editor: CurrentEditor, schedule_id: FromPath[str]) -> None:
    """Removes a report schedule; an email that is on its way still goes out."""
    await live_object.delete(editor, report_schedule.KIND, schedule_id)


HANDLERS: Final[list[Any]] = [list_schedules, put_schedule, delete_schedule]
