"""Reports as data: lines, totals, courses over time and the items behind, read from the tenant's mart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from openiwd.domain.errors import ForbiddenError, InvalidInputError, NotFoundError
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.report import BY_ID, RANGES, REPORTS, Chart, Period, Preset, Report, period_of, total
from openiwd.domain.report_measure import MEASURES, Measure
from openiwd.ports.mart import Mart, MartState

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

PAGE: Final = 100
MAX_PAGE: Final = 10_000


class Prompts(Struct, frozen=True, kw_only=True):
    """What a reader chose: the period and what it is about. None: everything."""

    preset: Preset = Preset.TODAY
    first: date | None = None
    last: date | None = None
    category: str | None = None
    """A category path: it and all below it; empty = unclassified."""
    queue: str | None = None
    capture_point: str | None = None
    media_type: str | None = None
    agent: str | None = None


class Line(Struct, kw_only=True, rename="camel"):
    """One line: its keys, the sums that are stored, and the measures made of them."""

    key: str
    key_2: str | None = None
    name: str
    values: dict[str, float | int | None]


class Point(Struct, kw_only=True, rename="camel"):
    """A step of the course over time, in local time of the reporting zone."""

    local: datetime
    new: int
    finished: int
    completed_due: int
    completed_in_time: int


class Work(Struct, kw_only=True, rename="camel"):
    """One assignment."""

    item_id: UUID
    capture_id: str
    category_path: str | None
    queue: str
    agent: str
    agent_name: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    work_seconds: float
    wrap_up_seconds: float
    focus_seconds: float | None
    """For how long the agent had the item in front of them; None: the assignment does not tell."""


class Choices(Struct, kw_only=True, rename="camel"):
    """What the prompts can be set to, as (id, name)."""

    departments: list[tuple[str, str]] = []
    queues: list[tuple[str, str]] = []
    agents: list[tuple[str, str]] = []
    capture_points: list[tuple[str, str]] = []
    media_types: list[tuple[str, str]] = []


class ReportResult(Struct, kw_only=True, rename="camel"):
    """A report, ready to be shown: `totals` are made of the lines' sums, never of their means."""

    report: str
    data_as_of: datetime | None
    balanced: bool | None
    balance_detail: str | None
    time_zone: str
    start: datetime
    end: datetime
    lines: list[Line]
    totals: dict[str, float | int | None]
    course: list[Point] = []
    work: list[Work] = []


class ItemBehind(Struct, kw_only=True, rename="camel"):
    """An item behind a number; `at` is when it was counted."""

    item_id: UUID
    capture_id: str
    capture_point: str
    status: str
    category_path: str | None
    queue: str | None
    received_at: datetime
    due_at: datetime | None
    last_finished_at: datetime | None
    at: datetime | None
    work_seconds: float


class ItemsBehind(Struct, kw_only=True, rename="camel"):
    found: int
    items: list[ItemBehind]


def mart_of(services: TenantServices) -> Mart:
    """The tenant's mart; NotFoundError where none is configured."""
    mart = services.runtime.mart
    if mart is None:
        raise NotFoundError(
            "this process knows no data mart", code="noMart", hint="see docs/how-to/reports.md"
        )
    return mart


def allowed_reports(caller: Caller) -> list[Report]:
    """What this caller may see. Numbers of a mart know no access groups: they need all of `workitems.read`."""
    if not caller.may("reports.view") or caller.privileges.get("workitems.read") is not Scope.ALL:
        return []
    return [r for r in REPORTS if caller.may(r.privilege)]


def required_report(caller: Caller, report_id: str) -> Report:
    """The report, if this caller may see it; else ForbiddenError or NotFoundError."""
    caller.require("reports.view")
    report = BY_ID.get(report_id)
    if report is None:
        raise NotFoundError(f"there is no report '{report_id[:60]}'", field="report", hint=", ".join(BY_ID))
    caller.require(report.privilege)
    if caller.privileges.get("workitems.read") is not Scope.ALL:
        raise ForbiddenError(
            "reports count all items of the tenant",
            privilege="workitems.read",
            hint="they need workitems.read for all items, not those of an access group",
        )
    return report


def _arguments(report: Report, prompts: Prompts, period: Period, zone: str) -> dict[str, Any]:
    category = prompts.category
    return {
        "from_at": period.start,
        "to_at": period.end,
        "by": report.by[0],
        "by_2": report.by[1] if len(report.by) > 1 else None,
        "category": category,
        "below": f"{escaped(category)}/%" if category else None,
        "queue": prompts.queue,
        "capture_point": prompts.capture_point,
        "media_type": report.media_type or prompts.media_type,
        "agent": prompts.agent,
        "zone": zone,
        "step": period.step,
        "limit": PAGE,
        "offset": 0,
    }


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def run(
    services: TenantServices, caller: Caller, report_id: str, prompts: Prompts, *, limit: int = PAGE
) -> ReportResult:
    """One report over one period."""
    report = required_report(caller, report_id)
    mart = mart_of(services)
    state = await mart.state()
    period = asked_period(state, services, prompts)
    arguments = {**_arguments(report, prompts, period, state.time_zone), "limit": limit}
    names = await _names(mart, report)
    sums = await _sums(mart, report, arguments)
    lines = [_line(report, row, names) for row in sums]
    lines.sort(key=lambda line: (line.name.lower(), _place(report, line)))
    result = ReportResult(
        report=report.id,
        data_as_of=max((at for at in (state.as_of, state.fresh_at) if at is not None), default=None),
        balanced=state.balanced,
        balance_detail=state.balance_detail,
        time_zone=state.time_zone,
        start=period.start,
        end=period.end,
        lines=lines,
        totals=_measured([MEASURES[m] for m in (*report.tiles, *report.measures)], total(sums)),
    )
    if set(report.charts) & {Chart.FLOW, Chart.SERVICE_LEVEL, Chart.CALENDAR}:
        result.course = [Point(**row) for row in await mart.rows("over_time", arguments)]
    if report.source == "work":
        result.work = [_work(row) for row in await mart.rows("work", arguments)]
    return result


def _place(report: Report, line: Line) -> tuple[int, str]:
    """Ranges stand in their order."""
    key = line.key_2 or ""
    order = RANGES.get(report.by[-1], ())
    return (order.index(key) if key in order else len(order)), key


def asked_period(state: MartState, services: TenantServices, prompts: Prompts) -> Period:
    return period_of(
        prompts.preset, services.runtime.now(), ZoneInfo(state.time_zone), prompts.first, prompts.last
    )


async def _names(mart: Mart, report: Report) -> Mapping[str, str]:
    if report.by[0] not in ("queue", "agent"):
        return {}
    return {r["id"]: r["name"] for r in await mart.rows("choices", {}) if r["kind"] == report.by[0]}


async def _sums(mart: Mart, report: Report, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of one or several queries, put together by their keys."""
    queries = {
        "items": ("items_by", "levels_by", "due_by"),
        "agents": ("agents_by", "extremes_by", "agent_states") if report.by[0] == "agent" else ("agents_by",),
        "ages": ("levels_by",),
        "work": (),
        "mailboxes": ("mailboxes_by",),
        "priorities": ("priorities_by",),
    }[report.source]
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for query in queries:
        if query == "due_by" and "due_service_level" not in report.measures:
            continue
        if query == "levels_by" and not any(MEASURES[m].level for m in (*report.measures, *report.tiles)):
            continue
        for row in await mart.rows(query, arguments):
            found.setdefault((row["key"] or "", row.get("key_2")), {}).update(row)
    return list(found.values())


def _measured(measures: Any, sums: Mapping[str, Any]) -> dict[str, float | int | None]:
    return {m.name: _in_seconds(m, sums) for m in measures}


def _in_seconds(measure: Measure, sums: Mapping[str, Any]) -> float | int | None:
    value = measure.value(sums)
    if value is None:
        return 0 if not measure.over and measure.unit == "count" and sums else None
    return value / 1_000_000 if measure.unit == "duration" else value


def _line(report: Report, row: Mapping[str, Any], names: Mapping[str, str]) -> Line:
    key = row["key"] or ""
    return Line(
        key=key, key_2=row.get("key_2"), name=names.get(key, key), values=_measured(report.columns, row)
    )


def _work(row: Mapping[str, Any]) -> Work:
    return Work(
        item_id=row["item_id"],
        capture_id=row["capture_id"],
        category_path=row["category_path"],
        queue=row["queue_id"],
        agent=row["agent_id"],
        agent_name=row["agent_name"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"],
        work_seconds=row["work_us"] / 1_000_000,
        wrap_up_seconds=row["wrap_up_us"] / 1_000_000,
        focus_seconds=None if row["focus_us"] is None else row["focus_us"] / 1_000_000,
    )


async def choices(services: TenantServices, caller: Caller) -> Choices:
    """What the prompts can be set to."""
    caller.require("reports.view")
    found = Choices()
    into = {
        "department": found.departments,
        "queue": found.queues,
        "agent": found.agents,
        "capture_point": found.capture_points,
        "media_type": found.media_types,
    }
    for row in await mart_of(services).rows("choices", {}):
        into[row["kind"]].append((row["id"], row["name"]))
    return found


class Behind(Struct, frozen=True, kw_only=True):
    """Which number: its measure, and the line that it stands in (None: the total)."""

    measure: str
    key: str | None = None
    key_2: str | None = None


async def items_behind(
    services: TenantServices,
    caller: Caller,
    report_id: str,
    prompts: Prompts,
    behind: Behind,
    *,
    limit: int = PAGE,
    offset: int = 0,
) -> ItemsBehind:
    """The items that a number counts, those counted last first."""
    report = required_report(caller, report_id)
    measure = MEASURES.get(behind.measure)
    if measure is None or not measure.drill or not _counts(report, measure):
        raise InvalidInputError(
            f"'{behind.measure[:40]}' counts no items that could be listed", field="measure"
        )
    mart = mart_of(services)
    state = await mart.state()
    arguments = _arguments(report, prompts, asked_period(state, services, prompts), state.time_zone)
    arguments |= {"segment": None, "value_range": None, "measure": measure.name, "level": measure.level}
    arguments["mailbox"] = None
    keys: Sequence[str | None] = (behind.key, behind.key_2)
    for by, key in zip(report.by, keys, strict=False):
        if key is None:
            continue
        if by in ("category", "department"):
            arguments["category"] = key
            # A line by category is of that node alone, one by department of all below it.
            arguments["below"] = f"{escaped(key)}/%" if by == "department" and key else None
        else:
            arguments[by] = key
    arguments |= {"limit": min(limit, MAX_PAGE), "offset": offset}
    query = "emails_behind" if report.source == "mailboxes" else "items_behind"
    rows = await mart.rows(query, arguments)
    return ItemsBehind(found=rows[0]["found"] if rows else 0, items=[_item(row) for row in rows])


def _counts(report: Report, measure: Measure) -> bool:
    """Whether this report's numbers are of items that can be asked for by this measure."""
    of_mail = measure.name.startswith("mail_")
    return of_mail if report.source == "mailboxes" else not of_mail and report.source in ("items", "ages")


def _item(row: Mapping[str, Any]) -> ItemBehind:
    return ItemBehind(
        item_id=row["item_id"],
        capture_id=row["capture_id"],
        capture_point=row["capture_point"],
        status=row["status"],
        category_path=row["category_path"],
        queue=row["queue_id"],
        received_at=row["received_at"],
        due_at=row["due_at"],
        last_finished_at=row["last_finished_at"],
        at=row["at"],
        work_seconds=row["work_us"] / 1_000_000,
    )
