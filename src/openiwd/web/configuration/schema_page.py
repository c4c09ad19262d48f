"""Prioritization schemas: the list, and the editor of the curve in a draft."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.calendar import FrozenCalendar
from openiwd.domain.errors import InvalidInputError, RuleSetError
from openiwd.domain.hold_reason import with_defaults
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_use import uses_of_schemas
from openiwd.domain.schema import Anchor, Schema, SchemaConfig
from openiwd.usecases import schema_trial
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import live_document, own_fields
from openiwd.usecases.rule_set_object import SCHEMAS, find, listed
from openiwd.usecases.schema_trial import SAMPLED
from openiwd.web.configuration import object_page
from openiwd.web.configuration.drafting import Drafting, drafting, editor_of
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.object_form import identity, number_text
from openiwd.web.configuration.object_page import EditedKind, form_values, json_answer
from openiwd.web.configuration.schema_form import NEW_POINTS, schema_body, schema_values
from openiwd.web.configuration.schema_view import (
    SIDES,
    SchemaLine,
    chart_texts,
    clock_cards,
    hold_text,
    item_lists,
    line_chart,
    local_input,
    schema_facts,
    threshold_of,
    trial_view,
)
from openiwd.web.configuration.schema_view import ages_answer as ages_of
from openiwd.web.item.directory import shown_by
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.shell.passing_on import by_decider_if_any
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/schemas"
TRIED: Final = "created_at"
AS_OF: Final = "as_of"
TRIED_WITHIN: Final = timedelta(days=3_660)


def _fresh(_: RuleSetDocument) -> dict[str, Any]:
    return {"points": list(NEW_POINTS), "sla": "8h"}


KIND: Final = EditedKind(SCHEMAS, PATH, "schema", schema_values, schema_body, _fresh, uses_of_schemas)


def _schema_or_none(editor: Editor, document: RuleSetDocument, config: SchemaConfig | None) -> Schema | None:
    """Compiled for a picture; what does not compile has none."""
    if config is None:
        return None
    try:
        return schema_trial.compiled(editor, document, config)
    except RuleSetError:
        return None


def _named(document: RuleSetDocument, object_id: str) -> SchemaConfig | None:
    return next((s for s in document.schemas if s.id == object_id), None)


# The list -----------------------------------------------------------------------------------------------------------


@get(PATH)
async def schemas_page(visit: CurrentVisit) -> Response[Any]:
    """All schemas of the draft, or of the live rule set, with who follows them."""
    visit.caller.require("prioritization.view")
    at = await drafting(visit)
    editor = editor_of(visit)
    _, live = await live_document(visit.services.runtime)
    uses = uses_of_schemas(at.document)
    counts = schema_trial.waiting_counts(visit.services, visit.caller)
    calendars = {c.id: c.name for c in at.document.calendars}
    lines = []
    for config in at.document.schemas:
        schema = await asyncio.to_thread(_schema_or_none, editor, at.document, config)
        lines.append(
            SchemaLine(
                id=config.id,
                name=config.name,
                href=at.address(KIND.edit_path(config.id)),
                chart=line_chart(schema, config.name, visit.times),
                facts=schema_facts(config, calendars, visit.t),
                uses=object_page.uses_text(visit, uses.get(config.id, [])),
                waiting=None if counts is None else counts[0].get(config.id, 0),
                waiting_href=QueueFilter(status=("queued",)).address(),
                changed=at.id is not None and _named(live, config.id) != config,
            )
        )
    return show(
        visit,
        "configuration/schemas.html",
        "schemas",
        at,
        schemas=lines,
        may_edit=object_page.editable(visit, at, KIND),
    )


# The editor ---------------------------------------------------------------------------------------------------------


@get(f"{PATH}/{{object_id:str}}")
async def schema_page(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """One schema: the curve, its fields, the calendar it counts by, and an item to try."""
    visit.caller.require("prioritization.view")
    at = await drafting(visit)
    config: SchemaConfig = find(SCHEMAS, listed(at.document, SCHEMAS), object_id)
    _, live = await live_document(visit.services.runtime)
    before = _named(live, object_id)
    editor = editor_of(visit)
    async with visit.services.runtime.store.reading() as reading:
        reasons = with_defaults(await reading.hold_reasons())
    uses = uses_of_schemas(at.document).get(object_id, [])
    frozen = await asyncio.to_thread(_frozen, editor, at.document)
    schema = await asyncio.to_thread(_schema_or_none, editor, at.document, config)
    may_edit = object_page.editable(visit, at, KIND)
    now = visit.now.replace(second=0, microsecond=0)
    return show(
        visit,
        "configuration/schema.html",
        "schemas",
        at,
        config=config,
        values=schema_values(config),
        live_values=None if before is None or at.id is None else schema_values(before),
        base=identity(config),
        may_edit=may_edit,
        uses=object_page.use_links(visit, at, uses),
        uses_text=object_page.uses_text(visit, uses),
        cards=clock_cards(at.document.calendars, frozen, visit.times.local(visit.now).date(), visit.t),
        calendars_path=at.address("/configuration/calendars"),
        hold=hold_text(reasons, visit.t),
        threshold=threshold_of(_schema_or_none(editor, live, before) or schema),
        tried=local_input(now - timedelta(hours=6), visit.times),
        as_of=local_input(now, visit.times),
        urls={
            name: at.address(f"{KIND.edit_path(object_id)}{tail}")
            for name, tail in (("save", ""), ("trial", "/trial"), ("ages", "/ages"), ("items", "/items"))
        },
        back=at.address(PATH),
        key=f"{visit.caller.login}:schema:{object_id}",
        texts={**chart_texts(visit.t), **object_page.editor_texts(visit)},
    )


def _frozen(editor: Editor, document: RuleSetDocument) -> dict[str, FrozenCalendar]:
    """The calendars that resolve; what is wrong with the others is told where they are edited."""
    found = {}
    for config in document.calendars:
        year = editor.services.runtime.now().year
        try:
            found[config.id] = editor.holidays.freeze(config, year, year + 1)
        except RuleSetError:
            continue
    return found


# What it would come to ----------------------------------------------------------------------------------------------


def _typed(
    editor: Editor, at: Drafting, object_id: str, values: dict[str, str]
) -> tuple[SchemaConfig, Schema]:
    """The schema as the fields have it now, saved or not."""
    config = schema_trial.schema_config(schema_body(object_id, values, _named(at.document, object_id)))
    try:
        return config, schema_trial.compiled(editor, at.document, config)
    except RuleSetError as error:
        raise own_fields(error, "schema") from error


@get(f"{PATH}/{{object_id:str}}/ages", before_request=by_decider_if_any)
async def schema_ages(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """How old the items are that wait under the schema, by the clock and the anchor asked for."""
    visit.caller.require("prioritization.view")
    at = await drafting(visit)
    config: SchemaConfig = find(SCHEMAS, listed(at.document, SCHEMAS), object_id)
    asked = visit.request.query_params
    values = {
        **schema_values(config),
        "clock": asked.get("clock") or config.clock,
        "anchor": asked.get("anchor") or config.anchor.value,
    }
    editor = editor_of(visit)
    _, schema = await asyncio.to_thread(_typed, editor, at, object_id, values)
    found = await schema_trial.following(
        editor, object_id, schema, await schema_trial.live_schema(visit.services, object_id)
    )
    return json_answer(ages_of(found))


@post(f"{PATH}/{{object_id:str}}/items", status_code=200, before_request=by_decider_if_any)
async def schema_items(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """The items behind the numbers: above the threshold, rising and falling against live."""
    visit.caller.require("prioritization.view")
    visit.caller.require("workitems.search")
    at = await drafting(visit)
    values = await form_values(visit)
    editor = editor_of(visit)
    live = await schema_trial.live_schema(visit.services, object_id)
    if "name" not in values:
        saved = schema_values(find(SCHEMAS, listed(at.document, SCHEMAS), object_id))
        values = {**saved, "_threshold": str(threshold_of(live))}
    try:
        config, schema = await asyncio.to_thread(_typed, editor, at, object_id, values)
        threshold = float(values.get("_threshold") or 0)
    except (RuleSetError, InvalidInputError, ValueError):
        told = InvalidInputError(visit.t("schema.wrong_fields"), hint=visit.t("schema.wrong_fields_hint"))
        return visit.page("configuration/schema_items.html", lists=None, told=told, kinds=SIDES)
    found = await schema_trial.following(editor, object_id, schema, live)
    shown = await shown_by(visit)
    return visit.page(
        "configuration/schema_items.html",
        lists=item_lists(found, threshold, config.clock == "wall", shown),
        told=None,
        name=config.name,
        threshold=number_text(threshold),
        sampled=SAMPLED if found.total > len(found.followers) else 0,
    )


@post(f"{PATH}/{{object_id:str}}/trial", status_code=200)
async def schema_try(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """One item of the instant typed: its age on the schema's clock, its priority, and when its SLA is over."""
    visit.caller.require("prioritization.view")
    at = await drafting(visit)
    values = await form_values(visit)
    try:
        anchor, now = _instant(visit, values, TRIED), _instant(visit, values, AS_OF)
        config, schema = await asyncio.to_thread(_typed, editor_of(visit), at, object_id, values)
    except (RuleSetError, InvalidInputError) as error:
        return visit.page("configuration/schema_trial.html", trial=None, error=error)
    live = await schema_trial.live_schema(visit.services, object_id) if at.id is not None else None
    trial = schema_trial.try_item(schema, live, anchor, now)
    return visit.page(
        "configuration/schema_trial.html",
        trial=trial_view(trial, config, visit.times),
        due=config.anchor is Anchor.DUE,
        error=None,
    )


def _instant(visit: Visit, values: dict[str, str], name: str) -> datetime:
    """What a field of date and time says, in the visitor's zone."""
    try:
        found = datetime.fromisoformat(values.get(name, "")).replace(tzinfo=visit.times.zone)
    except ValueError as error:
        raise InvalidInputError(visit.t("schema.no_instant"), field=name) from error
    if abs(found.astimezone(UTC) - visit.now) > TRIED_WITHIN:
        raise InvalidInputError(visit.t("schema.no_instant"), field=name)
    return found


def _waiting(visit: Visit, object_id: str) -> int:
    counts = schema_trial.waiting_counts(visit.services, visit.caller)
    return 0 if counts is None else counts[0].get(object_id, 0)


PAGES: Final[list[Any]] = [
    schemas_page,
    schema_page,
    schema_ages,
    schema_items,
    schema_try,
    *object_page.common_pages(KIND, _waiting),
]
