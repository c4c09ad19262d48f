"""Rows as a spreadsheet file (Office Open XML), made piece by piece, so that any number of rows needs little memory.

Text stays text: a cell is never a formula, whatever it begins with.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec

MOST_ROWS: Final = 1_048_576
"""So many rows a sheet can have; further ones go into a further sheet."""
LONGEST: Final = 32_767
"""So many characters a cell can have."""
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class _Pieces(io.RawIOBase):
    """What the archive has written since it was last asked."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class Spreadsheet:
    """A file that grows: `add` rows, then `end`; each gives the bytes that are ready."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._pieces = _Pieces()
        self._archive = ZipFile(self._pieces, "w", ZIP_DEFLATED)
        self._columns = list(columns)
        self._sheets = 0
        self._rows = 0
        self._sheet: IO[bytes] = self._begin()

    def _begin(self) -> IO[bytes]:
        self._sheets += 1
        sheet = self._archive.open(f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True)
        sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
        sheet.write(_row(self._columns))
        self._rows = 1
        return sheet

    def add(self, rows: Sequence[Sequence[Any]]) -> bytes:
        for row in rows:
            if self._rows == MOST_ROWS:
                self._end_sheet()
                self._sheet = self._begin()
            self._sheet.write(_row(row))
            self._rows += 1
        return self._pieces.take()

    def _end_sheet(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()

    def end(self) -> bytes:
        self._end_sheet()
        numbers = range(1, self._sheets + 1)
        sheets = "".join(f'<sheet name="Items {n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
        related = "".join(
            f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        typed = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            for n in numbers
        )
        parts = {
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
            "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
            f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels"'
            ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{typed}</Types>',
        }
        for name, text in parts.items():
            self._archive.writestr(name, _HEAD + text)
        self._archive.close()
        return self._pieces.take()


def _row(values: Sequence[Any]) -> bytes:
    return f"<row>{''.join(_cell(v) for v in values)}</row>".encode()


def _cell(value: Any) -> str:
    match value:
        case None | "":
            return "<c/>"
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f"<c><v>{value}</v></c>"
        case datetime():
            return _text(value.isoformat().replace("+00:00", "Z"))
        case str():
            return _text(value)
        case _:
            return _text(msgspec.json.encode(value).decode())


def _text(text: str) -> str:
    clean = escape(_FORBIDDEN.sub("", text)[:LONGEST])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{clean}</t></is></c>'
