"""CSV files: whatever separates the cells, whatever the encoding; row by row."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import IO, Any, Final

from openiwd.adapters.files.row import ERROR, OWN, STATUS, BrokenFileError, Rejected, Row, column_names, named
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError

BLOCK: Final = 1024 * 1024
LARGEST_CELL: Final = 1024 * 1024
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS: Final = ",;\t|"
_LINE_ENDS: Final = ("\n", "\r")
_DAMAGED: Final = re.compile("[\udc80-\udcff]")
"""Bytes that are no UTF-8, as the decoder passes them on."""


def encoding_of(file: IO[bytes], wanted: str) -> str:
    """The encoding by the file's mark, else as wanted, else UTF-8 where it is that, else Windows-1252.

    A few bytes that are damaged, or a letter that is cut off at the end, make no other encoding of what is UTF-8
    otherwise: every letter of the other rows would be a wrong one.
    """
    start = file.read(4)
    file.seek(0)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if wanted != "auto":
        return wanted
    decoder, letters, damaged = codecs.getincrementaldecoder("utf-8")("surrogateescape"), 0, 0
    while block := file.read(BLOCK):
        text = decoder.decode(block)
        if not text.isascii():
            bad = len(_DAMAGED.findall(text))
            letters += len(text) - len(text.encode("ascii", "ignore")) - bad
            damaged += bad
    file.seek(0)
    is_cut = bool(decoder.getstate()[0])
    is_utf_8 = letters > damaged if damaged or is_cut else True
    return "utf-8" if is_utf_8 else "cp1252"


def errors_of(encoding: str, wanted: str) -> str:
    """What a decoder does with bytes that are none of the encoding; of one that was found out they end no file."""
    if wanted != "auto":
        return "strict"
    # Windows-1252 leaves five bytes open; what is taken for it because it is nothing else may have them.
    return {"cp1252": "replace", "utf-8": "surrogateescape", "utf-8-sig": "surrogateescape"}.get(
        encoding, "strict"
    )


class CsvForm:
    """Implements `Form`."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._delimiter = ","
        self._line = 1
        self._is_cut = False
        """Whether the last line that was read does not end."""

    def head(self) -> Any:
        return {"columns": self._columns, "delimiter": self._delimiter}

    def rows(self, file: IO[bytes], settings: FileSource) -> Iterator[Row]:
        encoding = encoding_of(file, settings.encoding)
        errors = errors_of(encoding, settings.encoding)
        text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
        try:
            yield from self._table(text, settings)
        except UnicodeDecodeError as error:
            raise BrokenFileError(
                f"the file is not {encoding}: byte 0x{error.object[error.start]:02x} near line {self._line}",
                hint="choose the encoding of the file in the capture point",
            ) from error
        finally:
            text.detach()

    def _table(self, text: io.TextIOWrapper, settings: FileSource) -> Iterator[Row]:
        self._line = 1
        first = text.readline()
        separator: str = settings.delimiter
        if first.casefold().startswith("sep=") and len(first.strip()) == 5:
            separator, first = first.strip()[4], text.readline()
        self._delimiter = _separator_of(first) if separator == "auto" else separator
        csv.field_size_limit(LARGEST_CELL)
        reader = csv.reader(self._chained(first, text), delimiter=self._delimiter, strict=True)
        while not self._columns:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise BrokenFileError(f"the first row cannot be read: {error}", hint="correct it") from error
            if cells is None:
                return
            if any(cells):
                damage = _damage(self._delimiter.join(cells))
                if damage is not None:
                    raise BrokenFileError(damage.message, hint=damage.hint)
                self._columns = column_names(list(cells))
        yield from self._rows(reader)

    def _chained(self, first: str, text: io.TextIOWrapper) -> Iterator[str]:
        self._is_cut = not first.endswith(_LINE_ENDS)
        yield first
        for line in text:
            self._is_cut = not line.endswith(_LINE_ENDS)
            yield line

    def _rows(self, reader: Any) -> Iterator[Row]:
        columns = self._columns
        shortest = len(columns)
        while True:
            self._line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                first, last = self._line, reader.line_num
                where = f"line {last}" if first >= last else f"the record in lines {first} to {last}"
                fault = InvalidInputError(
                    f"{where} cannot be read: {error}",
                    hint="look for a quotation mark that is missing or too many",
                    code="brokenRow",
                )
                yield Row({}, [], "", fault=fault)
                continue
            if cells is None:
                return
            if not any(cells):
                continue
            row_fault = None
            if len(cells) > len(columns) and any(cells[len(columns) :]):
                row_fault = InvalidInputError(
                    f"the row has {len(cells)} cells, the first row has {len(columns)}",
                    hint="put cells that hold the separator into quotation marks",
                    code="brokenRow",
                )
            if self._is_cut and len(cells) < shortest:
                row_fault = InvalidInputError(
                    "the file ends in the middle of this row",
                    hint="write it anew and drop it again; a row that is whole ends with a line break",
                    code="brokenRow",
                )
            shortest = min(shortest, len(cells))
            raw = self._delimiter.join(cells)
            yield Row(named(columns, cells), cells, raw, fault=_damage(raw) or row_fault)

    def write(self, file: IO[bytes], head: Any, rejected: Iterator[Rejected]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text, delimiter=head["delimiter"], lineterminator="\r\n")
        kept = [n for n, name in enumerate(head["columns"]) if name.casefold() not in OWN]
        writer.writerow([*(head["columns"][n] for n in kept), STATUS, ERROR])
        for row in rejected:
            cells = row.kept
            writer.writerow([*(cells[n] if n < len(cells) else "" for n in kept), "error", row.error])
        text.detach()


def _damage(raw: str) -> InvalidInputError | None:
    found = None if raw.isascii() else _DAMAGED.search(raw)
    if found is None:
        return None
    return InvalidInputError(
        f"the row holds the byte 0x{ord(found[0]) - 0xDC00:02x}, and is not UTF-8 as the rest of the file",
        hint="write the file anew in one encoding, or choose its encoding in the capture point",
        code="invalidText",
    )


def _separator_of(line: str) -> str:
    """What occurs most often outside of quotation marks in the first line."""
    outside = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)
