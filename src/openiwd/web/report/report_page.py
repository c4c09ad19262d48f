"""Reports: the list, one report with its prompts, the items behind a number, and files to keep."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError
from openiwd.domain.report import BY_ID, Period, Preset, period_of
from openiwd.domain.report_measure import MEASURES
from openiwd.usecases import report, report_file
from openiwd.usecases.export import MEDIA_TYPES, ExportFormat
from openiwd.usecases.report import Behind, Prompts
from openiwd.web.report.report_view import PATH, WORK, Shown, as_of, item_row, query_of, selects, zone_times
from openiwd.web.shell.listing import SIZE, address, page_number, pager_of
from openiwd.web.shell.rendering import HEADERS
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import CurrentVisit, Visit


def prompts_of(visit: Visit) -> Prompts:
    """What the address asks for; what is none is left out."""
    query = visit.request.query_params

    def text(name: str) -> str | None:
        return query.get(name, "").strip()[:1_000] or None

    first, last = _day(query.get("from", "")), _day(query.get("to", ""))
    wanted = query.get("period", "")
    preset = Preset(wanted) if wanted in set(Preset) else Preset.TODAY
    if preset is Preset.CUSTOM and first is None and last is None:
        preset = Preset.TODAY
    if preset is not Preset.CUSTOM:
        first = last = None
    return Prompts(
        preset=preset, first=first, last=last, category=text("category"), queue=text("queue"),
        capture_point=text("capturePoint"), media_type=text("mediaType"), agent=text("agent"),
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@get(PATH)
async def report_list(visit: CurrentVisit) -> Response[Any]:
    """All reports that the reader may see, and how fresh they are."""
    visit.caller.require("reports.view")
    found = report.allowed_reports(visit.caller)
    state = None
    try:
        state = await report.mart_of(visit.services).state()
    except NotFoundError:
        found = []
    runs = await report.mart_of(visit.services).runs(12) if state is not None else []
    fresh = max((a for a in (state.as_of, state.fresh_at) if a), default=None) if state is not None else None
    return visit.page(
        "report/reports.html",
        active="reports",
        reports=[
            (f"{PATH}/{r.id}", visit.t.named("report_title", r.id), visit.t.named("report_about", r.id))
            for r in found
        ],
        fresh=visit.times.ago(fresh),
        balanced=None if state is None else state.balanced,
        detail="" if state is None else state.balance_detail or "",
        runs=[(r, visit.times.ago(r.started_at)) for r in runs if r.parent is None],
        restricted=state is not None and not found,
    )


@get(f"{PATH}/{{report_id:str}}")
async def report_page(visit: CurrentVisit, report_id: FromPath[str]) -> Response[Any]:
    """One report; for htmx only what the prompts change."""
    asked = prompts_of(visit)
    result = await report.run(visit.services, visit.caller, report_id, asked)
    one = BY_ID[report_id]
    times = zone_times(visit.times, result.time_zone)
    period = period_of(asked.preset, visit.now, ZoneInfo(result.time_zone), asked.first, asked.last)
    shown = Shown(one, result, asked, times, sees_work=visit.caller.may(BY_ID[WORK].privilege))
    query = query_of(asked)
    files = [
        (f.value.upper(), address(f"{PATH}/{report_id}/file", {**query, "format": f.value})) for f in FILES
    ]
    return visit.page(
        "report/report.html",
        active="reports",
        path=f"{PATH}/{report_id}",
        report_title=visit.t.named("report_title", report_id),
        about=visit.t.named("report_about", report_id),
        view=shown.view(period),
        work=shown.work(),
        source=one.source,
        as_of=as_of(result, times),
        balanced=result.balanced,
        detail=result.balance_detail or "",
        zone=result.time_zone,
        presets=[(p.value, visit.t.named("report_period", p.value)) for p in Preset],
        preset=asked.preset.value,
        first=period.first_day.isoformat(),
        last=period.last_day.isoformat(),
        span=_span(period, times),
        selects=selects(one, asked, await report.choices(visit.services, visit.caller), visit.t),
        files=files,
        schedule_href=address(f"{PATH}/schedules/-/new", {**query, "report": report_id}),
        weekdays=[visit.t(f"weekday.{n}") for n in range(1, 8)],
    )


def _span(period: Period, times: TimeText) -> str:
    def text(day: date) -> str:
        return times.date(datetime.combine(day, time()))

    last = f"{text(period.last_day)} {period.last_day.year}"
    return last if period.days == 1 else f"{text(period.first_day)} – {last}"


FILES: Final = (ExportFormat.CSV, ExportFormat.XLSX)


@get(f"{PATH}/{{report_id:str}}/file")
async def report_download(visit: CurrentVisit, report_id: FromPath[str]) -> Response[bytes]:
    """The report's lines as CSV or XLSX."""
    asked = prompts_of(visit)
    form = ExportFormat.XLSX if visit.request.query_params.get("format") == "xlsx" else ExportFormat.CSV
    result = await report.run(visit.services, visit.caller, report_id, asked, limit=report.MAX_PAGE)
    name = f"{report_id}-{result.start.astimezone(ZoneInfo(result.time_zone)):%Y-%m-%d}.{form.value}"
    return Response(
        report_file.as_file(result, form),
        media_type=MEDIA_TYPES[form],
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )


@get(f"{PATH}/{{report_id:str}}/items")
async def report_items(visit: CurrentVisit, report_id: FromPath[str]) -> Response[Any]:
    """The items behind a number."""
    query = visit.request.query_params
    asked = prompts_of(visit)
    behind = Behind(measure=query.get("measure", ""), key=query.get("key"), key_2=query.get("key2"))
    asked_page = query.get("page")
    number = (
        int(asked_page)
        if asked_page and asked_page.isascii() and asked_page.isdigit() and len(asked_page) < 5
        else 1
    )
    found = await report.items_behind(
        visit.services, visit.caller, report_id, asked, behind, limit=SIZE, offset=(max(1, number) - 1) * SIZE
    )
    state = await report.mart_of(visit.services).state()
    times = zone_times(visit.times, state.time_zone)
    said = {**query_of(asked), "measure": behind.measure}
    path = f"{PATH}/{report_id}/items"
    kept = {**said, **{n: query[n] for n in ("key", "key2") if n in query}}
    measure = MEASURES[behind.measure]
    return visit.page(
        "report/report_items.html",
        active="reports",
        back=address(f"{PATH}/{report_id}", query_of(asked)),
        report_title=visit.t.named("report_title", report_id),
        measure=visit.t.named("measure", measure.name),
        definition=visit.t.named("measure_hint", measure.name),
        line=[query[n] or visit.t("report.none_key") for n in ("key", "key2") if n in query],
        items=[item_row(i, times) for i in found.items],
        level=measure.level,
        pager=pager_of(found.found, page_number(asked_page, found.found), path, kept, visit.t),
        found=found.found,
    )


PAGES: Final[list[Any]] = [report_list, report_page, report_download, report_items]
