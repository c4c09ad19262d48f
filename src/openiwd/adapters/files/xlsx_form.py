"""Workbooks (Office Open XML): one sheet, row by row, with texts kept packed, so that a million rows need little
memory.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from openiwd.adapters.files.row import ERROR, OWN, STATUS, BrokenFileError, Rejected, Row, column_names, named
from openiwd.adapters.files.xlsx_number import (
    FROM_1900,
    FROM_1904,
    Fault,
    Shown,
    shown_by,
    shown_by_number,
    value_of,
)
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError

BLOCK: Final = 256 * 1024
MOST_TEXT: Final = 128 * 1024 * 1024
"""Bytes of the texts that cells share."""
LARGEST_PART: Final = 8 * 1024**3
MOST_COLUMNS: Final = 16_384
_CELL: Final = re.compile(r"([A-Z]{1,3})\d+")
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def _parse(
    file: IO[bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    data: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Runs a part of the workbook through handlers, block by block."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    while True:
        block = file.read(BLOCK)
        parser.Parse(block, not block)
        yield
        if not block:
            return


def _refuse(*_: Any) -> None:
    raise BrokenFileError("the workbook declares a document type", hint="save it anew", code="xmlRefused")


class _Texts:
    """The texts that cells share: UTF-8 one behind the other, and where each begins."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._starts = array("Q", [0])

    def add(self, text: str) -> None:
        self._bytes += text.encode("utf-8", "replace")
        if len(self._bytes) > MOST_TEXT:
            raise BrokenFileError(
                "the workbook has more text than can be kept",
                hint="split it, or save it as CSV",
                code="tooLarge",
            )
        self._starts.append(len(self._bytes))

    def __getitem__(self, n: int) -> str:
        if not 0 <= n < len(self._starts) - 1:
            raise BrokenFileError(f"the workbook has no shared text {n}", hint="save it anew")
        return self._bytes[self._starts[n] : self._starts[n + 1]].decode()


class XlsxForm:
    """Implements `Form`."""

    def __init__(self) -> None:
        self._columns: list[str] = []

    def head(self) -> Any:
        return self._columns

    def rows(self, file: IO[bytes], settings: FileSource) -> Iterator[Row]:
        try:
            with zipfile.ZipFile(file) as archive:
                yield from self._table(archive, settings)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            expat.ExpatError,
            KeyError,
            NotImplementedError,
            ValueError,
            OverflowError,
        ) as error:
            raise BrokenFileError(
                f"the file is no sound workbook: {error}",
                hint="open it in a spreadsheet program and save it as .xlsx",
            ) from error

    def _table(self, archive: zipfile.ZipFile, settings: FileSource) -> Iterator[Row]:
        book = _Book(archive, settings.sheet)
        for number, cells in book.rows():
            if not any(c is not None and c != "" for c in cells):
                continue
            if not self._columns:
                self._columns = column_names(cells)
                continue
            yield self._row(number, cells)

    def _row(self, number: int, cells: list[Any]) -> Row:
        columns = self._columns
        fault = None
        for n, cell in enumerate(cells):
            if isinstance(cell, Fault):
                name = columns[n] if n < len(columns) else f"column {n + 1}"
                fault = fault or InvalidInputError(
                    f"{name}: {cell}", field=name, hint=_HINT, code="brokenCell"
                )
        if fault is None and any(c is not None and c != "" for c in cells[len(columns) :]):
            fault = InvalidInputError(
                f"row {number} has more cells than the first row has names",
                hint="name every column",
                code="brokenRow",
            )
        kept = [c.isoformat() if isinstance(c, datetime) else c for c in cells]
        return Row(
            named(columns, cells), kept, " | ".join("" if c is None else str(c) for c in kept), fault=fault
        )

    def write(self, file: IO[bytes], head: Any, rejected: Iterator[Rejected]) -> None:
        kept = [n for n, name in enumerate(head) if name.casefold() not in OWN]
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in _FRAME.items():
                archive.writestr(name, text)
            with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
                sheet.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
                sheet.write(_written([*(head[n] for n in kept), STATUS, ERROR]))
                for row in rejected:
                    cells = [row.kept[n] if n < len(row.kept) else None for n in kept]
                    sheet.write(_written([*cells, "error", row.error]))
                sheet.write(b"</sheetData></worksheet>")


_HINT: Final = "open the workbook in a spreadsheet program, correct the cell and save it"


class _Book:
    """The parts of a workbook that a sheet's rows need."""

    def __init__(self, archive: zipfile.ZipFile, sheet: str | None) -> None:
        self._archive = archive
        self._texts = _Texts()
        self._shown: list[Shown] = []
        self._origin = FROM_1900
        self._part = self._find(sheet)
        self._read_texts()
        self._read_styles()

    def _open(self, name: str) -> IO[bytes]:
        if self._archive.getinfo(name).file_size > LARGEST_PART:
            raise BrokenFileError(
                "the workbook unpacks to more than can be read", hint="split it", code="tooLarge"
            )
        return self._archive.open(name)

    def _each(self, name: str, start: Callable[[str, dict[str, str]], None]) -> None:
        with self._open(name) as file:
            for _ in _parse(file, start):
                pass

    def _find(self, wanted: str | None) -> str:
        """The part of the wanted sheet, or of the first."""
        sheets: list[tuple[str, str]] = []
        parts: dict[str, str] = {}

        def of_book(tag: str, attributes: dict[str, str]) -> None:
            name = tag.rpartition(":")[2]
            if name == "sheet":
                related = next(
                    (v for k, v in attributes.items() if k.rpartition(":")[2] == "id" and ":" in k), ""
                )
                sheets.append((attributes.get("name", ""), related))
            elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self._origin = FROM_1904

        def of_relations(tag: str, attributes: dict[str, str]) -> None:
            if tag.rpartition(":")[2] == "Relationship":
                parts[attributes.get("Id", "")] = attributes.get("Target", "")

        self._each("xl/workbook.xml", of_book)
        self._each("xl/_rels/workbook.xml.rels", of_relations)
        for name, related in sheets:
            if wanted is None or name == wanted:
                target = parts.get(related, "")
                return target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
        raise BrokenFileError(
            f"the workbook has no sheet '{wanted}'" if wanted else "the workbook has no sheet",
            hint=f"it has: {', '.join(name for name, _ in sheets)}"[:300],
        )

    def _read_texts(self) -> None:
        name = "xl/sharedStrings.xml"
        if name not in self._archive.namelist():
            return
        parts: list[str] = []
        inside = phonetic = False

        def start(tag: str, _: dict[str, str]) -> None:
            nonlocal inside, phonetic
            local = tag.rpartition(":")[2]
            if local == "si":
                parts.clear()
            phonetic = phonetic or local == "rPh"
            inside = local == "t" and not phonetic

        def end(tag: str) -> None:
            nonlocal inside, phonetic
            local = tag.rpartition(":")[2]
            inside = False
            if local == "rPh":
                phonetic = False
            elif local == "si":
                self._texts.add("".join(parts))

        def data(text: str) -> None:
            if inside:
                parts.append(text)

        with self._open(name) as file:
            for _ in _parse(file, start, end, data):
                pass

    def _read_styles(self) -> None:
        name = "xl/styles.xml"
        if name not in self._archive.namelist():
            return
        own: dict[int, str] = {}
        inside = False

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            local = tag.rpartition(":")[2]
            if local == "numFmt":
                own[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
            elif local == "cellXfs":
                inside = True
            elif local == "xf" and inside:
                number = int(attributes.get("numFmtId", "0"))
                code = own.get(number)
                self._shown.append(shown_by_number(number) if code is None else shown_by(code))
            elif local == "cellStyles":
                inside = False

        self._each(name, start)

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """(row number, cells) of the sheet."""
        sheet = _Sheet(self._value)
        with self._open(self._part) as file:
            try:
                for _ in _parse(file, sheet.start, sheet.end, sheet.data):
                    yield from sheet.done
                    sheet.done.clear()
            except Exception:
                yield from sheet.done  # what stood before the fault
                raise

    def _value(self, cell: dict[str, str], text: str | None, *, formula: bool) -> Any:
        kind = cell.get("t", "n")
        if text is None or text == "":
            if formula and text is None:
                return Fault("the formula has no stored value")
            return None
        match kind:
            case "s":
                return self._texts[int(text)]
            case "str" | "inlineStr":
                return text
            case "b":
                return text.strip() in ("1", "true")
            case "e":
                return Fault(f"the cell holds the error {text}")
            case "d":
                return text
            case _:
                return self._number(text, int(cell.get("s", "0")))

    def _number(self, text: str, style: int) -> Any:
        try:
            number = int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            return Fault(f"'{text[:40]}' is no number")
        if isinstance(number, float) and not math.isfinite(number):
            return Fault(f"'{text[:40]}' is no number")
        shown = self._shown[style] if style < len(self._shown) else Shown.NUMBER
        return value_of(number, shown, self._origin, text)


class _Sheet:
    """Gathers the cells of a sheet while it is read."""

    def __init__(self, value: Callable[..., Any]) -> None:
        self.done: list[tuple[int, list[Any]]] = []
        self._value = value
        self._row: list[Any] = []
        self._number = 0
        self._cell: dict[str, str] = {}
        self._column = 0
        self._text: list[str] = []
        self._has_value = self._has_formula = self._inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        if local == "c":
            self._cell = attributes
            self._column = _column(attributes.get("r"), len(self._row))
            self._text = []
            self._has_value = self._has_formula = False
        elif local in ("v", "t"):
            self._inside = self._has_value = True
        elif local == "f":
            self._has_formula = True
        elif local == "row":
            self._row = []
            self._number = int(attributes.get("r") or self._number + 1)

    def data(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def end(self, tag: str) -> None:
        local = tag.rpartition(":")[2]
        if local in ("v", "t"):
            self._inside = False
        elif local == "c":
            text = "".join(self._text) if self._has_value else None
            while len(self._row) < self._column:
                self._row.append(None)
            self._row.append(self._value(self._cell, text, formula=self._has_formula))
        elif local == "row":
            self.done.append((self._number, self._row))


def _column(reference: str | None, following: int) -> int:
    """The number of a cell's column (from 0) by its reference, such as `AB12`."""
    match = _CELL.fullmatch(reference) if reference else None
    if match is None:
        return following
    number = 0
    for letter in match[1]:
        number = number * 26 + ord(letter) - 64
    if not following < number <= MOST_COLUMNS:
        raise BrokenFileError(f"the cell {reference} is out of place", hint="save the workbook anew")
    return number - 1


def _written(cells: list[Any]) -> bytes:
    return f"<row>{''.join(_cell(c) for c in cells)}</row>".encode("utf-8", "replace")


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f"<c><v>{value}</v></c>"
        case _:
            text = escape(_FORBIDDEN.sub("", str(value))[:32_767])
            return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


_FRAME: Final = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    f'<sheets><sheet name={quoteattr("Records")} sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
