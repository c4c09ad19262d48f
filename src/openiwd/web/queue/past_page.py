"""The Universal Queue as of a past instant: read-only, clearly marked, with a slider through time and a way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import QueryParameter

from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.usecases import past
from openiwd.usecases.past import PastOrder
from openiwd.web.item.directory import shown_by
from openiwd.web.item.past_item import past_drawer
from openiwd.web.queue.past_view import WINDOWS, PastSlider, past_rows, slider
from openiwd.web.queue.queue_view import PAGE
from openiwd.web.shell.catalogue import number
from openiwd.web.shell.instant_text import read_at
from openiwd.web.shell.visit import CurrentVisit, Visit

DEFAULT_WINDOW: Final = "24h"


def address(at: datetime, queue: str, window: str, path: str = "/", **more: str) -> str:
    """The page of an instant; what is as usual is left out."""
    found = {"at": at.astimezone(UTC).isoformat()}
    found |= {"queue": queue} if queue else {}
    found |= {"window": window} if window != DEFAULT_WINDOW else {}
    return f"{path}?{urlencode({**found, **more})}"


async def past_page(visit: Visit) -> Response[Any]:
    """What waited then. An instant that lies ahead is now; what cannot be read is said above the list."""
    visit.refuse_agents()
    visit.caller.require("workitems.search")
    parameters = visit.request.query_params
    queue, window = str(parameters.get("queue") or "")[:200], str(parameters.get("window") or "")
    window = window if window in WINDOWS else DEFAULT_WINDOW
    problem: OpenIwdError | None = None
    at = visit.now
    try:
        at = min(read_at(str(parameters.get("at") or ""), visit.times.zone, visit.now), visit.now)
        order = await _order(visit, queue, at, 0)
    except (InvalidInputError, NotFoundError) as error:
        problem, order = error, _nothing(at)
    line = slider(at, WINDOWS[window], visit.now)
    context = {
        **await _rows(visit, order, queue, window),
        **_head(visit, at, queue, window, line),
        "problem": problem,
        "count": number(order.count) if order.count_exact else f"{number(past.COUNTED)}+",
        "version": order.rule_set_version,
        "item": None,
    }
    if visit.is_htmx:
        return visit.page("queue/past_list.html", **context)
    item = parameters.get("item")
    if item:
        context |= await _drawer(visit, str(item), at)
    return visit.page("queue/past.html", **context)


async def _drawer(visit: Visit, item: str, at: datetime) -> dict[str, Any]:
    try:
        return await past_drawer(visit, item, at)
    except NotFoundError:
        return {"item": None}


async def _order(visit: Visit, queue: str, at: datetime, offset: int) -> PastOrder:
    return await past.order_at(visit.services, visit.caller, queue or None, at, PAGE, offset)


def _nothing(at: datetime) -> PastOrder:
    return PastOrder(at=at, rule_set_version=None, places=[], count=0, count_exact=True, next_offset=None)


async def _rows(visit: Visit, order: PastOrder, queue: str, window: str) -> dict[str, Any]:
    shown = await shown_by(visit)
    rules = await visit.services.rules_of_then.at(visit.services, order.at)
    following = None
    if order.next_offset is not None:
        following = address(order.at, queue, window, "/queue/past", offset=str(order.next_offset))
    return {
        "rows": past_rows(order, shown._replace(rules=rules or shown.rules), visit.times.zone),
        "next_href": following,
        "at_iso": order.at.astimezone(UTC).isoformat(),
    }


def _head(visit: Visit, at: datetime, queue: str, window: str, line: PastSlider) -> dict[str, Any]:
    t, times = visit.t, visit.times
    local = times.local(at)
    return {
        "active": "queue",
        "at_text": times.exact(at),
        "at_ago": times.t("time.ago", span=times.duration((visit.now - at).total_seconds())),
        "at_local": f"{local:%Y-%m-%dT%H:%M}",
        "now_local": f"{times.local(visit.now):%Y-%m-%dT%H:%M}",
        "zone": visit.caller.time_zone,
        "slider": line,
        "window": window,
        "queue": queue,
        "windows": [
            (key, t.named("past_window", key), address(at, queue, key), key == window) for key in WINDOWS
        ],
        "earlier": address(at - timedelta(hours=1), queue, window),
        "later": address(min(at + timedelta(hours=1), visit.now), queue, window),
        "now_href": f"/?{urlencode({'status': 'queued', 'queue': queue})}" if queue else "/",
        "own": address(at, queue, window),
    }


@get("/queue/past")
async def past_rows_page(
    visit: CurrentVisit, offset: Annotated[int, QueryParameter(name="offset", ge=0, le=past.MAX_OFFSET)] = 0
) -> Response[Any]:
    """The rows after a place, for scrolling on: what is past stands still."""
    visit.refuse_agents()
    parameters = visit.request.query_params
    queue, window = str(parameters.get("queue") or "")[:200], str(parameters.get("window") or DEFAULT_WINDOW)
    at = min(read_at(str(parameters.get("at") or ""), visit.times.zone, visit.now), visit.now)
    order = await _order(visit, queue, at, offset)
    window = window if window in WINDOWS else DEFAULT_WINDOW
    return visit.page("queue/past_rows.html", **await _rows(visit, order, queue, window))


PAGES: Final[list[Any]] = [past_rows_page]
