"""Reads a table of updates (CSV, also gzipped) through its mapping, row by row."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from openiwd.adapters.event_log_file.mapping import Due, TableMapping, columns_of, zone_of
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import parse_duration, to_micros
from openiwd.domain.replay.plan import category_name, iso
from openiwd.domain.replay.row_log import Phase, Row

UNCATEGORISED = "(uncategorised)"


def read_rows(path: Path, mapping: TableMapping) -> Iterator[Row]:
    """The rows of a table in the file's order; what is wrong in a row is named with its line."""
    try:
        with _open(path, mapping.encoding) as file:
            yield from _rows(file, mapping)
    except (OSError, EOFError, UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InvalidInputError(f"The table cannot be read: {error}", field=str(path)) from error


def _open(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _rows(file: TextIO, mapping: TableMapping) -> Iterator[Row]:
    reader = csv.DictReader(file, delimiter=mapping.delimiter)
    missing = columns_of(mapping) - set(reader.fieldnames or ())
    if missing:
        raise InvalidInputError(
            f"The table has no column {', '.join(sorted(missing))}", hint="check the mapping file"
        )
    unknown = set(mapping.unknown)
    zone = zone_of(mapping)
    for order, columns in enumerate(reader, 1):
        known = {name: text for name, text in columns.items() if text is not None and text not in unknown}
        try:
            yield _row(known, order, mapping, zone)
        except ValueError as error:
            raise InvalidInputError(f"Row {order}: {error}", field=f"row {order}") from error


def _row(known: dict[str, str], order: int, mapping: TableMapping, zone: ZoneInfo) -> Row:
    for column in (mapping.item, mapping.at):
        if column not in known:
            raise ValueError(f"column {column} is empty")
    at = _milliseconds(known[mapping.at], mapping.instants, zone)
    state = known.get(mapping.state.column, "")
    phase = Phase.OPEN
    if state in mapping.state.completed:
        phase = Phase.COMPLETED
    elif state in mapping.state.held:
        phase = Phase.HELD
    category = category_name(known.get(mapping.category or "", UNCATEGORISED))
    sla = mapping.within_sla
    return Row(
        item=known[mapping.item],
        at=at,
        order=order,
        phase=phase,
        category=category,
        agent=known.get(mapping.agent or ""),
        hold_reason=mapping.state.held.get(state),
        reopens=int(known.get(mapping.reopens or "", "0")),
        within_sla=known[sla.column] in sla.met if sla and sla.column in known else None,
        fields=_fields(known, at, category, mapping, zone),
    )


def _fields(
    known: dict[str, str], at: int, category: str, mapping: TableMapping, zone: ZoneInfo
) -> dict[str, Any]:
    created = at
    if mapping.created and mapping.created in known:
        # an item cannot be created after the first that is known of it
        created = min(at, _milliseconds(known[mapping.created], mapping.instants, zone))
    fields: dict[str, Any] = {
        "captureId": known[mapping.item],
        "category": category,
        "subject": known.get(mapping.subject or "", known[mapping.item]),
        "createdDateTime": iso(created),
    }
    if mapping.business_value:
        parts = mapping.business_value
        fields["businessValue"] = sum(
            part.values.get(known.get(part.column, ""), part.otherwise) for part in parts
        )
    if mapping.due and (after := _due_after(mapping.due, known)):
        fields["dueDateTime"] = iso(created + parse_duration(after) // 1000)
    for group, columns in (("ext", mapping.ext), ("data", mapping.data)):
        values = {name: known[column] for name, column in columns.items() if column in known}
        if values:
            fields[group] = values
    return fields


def _due_after(due: Due, known: dict[str, str]) -> str | None:
    return due.after.get(known.get(due.column or "", ""), due.otherwise)


@cache
def _milliseconds(text: str, pattern: str, zone: ZoneInfo) -> int:
    instant = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
    return to_micros(instant if instant.tzinfo else instant.replace(tzinfo=zone)) // 1000
