"""What the list finds, or what is selected of it, as a file with the columns that are shown."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Stream

from openiwd.domain.errors import InvalidInputError
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.export import CSV_COLUMNS, MEDIA_TYPES, ExportFormat, export
from openiwd.usecases.item_view import COLUMN_NAMES
from openiwd.web.queue.bulk_page import read_selection
from openiwd.web.queue.column_view import COLUMNS_COOKIE, chosen_columns
from openiwd.web.queue.queue_page import asked_for
from openiwd.web.shell.rendering import HEADERS
from openiwd.web.shell.visit import CurrentVisit


@get("/queue/export")
async def export_dialog(visit: CurrentVisit) -> Response[Any]:
    """Asks for the form of the file."""
    visit.refuse_agents()
    visit.caller.require("workitems.export")
    asked = await asked_for(visit)
    hidden = [("query", asked.chosen.address(path="") or "?")]
    return visit.page("queue/export.html", hidden=hidden, formats=list(ExportFormat))


@post("/queue/export/dialog", status_code=200)
async def export_selected_dialog(visit: CurrentVisit) -> Response[Any]:
    """The same for what is selected."""
    visit.refuse_agents()
    visit.caller.require("workitems.export")
    selection = read_selection(dict(await visit.request.form()))
    return visit.page("queue/export.html", hidden=selection.hidden, formats=list(ExportFormat))


@post("/queue/export", status_code=200)
async def export_file(visit: CurrentVisit) -> Stream:
    """The file, streamed: of the search but for some, or of the items named."""
    visit.refuse_agents()
    sent = dict(await visit.request.form())
    form = str(sent.get("format") or "csv")
    if form not in tuple(ExportFormat):
        raise InvalidInputError(f"format is '{form[:40]}'", field="format", hint="use csv, ndjson or xlsx")
    selection = read_selection(sent)
    request = selection.request("tag")
    parts: list[dict[str, Any]] = []
    if request.search is None:
        parts.append({"attribute": "id", "operator": "in", "value": [str(i) for i in request.ids]})
    elif request.search.filter is not None:
        parts.append(request.search.filter)
    if request.exclude:
        parts.append({"attribute": "id", "operator": "notIn", "value": [str(i) for i in request.exclude]})
    query = SearchQuery(
        filter={"all": parts},
        text=request.search.text if request.search is not None else None,
        category=request.search.category if request.search is not None else None,
    )
    chosen = ExportFormat(form)
    columns: list[str] = []
    if sent.get("columns") == "shown":
        names = chosen_columns(selection.chosen, visit.request.cookies.get(COLUMNS_COOKIE))
        columns = ["id", "captureId", *(n for n in names if "." in n or n in COLUMN_NAMES)]
    pieces = await export(
        visit.services, visit.caller, query, chosen, list(dict.fromkeys(columns or CSV_COLUMNS))
    )
    name = f"items-{visit.now:%Y%m%d-%H%M%S}.{chosen.value}"
    return Stream(
        pieces,
        media_type=MEDIA_TYPES[chosen],
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )


PAGES: Final[list[Any]] = [export_dialog, export_selected_dialog, export_file]
