"""The Universal Queue: the page, its further rows, its live refresh, and finding an item by id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from openiwd.domain.errors import ConflictError, InvalidInputError, NotFoundError, OpenIwdError
from openiwd.ports.tenant_store import SearchPage
from openiwd.usecases import item_detail, saved_view, search
from openiwd.usecases.configuration import Editor
from openiwd.usecases.indexed_search import IndexHealth
from openiwd.usecases.saved_view import SavedView
from openiwd.web.item.directory import shown_by
from openiwd.web.item.item_page import drawer_context, hold_reasons_of
from openiwd.web.item.row_view import Shown
from openiwd.web.queue.column_view import (
    COLUMNS_COOKIE,
    DEFAULT,
    WIDTHS_COOKIE,
    chosen_columns,
    columns,
    lines,
    read_widths,
)
from openiwd.web.queue.drawn_tree import trees_of
from openiwd.web.queue.filter_view import Words, filter_chips
from openiwd.web.queue.past_page import past_page
from openiwd.web.queue.queue_filter import QueueFilter, of_view, read_filter
from openiwd.web.queue.queue_view import MOST, PAGE, queue_view
from openiwd.web.queue.vocabulary import Known, label_of, vocabulary
from openiwd.web.shell.rendering import redirect
from openiwd.web.shell.visit import CurrentVisit, Visit

NO_ITEMS = SearchPage(items=[], next_cursor=None, count=0, count_exact=True)


class Asked(NamedTuple):
    """What a request asks for, with what is needed to show it."""

    chosen: QueueFilter
    view: SavedView | None
    shown: Shown
    known: Mapping[str, Known]
    problem: OpenIwdError | None = None
    index_health: IndexHealth | None = None
    """How the search index was when it was searched."""


def editor_of(visit: Visit) -> Editor:
    return Editor(visit.platform, visit.services, visit.caller, visit.holidays)


async def asked_for(visit: Visit) -> Asked:
    """From the address; a saved view is opened by `view`, and `from` tells which one a changed search began with."""
    visit.refuse_agents()
    parameters = visit.request.query_params
    chosen = read_filter(parameters)
    opened = str(parameters.get("view") or "")
    view = await _view(visit, opened or chosen.base)
    if view is not None and opened:
        chosen = of_view(view)
    elif view is None:
        chosen = chosen._replace(base="")
    shown = await shown_by(visit)
    reasons = await hold_reasons_of(visit) if shown.rules is not None else {}
    return Asked(chosen, view, shown, vocabulary(shown, reasons))


async def _view(visit: Visit, view_id: str) -> SavedView | None:
    try:
        return await saved_view.get(editor_of(visit), UUID(view_id)) if view_id else None
    except (NotFoundError, ValueError):
        return None


async def _page(visit: Visit, asked: Asked, limit: int, cursor: str | None) -> tuple[SearchPage, Asked]:
    """One page of what matches, or what is wrong with the filter; nothing while no rule set is live."""
    visit.caller.require("workitems.search")
    if asked.shown.rules is None:
        return NO_ITEMS, asked
    try:
        query = asked.chosen.query(limit=limit, cursor=cursor, count=cursor is None)
        found = await search.search(visit.services, visit.caller, query)
        return found.page, asked._replace(index_health=found.index)
    except InvalidInputError as error:
        return NO_ITEMS, asked._replace(problem=error)


def _rows(visit: Visit, page: SearchPage, asked: Asked) -> dict[str, Any]:
    cookies = visit.request.cookies
    chosen, shown, known = asked.chosen, asked.shown, asked.known
    names = chosen_columns(chosen, cookies.get(COLUMNS_COOKIE))
    heads = columns(names, read_widths(cookies.get(WIDTHS_COOKIE)), known, chosen, shown)
    following = chosen.address("/queue/rows", cursor=page.next_cursor) if page.next_cursor else None
    return {
        "columns": heads,
        "usual_columns": names == DEFAULT,
        "rows": lines(page.items, heads, known, shown),
        "next_href": following,
    }


async def list_context(visit: Visit, asked: Asked, limit: int = PAGE) -> dict[str, Any]:
    """Everything that the list shows."""
    (page, asked), counts = await asyncio.gather(
        _page(visit, asked, limit, None), search.category_counts(visit.services, visit.caller)
    )
    chosen, shown = asked.chosen, asked.shown
    names = {f"agent:{key}": name for key, name in shown.agents.items()}
    if shown.rules is not None:
        names |= {f"queue:{q.id}": q.name for q in shown.rules.queues.values()}
    words = Words(visit.t, visit.times, asked.known)
    try:
        chips = filter_chips(chosen, chosen.tree(), words, visit.t)
    except InvalidInputError as error:
        asked, chips = asked._replace(problem=error), []
    view = queue_view(chosen, page, counts, visit.caller, names, _order(asked), visit.t)
    return {
        "active": "queue",
        "tree": trees_of(visit.services).html(shown.rules, counts, chosen, visit.t),
        "view": view,
        "past_queue": chosen.queue,
        "base": asked.view,
        "base_changed": asked.view is not None and of_view(asked.view) != chosen,
        "filter_chips": chips,
        "problem": asked.problem,
        "slow_search": asked.index_health in (IndexHealth.AWAY, IndexHealth.BEHIND),
        "without_filter": chosen._replace(filter="").address(),
        "item": None,
        **_rows(visit, page, asked),
    }


def _order(asked: Asked) -> str:
    t, chosen = asked.shown.t, asked.chosen
    if chosen.by_priority:
        return t("queue.order")
    name = chosen.order()[0]
    label = label_of(name.removeprefix("-"), asked.shown)
    return t("uq.order_down" if name.startswith("-") else "uq.order_up", what=label)


@get("/")
async def queue_page(visit: CurrentVisit, item: FromQuery[str | None] = None) -> Response[Any]:
    """The Universal Queue for everybody but agents, who land in their workspace."""
    if visit.is_agent:
        return redirect("/workspace")
    if visit.request.query_params.get("at"):
        return await past_page(visit)
    context = await list_context(visit, await asked_for(visit))
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
    page, asked = await _page(visit, await asked_for(visit), PAGE, cursor)
    if asked.problem is not None:
        raise asked.problem
    return visit.page("queue/queue_rows.html", **_rows(visit, page, asked))


@get("/queue/refresh")
async def queue_refresh(
    visit: CurrentVisit, limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MOST)] = PAGE
) -> Response[Any]:
    """The first rows again, with all counts, as of now."""
    return visit.page("queue/queue_refresh.html", **await list_context(visit, await asked_for(visit), limit))


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
