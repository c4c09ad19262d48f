"""An item as it was: details and history up to a past instant, beside the list or on a page of its own. Read-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from litestar import Response

from openiwd.usecases import item_detail, past
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import history_entries
from openiwd.web.item.item_view import details_of
from openiwd.web.item.row_view import long_path, shown_value
from openiwd.web.shell.instant_text import read_at
from openiwd.web.shell.visit import Visit


async def past_drawer(visit: Visit, reference: str, at: datetime) -> dict[str, Any]:
    """The item as it was at an instant, and what had happened to it by then."""
    services, caller, t = visit.services, visit.caller, visit.t
    item, view = await past.item_at(services, caller, reference, at)
    told = [e for e in await item_detail.history(services, caller, reference) if e.at <= at]
    shown = await shown_by(visit)
    rules = await services.rules_of_then.at(services, at)
    then = shown._replace(rules=rules or shown.rules)
    context = await services.runtime.context(caller.actor)
    return {
        "item": {
            "id": str(item.id),
            "subject": item.subject or t("queue.no_subject"),
            "status": item.status.value,
            "offered": item.offer_id is not None,
            "category_path": long_path(item.category_path, t),
            "capture_id": item.capture_id,
            "priority": None if view.priority is None else shown_value(float(view.priority)),
            "error": item.error,
        },
        "details": details_of(item, then, dict(context.hold_reasons)),
        "history": history_entries(told, then),
        "at_text": visit.times.exact(at),
        "at_iso": at.isoformat(),
        "full": False,
    }


async def past_item(visit: Visit, reference: str) -> Response[Any]:
    """The answer of the item's page where its address names an instant."""
    at = min(read_at(str(visit.request.query_params.get("at")), visit.times.zone, visit.now), visit.now)
    context = await past_drawer(visit, reference, at)
    if visit.is_htmx:
        return visit.page("item/past_drawer.html", **context)
    back = f"/items/{quote(context['item']['id'])}"
    return visit.page("item/past_item.html", **{**context, "full": True, "back": back})
