"""What a schema or a calendar would come to, before it is live: one item tried, items counted, days resolved."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Annotated, Any, Final

from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.editing import CurrentEditor, InDraft
from openiwd.api.passing_on import by_decider_if_any
from openiwd.domain.schema import Schema
from openiwd.usecases import calendar_days, schema_trial
from openiwd.usecases.calendar_days import CalendarDay
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import document_of
from openiwd.usecases.rule_set_object import SCHEMAS, body_named, find
from openiwd.usecases.schema_trial import Impact, Trial

_TAGS: Final = ["configuration"]


class TrialInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """An item to try: the instant of its anchor, and the instant that it is looked at."""

    anchor: datetime
    at: datetime | None = None
    """Left out: now."""
    business_value: int = 0
    schema: dict[str, Any] | None = None
    """The schema as it is to be; left out: as the draft, or the live rule set, has it."""


class ImpactInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    threshold: float = 0
    schema: dict[str, Any] | None = None
    """The schema as it is to be; left out: as the draft has it."""


class Days(Struct):
    days: list[CalendarDay]


async def _compiled(editor: Editor, object_id: str, draft: InDraft, body: dict[str, Any] | None) -> Schema:
    _, document = await document_of(editor, draft)
    if body is None:
        config = find(SCHEMAS, document.schemas, object_id)
    else:
        config = schema_trial.schema_config(body_named(body, "id", object_id))
    return await asyncio.to_thread(schema_trial.compiled, editor, document, config)


@post("/schemas/{object_id:str}/trial", tags=_TAGS, operation_id="trySchema", status_code=200)
async def try_schema(
    editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[TrialInput], draft: InDraft = None
) -> Trial:
    """The age, the priority and the end of the SLA that an item would have under the schema. Nothing is stored."""
    editor.caller.require("prioritization.view")
    schema = await _compiled(editor, object_id, draft, data.schema)
    live = await schema_trial.live_schema(editor.services, object_id)
    at = data.at or editor.services.runtime.now()
    return schema_trial.try_item(schema, live, data.anchor, at, data.business_value)


@post(
    "/schemas/{object_id:str}/impact",
    tags=_TAGS,
    operation_id="countSchemaImpact",
    status_code=200,
    before_request=by_decider_if_any,
)
async def count_schema_impact(
    editor: CurrentEditor, object_id: FromPath[str], data: JSONBody[ImpactInput], draft: InDraft = None
) -> Impact:
    """How many of the items that wait under the schema would stand above a priority, rise or fall."""
    schema = await _compiled(editor, object_id, draft, data.schema)
    live = await schema_trial.live_schema(editor.services, object_id)
    found = await schema_trial.following(editor, object_id, schema, live)
    return schema_trial.impact(found, data.threshold)


@get("/calendars/{object_id:str}/days", tags=_TAGS, operation_id="listCalendarDays")
async def list_calendar_days(
    editor: CurrentEditor,
    object_id: FromPath[str],
    start: Annotated[
        date | None, QueryParameter(name="from", description="The first day; left out: today.")
    ] = None,
    count: Annotated[int, QueryParameter(name="count", ge=1, le=400, description="How many days.")] = 14,
    draft: InDraft = None,
) -> Days:
    """The open hours of single days, with holidays and exceptions resolved, in the calendar's zone."""
    return Days(await calendar_days.days(editor, object_id, start, count, draft))


HANDLERS: Final[list[Any]] = [try_schema, count_schema_impact, list_calendar_days]
