"""A lookup table from a CSV file: what it would change is shown first, and only that is done."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import ForbiddenError, OpenIwdError
from openiwd.usecases import lookup_table
from openiwd.web.configuration.navigation import show
from openiwd.web.people.agent_import_page import LARGE, file_of, imported
from openiwd.web.people.import_view import faulty, table_view
from openiwd.web.people.lookup_page import PATH, href_of
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.sent import sent_by
from openiwd.web.shell.visit import CurrentVisit


@get(f"{PATH}/{{table_id:str}}/import")
async def import_page(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Choosing a file."""
    visit.caller.require("lookupTables.update")
    table, _ = await lookup_table.get(editor_of(visit), table_id)
    return show(
        visit, "people/lookup_import.html", "lookup_tables", table=table, href=href_of(table_id), looked=None
    )


@post(f"{PATH}/{{table_id:str}}/import", status_code=200, request_max_body_size=LARGE)
async def import_table(visit: CurrentVisit, table_id: FromPath[str]) -> Response[Any]:
    """Looks the file through; with the digest of what was shown, does it, unless it would now do something else."""
    visit.caller.require("lookupTables.update")
    sent, editor = await sent_by(visit), editor_of(visit)
    replace = sent.flag("replace")
    stale = False
    try:
        content = await file_of(visit, sent)
        told = await lookup_table.import_csv(editor, table_id, content, None, dry_run=True, replace=replace)
        looked = table_view(content, told)
        if sent.text("digest"):
            stale = sent.text("digest") != looked.digest
            if not stale:
                done = await lookup_table.import_csv(
                    editor, table_id, content, None, dry_run=False, replace=replace
                )
                n = done.added + done.changed + done.removed
                return imported(visit, visit.t("import.done_rows", n=n), href_of(table_id))
    except ForbiddenError:
        raise
    except OpenIwdError as error:
        looked = faulty(error, visit.t)
    path = f"{href_of(table_id)}/import"
    return visit.page("people/import_result.html", looked=looked, stale=stale, path=path)


PAGES: Final[list[Any]] = [import_page, import_table]
