"""Reports of the data mart: the list, one report, the items behind a number, and files."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.report import Preset, Report
from openiwd.ports.mart import Run
from openiwd.usecases import report, report_file, workforce
from openiwd.usecases.export import MEDIA_TYPES, ExportFormat
from openiwd.usecases.report import Behind, Choices, ItemsBehind, Prompts, ReportResult

_TAGS: Final = ["reports"]

PresetQuery = Annotated[
    Preset,
    QueryParameter(name="period", description="today, yesterday, week, month, or custom with from and to."),
]
First = Annotated[date | None, QueryParameter(name="from", description="First day, in the reporting zone.")]
Last = Annotated[date | None, QueryParameter(name="to", description="Last day; it is within.")]
Category = Annotated[
    str | None,
    QueryParameter(name="category", max_length=1_000, description="A category path: it and all below it."),
]
Text = Annotated[str | None, QueryParameter(max_length=256)]


class MeasureView(Struct, rename="camel"):
    name: str
    unit: str
    definition: str
    level: bool


class ReportView(Struct, rename="camel"):
    """What a report shows: its keys and measures with their definitions."""

    id: str
    by: list[str]
    measures: list[MeasureView]


class Reports(Struct, rename="camel"):
    reports: list[ReportView]
    choices: Choices


class Runs(Struct):
    runs: list[Run]


def prompts(
    period: Preset, first: date | None, last: date | None, category: str | None, queue: str | None,
    point: str | None, media: str | None, agent: str | None,
) -> Prompts:  # fmt: skip
    if (first is not None or last is not None) and period is Preset.TODAY:
        period = Preset.CUSTOM
    return Prompts(
        preset=period, first=first, last=last, category=category, queue=queue, capture_point=point,
        media_type=media, agent=agent,
    )  # fmt: skip


def report_view(one: Report) -> ReportView:
    columns = [MeasureView(m.name, m.unit.value, m.definition, m.level) for m in one.columns]
    return ReportView(one.id, list(one.by), columns)


@get("/reports", tags=_TAGS, operation_id="listReports")
async def list_reports(call: CurrentCall) -> Reports:
    """The reports that the caller may see, what their measures mean, and what the prompts can be set to."""
    found = [report_view(r) for r in report.allowed_reports(call.caller)]
    return Reports(found, await report.choices(call.services, call.caller))


@get("/reports/runs", tags=_TAGS, operation_id="listMartRuns")
async def list_runs(
    call: CurrentCall, limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100
) -> Runs:
    """The newest chains of the data mart and their parts, with what they did."""
    return Runs(await report.mart_of(call.services).runs(limit))


@get("/reports/workforce/file", tags=_TAGS, operation_id="getWorkforceFile", media_type="text/csv")
async def get_workforce_file(
    call: CurrentCall,
    form: Annotated[str, QueryParameter(name="format", description="csv or xlsx")] = "csv",
    period: PresetQuery = Preset.TODAY, first: First = None, last: Last = None, category: Category = None,
) -> Response[bytes]:  # fmt: skip
    """For workforce management: new, backlog, finished and handle time by quarter of an hour (UTC) and category."""
    chosen = file_form(form)
    asked = prompts(period, first, last, category, None, None, None, None)
    rows = await workforce.workforce_rows(call.services, call.caller, asked)
    return Response(
        workforce.workforce_file(rows, chosen),
        media_type=MEDIA_TYPES[chosen],
        headers={
            "Content-Disposition": f'attachment; filename="workforce.{form}"',
            "Cache-Control": "no-store",
        },
    )


def file_form(form: str) -> ExportFormat:
    if form not in ("csv", "xlsx"):
        raise InvalidInputError(f"format is '{form[:40]}'", field="format", hint="use csv or xlsx")
    return ExportFormat(form)


@get("/reports/{report_id:str}", tags=_TAGS, operation_id="getReport")
async def get_report(
    call: CurrentCall, report_id: FromPath[str], period: PresetQuery = Preset.TODAY, first: First = None,
    last: Last = None, category: Category = None, queue: Text = None,
    capture_point: Annotated[str | None, QueryParameter(name="capturePoint", max_length=64)] = None,
    media_type: Annotated[str | None, QueryParameter(name="mediaType", max_length=64)] = None,
    agent: Text = None,
) -> ReportResult:  # fmt: skip
    """One report: lines, totals and, where it has one, its course over time. Durations are seconds, shares 0 to 1."""
    asked = prompts(period, first, last, category, queue, capture_point, media_type, agent)
    return await report.run(call.services, call.caller, report_id, asked)


@get("/reports/{report_id:str}/items", tags=_TAGS, operation_id="listItemsBehind")
async def list_items(
    call: CurrentCall, report_id: FromPath[str], measure: Annotated[str, QueryParameter(name="measure", max_length=40)],
    key: Annotated[str | None, QueryParameter(name="key", max_length=1_000)] = None,
    key_2: Annotated[str | None, QueryParameter(name="key2", max_length=1_000)] = None,
    period: PresetQuery = Preset.TODAY, first: First = None, last: Last = None, category: Category = None,
    queue: Text = None,
    capture_point: Annotated[str | None, QueryParameter(name="capturePoint", max_length=64)] = None,
    media_type: Annotated[str | None, QueryParameter(name="mediaType", max_length=64)] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=10_000)] = 100,
    offset: Annotated[int, QueryParameter(name="offset", ge=0, le=1_000_000)] = 0,
) -> ItemsBehind:  # fmt: skip
    """The items that a number counts: of one line (`key`, empty = none) or of the total."""
    asked = prompts(period, first, last, category, queue, capture_point, media_type, None)
    behind = Behind(measure=measure, key=key, key_2=key_2)
    return await report.items_behind(
        call.services, call.caller, report_id, asked, behind, limit=limit, offset=offset
    )


@get("/reports/{report_id:str}/file", tags=_TAGS, operation_id="getReportFile", media_type="text/csv")
async def get_file(
    call: CurrentCall, report_id: FromPath[str],
    form: Annotated[str, QueryParameter(name="format", description="csv or xlsx")] = "csv",
    period: PresetQuery = Preset.TODAY, first: First = None, last: Last = None, category: Category = None,
    queue: Text = None,
    capture_point: Annotated[str | None, QueryParameter(name="capturePoint", max_length=64)] = None,
    media_type: Annotated[str | None, QueryParameter(name="mediaType", max_length=64)] = None,
    agent: Text = None,
) -> Response[bytes]:  # fmt: skip
    """The report's lines as CSV or XLSX; durations in seconds, shares 0 to 1."""
    chosen = file_form(form)
    asked = prompts(period, first, last, category, queue, capture_point, media_type, agent)
    found = await report.run(call.services, call.caller, report_id, asked, limit=report.MAX_PAGE)
    name = f"{report_id}-{found.start:%Y%m%d}.{form}"
    return Response(
        report_file.as_file(found, chosen),
        media_type=MEDIA_TYPES[chosen],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


HANDLERS: Final[list[Any]] = [list_reports, list_runs, get_workforce_file, get_report, list_items, get_file]
