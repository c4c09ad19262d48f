"""JSON files: one object, a list of objects of any length, or an object on each line."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec

from openiwd.adapters.files.csv_form import encoding_of, errors_of
from openiwd.adapters.files.row import ERROR, OWN, STATUS, BrokenFileError, Rejected, Row
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError

BLOCK: Final = 64 * 1024
LARGEST: Final = 4 * 1024 * 1024
"""Characters of one record."""
_SIGNS: Final = re.compile(r'["{}\[\],]|\\.', re.DOTALL)
_IN_TEXT: Final = re.compile(r'"|\\.', re.DOTALL)
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_COMMA: Final = re.compile(r"[ \t\r\n]*,")
_decode: Final = msgspec.json.Decoder().decode


class JsonForm:
    """Implements `Form`."""

    def __init__(self, *, lines: bool = False) -> None:
        self._lines = lines

    def head(self) -> Any:
        return None

    def rows(self, file: IO[bytes], settings: FileSource) -> Iterator[Row]:
        encoding = encoding_of(file, settings.encoding)
        decoder = codecs.getincrementaldecoder(encoding)(errors_of(encoding, settings.encoding))
        blocks = _text(file, decoder)
        try:
            yield from _rows_of_lines(blocks) if self._lines else _rows_of_values(blocks)
        except UnicodeDecodeError as error:
            raise BrokenFileError(
                f"the file is not {encoding}", hint="choose the encoding of the file in the capture point"
            ) from error

    def write(self, file: IO[bytes], head: Any, rejected: Iterator[Rejected]) -> None:  # noqa: ARG002
        if not self._lines:
            file.write(b"[\n")
        for n, row in enumerate(rejected):
            value = row.kept if isinstance(row.kept, dict) else {"value": row.kept}
            kept = {k: v for k, v in value.items() if k.casefold() not in OWN}
            between = b"" if n == 0 or self._lines else b",\n"
            file.write(between + msgspec.json.encode({**kept, STATUS: "error", ERROR: row.error}))
            if self._lines:
                file.write(b"\n")
        if not self._lines:
            file.write(b"\n]\n")


def _text(file: IO[bytes], decoder: codecs.IncrementalDecoder) -> Iterator[str]:
    while block := file.read(BLOCK):
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _rows_of_lines(blocks: Iterator[str]) -> Iterator[Row]:
    rest = ""
    for block in blocks:
        rest += block
        *lines, rest = rest.split("\n")
        for line in lines:
            if line.strip():
                yield _row(line)
        if len(rest) > LARGEST:
            raise BrokenFileError(
                f"a line is longer than {LARGEST} characters", hint="put each record on a line"
            )
    if rest.strip():
        yield _row(rest)


def _rows_of_values(blocks: Iterator[str]) -> Iterator[Row]:
    """The entries of the list, or objects one after the other."""
    text, closed = "", False
    scan = _Scan()
    for block in blocks:
        text += block
        if scan.kind is None:
            text = text.lstrip("\ufeff \t\r\n")
            if not text:
                continue
            scan.begin(text[0])
        yield from _whole_entries(scan, text)
        for start, end in scan.values(text):
            yield _row(text[start:end])
        text = text[scan.forget() :]
        closed = scan.closed
        if len(text) > LARGEST:
            raise BrokenFileError(
                f"a record is longer than {LARGEST} characters", hint="look for a missing bracket"
            )
    if scan.kind is None:
        raise BrokenFileError("there is nothing in the file", hint="send a list of objects")
    if not closed:
        if scan.between_values and text.rstrip().endswith("}"):
            yield _row(text)
        raise BrokenFileError(
            "the file ends in the middle of a record", hint="write it anew and drop it again"
        )


def _whole_entries(scan: _Scan, text: str) -> Iterator[Row]:
    """The quick way through a list: entry by entry, as long as they are sound objects; the scan goes on from there."""
    while (start := scan.entry(text)) is not None:
        try:
            value, end = _quick(text, start)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict) or not scan.passes(text, end):
            return
        yield Row(_said(value), value, text[start:end])


class _Scan:
    """Finds where the values of a list begin and end, however the text is cut into blocks."""

    def __init__(self) -> None:
        self.kind: str | None = None
        self.closed = False
        self._depth = 0
        self._at = 0
        self._start = 0
        self._in_text = False

    @property
    def between_values(self) -> bool:
        """No bracket and no text is open."""
        return self._depth == 0 and not self._in_text

    def begin(self, sign: str) -> None:
        if sign not in "[{":
            raise BrokenFileError("this is no JSON list or object", hint="send a list of objects")
        self.kind = sign
        self._at = self._start = 1 if sign == "[" else 0

    def entry(self, text: str) -> int | None:
        """Where the next entry of the list begins, if the scan stands there."""
        if self.kind != "[" or self.closed or self._depth or self._in_text or self._at != self._start:
            return None
        match = _BLANK.match(text, self._at)
        start = match.end() if match is not None else self._at
        return start if text.startswith("{", start) else None

    def passes(self, text: str, end: int) -> bool:
        """Goes on behind an entry, where a comma follows; else the scan looks at it."""
        match = _COMMA.match(text, end)
        if match is None:
            return False
        self._at = self._start = match.end()
        return True

    def values(self, text: str) -> Iterator[tuple[int, int]]:
        """(start, end) of each value that is whole now."""
        base = 0 if self.kind == "{" else 1
        while True:
            match = (_IN_TEXT if self._in_text else _SIGNS).search(text, self._at)
            if match is None or (match[0] == "\\" and match.end() == len(text)):
                self._at = len(text) - 1 if text.endswith("\\", self._at) else len(text)
                return
            self._at = match.end()
            sign = match[0]
            if sign == '"':
                self._in_text = not self._in_text
            elif self._in_text or sign.startswith("\\"):
                continue
            elif sign in "{[":
                if self._depth == 0 and not base:
                    self.closed, self._start = False, match.start()
                self._depth += 1
            elif sign == ",":
                if self._depth == 0 and base:
                    yield from self._value(text, match.start())
            elif self._depth == 0 and sign == "]" and base and not self.closed:
                yield from self._value(text, match.start())
                self.closed = True
            else:
                self._depth -= 1
                if self._depth < 0 or (self.closed and base):
                    raise BrokenFileError("there is a bracket too many", hint="correct the file")
                if self._depth == 0 and not base:
                    self.closed = True
                    yield self._start, self._at

    def _value(self, text: str, end: int) -> Iterator[tuple[int, int]]:
        if text[self._start : end].strip():
            yield self._start, end
        self._start = end + 1

    def forget(self) -> int:
        """How much of the text is done with."""
        done = self._at if self.closed else self._start
        self._at -= done
        self._start = 0
        return done


def _row(text: str) -> Row:
    try:
        value = _decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        fault = InvalidInputError(f"this is no JSON: {error}", hint="correct the record", code="brokenRow")
        return Row({}, text[:LARGEST], text, fault=fault)
    if not isinstance(value, dict):
        fault = InvalidInputError(
            "the record is no object", hint="give names to its values", code="brokenRow"
        )
        return Row({}, value, text, fault=fault)
    return Row(_said(value), value, text)


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k.casefold() not in OWN}


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_quick: Final = json.JSONDecoder(parse_constant=_no_constant).raw_decode
