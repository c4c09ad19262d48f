"""Statements with named parameters, rows as records, what answers and notifications fill in. Runs nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
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


def record_of(row: Mapping[str, Any], key_columns: Sequence[str]) -> SourceRecord:
    """A row as a record; its key by the key columns, however their names are written. NULL says nothing."""
    fields = {name: plain(value) for name, value in row.items() if value is not None}
    folded = {name.casefold(): name for name in row}
    missing = [c for c in key_columns if c.casefold() not in folded]
    if missing:
        raise InvalidInputError(
            f"the capture query gives no column '{missing[0]}'",
            field="source.keyColumns",
            hint=f"its columns are {', '.join(row)[:300]}",
            code="unknownColumn",
        )
    key = place_key([str(plain(row[folded[c.casefold()]])) for c in key_columns])
    raw = msgspec.json.encode(fields).decode()
    return SourceRecord(
        fields=fields,
        stream=STREAM,
        key=key,
        position=f"row {key}",
        raw=raw[:MAX_RAW],
        context=row,
    )


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
        case dict() | list():
            return value
        case _:
            return str(value)


def answer_values(record: SourceRecord, answer: Answer) -> dict[str, Any]:
    """What an update query can ask for."""
    row: Mapping[str, Any] = record.context or {}
    error = answer.error
    return {
        **{f"{ROW}{name}": value for name, value in row.items()},
        **{f"{ROW}{name.casefold()}": value for name, value in row.items()},
        "key": record.key,
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
