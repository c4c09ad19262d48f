"""Agents from a CSV file: what it would change is shown first, and only that is done."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from openiwd.domain.errors import ForbiddenError, InvalidInputError, OpenIwdError
from openiwd.usecases import agent_import
from openiwd.usecases.agent_import import COLUMNS
from openiwd.web.configuration.navigation import show
from openiwd.web.people.agent_list_page import PATH
from openiwd.web.people.import_view import agents_view, faulty
from openiwd.web.shell.dialog_page import editor_of
from openiwd.web.shell.sent import Sent, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

LARGE: Final = 9 * 1024 * 1024


@get(f"{PATH}/-/import")
async def import_page(visit: CurrentVisit) -> Response[Any]:
    """Choosing a file."""
    visit.caller.require("agents.update")
    return show(visit, "people/agent_import.html", "agents", columns=list(COLUMNS), looked=None, stale=False)


async def file_of(visit: Visit, sent: Sent) -> bytes:
    content = await sent.file("file")
    if content is None:
        raise InvalidInputError(visit.t("import.no_file"), field="file", hint=visit.t("import.no_file_hint"))
    return content


def imported(visit: Visit, text: str, href: str) -> Response[Any]:
    """In the place of what was to be done: that it is done."""
    return visit.page("people/import_done.html", text=text, href=href)


@post(f"{PATH}/-/import", status_code=200, request_max_body_size=LARGE)
async def import_agents(visit: CurrentVisit) -> Response[Any]:
    """Looks the file through; with the digest of what was shown, does it, unless it would now do something else."""
    visit.caller.require("agents.update")
    sent, editor = await sent_by(visit), editor_of(visit)
    create = frozenset(sent.texts("create"))
    stale = False
    try:
        content = await file_of(visit, sent)
        told = await agent_import.import_csv(editor, content, dry_run=True, create=create)
        looked = agents_view(content, told)
        if sent.text("digest"):
            stale = sent.text("digest") != looked.digest
            if not stale:
                done = await agent_import.import_csv(editor, content, dry_run=False, create=create)
                text = visit.t("import.done_agents", n=done.created + done.updated)
                return imported(visit, text, PATH)
    except ForbiddenError:
        raise
    except OpenIwdError as error:
        looked = faulty(error, visit.t)
    return visit.page("people/import_result.html", looked=looked, stale=stale, path=f"{PATH}/-/import")


PAGES: Final[list[Any]] = [import_page, import_agents]
