"""A report as a file: its lines as CSV or XLSX, for those who ask and for scheduled emails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from openiwd.domain.report import BY_ID
from openiwd.usecases.csv_table import csv_lines
from openiwd.usecases.export import ExportFormat, cell
from openiwd.usecases.report import ReportResult
from openiwd.usecases.spreadsheet import Spreadsheet

WORK_COLUMNS: Final = (
    "captureId",
    "category",
    "queue",
    "agent",
    "agentName",
    "startedAt",
    "endedAt",
    "outcome",
    "workSeconds",
    "wrapUpSeconds",
    "focusSeconds",
)


def table_of(result: ReportResult) -> tuple[Sequence[str], list[list[Any]]]:
    """Column names and rows, as they are in the report."""
    report = BY_ID[result.report]
    if report.source == "work":
        return WORK_COLUMNS, [
            [
                w.capture_id, w.category_path, w.queue, w.agent, w.agent_name, w.started_at, w.ended_at, w.outcome,
                w.work_seconds, w.wrap_up_seconds, w.focus_seconds,
            ]
            for w in result.work
        ]  # fmt: skip
    first = report.by[0]
    keys = [first, *(["agent_name"] if first == "agent" else ["queue_name"] if first == "queue" else [])]
    keys += report.by[1:]
    rows = []
    for line in result.lines:
        row: list[Any] = [line.key]
        if first in ("agent", "queue"):
            row.append(line.name)
        if len(report.by) > 1:
            row.append(line.key_2)
        rows.append([*row, *(line.values[m] for m in report.measures)])
    return [*keys, *report.measures], rows


def as_file(result: ReportResult, form: ExportFormat) -> bytes:
    columns, rows = table_of(result)
    if form is ExportFormat.XLSX:
        sheet = Spreadsheet(columns)
        return sheet.add(rows) + sheet.end()
    return csv_lines([columns, *([cell(v) for v in row] for row in rows)]).encode()
