"""Rows of the item table and values of the domain: one column list both ways, whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import asyncpg
import msgspec

from openiwd.domain.event import LoggedEvent
from openiwd.domain.requirement import NO_REQUIREMENT, Requirement
from openiwd.domain.work_item import DueOrigin, Exclusion, Status, WorkItem

ITEM_FIELDS: Final = WorkItem.__struct_fields__
"""The table's columns, in the order of the struct; the table has `submission_hash` beside them."""

_TYPES: Final = {
    "number": "bigint",
    "id": "uuid",
    "contact_id": "uuid",
    "assignment_id": "uuid",
    "offer_id": "uuid",
    "revision": "int",
    "business_value": "int",
    "priority_fixed": "int",
    "priority_adjustment": "int",
    "declines": "int",
    "rule_set_version": "int",
    "clock_origin": "bigint",
    "clock_frozen": "bigint",
    "hold_pauses": "boolean",
    "tags": "text[]",
    **dict.fromkeys(
        ("contact", "ext", "data", "overridden", "pauses", "requirement", "excluded", "attached_data"),
        "jsonb",
    ),
    **{name: "timestamptz" for name in ITEM_FIELDS if name.endswith("_at")},
    "hold_until": "timestamptz",
    "reserved_until": "timestamptz",
}

_encoder: Final = msgspec.json.Encoder()

LATER: Final = frozenset({
    "reopened_at", "pauses", "clock_frozen", "assigned_at", "completed_at", "held_at", "hold_reason",
    "hold_until", "hold_wakes_on", "hold_pauses", "keep_for", "assigned_to", "assignment_id", "reserved_for",
    "reserved_until", "reserved_by", "offer_id", "offered_to", "offered_at", "offer_expires_at", "excluded",
    "declines", "last_agent", "routed_to",
})  # fmt: skip
"""What an item hardly ever has when it arrives; the table has defaults for these."""

FIXED: Final = frozenset({"number", "id", "capture_point", "capture_id", "media_type", "received_at"})
"""Never changed after the insert."""


def column_type(name: str) -> str:
    return _TYPES.get(name, "text")


def columns(table: str = "") -> str:
    """The select list that `item_of` reads."""
    return ", ".join(f"{table}.{name}" if table else name for name in ITEM_FIELDS)


def record_type(names: Iterable[str]) -> str:
    """Column definitions for `json_to_recordset`."""
    return ", ".join(f"{name} {column_type(name)}" for name in names)


INSERT_COLUMNS: Final = ITEM_FIELDS[1:]
ARRIVAL_COLUMNS: Final = tuple(name for name in INSERT_COLUMNS if name not in LATER)
UPDATE_COLUMNS: Final = tuple(name for name in ITEM_FIELDS if name not in FIXED)


# Out: domain -> rows. Many rows travel as one JSON text: measured, a driver array per column costs five times
# as much in this process and the same in the server.

_arrived: Final = attrgetter(*sorted(LATER))


def all_arriving(items: Iterable[WorkItem]) -> bool:
    """Whether no item has anything of LATER yet."""
    return not any(any(_arrived(item)) for item in items)


def json_rows(values: Sequence[Any]) -> str:
    """Values of structs or mappings, named like columns, as the text that `json_to_recordset` reads."""
    return json_text(values)


def json_text(value: Any) -> str:
    return _encoder.encode(value).decode()


# In: records -> domain

_decode: Final = msgspec.json.Decoder().decode
_STATUS: Final = {str(status): status for status in Status}
_DUE_ORIGIN: Final = {str(origin): origin for origin in DueOrigin}


def item_of(record: asyncpg.Record) -> WorkItem:
    """The item of a row selected with `columns()` first."""
    values: dict[str, Any] = dict(zip(ITEM_FIELDS, record, strict=False))
    values["status"] = _STATUS[values["status"]]
    if (origin := values["due_origin"]) is not None:
        values["due_origin"] = _DUE_ORIGIN[origin]
    requirement = values["requirement"]
    values["requirement"] = msgspec.convert(requirement, Requirement) if requirement else NO_REQUIREMENT
    if pauses := values["pauses"]:
        values["pauses"] = msgspec.convert(pauses, list[tuple[datetime, datetime]])
    if excluded := values["excluded"]:
        values["excluded"] = msgspec.convert(excluded, list[Exclusion])
    return WorkItem(**values)


def items_of(records: Iterable[asyncpg.Record]) -> list[WorkItem]:
    return [item_of(record) for record in records]


def event_of(record: asyncpg.Record) -> LoggedEvent:
    """The event of a row of one of the queries of events, whose columns are named like its fields, in their order."""
    generation, pos, kind, at, actor, item_id, number, revision, subject_id, body, personal = record
    return LoggedEvent(
        generation=generation,
        pos=pos,
        type=kind,
        at=at,
        actor=actor,
        item_id=item_id,
        item_number=number,
        revision=revision,
        subject_id=subject_id,
        body=_decode(body),
        personal=None if personal is None else _decode(personal),
    )


def sort_key(item: WorkItem) -> tuple[str, str]:
    """The order in which items are inserted, so that two inserts of the same captureIds never deadlock."""
    return (item.capture_point, item.capture_id)


def containing(text: str | None) -> str | None:
    """The LIKE pattern of what holds this text."""
    if text is None:
        return None
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
