"""Records out of JSON that was sent or pasted: one object, a list of them, or one on each line."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openiwd.domain.errors import InvalidInputError, TooLargeError
from openiwd.domain.work_item import MAX_BATCH_ITEMS
from openiwd.ports.capture import MAX_RAW, SourceRecord

_LISTS: Final = ("messages", "items", "records")
_decode: Final = msgspec.json.Decoder().decode


def records_of_json(
    content: bytes, most: int = MAX_BATCH_ITEMS, *, unwraps: bool = True
) -> list[SourceRecord]:
    """The records, numbered from 1; a line or entry that is no object is a record with a fault.

    `unwraps`: an object that holds nothing but a list of messages stands for them.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise InvalidInputError("there is nothing in it", hint="send an object, a list of objects, or NDJSON")
    try:
        whole = _decode(text)
    except msgspec.DecodeError as error:
        lines = text.splitlines()
        if len(lines) == 1:
            raise InvalidInputError(f"this is no JSON: {error}", hint="correct it") from error
        return [_of_line(line, n) for n, line in enumerate(_bounded(lines, most), 1) if line.strip()]
    if isinstance(whole, dict):
        inner = next((whole[name] for name in _LISTS if unwraps and isinstance(whole.get(name), list)), None)
        whole = [whole] if inner is None or len(whole) > 1 else inner
    if not isinstance(whole, list):
        raise InvalidInputError("this is no object", hint="send an object, a list of objects, or NDJSON")
    return [_of_value(value, n) for n, value in enumerate(_bounded(whole, most), 1)]


def _bounded(values: list[Any], most: int) -> list[Any]:
    if len(values) > most:
        raise TooLargeError(
            f"{len(values)} records, at most {most} are allowed", hint="send several requests"
        )
    return values


def _of_line(line: bytes, number: int) -> SourceRecord:
    try:
        return _of_value(_decode(line), number, line)
    except msgspec.DecodeError as error:
        fault = InvalidInputError(f"this is no JSON: {error}", hint="correct the line")
        return SourceRecord(
            fields={}, position=str(number), raw=line.decode("utf-8", "replace")[:MAX_RAW], fault=fault
        )


def _of_value(value: Any, number: int, raw: bytes | None = None) -> SourceRecord:
    text = (msgspec.json.encode(value) if raw is None else raw).decode("utf-8", "replace")[:MAX_RAW]
    if not isinstance(value, dict):
        fault = InvalidInputError("this is no object", hint="a record has names and values")
        return SourceRecord(fields={}, position=str(number), raw=text, fault=fault)
    return SourceRecord(fields=value, position=str(number), raw=text)
