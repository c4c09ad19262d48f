"""Lookup tables, as JSON and from CSV."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.api.decoding import decode
from openiwd.api.editing import CSV, LARGE, CurrentEditor, DryRun, etag
from openiwd.usecases import lookup_table
from openiwd.usecases.lookup_table import LookupImport, LookupTable, LookupTableInfo
from openiwd.usecases.rule_set_object import body_named

_TAGS: Final = ["configuration"]


class LookupTables(Struct, rename="camel"):
    lookup_tables: list[LookupTableInfo]


@get("/lookup-tables", tags=_TAGS, operation_id="listLookupTables")
async def list_tables(editor: CurrentEditor) -> LookupTables:
    """All lookup tables, without their rows."""
    return LookupTables(await lookup_table.tables(editor))


@get("/lookup-tables/{table_id:str}", tags=_TAGS, operation_id="getLookupTable")
async def get_table(editor: CurrentEditor, table_id: FromPath[str]) -> Response[LookupTable]:
    """A lookup table with its rows."""
    found, revision = await lookup_table.get(editor, table_id)
    return Response(found, headers=etag(revision))


@put("/lookup-tables/{table_id:str}", tags=_TAGS, operation_id="putLookupTable", request_max_body_size=LARGE)
async def put_table(
    call: CurrentCall,
    editor: CurrentEditor,
    table_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    dry_run: DryRun = False,
) -> Response[LookupImport]:
    """Creates or replaces a table, rows and all; rules read it at once. Tells which rows differ."""
    table: LookupTable = decode(msgspec.json.encode(body_named(data, "id", table_id)), LookupTable)
    told, created = await lookup_table.put(editor, table, call.if_match, dry_run=dry_run)
    status = 201 if created and not dry_run else 200
    return Response(told, status_code=status, headers=etag(told.revision))


@post(
    "/lookup-tables/{table_id:str}/import",
    tags=_TAGS,
    operation_id="importLookupTable",
    status_code=200,
    request_max_body_size=LARGE,
)
async def import_table(
    call: CurrentCall,
    editor: CurrentEditor,
    table_id: FromPath[str],
    request: Request[Any, Any, Any],
    dry_run: DryRun = False,
    replace: Annotated[
        bool, QueryParameter(name="replace", description="Rows that the file lacks are removed.")
    ] = True,
) -> Response[LookupImport]:
    """Fills a table from CSV: the first column is the key, empty cells give no value. Creates the table if need be.

    Cells are read by the table's `types` (text where none is named): all rows or none, every fault with its line.
    """
    told = await lookup_table.import_csv(
        editor, table_id, await request.body(), call.if_match, dry_run=dry_run, replace=replace
    )
    return Response(told, headers=etag(told.revision))


@get("/lookup-tables/{table_id:str}/export", tags=_TAGS, operation_id="exportLookupTable")
async def export_table(editor: CurrentEditor, table_id: FromPath[str]) -> Response[bytes]:
    """The table as CSV, its key first: importing the file changes nothing."""
    return Response(await lookup_table.export_csv(editor, table_id), media_type=CSV)


@delete("/lookup-tables/{table_id:str}", tags=_TAGS, operation_id="deleteLookupTable", status_code=204)
async def delete_table(editor: CurrentEditor, table_id: FromPath[str]) -> None:
    """Removes a table; 409 `inUse` while a rule reads it."""
    await lookup_table.delete(editor, table_id)


HANDLERS: Final[list[Any]] = [list_tables, get_table, put_table, import_table, export_table, delete_table]
