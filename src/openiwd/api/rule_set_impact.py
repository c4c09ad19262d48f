"""What publishing a draft would do to the open items: counted in the background, with the items behind the numbers."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath, QueryParameter

from openiwd.api.authorisation import PREFIX
from openiwd.api.editing import CurrentEditor, Reason
from openiwd.usecases import rule_set_impact
from openiwd.usecases.rule_set_impact import CHANGES, MAX_WAIT, Impact, ImpactItems

_TAGS: Final = ["configuration"]
_PATH: Final = "/rulesets/drafts/{draft_id:uuid}/impact"


@post(_PATH, tags=_TAGS, operation_id="countImpact", status_code=202)
async def count_impact(
    editor: CurrentEditor,
    draft_id: FromPath[UUID],
    wait: Annotated[
        float,
        QueryParameter(
            name="wait", ge=0, le=MAX_WAIT, description="Seconds after which to answer at the latest."
        ),
    ] = 0.0,
    reason: Reason = None,
) -> Response[Impact]:
    """Counts what publishing the draft would do to all open items: how many would change category, queue and band
    of priority, and from where to where. 202 while it runs, 200 when it is done within `wait`. No item is touched.

    A band is a quarter of the open items by their priority as of now.
    """
    found = await rule_set_impact.start(editor, draft_id, reason=reason, wait=wait)
    return Response(
        found,
        status_code=202 if found.status == "running" else 200,
        headers={"location": f"{PREFIX}/rulesets/drafts/{draft_id}/impact"},
    )


@get(_PATH, tags=_TAGS, operation_id="getImpact")
async def get_impact(editor: CurrentEditor, draft_id: FromPath[UUID]) -> Impact:
    """The last count of a draft, and how far it is. `outdated`: the draft, or what is live, has changed since."""
    return await rule_set_impact.get(editor, draft_id)


@delete(_PATH, tags=_TAGS, operation_id="cancelImpact", status_code=200)
async def cancel_impact(editor: CurrentEditor, draft_id: FromPath[UUID]) -> Impact:
    """Ends a count that is running."""
    return await rule_set_impact.cancel(editor, draft_id)


@get(f"{_PATH}/items", tags=_TAGS, operation_id="listImpactItems")
async def list_items(
    editor: CurrentEditor,
    draft_id: FromPath[UUID],
    change: Annotated[
        str, QueryParameter(name="change", description=f"What becomes of them: {', '.join(CHANGES)}.")
    ] = "any",
    origin: Annotated[
        str | None, QueryParameter(name="from", description="Category that they are in; empty: none.")
    ] = None,
    target: Annotated[
        str | None, QueryParameter(name="to", description="Category that they would go to; empty: none.")
    ] = None,
    cursor: Annotated[str | None, QueryParameter(name="cursor", max_length=40)] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100,
) -> ImpactItems:
    """The items behind the numbers, page by page."""
    return await rule_set_impact.items(
        editor, draft_id, change=change, origin=origin, target=target, cursor=cursor, limit=limit
    )


HANDLERS: Final[list[Any]] = [count_impact, get_impact, cancel_impact, list_items]
