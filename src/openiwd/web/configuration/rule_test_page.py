"""Tests of the draft: run, and taken from open items. Their list and form are like those of rules."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.usecases import rule_set_example, rule_set_test
from openiwd.web.configuration.drafting import CHANGE, editor_of, in_draft
from openiwd.web.configuration.rule_test_view import results_of
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/drafts/{draft:uuid}"
LIST: Final = "/configuration/tests"


@post(f"{PATH}/test", status_code=200)
async def run_tests(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Runs the tests of a draft; answers with their results."""
    visit.caller.require("categories.view")
    try:
        report = await rule_set_test.of_draft(editor_of(visit), draft)
    except OpenIwdError as error:
        return visit.page("configuration/test_results.html", results=None, error=error, draft_id=draft)
    results = results_of(report, visit.t, f"?draft={draft}")
    return visit.page("configuration/test_results.html", results=results, error=None, draft_id=draft)


@post(f"{PATH}/example", status_code=200)
async def take_example(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Takes an open item as a test, and shows that."""
    visit.caller.require(CHANGE)
    form = await visit.request.form()
    named = str(form.get("item") or "").strip()
    try:
        test = await rule_set_example.take(editor_of(visit), draft, await _item_id(visit, named))
    except OpenIwdError as error:
        return visit.page(
            "configuration/example_form.html", status=422, error=error, named=named, draft_id=draft
        )
    return redirect(in_draft(f"{LIST}/{test.id}", draft), htmx=visit.is_htmx)


async def _item_id(visit: Visit, named: str) -> UUID:
    """By its id or captureId."""
    try:
        return UUID(named)
    except ValueError:
        pass
    async with visit.services.runtime.store.reading() as reading:
        found = await reading.items_by_capture_id(named) if named else []
    if not found:
        raise NotFoundError(visit.t("rule_test.no_item", id=named[:60]), field="item", hint="")
    return found[0].id


PAGES: Final[list[Any]] = [run_tests, take_example]
