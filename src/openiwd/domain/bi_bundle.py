"""The reports as an importable Superset bundle: its files as data, made from the reports and the mart's views. Pure."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID, uuid5

from openiwd.domain.bi_chart import Document, Drawn, charts_of, format_of, heading, title_of
from openiwd.domain.bi_source import SOURCES, Source
from openiwd.domain.mart_column import COLUMNS
from openiwd.domain.mart_dictionary import all_views
from openiwd.domain.report import REPORTS, Report
from openiwd.domain.report_measure import MEASURES

VERSION: Final = "1.0.0"
DATABASE: Final = "OpenIWD data mart"
DATABASE_URI: Final = "postgresql+psycopg2://openiwd_bi:XXXXXXXXXX@localhost:5432/iwddm-main"
"""To be replaced: the password is asked for on import."""
NAMESPACE: Final = UUID("6f1d5a52-7d0c-4f0e-9a3b-0c8a4be3a1d7")

_TIMES: Final = ("_at", "_from", "_to", "interval_start", "data_as_of")
_NUMBERS: Final = ("_us", "_n", "item_number", "is_overdue", "waiting")


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
                "verbose_name": heading(name),
                "expression": sql,
                "description": MEASURES[name].definition
                if name in MEASURES
                else "Items received or reopened.",
                "d3format": format_of(MEASURES.get(name)),
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
                "name": heading(column.removesuffix("_name").removesuffix("_path")),
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
