"""The agent's workspace: state, offers, items in hand, one item in focus, pull."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Offer
from openiwd.usecases import agent as agent_use
from openiwd.usecases import item_detail, workbin
from openiwd.usecases import offer as offer_use
from openiwd.usecases.agent import MyItems
from openiwd.web.item.directory import shown_by
from openiwd.web.item.history_view import history_entries
from openiwd.web.item.item_page import hold_reasons_of
from openiwd.web.item.item_view import details_of, item_card, note_views, without_email
from openiwd.web.item.row_view import Shown, subject_of
from openiwd.web.item.thread_page import thread_of
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.passing_on import by_decider
from openiwd.web.shell.rendering import nothing, redirect
from openiwd.web.shell.visit import CurrentVisit, Visit
from openiwd.web.workspace.workbin_view import bin_line, bin_view, handling_of, related_view
from openiwd.web.workspace.workspace_view import desk_view, state_view

KEYS: Final = {
    "hold": "h",
    "resume": "u",
    "transfer": "t",
    "return": "r",
    "assign": "a",
    "reopen": "",
    "restart": "",
    "activate": "",
    "cancel": "",
    "complete": "",
}
"""The keys of the acts on the item in focus; completing has its own button."""


def _agent_id(visit: Visit) -> str:
    if visit.caller.agent_id is None:
        raise ForbiddenError(
            visit.t("workspace.no_agent"), code="noAgent", hint="ask an administrator to add one"
        )
    return visit.caller.agent_id


async def _desk(visit: Visit, me: Agent, mine: MyItems, shown: Shown) -> dict[str, Any]:
    offers: dict[UUID, Offer] = {}
    async with visit.services.runtime.store.reading() as reading:
        for item in mine.offers:
            found = await reading.offer(item.offer_id) if item.offer_id is not None else None
            if found is not None:
                offers[found.id] = found
    return {"desk": desk_view(me, mine, offers, shown), "state": state_view(me, shown)}


async def _focus(visit: Visit, item: WorkItem | None, shown: Shown) -> dict[str, Any]:
    if item is not None:
        try:
            return await _in_focus(visit, item, shown)
        except (NotFoundError, ForbiddenError):
            pass  # it has left the agent since it was read
    nothing_there: dict[str, Any] = dict.fromkeys(("item", "details", "focus_id", "handling", "thread"))
    return {**nothing_there, "notes": [], "history": [], "related": [], "keys": KEYS}


async def _in_focus(visit: Visit, item: WorkItem, shown: Shown) -> dict[str, Any]:
    reference = str(item.id)
    around = await item_detail.around(visit.services, visit.caller, item)
    history = await item_detail.history(visit.services, visit.caller, reference)
    thread = await thread_of(visit, item, shown)
    details = details_of(item, shown, await hold_reasons_of(visit), brief=True)
    return {
        "item": item_card(item, visit.caller, shown),
        "details": without_email(details) if thread.emails else details,
        "notes": note_views(around.notes, shown),
        "history": history_entries(history, shown),
        "focus_id": reference,
        "thread": thread,
        "handling": handling_of(item, visit.caller, shown),
        "related": [
            related_view(i, shown) for i in await workbin.of_contact(visit.services, visit.caller, item)
        ],
        "keys": KEYS,
    }


async def _readable(visit: Visit, reference: str) -> WorkItem | None:
    try:
        return await item_detail.read(visit.services, visit.caller, reference)
    except (NotFoundError, ForbiddenError):
        return None


@get("/workspace")
async def workspace_page(visit: CurrentVisit, item: FromQuery[str | None] = None) -> Response[Any]:
    """The desk with one item in focus: the one named, else the first in hand."""
    agent_id = _agent_id(visit)
    me = await agent_use.get(visit.services, agent_id)
    mine = await agent_use.my_items(visit.services, agent_id)
    shown = await shown_by(visit)
    focus = await _readable(visit, item) if item else None
    if focus is None and mine.assigned:
        focus = mine.assigned[0]
    context = await _desk(visit, me, mine, shown)
    return visit.page(
        "workspace/workspace.html", active="workspace", **context, **await _focus(visit, focus, shown)
    )


@get("/workspace/left")
async def workspace_left(visit: CurrentVisit, item: FromQuery[str | None] = None) -> Response[Any]:
    """Offers and items again; what the page shows after each change."""
    agent_id = _agent_id(visit)
    me = await agent_use.get(visit.services, agent_id)
    mine = await agent_use.my_items(visit.services, agent_id)
    context = await _desk(visit, me, mine, await shown_by(visit))
    return visit.page("workspace/workspace_refresh.html", focus_id=item, **context)


@get("/workspace/items/{item_id:str}")
async def workspace_item(visit: CurrentVisit, item_id: FromPath[str]) -> Response[Any]:
    """One item in focus; what is no longer with the agent leaves the focus."""
    _agent_id(visit)
    if not visit.is_htmx:
        return redirect(f"/workspace?item={quote(item_id)}")
    item = await _readable(visit, item_id)
    return visit.page("workspace/workspace_focus.html", **await _focus(visit, item, await shown_by(visit)))


@get("/workspace/bins")
async def workspace_bins(visit: CurrentVisit) -> Response[Any]:
    """The group workbins with what lies in each."""
    me = await agent_use.get(visit.services, _agent_id(visit))
    bins = await workbin.workbins(visit.services, me, visit.caller)
    return visit.page("workspace/workspace_bins.html", bins=[bin_line(b, visit.t) for b in bins])


@get("/workspace/bins/{bin_id:str}")
async def workspace_bin(visit: CurrentVisit, bin_id: FromPath[str]) -> Response[Any]:
    """One workbin: its items, best first, to be taken."""
    agent_id = _agent_id(visit)
    if not visit.is_htmx:
        return redirect("/workspace")
    me = await agent_use.get(visit.services, agent_id)
    page = await workbin.waiting(visit.services, me, visit.caller, bin_id)
    shown = await shown_by(visit)
    names = {b.id: b.name for b in await workbin.workbins(visit.services, me, visit.caller)}
    return visit.page(
        "workspace/workspace_bin.html", bin=bin_view(bin_id, names.get(bin_id, bin_id), page, shown)
    )


@post("/workspace/state", status_code=200)
async def set_state(visit: CurrentVisit) -> Response[Any]:
    """Ready, not ready with a reason, not ready after the present items, or logged out."""
    agent_id = _agent_id(visit)
    form = await visit.request.form()
    try:
        state = AgentState(str(form.get("state") or ""))
    except ValueError as error:
        raise InvalidInputError("this is no state", field="state", hint="choose one from the menu") from error
    me = await agent_use.set_state(
        visit.services,
        agent_id,
        state,
        caller=visit.caller,
        reason=str(form.get("reason") or "") or None,
        after_current=form.get("after") == "true",
    )
    return visit.page("workspace/workspace_state.html", state=state_view(me, await shown_by(visit)))


@post("/workspace/heartbeat", status_code=204)
async def heartbeat(visit: CurrentVisit) -> None:
    """The workspace is open; sent while the live connection is down."""
    agent_use.heartbeat(visit.services, _agent_id(visit))


@post("/workspace/offers/{offer_id:uuid}/accept", status_code=200)
async def accept_offer(visit: CurrentVisit, offer_id: FromPath[UUID]) -> Response[Any]:
    """Takes the item; the page puts it into focus and opens its source."""
    _agent_id(visit)
    done = await offer_use.accept(visit.services, offer_id, visit.caller)
    return _taken(visit, done.item)


def _taken(visit: Visit, item: WorkItem) -> Response[Any]:
    told = {"id": str(item.id), "source": item.source_url}
    return nothing(
        headers=visit.toast(visit.t("workspace.accepted"), hint=subject_of(item, visit.t), itemTaken=told)
    )


@get("/workspace/offers/{offer_id:uuid}/decline")
async def decline_dialog(visit: CurrentVisit, offer_id: FromPath[UUID]) -> Response[Any]:
    """What declining means."""
    t = visit.t
    mine = await agent_use.my_items(visit.services, _agent_id(visit))
    item = next((i for i in mine.offers if i.offer_id == offer_id), None)
    if item is None:
        raise ConflictError(
            t("workspace.offer_ended"), code="offerEnded", hint=t("workspace.offer_ended_hint")
        )
    form = Form(
        action=f"/workspace/offers/{offer_id}/decline",
        title=t("workspace.decline_title"),
        text=t("workspace.decline_text", subject=subject_of(item, t)),
        fields=[Field("reason", t("workspace.decline_reason"), required=True)],
        submit=t("workspace.decline_submit"),
    )
    return visit.page("components/dialog.html", form=form, error=None)


@post("/workspace/offers/{offer_id:uuid}/decline", status_code=200)
async def decline_offer(visit: CurrentVisit, offer_id: FromPath[UUID]) -> Response[Any]:
    """Gives the item back in its place."""
    _agent_id(visit)
    form = await visit.request.form()
    reason = str(form.get("reason") or "").strip()[:512] or None
    await offer_use.decline(visit.services, offer_id, reason, visit.caller)
    return nothing(headers=visit.toast(visit.t("workspace.declined"), closeDialog={}, deskChanged={}))


@post("/workspace/next", status_code=200, before_request=by_decider)
async def pull_next(visit: CurrentVisit) -> Response[Any]:
    """The next best item for the agent, at once."""
    done = await visit.services.require_decider().pull(_agent_id(visit), visit.caller)
    if done is None:
        hint = visit.t("workspace.next_none_hint")
        return nothing(headers=visit.toast(visit.t("workspace.next_none"), hint=hint))
    return _taken(visit, done.item)


@post("/workspace/items/{item_id:uuid}/take", status_code=200, before_request=by_decider)
async def take_item(visit: CurrentVisit, item_id: FromPath[UUID]) -> Response[Any]:
    """Takes an item that waits in the agent's workbin."""
    try:
        done = await visit.services.require_decider().pick(_agent_id(visit), item_id, visit.caller)
    except ConflictError as error:
        raise _in_words(visit, error) from error
    return _taken(visit, done.item)


def _in_words(visit: Visit, error: ConflictError) -> ConflictError:
    """Why the agent cannot take the item, said to the agent."""
    reason = str(error.details.get("reason") or "")
    known = f"desk_refusal.{reason}"
    text = visit.t(known) if visit.t.has(known) else visit.t("desk_refusal.other")
    return ConflictError(text, code=error.code, hint=visit.t("desk_refusal.hint"), **error.details)


PAGES: Final[list[Any]] = [
    workspace_bins,
    workspace_bin,
    workspace_page,
    workspace_left,
    workspace_item,
    set_state,
    heartbeat,
    accept_offer,
    decline_dialog,
    decline_offer,
    pull_next,
    take_item,
]
