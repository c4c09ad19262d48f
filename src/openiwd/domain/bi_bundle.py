"""The reports as an importable Superset bundle: its files as data, made from the reports and the mart's views. Pure.

What a chart counts is what the report page counts: the same sums of the same views, divided as late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from openiwd.domain.mart_dictionary import COLUMNS, all_views
from openiwd.domain.report import MEASURES, REPORTS, Chart, Measure, Report, Unit

VERSION: Final = "1.0.0"
DATABASE: Final = "OpenIWD data mart"
DATABASE_URI: Final = "postgresql+psycopg2://openiwd_bi:XXXXXXXXXX@localhost:5432/iwddm-main"
"""To be replaced: the password is asked for on import."""
NAMESPACE: Final = UUID("6f1d5a52-7d0c-4f0e-9a3b-0c8a4be3a1d7")
Document = dict[str, Any]

_TIMES: Final = ("_at", "_from", "_to", "interval_start", "data_as_of")
_NUMBERS: Final = ("_us", "_n", "item_number", "is_overdue", "waiting")


class Source(NamedTuple):
    """A view that charts read, with its time column and the measures that can be made of it."""

    view: str
    time: str | None
    measures: dict[str, str]
    """Measure → SQL."""
    keys: dict[str, str]
    """Key of a report → column."""


def _ratio(measure: Measure, top: str, under: str) -> str:
    made = f"{top}::float8 / NULLIF({under}, 0)"
    return f"{made} / 1000000" if measure.unit is Unit.DURATION else made


def _summed(names: Iterable[str], sums: dict[str, str] | None = None) -> dict[str, str]:
    """SQL of measures: sums, or sums over sums, durations in seconds."""
    known = sums or {}
    found = {}
    for name in names:
        measure = MEASURES[name]
        top = known.get(measure.sum, f"SUM({measure.sum})")
        if measure.over:
            found[name] = _ratio(measure, top, known.get(measure.over, f"SUM({measure.over})"))
        else:
            found[name] = f"{top} / 1000000.0" if measure.unit is Unit.DURATION else top
    return found


_ITEM_KEYS: Final = {
    "category": "category_path",
    "department": "department",
    "queue": "queue_id",
    "capture_point": "capture_point",
    "segment": "segment",
    "value_range": "value_range",
}
_FLOWS: Final = (
    *("new", "reopened", "moved", "completed", "canceled", "rejected", "finished", "completed_due"),
    *("completed_in_time", "finished_overdue", "service_level", "finish_time", "accept_time", "handle_time"),
    *("source_time", "queue_time", "first_wait", "work_span", "business_value", "mean_value"),
)
_AGES: Final = {
    "age_1h": "up to 1 h",
    "age_4h": "1 to 4 h",
    "age_1d": "4 to 24 h",
    "age_3d": "1 to 3 d",
    "age_7d": "3 to 7 d",
    "age_more": "over 7 d",
}
_OFFERS: Final = (
    *("offered", "accepted", "declined", "timed_out", "assigned", "work_completed", "returned"),
    *("transferred", "first_waits", "later_waits", "mean_first_wait", "mean_later_wait", "work_time"),
    "mean_work",
)
_FINAL: Final = "('completed', 'canceled', 'rejected')"
_MICROS: Final = "EXTRACT(EPOCH FROM {} - received_at) * 1000000"
SOURCES: Final = {
    "items": Source(
        "iwd_agg_task_all_15min",
        "interval_start",
        {
            **_summed(_FLOWS, {"moved": "SUM(moved_in - moved_out)"}),
            "came_in": "SUM(new + reopened)",
        },
        _ITEM_KEYS,
    ),
    "due": Source(
        "iwd_task_fact",
        "due_at",
        _summed(
            ("due_service_level",),
            {
                "due": "COUNT(*)",
                "due_in_time": "COUNT(*) FILTER (WHERE last_finished_at <= due_at"
                " AND status IN ('completed', 'canceled', 'rejected'))",
            },
        ),
        {"category": "category_path"},
    ),
    "open": Source(
        "iwd_task_open",
        None,
        {
            "pending": "COUNT(*)",
            "overdue": "SUM(is_overdue)",
            "held": "COUNT(*) FILTER (WHERE state = 'held')",
            "errorheld": "COUNT(*) FILTER (WHERE state = 'errorheld')",
            "age": "SUM(age_us)::float8 / NULLIF(COUNT(*), 0) / 1000000",
            **{n: f"COUNT(*) FILTER (WHERE age_range = '{text}')" for n, text in _AGES.items()},
        },
        _ITEM_KEYS,
    ),
    "agents": Source(
        "iwd_agg_task_agent_15min",
        "interval_start",
        _summed(_OFFERS, {"ended_n": "SUM(completed + returned + transferred + taken_back)"}),
        {"queue": "queue_id", "agent": "agent_id"},
    ),
    "presence": Source(
        "iwd_agg_agent_presence_15min",
        "interval_start",
        _summed(("logged_in", "not_ready", "occupancy"), {
            "logged_in_us": "SUM(logged_in_us)", "not_ready_us": "SUM(not_ready_us)",
        }),
        {"agent": "agent_id"},
    ),
    "work": Source(
        "iwd_task_work_fact",
        "ended_at",
        {"shortest_work": "MIN(work_us) / 1000000.0", "longest_work": "MAX(work_us) / 1000000.0"},
        {"agent": "agent_id", "queue": "queue_id"},
    ),
    "mailboxes": Source(
        "iwd_email_fact",
        "received_at",
        _summed(
            (
                *("mail_received", "mail_open", "mail_completed", "mail_dropped"),
                *("mail_in_time", "mail_wait", "mail_finish"),
            ),
            {
                "mail_received": "COUNT(*)",
                "mail_open": f"COUNT(*) FILTER (WHERE status NOT IN {_FINAL})",
                "mail_completed": "COUNT(*) FILTER (WHERE status = 'completed')",
                "mail_dropped": "COUNT(*) FILTER (WHERE status IN ('canceled', 'rejected'))",
                "mail_in_time_n": "COUNT(*) FILTER (WHERE status = 'completed' AND last_finished_at <= due_at)",
                "mail_due_n": "COUNT(*) FILTER (WHERE status = 'completed' AND due_at IS NOT NULL)",
                "mail_wait_us": f"SUM({_MICROS.format('first_assigned_at')})",
                "mail_assigned_n": "COUNT(first_assigned_at)",
                "mail_finish_us": f"SUM({_MICROS.format('last_finished_at')}) FILTER (WHERE status IN {_FINAL})",
                "mail_finished_n": f"COUNT(*) FILTER (WHERE status IN {_FINAL})",
            },
        ),
        {"mailbox": "mailbox"},
    ),
    "priorities": Source(
        "iwd_queue_priority_last",
        None,
        {"waiting": "SUM(waiting)"},
        {"queue": "queue_id", "priority_range": "priority_range"},
    ),
}  # fmt: skip
_OF_REPORT: Final = {
    "items": ("items", "open", "due"),
    "ages": ("open",),
    "agents": ("agents", "presence", "work"),
    "work": (),
    "mailboxes": ("mailboxes",),
    "priorities": ("priorities",),
}
LEFT_OUT: Final = frozenset({"mean_waiting"})
"""Measures of reports that no dashboard has: this one is divided by all samples of the period, of which a view has
those rows only in which something waited."""
WORK_COLUMNS: Final = (
    *("item_number", "category_id", "queue_id", "agent_id", "agent_name", "started_at", "ended_at"),
    *("outcome", "work_us", "wrap_up_us"),
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
}


def _id(*parts: str) -> str:
    return str(uuid5(NAMESPACE, "/".join(parts)))


def _type(column: str) -> str:
    if column.endswith(_TIMES):
        return "TIMESTAMP WITH TIME ZONE"
    return "BIGINT" if column.endswith(_NUMBERS) else "TEXT"


def _database(uri: str) -> Document:
    # Instants in filters are written without a zone: the session must be in UTC, as the mart is.
    engine = {"connect_args": {"options": "-c timezone=UTC"}}
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {"engine_params": engine, "metadata_params": {}, "schemas_allowed_for_file_upload": []},
        "uuid": _id("database"),
        "version": VERSION,
    }


def _format(measure: Measure | None) -> str:
    if measure is None or measure.unit is Unit.COUNT:
        return ",d"
    return {Unit.SHARE: ".1%", Unit.DURATION: ",.0f", Unit.VALUE: ",.2f"}[measure.unit]


def _dataset(source: Source) -> Document:
    view = next(v for v in all_views() if v.name == source.view)
    return {
        "table_name": source.view,
        "main_dttm_col": source.time,
        "description": view.definition,
        "schema": "public",
        "sql": None,
        "params": None,
        "template_params": None,
        "filter_select_enabled": True,
        "extra": None,
        "uuid": _id("dataset", source.view),
        "metrics": [
            {
                "metric_name": name,
                "verbose_name": _heading(name),
                "expression": sql,
                "description": MEASURES[name].definition
                if name in MEASURES
                else "Items received or reopened.",
                "d3format": _format(MEASURES.get(name)),
            }
            for name, sql in source.measures.items()
        ],
        "columns": [
            {
                "column_name": column,
                "is_dttm": _type(column).startswith("TIMESTAMP"),
                "is_active": True,
                "type": _type(column),
                "groupby": True,
                "filterable": True,
                "description": COLUMNS[column],
            }
            for column in view.columns
        ],
        "version": VERSION,
        "database_uuid": _id("database"),
    }


def _heading(name: str) -> str:
    words = name.replace("_", " ")
    unit = MEASURES[name].unit if name in MEASURES else Unit.COUNT
    return words[:1].upper() + words[1:] + (" (s)" if unit is Unit.DURATION else "")


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
                    Drawn(f"{title}: ages", "echarts_timeseries_bar", "open", (by,), tuple(_AGES), options)
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
    options = {"metric": measure, "y_axis_format": _format(MEASURES[measure]), "subheader": ""}
    name = f"{title_of(report)}: {_heading(measure).lower()}"
    return Drawn(name, "big_number_total", _source_of(report, measure), (), (measure,), options)


def _course(name: str, kind: str, measures: tuple[str, ...], grain: str) -> Drawn:
    options = {"x_axis": "interval_start", "time_grain_sqla": grain, "show_legend": len(measures) > 1}
    return Drawn(name, f"echarts_timeseries_{kind}", "items", (), measures, options, grain=grain)


def _table(report: Report, source: str) -> Drawn:
    by = tuple(_column(source, key) for key in report.by)
    measures = _measures(report, source)
    options = {"query_mode": "aggregate", "groupby": list(by), "metrics": list(measures), "show_totals": True}
    return Drawn(f"{title_of(report)}: {_TITLES[source]}", "table", source, by, measures, options)


def _chart(report: Report, drawn: Drawn) -> Document:
    source = SOURCES[drawn.source]
    filters: list[Document] = []
    if source.time is not None:
        filters.append({"col": source.time, "op": "TEMPORAL_RANGE", "val": "Current day"})
    if report.media_type is not None:
        filters.append({"col": "media_type", "op": "==", "val": report.media_type})
    params = {
        "viz_type": drawn.kind,
        "adhoc_filters": [
            {
                "clause": "WHERE",
                "expressionType": "SIMPLE",
                "subject": f["col"],
                "operator": f["op"],
                "comparator": f["val"],
            }
            for f in filters
        ],
        "metrics": list(drawn.measures),
        "groupby": [],
        "row_limit": 10_000,
        **drawn.options,
    }
    return {
        "slice_name": drawn.name,
        "description": None,
        "viz_type": drawn.kind,
        "params": params,
        "query_context": json.dumps(_query(drawn, filters, params)),
        "cache_timeout": None,
        "uuid": _id("chart", drawn.name),
        "version": VERSION,
        "dataset_uuid": _id("dataset", source.view),
    }


def _query(drawn: Drawn, filters: list[Document], params: Document) -> Document:
    columns: list[Any] = list(drawn.raw or drawn.by)
    extras: Document = {"having": "", "where": ""}
    if drawn.grain is not None:
        axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": "interval_start"}
        columns = [{**axis, "sqlExpression": "interval_start", "timeGrain": drawn.grain}]
        extras["time_grain_sqla"] = drawn.grain
    query: Document = {
        "filters": filters,
        "extras": extras,
        "columns": columns,
        "orderby": [["ended_at", False]] if drawn.raw else [],
        "row_limit": 10_000,
        "annotation_layers": [],
        "post_processing": [],
    }
    if not drawn.raw:
        query["metrics"] = list(drawn.measures)
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query],
        "form_data": params,
        "result_format": "json",
        "result_type": "full",
    }


_WIDTHS: Final = {"big_number_total": (2, 25), "table": (12, 60)}
_COURSE: Final = (12, 45)
GRID: Final = 12


def _dashboard(report: Report, drawn: list[Drawn]) -> Document:
    position: Document = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title_of(report)}},
    }
    left = 0
    row = ""
    for index, chart in enumerate(drawn):
        width, height = _WIDTHS.get(chart.kind, _COURSE)
        if left < width:
            row, left = f"ROW-{index}", GRID
            position["GRID_ID"]["children"].append(row)
            position[row] = {
                "id": row,
                "type": "ROW",
                "parents": ["ROOT_ID", "GRID_ID"],
                "children": [],
                "meta": {"background": "BACKGROUND_TRANSPARENT"},
            }
        left -= width
        key = f"CHART-{index}"
        position[row]["children"].append(key)
        position[key] = {
            "id": key,
            "type": "CHART",
            "parents": ["ROOT_ID", "GRID_ID", row],
            "children": [],
            "meta": {
                "chartId": index + 1,
                "height": height,
                "width": width,
                "sliceName": chart.name,
                "uuid": _id("chart", chart.name),
            },
        }
    return {
        "dashboard_title": title_of(report),
        "description": None,
        "css": "",
        "slug": f"openiwd-{report.id}",
        "uuid": _id("dashboard", report.id),
        "position": position,
        "metadata": {"native_filter_configuration": _filters(report, drawn), "refresh_frequency": 60},
        "version": VERSION,
    }


def _filters(report: Report, drawn: list[Drawn]) -> list[Document]:
    """The prompts: the period, and what the charts' views can be cut by."""
    view = SOURCES[drawn[-1].source].view
    known = {v.name: v.columns for v in all_views()}[view]
    period: Document = {
        "id": f"NATIVE_FILTER-{report.id}-period",
        "type": "NATIVE_FILTER",
        "name": "Period",
        "filterType": "filter_time",
        "targets": [{}],
        "controlValues": {},
        "defaultDataMask": {
            "extraFormData": {"time_range": "Current day"},
            "filterState": {"value": "Current day"},
        },
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
    }
    prompts = (
        "department",
        "process",
        "category_path",
        "queue_name",
        "capture_point",
        "media_type",
        "agent_name",
    )
    return [
        period,
        *(
            {
                **period,
                "id": f"NATIVE_FILTER-{report.id}-{column}",
                "name": _heading(column.removesuffix("_name").removesuffix("_path")),
                "filterType": "filter_select",
                "targets": [{"column": {"name": column}, "datasetUuid": _id("dataset", view)}],
                "controlValues": {"multiSelect": True, "enableEmptyFilter": False},
                "defaultDataMask": {"extraFormData": {}, "filterState": {}},
            }
            for column in prompts
            if column in known
        ),
    ]  # fmt: skip


def bundle(uri: str = DATABASE_URI) -> dict[str, Document]:
    """All files of the bundle by their path in it."""
    files: dict[str, Document] = {
        "metadata.yaml": {"version": VERSION, "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"},
        "databases/openiwd_mart.yaml": _database(uri),
    }
    for source in SOURCES.values():
        files[f"datasets/openiwd_mart/{source.view}.yaml"] = _dataset(source)
    for report in REPORTS:
        drawn = charts_of(report)
        for index, chart in enumerate(drawn):
            files[f"charts/{report.id}_{index}.yaml"] = _chart(report, chart)
        files[f"dashboards/{report.id}.yaml"] = _dashboard(report, drawn)
    return files
