"""Acts on one item: the dialog that says what it will touch, and doing it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases import item_action, item_detail
from openiwd.usecases.item_action import ActionRequest
from openiwd.web.item.directory import agents_of, shown_by
from openiwd.web.item.item_page import hold_reasons_of
from openiwd.web.item.item_view import category_of
from openiwd.web.item.row_view import Shown, subject_of
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.rendering import nothing
from openiwd.web.shell.visit import CurrentVisit, Visit

NOTED: Final = frozenset({Action.HOLD, Action.COMPLETE, Action.CANCEL})
TAKES_FROM_AGENT: Final = frozenset({Action.HOLD, Action.COMPLETE, Action.CANCEL})


def act_of(name: str) -> Action:
    action = next((a for a in item_action.ACTIONS if a.value == name), None)
    if action is None:
        raise NotFoundError(f"there is no act called {name[:40]}", field="action")
    return action


async def fields_of(visit: Visit, action: Action, shown: Shown, item: WorkItem | None) -> list[Field]:
    """What the act asks for."""
    t = visit.t
    comment = Field("comment", t("act.comment"), "textarea")
    match action:
        case Action.HOLD:
            reasons = [(r.id, r.name) for r in (await hold_reasons_of(visit)).values() if r.active]
            return [
                Field("reason", t("act.reason"), "select", options=reasons, required=True),
                Field("holdUntil", t("act.until"), "datetime-local"),
                comment,
            ]
        case Action.ASSIGN:
            return [
                Field("agent", t("act.agent"), "select", options=await _agents(visit), required=True),
                comment,
            ]
        case Action.TRANSFER:
            queues = [(q.id, q.name) for q in shown.rules.queues.values()] if shown.rules is not None else []
            own = item.queue_id if item is not None else None
            queues = [(q, name) for q, name in queues if q != own]
            return [
                Field("queue", t("act.to_queue"), "select", options=[("", t("act.none")), *queues]),
                Field(
                    "agent",
                    t("act.to_agent"),
                    "select",
                    options=[("", t("act.none")), *await _agents(visit, me=False)],
                ),
                comment,
            ]
        case Action.COMPLETE:
            node = category_of(item, shown) if item is not None else None
            known = list(node.dispositions) if node is not None else []
            options = [("", t("act.none_chosen")), *((d, d) for d in known)]
            return [
                *([Field("resultCode", t("act.disposition"), "select", options=options)] if known else []),
                comment,
            ]
        case Action.CANCEL:
            return [Field("reason", t("act.reason"), required=True), comment]
        case Action.RETURN | Action.REOPEN | Action.RESTART:
            return [Field("reason", t("act.reason"))]
        case _:
            return []


async def _agents(visit: Visit, *, me: bool = True) -> list[tuple[str, str]]:
    own = None if me else visit.caller.agent_id
    return [(a.id, a.name) for a in await agents_of(visit) if a.active and a.id != own]


async def _form(visit: Visit, item: WorkItem, action: Action) -> Form:
    t, shown = visit.t, await shown_by(visit)
    key = f"act_text.{action.value}"
    if action in TAKES_FROM_AGENT and item.assigned_to not in (None, visit.caller.agent_id):
        key += "_assigned"
    elif action is Action.RESUME and item.status is Status.ERRORHELD:
        key += "_error"
    note = t(f"act_note.{action.value}") if action in NOTED else ""
    return Form(
        action=f"/items/{item.id}/act/{action.value}",
        title=t(f"act_title.{action.value}"),
        text=t(key, subject=subject_of(item, t), agent=shown.agent(item.assigned_to)),
        fields=await fields_of(visit, action, shown, item),
        submit=t(f"act_name.{action.value}"),
        note=note,
        danger=action is Action.CANCEL,
    )


def seconds_of(text: str | None) -> int | None:
    """What the page has measured; what is no number is nothing."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else None


async def read_request(visit: Visit, sent: dict[str, Any]) -> ActionRequest:
    """The form as an action request; times are in the reader's zone."""
    names = {f.encode_name for f in msgspec.structs.fields(ActionRequest)}
    values: dict[str, Any] = {
        k: v.strip() for k, v in sent.items() if k in names and isinstance(v, str) and v.strip()
    }
    if "holdUntil" in values:
        try:
            local = datetime.fromisoformat(values["holdUntil"])
        except ValueError as error:
            raise InvalidInputError(
                "this is no date and time", field="holdUntil", hint="choose one"
            ) from error
        values["holdUntil"] = (
            local.replace(tzinfo=visit.times.zone) if local.tzinfo is None else local
        ).isoformat()
    if "focusSeconds" in values:
        values["focusSeconds"] = seconds_of(values["focusSeconds"])
    try:
        return msgspec.convert(values, ActionRequest)
    except msgspec.ValidationError as error:
        raise InvalidInputError(str(error), hint="check the fields") from error


@get("/items/{item_id:str}/act/{name:str}")
async def act_dialog(visit: CurrentVisit, item_id: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """What the act will touch, and what it needs to know."""
    item = await item_detail.read(visit.services, visit.caller, item_id)
    return visit.page("components/dialog.html", form=await _form(visit, item, act_of(name)), error=None)


@post("/items/{item_id:str}/act/{name:str}", status_code=200)
async def act(visit: CurrentVisit, item_id: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """Does it; what stands against it is said in the dialog, with what was typed still there."""
    action = act_of(name)
    sent = dict(await visit.request.form())
    item = await item_detail.read(visit.services, visit.caller, item_id)
    try:
        request = await read_request(visit, sent)
        if action is Action.TRANSFER and request.agent is None and request.queue is None:
            raise InvalidInputError(visit.t("act.to_whom"), field="queue", hint=visit.t("act.to_whom_hint"))
        done = await item_action.perform(visit.services, action, request, visit.caller, item.id)
    except OpenIwdError as error:
        if visit.request.headers.get("hx-target") != "dialog":
            raise
        form = await _form(visit, item, action)
        kept = [f._replace(value=str(sent.get(f.name) or f.value)) for f in form.fields]
        return visit.page(
            "components/dialog.html",
            status=422,
            form=form._replace(fields=with_errors(kept, error)),
            error=error,
        )
    shown = await shown_by(visit)
    text = visit.t(f"act_done.{action.value}", agent=shown.agent(done.item.assigned_to))
    hint = " ".join(done.warnings) or subject_of(done.item, visit.t)
    events = {"itemChanged": {"id": str(item.id), "action": action.value}, "closeDialog": {}}
    return nothing(headers=visit.toast(text, hint=hint, **events))


PAGES: Final[list[Any]] = [act_dialog, act]
