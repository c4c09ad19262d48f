"""Tables of text (CSV with a head line) that people carry to and from spreadsheets. Every fault names its line.

What is written here is read back as it was; what a spreadsheet would run as a formula is marked as text meanwhile.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from openiwd.domain.errors import InvalidInputError, TooLargeError
from openiwd.domain.work_item import check_text

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 100_000
_DELIMITERS: Final = (",", ";", "\t")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""
_MARK: Final = "'"
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""


class CsvRow(NamedTuple):
    """One row: its line in the file (the head is line 1 where it fits on one), and its cells by column."""

    line: int
    cells: dict[str, str]


class CsvTable(NamedTuple):
    columns: list[str]
    rows: list[CsvRow]


def read_csv(content: bytes) -> CsvTable:
    """The rows of a UTF-8 file (with or without byte order mark) separated by comma, semicolon or tab."""
    if len(content) > MAX_BYTES:
        raise TooLargeError(f"the file is larger than {MAX_BYTES} bytes", hint="send it in parts")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "the file is not UTF-8 text", code="invalidText", hint="save it as CSV UTF-8"
        ) from error
    check_text(text, "body")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        columns = [c.strip() for c in next(reader, [])]
        _check_head(columns)
        rows: list[CsvRow] = []
        for cells in reader:
            if not any(c.strip() for c in cells):
                continue
            if len(cells) != len(columns):
                raise InvalidInputError(
                    f"line {reader.line_num} has {len(cells)} cells for {len(columns)} columns",
                    field=f"line {reader.line_num}",
                    hint="put cells that hold a separator in quotes",
                )
            if len(rows) == MAX_ROWS:
                raise TooLargeError(f"the file has more than {MAX_ROWS} rows", hint="send it in parts")
            rows.append(
                CsvRow(
                    reader.line_num,
                    {k: _unmarked(v.lstrip()).strip() for k, v in zip(columns, cells, strict=True)},
                )
            )
    except csv.Error as error:
        raise InvalidInputError(
            f"this is not CSV: {error}",
            code="malformedCsv",
            field=f"line {reader.line_num}",
            hint="check quotes there",
        ) from error
    return CsvTable(columns, rows)


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A file that `read_csv` reads back: the same columns, the same cells (outer spaces apart)."""
    marked = ([_marked(c) for c in cells] for cells in rows)
    return f"{_BYTE_ORDER_MARK}{csv_lines([columns])}{csv_lines(marked)}".encode()


def csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows with every cell in quotes: spreadsheets that split at semicolons would find formulas inside cells."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def _marked(cell: str) -> str:
    return f"{_MARK}{cell}" if cell.lstrip(_MARK).startswith(FORMULA) and not _is_number(cell) else cell


def _unmarked(cell: str) -> str:
    return cell[1:] if cell.startswith(_MARK) and cell.lstrip(_MARK).startswith(FORMULA) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _check_head(columns: list[str]) -> None:
    if not columns or not all(columns):
        raise InvalidInputError(
            "the first line does not name every column",
            field="line 1",
            hint="begin with the names of the columns",
        )
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise InvalidInputError(
            f"there are two columns '{twice[0][:80]}'", field="line 1", hint="rename or remove one"
        )
