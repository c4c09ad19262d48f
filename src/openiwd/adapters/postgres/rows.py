"""Rows of the item table and values of the domain: one column list both ways, whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec
from msgspec.structs import astuple

from openiwd.domain.event import Event, LoggedEvent
from openiwd.domain.requirement import NO_REQUIREMENT, Requirement
from openiwd.domain.work_item import DueOrigin, Exclusion, Status, WorkItem

ITEM_FIELDS: Final = WorkItem.__struct_fields__
"""The table's columns, in its order: `number`, those of the item, and `submission_hash` at the end."""

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
    "submission_hash": "bytea",
    **dict.fromkeys(
        ("contact", "ext", "data", "overridden", "pauses", "requirement", "excluded", "attached_data"),
        "jsonb",
    ),
    **{name: "timestamptz" for name in ITEM_FIELDS if name.endswith("_at")},
    "hold_until": "timestamptz",
    "reserved_until": "timestamptz",
}

LATER: Final = frozenset({
    "reopened_at", "pauses", "clock_frozen", "assigned_at", "completed_at", "held_at", "hold_reason",
    "hold_until", "hold_wakes_on", "hold_pauses", "keep_for", "assigned_to", "assignment_id", "reserved_for",
    "reserved_until", "reserved_by", "offer_id", "offered_to", "offered_at", "offer_expires_at", "excluded",
    "declines", "last_agent",
})  # fmt: skip
"""What an item hardly ever has when it arrives; the table has defaults for these."""

FIXED: Final = frozenset({"number", "id", "capture_point", "capture_id", "media_type", "received_at"})
"""Never changed after the insert."""


def column_type(name: str) -> str:
    return _TYPES.get(name, "text")


def columns(table: str = "") -> str:
    """The select list that `item_of` reads."""
    return ", ".join(f"{table}.{name}" if table else name for name in ITEM_FIELDS)


def parameters(names: Iterable[str], first: int = 1) -> str:
    """Array parameters for `unnest`, one per column."""
    return ", ".join(f"${n}::{column_type(name)}[]" for n, name in enumerate(names, first))


def unnested(name: str) -> str:
    """A column of the unnested parameters `u`. Tags travel as text: nested arrays unnest to the bottom."""
    return f"u.{name}::text[]" if name == "tags" else f"u.{name}"


INSERT_COLUMNS: Final = (*ITEM_FIELDS[1:], "submission_hash")
ARRIVAL_COLUMNS: Final = tuple(name for name in INSERT_COLUMNS if name not in LATER)
UPDATE_COLUMNS: Final = tuple(name for name in ITEM_FIELDS if name not in FIXED)


# Out: domain -> columns


_NO_TAGS: Final = "{}"
_EMPTY_LIST: Final = msgspec.Raw(b"[]")


def text_array(values: list[str]) -> str:
    """A text[] literal."""
    if not values:
        return _NO_TAGS
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(quoted) + '"}'


def json_list(values: Sequence[Any]) -> msgspec.Raw:
    """A list as one JSON value: the driver would take a plain one for another dimension of the parameter."""
    return msgspec.Raw(msgspec.json.encode(values)) if values else _EMPTY_LIST


def item_columns(items: Sequence[WorkItem]) -> dict[str, Sequence[Any]]:
    """Values of all fields, column by column, as the driver takes them."""
    transposed = zip(*map(astuple, items), strict=True)
    by_name: dict[str, Sequence[Any]] = dict(zip(ITEM_FIELDS, transposed, strict=True))
    by_name["tags"] = [text_array(tags) for tags in by_name["tags"]]
    return by_name


def all_arriving(by_name: dict[str, Sequence[Any]]) -> bool:
    """Whether no item has anything of LATER yet."""
    return not any(any(by_name[name]) for name in LATER)


def with_json_lists(by_name: dict[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The columns that hold lists made ready for the driver."""
    for name in ("pauses", "excluded"):
        by_name[name] = [json_list(values) for values in by_name[name]]
    return by_name


# In: records -> domain

_STATUS: Final = {str(status): status for status in Status}
_DUE_ORIGIN: Final = {str(origin): origin for origin in DueOrigin}


def item_of(record: asyncpg.Record) -> WorkItem:
    """The item of a row selected with `columns()`."""
    values: dict[str, Any] = dict(record.items())
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


def event_columns(events: Sequence[Event]) -> list[Sequence[Any]]:
    """Values of events, column by column, in the order of `append_events`."""
    return [
        [e.at for e in events],
        [e.type for e in events],
        [e.actor for e in events],
        [e.item_id for e in events],
        [e.item_number for e in events],
        [e.revision for e in events],
        [e.subject_id for e in events],
        [e.body for e in events],
        [e.personal for e in events],
    ]


def event_of(record: asyncpg.Record) -> LoggedEvent:
    return LoggedEvent(**dict(record.items()))


def sort_key(item: WorkItem) -> tuple[str, str]:
    """The order in which items are inserted, so that two inserts of the same captureIds never deadlock."""
    return (item.capture_point, item.capture_id)
