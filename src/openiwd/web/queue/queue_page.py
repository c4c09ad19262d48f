"""The Universal Queue: the page, its further rows, its live refresh, and finding an item by id."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from openiwd.domain.errors import ConflictError, NotFoundError
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.ports.tenant_store import SearchPage
from openiwd.usecases import item_detail, search
from openiwd.web.item.directory import shown_by
from openiwd.web.item.item_page import drawer_context
from openiwd.web.item.row_view import Row, Shown, row_of
from openiwd.web.queue.queue_view import MOST, PAGE, QueueFilter, business_tree, queue_view, read_filter
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

NO_ITEMS = SearchPage(items=[], next_cursor=None, count=0, count_exact=True)


async def _page(
    visit: Visit, chosen: QueueFilter, rules: CompiledRuleSet | None, limit: int, cursor: str | None
) -> SearchPage:
    """One page of what matches; nothing while no rule set is live."""
    visit.caller.require("workitems.search")
    if rules is None:
        return NO_ITEMS
    query = chosen.query(visit.now, limit=limit, cursor=cursor, count=cursor is None)
    return (await search.search(visit.services, visit.caller, query)).page


def _rows(page: SearchPage, chosen: QueueFilter, shown: Shown) -> dict[str, Any]:
    rows: list[Row] = [row_of(item, shown) for item in page.items]
    following = chosen.address("/queue/rows", cursor=page.next_cursor) if page.next_cursor else None
    return {"rows": rows, "next_href": following}


async def _list(visit: Visit, chosen: QueueFilter, limit: int = PAGE) -> dict[str, Any]:
    shown = await shown_by(visit)
    page = await _page(visit, chosen, shown.rules, limit, None)
    counts = await search.category_counts(visit.services, visit.caller)
    names = {f"agent:{key}": name for key, name in shown.agents.items()}
    if shown.rules is not None:
        names |= {f"queue:{q.id}": q.name for q in shown.rules.queues.values()}
    return {
        "active": "queue",
        "tree": business_tree(shown.rules, counts, chosen, visit.t),
        "view": queue_view(chosen, page, counts, visit.caller, names, visit.t),
        "item": None,
        **_rows(page, chosen, shown),
    }


@get("/")
async def queue_page(visit: CurrentVisit, item: FromQuery[str | None] = None) -> Response[Any]:
    """The Universal Queue for everybody but agents, who land in their workspace."""
    if visit.is_agent:
        return redirect("/workspace")
    chosen = read_filter(visit.request.query_params)
    context = await _list(visit, chosen)
    if visit.is_htmx:
        return visit.page("queue/queue_swap.html", **context)
    if item is not None:
        try:
            context |= await drawer_context(visit, item, "details")
        except NotFoundError:
            context["item"] = None
    return visit.page("queue/queue.html", **context)


@get("/queue/rows")
async def queue_rows(visit: CurrentVisit, cursor: FromQuery[str]) -> Response[Any]:
    """The rows after a cursor, for scrolling on."""
    chosen = read_filter(visit.request.query_params)
    shown = await shown_by(visit)
    page = await _page(visit, chosen, shown.rules, PAGE, cursor)
    return visit.page("queue/queue_rows.html", **_rows(page, chosen, shown))


@get("/queue/refresh")
async def queue_refresh(
    visit: CurrentVisit, limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MOST)] = PAGE
) -> Response[Any]:
    """The first rows again, with all counts, as of now."""
    return visit.page(
        "queue/queue_refresh.html", **await _list(visit, read_filter(visit.request.query_params), limit)
    )


@get("/find")
async def find_item(visit: CurrentVisit, q: FromQuery[str] = "") -> Response[Any]:
    """The item with this id or captureId; else a search for the text."""
    wanted = q.strip()
    if not wanted:
        return redirect("/")
    for reference in (wanted, f"{item_detail.EXT_PREFIX}{wanted}"):
        try:
            item = await item_detail.read(visit.services, visit.caller, reference)
        except (NotFoundError, ConflictError):
            continue
        return redirect(f"/items/{item.id}" if visit.is_agent else f"/?item={item.id}")
    return redirect(f"/?{urlencode({'q': wanted})}")


PAGES: Final[list[Any]] = [queue_page, queue_rows, queue_refresh, find_item]
