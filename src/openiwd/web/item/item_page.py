"""One item: its page, the drawer beside the list, its tabs and notes."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from openiwd.domain.errors import NotFoundError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import item_detail, item_note, priority_curve
from openiwd.web.item.around_view import around_view
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import history_entries
from openiwd.web.item.item_view import details_of, item_card, note_views, with_modify
from openiwd.web.item.past_item import past_item
from openiwd.web.item.priority_view import meetings, priority_over_time
from openiwd.web.item.row_view import Shown
from openiwd.web.item.thread_page import thread_of
from openiwd.web.item.why_view import decision_of, why_view
from openiwd.web.shell.passing_on import why_by_decider
from openiwd.web.shell.visit import CurrentVisit, Visit

TABS: Final = ("details", "why", "priority", "history", "notes")
EMAILS: Final = "emails"


async def hold_reasons_of(visit: Visit) -> dict[str, Any]:
    context = await visit.services.runtime.context(visit.caller.actor)
    return dict(context.hold_reasons)


async def tab_context(visit: Visit, item: WorkItem, tab: str, shown: Shown) -> dict[str, Any]:
    """What one tab shows."""
    services, caller, reference = visit.services, visit.caller, str(item.id)
    match tab:
        case "details":
            note_scope = caller.privileges.get("workitems.note")
            can_change = note_scope is not None and caller.covers(note_scope, item)
            hanging = await item_detail.around(services, caller, item)
            return {
                "details": details_of(item, shown, await hold_reasons_of(visit)),
                "around": around_view(item, hanging, shown, can_change=can_change),
                "around_error": None,
                "around_sent": {},
            }
        case "why":
            explanation = await item_detail.explain(services, caller, reference)
            waiting = decision_of(explanation.waiting)
            numbers = [number for number, _ in waiting.runners_up] if waiting is not None else []
            around: dict[Any, WorkItem] = {}
            if numbers:
                async with services.runtime.store.reading() as reading:
                    around.update(await reading.items_by_number(numbers))
            scope = caller.require("workitems.read")
            seen = {number: other for number, other in around.items() if caller.covers(scope, other)}
            return {"why": why_view(item, explanation, seen, await hold_reasons_of(visit), shown)}
        case "priority":
            curve = await priority_curve.curve(services, caller, reference, None, None)
            async with services.runtime.store.reading() as reading:
                others = await reading.items_by_id(meetings(curve, visit.now))
            reach = caller.require("workitems.read")
            met = {key: other for key, other in others.items() if caller.covers(reach, other)}
            return {"priority": priority_over_time(item, curve, met, shown)}
        case "history":
            return {"history": history_entries(await item_detail.history(services, caller, reference), shown)}
        case "notes":
            around_item = await item_detail.around(services, caller, item)
            scope_of_notes = caller.privileges.get("workitems.note")
            may = scope_of_notes is not None and caller.covers(scope_of_notes, item)
            return {"notes": note_views(around_item.notes, shown), "can_note": may}
        case "emails":
            return {"thread": await thread_of(visit, item, shown)}
        case _:
            raise NotFoundError("there is no such tab", field="tab")


async def tabs_of(visit: Visit, item: WorkItem) -> tuple[str, ...]:
    """Emails are offered where there are any."""
    async with visit.services.runtime.store.reading() as reading:
        threads = await reading.threads_of_item(item.number)
    return (*TABS, EMAILS) if threads or item.media_type == "email" else TABS


async def drawer_context(visit: Visit, reference: str, tab: str) -> dict[str, Any]:
    """The item with one tab open."""
    item = await item_detail.read(visit.services, visit.caller, reference)
    shown = await shown_by(visit)
    tabs = await tabs_of(visit, item)
    open_tab = tab if tab in tabs else "details"
    return {
        "item": with_modify(item_card(item, visit.caller, shown), item, visit.caller, shown),
        "tabs": tabs,
        "tab": open_tab,
        "full": False,
        **await tab_context(visit, item, open_tab, shown),
    }


@get("/items/{item_id:str}", before_request=why_by_decider)
async def item_page(
    visit: CurrentVisit, item_id: FromPath[str], tab: FromQuery[str] = "details"
) -> Response[Any]:
    """The item on a page of its own, or as the drawer beside the list; with `at` as it was at that instant."""
    if visit.request.query_params.get("at"):
        return await past_item(visit, item_id)
    context = await drawer_context(visit, item_id, tab)
    if visit.is_htmx:
        return visit.page("item/item_drawer.html", **context)
    return visit.page("item/item.html", **{**context, "full": True})


@get("/items/{item_id:str}/tab/{tab:str}", before_request=why_by_decider)
async def item_tab(visit: CurrentVisit, item_id: FromPath[str], tab: FromPath[str]) -> Response[Any]:
    """One tab, as its own part of the page."""
    if tab not in (*TABS, EMAILS):
        raise NotFoundError("there is no such page", hint="check the address")
    if not visit.is_htmx:
        return visit.page("item/item.html", **{**await drawer_context(visit, item_id, tab), "full": True})
    item = await item_detail.read(visit.services, visit.caller, item_id)
    shown = await shown_by(visit)
    context = await tab_context(visit, item, tab, shown)
    return visit.page(f"item/tab_{tab}.html", item=item_card(item, visit.caller, shown), **context)


@post("/items/{item_id:str}/notes", status_code=200)
async def add_note(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """Adds an internal note and shows all notes again."""
    form = await visit.request.form()
    text = str(form.get("text") or "").strip()
    item = await item_detail.read(visit.services, visit.caller, item_id)
    if text:
        await item_note.add_note(visit.services.runtime, visit.caller, item, text)
    headers = (
        visit.toast(visit.t("note.added"), itemChanged={"id": str(item.id), "action": "note"})
        if text
        else None
    )
    if visit.request.query_params.get("desk"):
        return visit.page("shell/empty.html", headers=headers)
    shown = await shown_by(visit)
    context = await tab_context(visit, item, "notes", shown)
    return visit.page(
        "item/tab_notes.html", headers=headers, item=item_card(item, visit.caller, shown), **context
    )


PAGES: Final[list[Any]] = [item_page, item_tab, add_note]
