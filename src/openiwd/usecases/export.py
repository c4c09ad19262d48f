"""Items as files: CSV, NDJSON and XLSX, streamed in chunks, so that any number needs little memory. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.privilege import Caller
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.csv_table import FORMULA, csv_lines
from openiwd.usecases.item_view import COLUMN_NAMES, ItemView, item_view
from openiwd.usecases.search import prepared
from openiwd.usecases.spreadsheet import Spreadsheet

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 500
CSV_COLUMNS: Final = (
    "id",
    "captureId",
    "capturePoint",
    "status",
    "categoryPath",
    "queue",
    "priority",
    "priorityAt",
    "businessValue",
    "subject",
    "channel",
    "mediaType",
    "createdDateTime",
    "receivedDateTime",
    "dueDateTime",
    "overdue",
    "assignedToUser",
    "assignedDateTime",
    "completedDateTime",
    "holdReason",
    "error",
)


class ExportFormat(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"


MEDIA_TYPES: Final = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def check_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns asked for; `ext.<name>` and `data.<path>` reach inside."""
    for name in columns:
        if name not in COLUMN_NAMES and not name.startswith(("ext.", "data.", "contact.")):
            raise InvalidInputError(
                f"there is no column '{name[:60]}'",
                field="columns",
                hint=f"for example {', '.join(CSV_COLUMNS[:6])}",
            )
    return tuple(columns)


async def export(
    services: TenantServices,
    caller: Caller,
    query: SearchQuery,
    form: ExportFormat,
    columns: Sequence[str] = (),
) -> AsyncIterator[bytes]:
    """The file in pieces. Everything that can be refused is refused before the first piece."""
    chosen = check_columns(columns)
    ready, rules = await prepared(services, caller, query, "workitems.export")
    now = ready.now or services.runtime.now()

    async def pieces() -> AsyncIterator[bytes]:
        sheet = Spreadsheet(chosen or CSV_COLUMNS) if form is ExportFormat.XLSX else None
        if form is ExportFormat.CSV:
            yield _row(chosen or CSV_COLUMNS)
        async with services.runtime.store.reading() as reading:
            async for items in reading.scan(ready, CHUNK):
                views = [item_view(i, rules, now) for i in items]
                match form:
                    case ExportFormat.CSV:
                        yield b"".join(_row(_cells(v, chosen or CSV_COLUMNS)) for v in views)
                    case ExportFormat.NDJSON:
                        yield b"".join(_line(v, chosen) for v in views)
                    case ExportFormat.XLSX:
                        if sheet is not None:
                            yield sheet.add([_values(v, chosen or CSV_COLUMNS) for v in views])
                    case _:
                        assert_never(form)
        if sheet is not None:
            yield sheet.end()

    return pieces()


def _line(view: ItemView, columns: tuple[str, ...]) -> bytes:
    if not columns:
        return msgspec.json.encode(view) + b"\n"
    values = msgspec.to_builtins(view)
    return msgspec.json.encode({c: at_path(values, c) for c in columns}) + b"\n"


def at_path(values: dict[str, Any], path: str) -> Any:
    value: Any = values
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _values(view: ItemView, columns: tuple[str, ...]) -> list[Any]:
    values = msgspec.to_builtins(view, builtin_types=(datetime,))
    return [at_path(values, c) for c in columns]


def _cells(view: ItemView, columns: tuple[str, ...]) -> list[str]:
    return [cell(value) for value in _values(view, columns)]


def cell(value: Any) -> str:
    """A value as a CSV cell; text that a spreadsheet would run as a formula is marked as text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case _:
            return cell(msgspec.json.encode(value).decode())


def _row(cells: Sequence[str]) -> bytes:
    return csv_lines([cells]).encode()
