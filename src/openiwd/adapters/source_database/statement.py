"""Statements with named parameters, rows as records, what answers and notifications fill in. Runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from openiwd.domain.capture.answer import Answer, Notification
from openiwd.domain.capture.place import place_key
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.capture import MAX_RAW, SourceRecord

ROW: Final = "row_"
"""`:row_<column>` is the row's own value."""
STREAM: Final = "rows"
EXACT_DIGITS: Final = 15
_MARKS: Final = ("'", "x'")
"""A text that begins so in a key of mixed types could be taken for another value's mark."""


class NotText(bytes):
    """What stands in a column of texts and is none."""


class Row(NamedTuple):
    """A row as it came; `key` as a statement gets it, None where a part of it is NULL."""

    values: Mapping[str, Any]
    key: str | None


class Statement:
    """A statement and the names of its parameters."""

    def __init__(self, sql: str) -> None:
        self.clause: TextClause = text(sql)
        self.names: frozenset[str] = frozenset(self.clause.compile().params)

    def values(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Those that it asks for; what is not known is NULL."""
        return {name: known.get(name) for name in self.names}


ANSWERED: Final = frozenset(
    {
        "key",
        "outcome",
        "itemId",
        "captureId",
        "status",
        "revision",
        "categoryPath",
        "queue",
        "errorCode",
        "error",
        "errorField",
    }
)
NOTIFIED: Final = frozenset({f.encode_name for f in msgspec.structs.fields(Notification)} | {"itemId"})


def check_names(statement: Statement, known: frozenset[str], field: str, *, rows: bool) -> None:
    """InvalidInputError for a parameter that nothing fills."""
    for name in sorted(statement.names - known):
        if not (rows and name.startswith(ROW)):
            more = f" and :{ROW}<column>" if rows else ""
            raise InvalidInputError(
                f"nothing fills the parameter :{name}",
                field=field,
                hint=f"use :{', :'.join(sorted(known))}{more}",
                code="unknownParameter",
            )


def records_of(
    rows: Sequence[Mapping[str, Any]], key_columns: Sequence[str], *, mixed: bool = False
) -> list[SourceRecord]:
    """Rows as records. Two that differ and have one key would be taken for one: the second is refused, and told so."""
    records: list[SourceRecord] = []
    seen: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        record = record_of(row, key_columns, mixed=mixed)
        if seen.setdefault(record.key or "", row) != row:
            record.fault = InvalidInputError(
                f"another row has the key {record.position.removeprefix('row ')} too",
                field="source.keyColumns",
                hint="name key columns that no two rows have alike",
                code="keyTwice",
            )
            record.key = _key_of_all(row)
        records.append(record)
    return records


def record_of(row: Mapping[str, Any], key_columns: Sequence[str], *, mixed: bool = False) -> SourceRecord:
    """A row as a record; its key by the key columns, however their names are written. NULL says nothing, and is no key.

    `mixed`: a column may hold numbers and texts, so that 1 and '1' are two keys.
    """
    folded = {name.casefold(): name for name in row}
    missing = [c for c in key_columns if c.casefold() not in folded]
    if missing:
        raise InvalidInputError(
            f"the capture query gives no column '{missing[0]}'",
            field="source.keyColumns",
            hint=f"its columns are {', '.join(row)[:300]}",
            code="unknownColumn",
        )
    names = [folded[c.casefold()] for c in key_columns]
    parts = [row[name] for name in names]
    empty = next((name for name, part in zip(names, parts, strict=True) if part is None), None)
    fields, raw, fault = _fields_of(row)
    if empty is not None:
        shown = "|".join("NULL" if part is None else str(plain(part)) for part in parts)
        key, told = _key_of_all(row), None
        fault = InvalidInputError(
            f"the key column '{empty}' is empty (NULL)",
            field=empty,
            hint="fill it in the source, leave such rows out of the capture query (WHERE … IS NOT NULL), "
            "or name other key columns",
            code="noKey",
        )
    else:
        shown = told = place_key([str(plain(part)) for part in parts])
        key = place_key([_key_part(part, mixed=mixed) for part in parts])
    return SourceRecord(
        fields=fields,
        stream=STREAM,
        key=key,
        position=f"row {shown}",
        raw=raw[:MAX_RAW],
        fault=fault,
        context=Row(row, told),
    )


def _fields_of(row: Mapping[str, Any]) -> tuple[dict[str, Any], str, InvalidInputError | None]:
    """What a row says, the same as text, and why it cannot be read where it cannot."""
    fault = None
    for name, value in row.items():
        if isinstance(value, NotText):
            fault = InvalidInputError(
                f"the text in the column '{name}' is not UTF-8",
                field=name,
                hint="correct it in the source, or leave the column out of the capture query",
                code="invalidText",
            )
    try:
        fields = {name: plain(value) for name, value in row.items() if value is not None}
        return fields, msgspec.json.encode(fields).decode(), fault
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        fault = InvalidInputError(f"the record cannot be read: {error}", hint="correct it in the source")
        return {}, "", fault


def _key_of_all(row: Mapping[str, Any]) -> str:
    """Names a row that has no key of its own by all that it says, so that it is told once."""
    said = "\x1f".join(f"{name}={value!r}" for name, value in row.items())
    return f"no key, sha256:{sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _key_part(value: Any, *, mixed: bool) -> str:
    """Values that differ have texts that do: bytes are marked; where types are mixed, texts that look like others."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"x'{bytes(value).hex()}"
    if mixed and isinstance(value, str) and (value.startswith(_MARKS) or _is_number(value)):
        return f"'{value}"
    return str(plain(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def plain(value: Any) -> Any:
    """A driver's value as JSON has it; dates and texts as they are."""
    match value:
        case None | bool() | int() | float() | str() | datetime() | date():
            return value
        case Decimal():
            if not value.is_finite() or len(value.as_tuple().digits) > EXACT_DIGITS:
                return str(value)
            return int(value) if value == value.to_integral_value() else float(value)
        case time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            content = bytes(value)
            try:
                return content.decode()
            except UnicodeDecodeError:
                return base64.b64encode(content).decode()
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return str(value)


def answer_values(record: SourceRecord, answer: Answer) -> dict[str, Any]:
    """What an update query can ask for."""
    row, key = record.context or Row({}, record.key)
    error = answer.error
    return {
        **{f"{ROW}{name}": value for name, value in row.items()},
        **{f"{ROW}{name.casefold()}": value for name, value in row.items()},
        "key": key,
        "outcome": answer.outcome.value,
        "itemId": None if answer.id is None else str(answer.id),
        "captureId": answer.capture_id,
        "status": answer.status,
        "revision": answer.revision,
        "categoryPath": answer.category_path,
        "queue": answer.queue,
        "errorCode": error.code if error else None,
        "error": error.message if error else None,
        "errorField": error.field if error else None,
    }


def notification_values(told: Notification, *, texts: bool) -> dict[str, Any]:
    """What a hook can ask for; `texts`: instants as text, for a database that has no type for them."""
    values = {f.encode_name: getattr(told, f.name) for f in msgspec.structs.fields(Notification)}
    return {
        **values,
        "notification": told.notification.value,
        "at": told.at.isoformat() if texts else told.at,
        "id": str(told.id),
        "itemId": str(told.id),
    }
