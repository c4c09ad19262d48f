"""Lookup tables: what rules look up, row by row; live at once."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from openiwd.domain.attribute import AttributeType
from openiwd.domain.errors import DuplicateError, InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.rule_set_reference import Referred
from openiwd.usecases import lookup_table
from openiwd.usecases.live_object import rule_set_uses
from openiwd.usecases.lookup_table import LookupTable, cell_text, cell_value, columns_of
from openiwd.web.configuration.navigation import show
from openiwd.web.people.agent_list_page import csv_file
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.listing import part_of
from openiwd.web.shell.said import said
from openiwd.web.shell.sent import Sent, require, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/lookup-tables"
NEW_ROW: Final = ""


class TableLine(NamedTuple):
    id: str
    name: str
    description: str
    columns: str
    rows: int
    href: str


class RowLine(NamedTuple):
    key: str
    cells: list[str]
    edit_href: str


def href_of(table_id: str) -> str:
    return f"{PATH}/{quote(table_id, safe='')}"


def all_columns(table: LookupTable) -> list[str]:
    """Of the rows, and those that so far have a type only."""
    return list(dict.fromkeys([*columns_of(table), *table.types]))


@get(PATH)
async def tables_page(visit: CurrentVisit) -> Response[Any]:
    """All tables."""
    found = sorted(await lookup_table.tables(editor_of(visit)), key=lambda t: t.name.casefold())
    lines = [
        TableLine(
            t.id, t.name, t.description, ", ".join([t.key_name, *t.columns]), t.row_count, href_of(t.id)
        )
        for t in found
    ]
    return show(
        visit,
        "people/lookup_tables.html",
        "lookup_tables",
        lines=lines,
        can_edit=visit.caller.may("lookupTables.update"),
    )


@get(f"{PATH}/{{table_id:str}}")
async def table_page(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """One table with its rows."""
    table, _ = await lookup_table.get(editor_of(visit), table_id)
    query = visit.request.query_params
    q = query.get("q", "").strip()
    columns = all_columns(table)
    rows = [(key, [cell_text(row.get(c)) for c in columns]) for key, row in table.rows.items()]
    if q:
        rows = [r for r in rows if q.casefold() in "\n".join([r[0], *r[1]]).casefold()]
    part, pager = part_of(rows, query.get("page"), href_of(table_id), {"q": q}, visit.t)
    return show(
        visit,
        "people/lookup_table.html",
        "lookup_tables",
        table=table,
        href=href_of(table_id),
        columns=columns,
        types={
            c: visit.t.named("lookup_type", table.types.get(c, AttributeType.STRING).value) for c in columns
        },
        rows=[
            RowLine(key, cells, f"{href_of(table_id)}/row?key={quote(key, safe='')}") for key, cells in part
        ],
        q=q,
        pager=pager,
        can_edit=visit.caller.may("lookupTables.update"),
    )


@get(f"{PATH}/{{table_id:str}}/export.csv")
async def table_export(visit: CurrentVisit, table_id: FromPath[str]) -> Response[bytes]:
    """The table as the import reads it."""
    return csv_file(await lookup_table.export_csv(editor_of(visit), table_id), f"lookup-{quote(table_id)}")


# The table itself ---------------------------------------------------------------------------------


def _table_form(visit: Visit, table: LookupTable | None) -> Form:
    t = visit.t
    types = [(a.value, t.named("lookup_type", a.value)) for a in AttributeType]
    fields = [Field("name", t("people.name"), value=table.name if table else "", required=True)]
    if table is None:
        fields.append(Field("id", t("people.id"), required=True, hint=t("named.id_hint")))
    fields += [
        Field("description", t("named.description"), "textarea", value=table.description if table else ""),
        Field("keyName", t("lookup.key_name"), value=table.key_name if table else "key", required=True),
    ]
    if table is None:
        fields.append(Field("columns", t("lookup.columns"), hint=t("lookup.columns_hint"), required=True))
    else:
        fields += [
            Field(
                f"type.{c}",
                t("lookup.type_of", column=c),
                "select",
                value=table.types.get(c, AttributeType.STRING).value,
                options=types,
            )
            for c in all_columns(table)
        ]
    return Form(
        action=f"{href_of(table.id)}/settings" if table else f"{PATH}/-/new",
        title=t("lookup.settings_title", name=table.name) if table else t("lookup.new"),
        text="" if table else t("lookup.new_text"),
        fields=fields,
        submit=t("form.save") if table else t("form.create"),
    )


@get(f"{PATH}/-/new")
async def new_dialog(visit: CurrentVisit) -> Response[Any]:
    """A table to be made."""
    visit.caller.require("lookupTables.update")
    return show_dialog(visit, _table_form(visit, None))


@post(f"{PATH}/-/new", status_code=200)
async def create(visit: CurrentVisit) -> Response[Any]:
    """Makes an empty table with its columns."""
    visit.caller.require("lookupTables.update")
    sent, editor = await sent_by(visit), editor_of(visit)
    try:
        require(visit, sent, ["name", "id", "keyName", "columns"])
        columns = [c.strip() for c in sent.text("columns").split(",") if c.strip()]
        table = LookupTable(
            id=sent.text("id"),
            name=sent.text("name"),
            description=sent.text("description"),
            key_name=sent.text("keyName"),
            types=dict.fromkeys(columns, AttributeType.STRING),
        )
        if any(t.id == table.id for t in await lookup_table.tables(editor)):
            raise DuplicateError(visit.t("people.id_taken", id=table.id), field="id")
        await lookup_table.put(editor, table, None)
    except OpenIwdError as error:
        return refuse_dialog(visit, _table_form(visit, None), sent, error)
    return done(visit, "", to=href_of(table.id))


@get(f"{PATH}/{{table_id:str}}/settings")
async def settings_dialog(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Its name, and the types of its columns."""
    visit.caller.require("lookupTables.update")
    table, _ = await lookup_table.get(editor_of(visit), table_id)
    return show_dialog(visit, _table_form(visit, table))


@post(f"{PATH}/{{table_id:str}}/settings", status_code=200)
async def save_settings(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Stores them; cells are read anew by the new types."""
    sent, editor = await sent_by(visit), editor_of(visit)
    table, revision = await lookup_table.get(editor, table_id)
    try:
        require(visit, sent, ["name", "keyName"])
        types = {c: AttributeType(sent.text(f"type.{c}") or "string") for c in all_columns(table)}
        rows = {
            key: {c: _cell(visit, cell_text(v), types, c, f"type.{c}") for c, v in row.items()}
            for key, row in table.rows.items()
        }
        after = replace(
            table,
            name=sent.text("name"),
            description=sent.text("description"),
            key_name=sent.text("keyName"),
            types=types,
            rows=rows,
        )
        await lookup_table.put(editor, after, revision)
    except OpenIwdError as error:
        return refuse_dialog(visit, _table_form(visit, table), sent, error)
    return done(visit, visit.t("form.saved", name=after.name))


def _cell(visit: Visit, text: str, types: dict[str, AttributeType], column: str, field: str) -> Any:
    if text == "":
        return None
    kind = types.get(column, AttributeType.STRING)
    try:
        return cell_value(text, kind)
    except ValueError as error:
        name = visit.t.named("lookup_type", kind.value)
        raise InvalidInputError(visit.t("lookup.no_type", text=text[:60], type=name), field=field) from error


# Its rows -----------------------------------------------------------------------------------------


def _row_form(visit: Visit, table: LookupTable, key: str) -> Form:
    t = visit.t
    row = table.rows.get(key, {})
    fields = [] if key else [Field("key", table.key_name, required=True)]
    fields += [
        Field(
            f"cell.{c}",
            c,
            value=cell_text(row.get(c)),
            hint=t("lookup.list_hint") if table.types.get(c) is AttributeType.LIST else "",
        )
        for c in all_columns(table)
    ]
    return Form(
        action=f"{href_of(table.id)}/row",
        title=t("lookup.row_title", key=key) if key else t("lookup.row_new"),
        text="",
        fields=fields,
        submit=t("form.save"),
        hidden=[("old", key)] if key else [],
    )


@get(f"{PATH}/{{table_id:str}}/row")
async def row_dialog(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """A row to change, or a new one."""
    visit.caller.require("lookupTables.update")
    table, _ = await lookup_table.get(editor_of(visit), table_id)
    key = visit.request.query_params.get("key", NEW_ROW)
    if key and key not in table.rows:
        raise NotFoundError(visit.t("lookup.row_gone"), hint=visit.t("absence.gone_hint"))
    return show_dialog(visit, _row_form(visit, table, key))


@post(f"{PATH}/{{table_id:str}}/row", status_code=200)
async def save_row(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Stores one row; the others stay as they are."""
    sent, editor = await sent_by(visit), editor_of(visit)
    table, revision = await lookup_table.get(editor, table_id)
    old = sent.text("old")
    try:
        key = old or sent.text("key")
        if not key:
            raise InvalidInputError(visit.t("form.needed"), field="key")
        if not old and key in table.rows:
            raise DuplicateError(visit.t("lookup.key_taken", key=key[:60]), field="key")
        after = replace(table, rows={**table.rows, key: _row(visit, table, sent)})
        await lookup_table.put(editor, after, revision)
    except OpenIwdError as error:
        return refuse_dialog(visit, _row_form(visit, table, old), sent, error)
    return done(visit, visit.t("form.saved", name=key))


def _row(visit: Visit, table: LookupTable, sent: Sent) -> dict[str, Any]:
    cells = {c: _cell(visit, sent.text(f"cell.{c}"), table.types, c, f"cell.{c}") for c in all_columns(table)}
    return {c: v for c, v in cells.items() if v is not None}


def _drop_form(visit: Visit, table: LookupTable, key: str) -> Form:
    t = visit.t
    row = ", ".join(f"{c}: {cell_text(v)}" for c, v in table.rows.get(key, {}).items())
    return Form(
        action=f"{href_of(table.id)}/row/delete",
        title=t("lookup.row_delete", key=key),
        text=t("lookup.row_delete_text", row=row[:200] or "–"),
        fields=[],
        submit=t("form.delete"),
        danger=True,
        hidden=[("key", key)],
    )


@get(f"{PATH}/{{table_id:str}}/row/delete")
async def drop_dialog(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Which row will go."""
    visit.caller.require("lookupTables.update")
    table, _ = await lookup_table.get(editor_of(visit), table_id)
    return show_dialog(visit, _drop_form(visit, table, visit.request.query_params.get("key", "")))


@post(f"{PATH}/{{table_id:str}}/row/delete", status_code=200)
async def drop_row(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Removes one row."""
    sent, editor = await sent_by(visit), editor_of(visit)
    table, revision = await lookup_table.get(editor, table_id)
    key = sent.text("key")
    try:
        after = replace(table, rows={k: v for k, v in table.rows.items() if k != key})
        await lookup_table.put(editor, after, revision)
    except OpenIwdError as error:
        return refuse_dialog(visit, _drop_form(visit, table, key), sent, error)
    return done(visit, visit.t("form.deleted", name=key))


# Deleting the table -------------------------------------------------------------------------------


def _delete_form(visit: Visit, table: LookupTable, uses: list[dict[str, Any]]) -> Form:
    t = visit.t
    text = t("lookup.delete_text", n=len(table.rows))
    if uses:
        text = t("named.in_use")
    return Form(
        action=f"{href_of(table.id)}/delete",
        title=t("named.delete_title", name=table.name),
        text=text,
        fields=[],
        submit=t("form.delete"),
        danger=True,
        blocked=bool(uses),
        lines=[said(u["message"], t) for u in uses],
    )


@get(f"{PATH}/{{table_id:str}}/delete")
async def delete_dialog(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """What reads it; without any reader it can go."""
    visit.caller.require("lookupTables.update")
    editor = editor_of(visit)
    table, _ = await lookup_table.get(editor, table_id)
    uses = await rule_set_uses(editor, Referred.LOOKUP_TABLE, table_id)
    return show_dialog(visit, _delete_form(visit, table, uses))


@post(f"{PATH}/{{table_id:str}}/delete", status_code=200)
async def delete(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Removes a table that no rule reads."""
    editor = editor_of(visit)
    table, _ = await lookup_table.get(editor, table_id)
    try:
        await lookup_table.delete(editor, table_id)
    except OpenIwdError as error:
        return refuse_dialog(visit, _delete_form(visit, table, []), await sent_by(visit), error)
    return done(visit, "", to=PATH)


PAGES: Final[list[Any]] = [
    tables_page,
    new_dialog,
    create,
    table_page,
    table_export,
    settings_dialog,
    save_settings,
    row_dialog,
    save_row,
    drop_dialog,
    drop_row,
    delete_dialog,
    delete,
]
