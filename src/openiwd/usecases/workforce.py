"""Figures for workforce management: what came, what is open and what it took, by quarter of an hour and category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.privilege import Caller
from openiwd.usecases.csv_table import csv_lines
from openiwd.usecases.export import ExportFormat, cell
from openiwd.usecases.report import Prompts, asked_period, escaped, mart_of, required_report
from openiwd.usecases.spreadsheet import Spreadsheet

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

COLUMNS: Final = ("intervalStart", "categoryId", "category", "new", "backlog", "finished", "handleSeconds")
MAX_ROWS: Final = 300_000


async def workforce_rows(services: TenantServices, caller: Caller, prompts: Prompts) -> list[list[Any]]:
    """A row per interval (its beginning, UTC) and category in which anything came, went or was open."""
    required_report(caller, "intraday-process")
    mart = mart_of(services)
    period = asked_period(await mart.state(), services, prompts)
    category = prompts.category
    asked = {
        "from_at": period.start,
        "to_at": period.end,
        "category": category,
        "below": f"{escaped(category)}/%" if category else None,
        "limit": MAX_ROWS + 1,
    }
    rows = await mart.rows("workforce", asked)
    if len(rows) > MAX_ROWS:
        raise InvalidInputError(
            f"more than {MAX_ROWS} rows", field="from", hint="choose fewer days, or one category"
        )
    return [
        [
            *(
                r["interval_start"],
                r["category_id"],
                r["category_path"],
                r["new"],
                r["backlog"],
                r["finished"],
            ),
            r["handle_time_us"] / 1_000_000,
        ]
        for r in rows
    ]


def workforce_file(rows: list[list[Any]], form: ExportFormat) -> bytes:
    if form is ExportFormat.XLSX:
        sheet = Spreadsheet(COLUMNS)
        return sheet.add(rows) + sheet.end()
    return csv_lines([COLUMNS, *([cell(v) for v in row] for row in rows)]).encode()
