"""What a draft would do to the open items: counted while one waits or goes on, with the items behind each number."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import OpenIwdError
from openiwd.usecases import rule_set_draft, rule_set_impact
from openiwd.usecases.rule_set_draft import Draft
from openiwd.usecases.rule_set_impact import CHANGES, Impact
from openiwd.web.configuration.drafting import editor_of
from openiwd.web.configuration.impact_view import ImpactView, Names, impact_view, item_lines
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/drafts/{draft:uuid}/impact"
PAGE: Final = 100
WAIT_SECONDS: Final = 0.4
"""What is counted so quickly needs no progress."""


def list_path(draft: UUID) -> str:
    return f"/configuration/drafts/{draft}/impact/items"


async def names_for(visit: Visit, draft: Draft) -> Names:
    _, live = await rule_set_draft.live_document(visit.services.runtime)
    return Names((live, draft.parsed), visit.t)


async def view_of(visit: Visit, draft: Draft, impact: Impact | None) -> ImpactView | None:
    """The last count as shown; None when there was none."""
    if impact is None:
        return None
    return impact_view(impact, await names_for(visit, draft), visit.t, list_path(draft.id))


def may_count(visit: Visit) -> bool:
    """Whether the visitor may see numbers of all open items."""
    return visit.caller.privileges.get("workitems.search") == "all"


async def _card(visit: Visit, draft_id: UUID, error: OpenIwdError | None = None) -> Response[str]:
    editor = editor_of(visit)
    draft = await rule_set_draft.get(editor, draft_id)
    found = await rule_set_impact.last(editor, draft)
    moment = visit.times.moment(found.at) if found is not None else None
    return visit.page(
        "configuration/impact_card.html",
        impact=await view_of(visit, draft, found),
        impact_at=moment,
        impact_error=error,
        draft_id=draft_id,
        impact_may=True,
        oob=True,
    )


@get(PATH)
async def look(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """How far the count is, or what came of it."""
    return await _card(visit, draft)


@post(PATH, status_code=200)
async def begin(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Counts; what takes longer goes on by itself."""
    error: OpenIwdError | None = None
    try:
        await rule_set_impact.start(editor_of(visit), draft, wait=WAIT_SECONDS)
    except OpenIwdError as refused:
        error = refused
    return await _card(visit, draft, error)


@post(f"{PATH}/cancel", status_code=200)
async def cancel(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """Ends the count."""
    error: OpenIwdError | None = None
    try:
        await rule_set_impact.cancel(editor_of(visit), draft)
    except OpenIwdError as refused:
        error = refused
    return await _card(visit, draft, error)


@get(f"{PATH}/items")
async def items(visit: CurrentVisit, draft: FromPath[UUID]) -> Response[Any]:
    """The items behind a number."""
    asked = visit.request.query_params
    editor = editor_of(visit)
    found = await rule_set_draft.get(editor, draft)
    change = str(asked.get("change") or "any")
    origin, target = asked.get("from"), asked.get("to")
    page = await rule_set_impact.items(
        editor,
        draft,
        change=change,
        origin=origin,
        target=target,
        cursor=asked.get("cursor"),
        limit=PAGE,
    )
    names = await names_for(visit, found)
    kept = [(k, v) for k, v in asked.items() if k != "cursor"]
    return show(
        visit,
        "configuration/impact_items.html",
        "drafts",
        draft=found,
        change=change,
        changes=list(CHANGES),
        between=None
        if origin is None and target is None
        else (names.category(origin or None), names.category(target or None)),
        lines=item_lines(page.items, names, visit.t),
        next_cursor=page.next_cursor,
        kept=kept,
    )


PAGES: Final[list[Any]] = [look, begin, cancel, items]
