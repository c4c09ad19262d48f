"""Business calendars: the list, and the editor of hours, holidays and exceptions in a draft, with what they come to."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.calendar import WEEKDAYS, CalendarConfig, FrozenCalendar
from openiwd.domain.errors import InvalidInputError, RuleSetError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_use import uses_of_calendars
from openiwd.usecases.configuration import Editor
from openiwd.usecases.rule_set_draft import live_document
from openiwd.usecases.rule_set_object import CALENDARS, find, listed
from openiwd.web.configuration import object_page
from openiwd.web.configuration.calendar_form import calendar_body, calendar_config, calendar_values
from openiwd.web.configuration.calendar_view import CalendarLine, calendar_facts, preview, week_lines
from openiwd.web.configuration.drafting import drafting, editor_of
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.object_form import identity
from openiwd.web.configuration.object_page import EditedKind, form_values
from openiwd.web.shell.visit import CurrentVisit

PATH: Final = "/configuration/calendars"
OFFICE: Final = {day: ["08:00-17:00"] for day in WEEKDAYS[:5]}


def _fresh(document: RuleSetDocument) -> dict[str, Any]:
    return {"timeZone": document.time_zone, "weekly": OFFICE}


KIND: Final = EditedKind(
    CALENDARS, PATH, "calendar", calendar_values, calendar_body, _fresh, uses_of_calendars
)


@get(PATH)
async def calendars_page(visit: CurrentVisit) -> Response[Any]:
    """All calendars of the draft, or of the live rule set, with who counts by them."""
    visit.caller.require("calendars.view")
    at = await drafting(visit)
    _, live = await live_document(visit.services.runtime)
    before = {c.id: c for c in live.calendars}
    uses = uses_of_calendars(at.document)
    lines = [
        CalendarLine(
            id=c.id,
            name=c.name,
            href=at.address(KIND.edit_path(c.id)),
            zone=c.time_zone,
            days=week_lines(c, visit.t),
            facts=calendar_facts(c, visit.t),
            uses=object_page.uses_text(visit, uses.get(c.id, [])),
            changed=at.id is not None and before.get(c.id) != c,
        )
        for c in at.document.calendars
    ]
    may_edit = object_page.editable(visit, at, KIND)
    return show(visit, "configuration/calendars.html", "calendars", at, calendars=lines, may_edit=may_edit)


@get(f"{PATH}/{{object_id:str}}")
async def calendar_page(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """One calendar: its week as bars and fields, holidays, exceptions, and the next days."""
    visit.caller.require("calendars.view")
    at = await drafting(visit)
    config: CalendarConfig = find(CALENDARS, listed(at.document, CALENDARS), object_id)
    _, live = await live_document(visit.services.runtime)
    before = next((c for c in live.calendars if c.id == object_id), None)
    editor = editor_of(visit)
    countries = await asyncio.to_thread(editor.holidays.countries)
    country = config.holidays.country if config.holidays is not None else ""
    uses = uses_of_calendars(at.document).get(object_id, [])
    return show(
        visit,
        "configuration/calendar.html",
        "calendars",
        at,
        config=config,
        values=calendar_values(config),
        live_values=None if before is None or at.id is None else calendar_values(before),
        base=identity(config),
        may_edit=object_page.editable(visit, at, KIND),
        uses=object_page.use_links(visit, at, uses),
        uses_text=object_page.uses_text(visit, uses),
        weekdays=[(name, visit.t(f"weekday.{n}")) for n, name in enumerate(WEEKDAYS, 1)],
        countries=list(countries),
        regions={code: list(found) for code, found in countries.items() if found},
        region_options=countries.get(country, ()),
        zones=editor.holidays.time_zones(),
        preview=await asyncio.to_thread(_preview, visit, editor, config),
        urls={
            "save": at.address(KIND.edit_path(object_id)),
            "preview": at.address(f"{KIND.edit_path(object_id)}/preview"),
        },
        back=at.address(PATH),
        key=f"{visit.caller.login}:calendar:{object_id}",
        texts={
            **object_page.editor_texts(visit),
            **{name: str(visit.t.find(f"calendar.{name}")) for name in ("opens", "closes", "bar_label")},
        },
    )


def _freeze(editor: Editor, config: CalendarConfig) -> FrozenCalendar:
    year = editor.services.runtime.now().year
    return editor.holidays.freeze(config, year, year + 2, "calendar")


def _preview(visit: CurrentVisit, editor: Editor, config: CalendarConfig) -> Any:
    try:
        return preview(_freeze(editor, config), config, visit.now, visit.t)
    except RuleSetError:
        return None


@post(f"{PATH}/{{object_id:str}}/preview", status_code=200)
async def preview_calendar(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """What the fields come to, saved or not."""
    visit.caller.require("calendars.view")
    values = await form_values(visit)
    found, told = None, None
    try:
        config = calendar_config(calendar_body(object_id, values, None))
        frozen = await asyncio.to_thread(_freeze, editor_of(visit), config)
        found = preview(frozen, config, visit.now, visit.t)
    except (RuleSetError, InvalidInputError) as error:
        told = error
    return visit.page("configuration/calendar_preview.html", preview=found, told=told)


PAGES: Final[list[Any]] = [
    calendars_page,
    calendar_page,
    preview_calendar,
    *object_page.common_pages(KIND, lambda _, __: 0),
]
