"""Lookup tables: key → values, read by rules. Live at once; filled from CSV with dry run and diff."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from openiwd.domain.attribute import AttributeType
from openiwd.domain.errors import InvalidInputError, NotFoundError, TooLargeError
from openiwd.domain.rule_set_reference import Referred
from openiwd.ports.tenant_store import Reading
from openiwd.usecases.configuration import Editor
from openiwd.usecases.csv_table import CsvTable, read_csv, write_csv
from openiwd.usecases.live_object import ObjectId, ObjectName, check_id, rule_set_uses
from openiwd.usecases.rule_set_object import in_use

KIND: Final = "lookup_table"
MAX_ROWS: Final = 100_000
SHOWN: Final = 1_000
Values = dict[str, Any]


class LookupTable(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A table as stored. Rules read `rows[key][column]`."""

    id: ObjectId
    name: ObjectName
    description: Annotated[str, Meta(max_length=2_000)] = ""
    key_name: str = "key"
    """What the keys are called; the head of the first column in CSV."""
    types: dict[str, AttributeType] = {}
    """Types of columns; text where none is named. CSV cells are read by them."""
    rows: dict[str, Values] = {}


class LookupTableInfo(Struct, kw_only=True, rename="camel"):
    """A table without its rows."""

    id: str
    name: str
    description: str
    key_name: str
    columns: list[str]
    row_count: int
    revision: int


class RowDifference(Struct, kw_only=True, omit_defaults=True):
    key: str
    change: str
    """added, removed or changed."""
    before: Values | None = None
    after: Values | None = None


class LookupImport(Struct, kw_only=True, rename="camel"):
    """What an import changes, or has changed; at most 1,000 differences are told."""

    table: str
    dry_run: bool
    added: int
    changed: int
    removed: int
    unchanged: int
    differences: list[RowDifference]
    revision: int


async def tables(editor: Editor) -> list[LookupTableInfo]:
    """All tables, without their rows."""
    editor.caller.require("lookupTables.view")
    async with editor.services.runtime.store.reading() as reading:
        found = [_read(raw) for raw in await reading.objects(KIND)]
    return [
        LookupTableInfo(
            id=t.id,
            name=t.name,
            description=t.description,
            key_name=t.key_name,
            columns=columns_of(t),
            row_count=len(t.rows),
            revision=revision,
        )
        for t, revision in found
    ]


def columns_of(table: LookupTable) -> list[str]:
    """The columns of all rows, in the order of their first use."""
    return list(dict.fromkeys(c for row in table.rows.values() for c in row))


def _read(raw: dict[str, Any]) -> tuple[LookupTable, int]:
    values = {k: v for k, v in raw.items() if k != "revision"}
    return msgspec.convert(values, LookupTable), raw["revision"]


async def _find(reading: Reading, table_id: str) -> tuple[LookupTable, int] | None:
    return next((_read(raw) for raw in await reading.objects(KIND) if raw["id"] == table_id), None)


async def get(editor: Editor, table_id: str) -> tuple[LookupTable, int]:
    """A table with its rows, and its revision."""
    editor.caller.require("lookupTables.view")
    async with editor.services.runtime.store.reading() as reading:
        found = await _find(reading, table_id)
    if found is None:
        raise _missing(table_id)
    return found


def _missing(table_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no lookup table '{table_id[:80]}'", field="id", hint="see the list of tables"
    )


async def put(
    editor: Editor, table: LookupTable, revision: int | None, *, dry_run: bool = False
) -> tuple[LookupImport, bool]:
    """Creates or replaces a table; what it changed, and whether it is new."""
    editor.caller.require("lookupTables.update")
    check_id(table.id)
    if len(table.rows) > MAX_ROWS:
        raise TooLargeError(f"the table has more than {MAX_ROWS} rows", field="rows", hint="divide it")
    _check_cells(table)
    async with editor.services.runtime.store.writing() as tx:
        found = await _find(tx, table.id)
        before, stored = found if found is not None else (None, 0)
        if not dry_run and table != before:
            stored = await tx.save_object(KIND, msgspec.to_builtins(table), revision=revision)
            await editor.tell(tx, KIND, table.id, "created" if before is None else "updated", stored)
    told = _told(table, before.rows if before else {}, stored, dry_run=dry_run)
    if not dry_run and table != before:
        editor.committed()
        shown = [msgspec.to_builtins(d) for d in told.differences[:200]]
        await editor.note("created" if before is None else "updated", "lookup table", table.id, rows=shown)
    return told, before is None


def _check_cells(table: LookupTable) -> None:
    faults = [
        {
            "field": f"rows.{key}.{column}",
            "message": f"this is not {type_.value}",
            "hint": "correct the value",
        }
        for column, type_ in table.types.items()
        for key, row in table.rows.items()
        if row.get(column) is not None and not _has_type(row[column], type_)
    ]
    if faults:
        raise InvalidInputError(
            str(faults[0]["message"]), field=faults[0]["field"], hint=faults[0]["hint"], errors=faults[:100]
        )


def _has_type(value: Any, type_: AttributeType) -> bool:
    match type_:
        case AttributeType.INTEGER:
            return type(value) is int
        case AttributeType.DECIMAL:
            return type(value) in (int, float)
        case AttributeType.BOOLEAN:
            return type(value) is bool
        case AttributeType.LIST:
            return type(value) is list
        case AttributeType.STRING | AttributeType.DATE:
            return type(value) is str


def _told(table: LookupTable, before: dict[str, Values], revision: int, *, dry_run: bool) -> LookupImport:
    added = [RowDifference(key=k, change="added", after=v) for k, v in table.rows.items() if k not in before]
    removed = [
        RowDifference(key=k, change="removed", before=v) for k, v in before.items() if k not in table.rows
    ]
    changed = [
        RowDifference(key=k, change="changed", before=before[k], after=v)
        for k, v in table.rows.items()
        if k in before and before[k] != v
    ]
    return LookupImport(
        table=table.id,
        dry_run=dry_run,
        added=len(added),
        changed=len(changed),
        removed=len(removed),
        unchanged=len(table.rows) - len(added) - len(changed),
        differences=[*added, *changed, *removed][:SHOWN],
        revision=revision,
    )


async def import_csv(
    editor: Editor, table_id: str, content: bytes, revision: int | None, *, dry_run: bool, replace: bool
) -> LookupImport:
    """Fills a table from CSV: the first column is the key. Without `replace`, rows that the file lacks stay."""
    editor.caller.require("lookupTables.update")
    read = read_csv(content)
    async with editor.services.runtime.store.reading() as reading:
        found = await _find(reading, table_id)
    present = (
        found[0] if found is not None else LookupTable(id=table_id, name=table_id, key_name=read.columns[0])
    )
    rows = _rows(read, present.types)
    table = msgspec.structs.replace(
        present, key_name=read.columns[0], rows=rows if replace else {**present.rows, **rows}
    )
    expected = revision if revision is not None or found is None else found[1]
    told, _ = await put(editor, table, expected, dry_run=dry_run)
    return told


def _rows(read: CsvTable, types: dict[str, AttributeType]) -> dict[str, Values]:
    if len(read.columns) < 2:
        raise InvalidInputError(
            "the file has a key and no values", field="line 1", hint="name at least two columns"
        )
    key_name, *columns = read.columns
    rows: dict[str, Values] = {}
    faults: list[dict[str, Any]] = []
    for line, cells in read.rows:
        key = cells[key_name]
        if not key or key in rows:
            what = f"the key '{key[:80]}' comes twice" if key else "the key is empty"
            faults.append(
                {"field": f"line {line}", "message": what, "hint": "give every row a key of its own"}
            )
            continue
        row: Values = {}
        for column in columns:
            if cells[column] == "":
                continue
            try:
                row[column] = cell_value(cells[column], types.get(column, AttributeType.STRING))
            except ValueError:
                message = f"'{cells[column][:80]}' is not {types[column].value}"
                faults.append(
                    {"field": f"line {line}.{column}", "message": message, "hint": "correct the cell"}
                )
        rows[key] = row
    if faults:
        raise InvalidInputError(
            faults[0]["message"], field=faults[0]["field"], hint=faults[0]["hint"], errors=faults[:100]
        )
    return rows


def cell_value(text: str, type_: AttributeType) -> Any:
    """A cell as a value of its column's type; ValueError when it is none."""
    match type_:
        case AttributeType.INTEGER:
            return int(text)
        case AttributeType.DECIMAL:
            value = float(text.replace(",", "."))
            if not math.isfinite(value):
                raise ValueError(text)
            return value
        case AttributeType.BOOLEAN:
            if text.lower() not in _BOOLEANS:
                raise ValueError(text)
            return _BOOLEANS[text.lower()]
        case AttributeType.LIST:
            return [part.strip() for part in text.split("|") if part.strip()]
        case AttributeType.STRING | AttributeType.DATE:
            return text


_BOOLEANS: Final = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def cell_text(value: Any) -> str:
    """A value as the cell that `cell_value` reads back."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return "|".join(str(v) for v in value)
        case _:
            return str(value)


async def export_csv(editor: Editor, table_id: str) -> bytes:
    """A table as CSV: importing it changes nothing, as long as its columns have the types they have now."""
    table, _ = await get(editor, table_id)
    columns = columns_of(table)
    return write_csv(
        [table.key_name, *columns],
        ([key, *(cell_text(row.get(c)) for c in columns)] for key, row in table.rows.items()),
    )


async def delete(editor: Editor, table_id: str) -> None:
    """Removes a table that no rule reads."""
    editor.caller.require("lookupTables.update")
    faults = await rule_set_uses(editor, Referred.LOOKUP_TABLE, table_id)
    if faults:
        raise in_use("lookup table", table_id, faults)
    async with editor.services.runtime.store.writing() as tx:
        if not await tx.delete_object(KIND, table_id):
            raise _missing(table_id)
        await editor.tell(tx, KIND, table_id, "deleted")
    editor.committed()
    await editor.note("deleted", "lookup table", table_id)
