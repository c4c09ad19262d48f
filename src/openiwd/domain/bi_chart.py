"""The charts of each report, as BI tools are to draw them: kind, source, keys and measures. Pure."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from openiwd.domain.bi_source import SOURCES
from openiwd.domain.mart_subject import AGE_RANGES
from openiwd.domain.report import Chart, Report
from openiwd.domain.report_measure import MEASURES, Measure, Unit

Document = dict[str, Any]
_OF_REPORT: Final = {
    "items": ("items", "open", "due"),
    "ages": ("open",),
    "agents": ("agents", "presence", "work"),
    "work": (),
    "mailboxes": ("mailboxes",),
    "priorities": ("priorities", "waits"),
}
LEFT_OUT: Final = frozenset({"mean_waiting"})
"""Measures of reports that no dashboard has: this one is divided by all samples of the period, of which a view has
those rows only in which something waited."""
WORK_COLUMNS: Final = (
    *("item_number", "category_id", "queue_id", "agent_id", "agent_name", "started_at", "ended_at"),
    *("outcome", "work_us", "wrap_up_us", "focus_us"),
)
_TITLES: Final = {
    "items": "what happened",
    "due": "by due date",
    "open": "open now",
    "agents": "offers and assignments",
    "presence": "presence",
    "work": "assignments",
    "mailboxes": "what became of it",
    "priorities": "waiting now",
    "waits": "waits that have ended",
}


class Drawn(NamedTuple):
    """A chart: its name, kind, source, what it groups by and what it shows."""

    name: str
    kind: str
    source: str
    by: tuple[str, ...]
    measures: tuple[str, ...]
    options: Document
    grain: str | None = None
    raw: tuple[str, ...] = ()


def charts_of(report: Report) -> list[Drawn]:
    """Tiles, courses and tables of a report."""
    found = [_tile(report, name) for name in report.tiles]
    title = title_of(report)
    for chart in report.charts:
        match chart:
            case Chart.FLOW:
                found.append(_course(f"{title}: new and finished", "bar", ("came_in", "finished"), "PT1H"))
            case Chart.SERVICE_LEVEL:
                found.append(_course(f"{title}: service level over time", "line", ("service_level",), "PT1H"))
            case Chart.CALENDAR:
                found.append(_course(f"{title}: finished by day", "bar", ("finished",), "P1D"))
            case Chart.STACK:
                by = _column("open", report.by[0])
                options = {"x_axis": by, "stack": "Stack"}
                found.append(
                    Drawn(
                        f"{title}: ages", "echarts_timeseries_bar", "open", (by,), tuple(AGE_RANGES), options
                    )
                )
            case Chart.NONE:
                pass
    found += [_table(report, name) for name in _OF_REPORT[report.source] if _measures(report, name)]
    if report.source == "work":
        listed = {"query_mode": "raw", "all_columns": list(WORK_COLUMNS)}
        found.append(Drawn(title, "table", "work", (), (), listed, raw=WORK_COLUMNS))
    return found


def title_of(report: Report) -> str:
    return report.id.replace("-", " ").capitalize()


def _column(source: str, key: str) -> str:
    return SOURCES[source].keys[key]


def _measures(report: Report, source: str) -> tuple[str, ...]:
    return tuple(m for m in report.measures if m in SOURCES[source].measures)


def _source_of(report: Report, measure: str) -> str:
    return next(name for name in _OF_REPORT[report.source] if measure in SOURCES[name].measures)


def _tile(report: Report, measure: str) -> Drawn:
    options = {"metric": measure, "y_axis_format": format_of(MEASURES[measure]), "subheader": ""}
    name = f"{title_of(report)}: {heading(measure).lower()}"
    return Drawn(name, "big_number_total", _source_of(report, measure), (), (measure,), options)


def _course(name: str, kind: str, measures: tuple[str, ...], grain: str) -> Drawn:
    options = {"x_axis": "interval_start", "time_grain_sqla": grain, "show_legend": len(measures) > 1}
    return Drawn(name, f"echarts_timeseries_{kind}", "items", (), measures, options, grain=grain)


def _table(report: Report, source: str) -> Drawn:
    by = tuple(_column(source, key) for key in report.by)
    measures = _measures(report, source)
    options = {"query_mode": "aggregate", "groupby": list(by), "metrics": list(measures), "show_totals": True}
    return Drawn(f"{title_of(report)}: {_TITLES[source]}", "table", source, by, measures, options)


def heading(name: str) -> str:
    words = name.replace("_", " ")
    unit = MEASURES[name].unit if name in MEASURES else Unit.COUNT
    return words[:1].upper() + words[1:] + (" (s)" if unit is Unit.DURATION else "")


def format_of(measure: Measure | None) -> str:
    if measure is None or measure.unit is Unit.COUNT:
        return ",d"
    return {Unit.SHARE: ".1%", Unit.DURATION: ",.0f", Unit.VALUE: ",.2f"}[measure.unit]
