"""Single items: reading (also as of the past), changing, deleting, and the actions of the lifecycle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall, instant
from openiwd.api.decoding import decode
from openiwd.api.passing_on import by_decider, by_decider_if_any
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.judging import Reclassify
from openiwd.domain.lifecycle import Action
from openiwd.domain.work_item import MAX_ITEM_BYTES, ItemUpdate, WorkItem
from openiwd.usecases import item_action, item_detail, past, priority_curve, workbin
from openiwd.usecases.command import PRIVILEGE, Done
from openiwd.usecases.item_action import ActionRequest
from openiwd.usecases.item_detail import Explanation, HistoryEntry
from openiwd.usecases.item_view import ItemView, item_view
from openiwd.usecases.priority_curve import Curve

CapturePoint = Annotated[
    str | None,
    QueryParameter(
        name="capturePoint", description="Needed for ext_… when several capture points know the captureId."
    ),
]
Instant = Annotated[
    str | None, QueryParameter(name="at", description="An instant with offset: the item as it was then.")
]
CHANGE_LIMIT: Final = MAX_ITEM_BYTES * 2
"""An item's own answer is larger than what was sent of it."""


class Changed(ItemView, kw_only=True, rename="camel"):
    """The item after a change, with what there is to say about the change."""

    changed: bool
    warnings: list[str]


def etag(item: WorkItem) -> dict[str, str]:
    return {"ETag": f'"{item.revision}"'}


async def answer(call: CurrentCall, done: Done) -> Response[Changed]:
    """The item after a change."""
    view = await call.view(done)
    fields = {f: getattr(view, f) for f in view.__struct_fields__}
    return Response(
        Changed(**fields, changed=done.changed, warnings=list(done.warnings)), headers=etag(done.item)
    )


@get("/items", tags=["items"], operation_id="findItem")
async def find_item(
    call: CurrentCall,
    capture_id: Annotated[str, QueryParameter(name="captureId", min_length=1, max_length=256)],
    capture_point: CapturePoint = None,
    at: Instant = None,
) -> Response[ItemView]:
    """The item with this captureId; for ids that do not fit into a path."""
    return await _show(call, item_detail.EXT_PREFIX + capture_id, capture_point, at)


@get("/items/{item_id:str}", tags=["items"], operation_id="getItem")
async def get_item(
    call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None, at: Instant = None
) -> Response[ItemView]:
    """An item by id, or by `ext_` and its captureId; with `at`, as it was at that instant."""
    return await _show(call, item_id, capture_point, at)


async def _show(
    call: CurrentCall, reference: str, capture_point: str | None, at: str | None
) -> Response[ItemView]:
    if at is None:
        rules = await call.rules()
        item = await item_detail.read(call.services, call.caller, reference, capture_point)
        return Response(item_view(item, rules, call.now), headers=etag(item))
    then = instant(at, "at")
    item, view = await past.item_at(call.services, call.caller, reference, then, capture_point)
    return Response(view, headers=etag(item))


async def _update(
    call: CurrentCall, reference: str, sent: dict[str, Any], reclassify: str, capture_point: str | None
) -> Response[Changed]:
    if reclassify not in tuple(Reclassify):
        raise InvalidInputError(
            f"reclassify is '{reclassify[:40]}'",
            field="reclassify",
            hint=f"use one of {', '.join(Reclassify)}",
        )
    values, fixed = item_action.update_values(sent)
    change: ItemUpdate = decode(msgspec.json.encode(values), ItemUpdate)
    item = await item_detail.reached(
        call.services, call.caller, PRIVILEGE[Action.UPDATE], reference, capture_point
    )
    item_action.check_unchanged(item, fixed)
    done = await item_action.update(
        call.services.runtime,
        change,
        call.caller,
        item.id,
        if_match=call.if_match,
        reclassify=Reclassify(reclassify),
    )
    return await answer(call, done)


Reclassification = Annotated[
    str,
    QueryParameter(
        name="reclassify", description="never, onChange (when a rule may see a difference) or always"
    ),
]


@put("/items/{item_id:str}", tags=["items"], operation_id="putItem", request_max_body_size=CHANGE_LIMIT)
async def put_item(
    call: CurrentCall,
    item_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    reclassify: Reclassification = "onChange",
    capture_point: CapturePoint = None,
) -> Response[Changed]:
    """Merges the fields sent into the item: absent = unchanged, null = cleared.

    The item's own answer may be sent back with changes in it: read-only fields are not read, and `priority` with
    `priorityAt` is our computation. With `If-Match`, only if the item still has that revision (else 412); without it
    the last write wins.
    """
    return await _update(call, item_id, data, reclassify, capture_point)


@patch("/items/{item_id:str}", tags=["items"], operation_id="patchItem", request_max_body_size=CHANGE_LIMIT)
async def patch_item(
    call: CurrentCall,
    item_id: FromPath[str],
    data: JSONBody[dict[str, Any]],
    reclassify: Reclassification = "onChange",
    capture_point: CapturePoint = None,
) -> Response[Changed]:
    """The same as PUT: merges the fields sent into the item."""
    return await _update(call, item_id, data, reclassify, capture_point)


@delete("/items/{item_id:str}", tags=["items"], operation_id="deleteItem", status_code=204)
async def delete_item(
    call: CurrentCall,
    item_id: FromPath[str],
    capture_point: CapturePoint = None,
    reason: Annotated[str | None, QueryParameter(name="reason", max_length=512)] = None,
) -> None:
    """Removes a final item from the live store; the event log keeps its record until its own retention."""
    named = await item_detail.named(
        call.services, call.caller, PRIVILEGE[Action.DELETE], item_id, capture_point
    )
    request = ActionRequest(reason=reason)
    await item_action.perform(call.services, Action.DELETE, request, call.caller, named, call.if_match)


# Actions -------------------------------------------------------------------------------------------------------------


async def act(
    call: CurrentCall,
    reference: str,
    action: Action,
    request: ActionRequest | None,
    capture_point: str | None,
) -> Response[Changed]:
    """One action on one item; 409 with the present status where the lifecycle does not allow it."""
    item_id = await item_detail.named(call.services, call.caller, PRIVILEGE[action], reference, capture_point)
    done = await item_action.perform(
        call.services, action, request or ActionRequest(), call.caller, item_id, call.if_match
    )
    return await answer(call, done)


_TEXTS: Final[dict[Action, str]] = {
    Action.HOLD: "Sets the item aside for a listed reason, optionally until `holdUntil` or an occasion (`wakesOn`).",
    Action.RESUME: "Wakes a held item, or has an errorheld one processed again.",
    Action.CANCEL: "Takes the item out; whoever had it loses it.",
    Action.COMPLETE: "Finishes the item. Agents complete what they have; others for the source, or for `agent`.",
    Action.REOPEN: "Brings a completed or canceled item back into its queue; its age starts anew.",
    Action.RESTART: "Makes the item new and has it classified at once, with or without changes (`item`).",
    Action.ACTIVATE: "Releases an item early that waits for its activationDateTime.",
    Action.ASSIGN: "Assigns the item to `agent`, over eligibility and capacity.",
    Action.TRANSFER: "Hands the item to a `queue`, or reserves it for `agent` in its queue.",
    Action.RETURN: "Puts an assigned item back into its queue; place and age stay.",
}


def _handler(action: Action) -> Callable[..., Awaitable[Response[Changed]]]:
    async def handle(
        call: CurrentCall,
        item_id: FromPath[str],
        data: JSONBody[ActionRequest | None] = None,
        capture_point: CapturePoint = None,
    ) -> Response[Changed]:
        return await act(call, item_id, action, data, capture_point)

    handle.__doc__ = _TEXTS[action]
    handle.__name__ = f"{action.value}_item"
    return handle


ACTION_HANDLERS: Final = [
    post(
        f"/items/{{item_id:str}}/{action.value}",
        tags=["items"],
        operation_id=f"{action.value}Item",
        status_code=200,
        summary=f"{action.value.capitalize()} an item",
        name=f"{action.value}_item",
    )(_handler(action))
    for action in item_action.ACTIONS
]


@post(
    "/items/{item_id:str}/pull",
    tags=["items"],
    operation_id="pullItem",
    status_code=200,
    before_request=by_decider,
)
async def pull_item(
    call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None
) -> Response[Changed]:
    """Picks this item from the list for the calling agent, if the agent is eligible and has capacity."""
    agent_id = item_detail.require_agent(call.caller)
    item = await workbin.sought(call.services, call.caller, agent_id, item_id, capture_point)
    done = await call.services.require_decider().pick(agent_id, item.id, call.caller)
    return await answer(call, done)


# The past and the why ------------------------------------------------------------------------------------------------


class History(Struct):
    events: list[HistoryEntry]


@get("/items/{item_id:str}/history", tags=["items"], operation_id="getHistory")
async def get_history(
    call: CurrentCall, item_id: FromPath[str], capture_point: CapturePoint = None
) -> History:
    """Everything that happened to the item, oldest first; deleted items too, for those who may read all items."""
    return History(await item_detail.history(call.services, call.caller, item_id, capture_point))


@get(
    "/items/{item_id:str}/explain",
    tags=["items"],
    operation_id="explainItem",
    before_request=by_decider_if_any,
)
async def explain_item(
    call: CurrentCall,
    item_id: FromPath[str],
    capture_point: CapturePoint = None,
    agent: Annotated[
        str | None, QueryParameter(name="agent", max_length=64, description="Why not this agent?")
    ] = None,
) -> Explanation:
    """The decisions about the item so far, and why it waits."""
    return await item_detail.explain(call.services, call.caller, item_id, agent, capture_point)


@get("/items/{item_id:str}/priority", tags=["items"], operation_id="getPriorityCurve")
async def get_curve(
    call: CurrentCall,
    item_id: FromPath[str],
    capture_point: CapturePoint = None,
    start: Annotated[
        str | None, QueryParameter(name="from", description="Default: where the age starts.")
    ] = None,
    end: Annotated[
        str | None, QueryParameter(name="to", description="Default: as far ahead as the item is old.")
    ] = None,
) -> Curve:
    """The item's priority over time: points joined by straight lines, and the instants at which something happens."""
    return await priority_curve.curve(
        call.services,
        call.caller,
        item_id,
        instant(start, "from") if start else None,
        instant(end, "to") if end else None,
        capture_point,
    )


HANDLERS: Final = [
    find_item,
    get_item,
    put_item,
    patch_item,
    delete_item,
    *ACTION_HANDLERS,
    pull_item,
    get_history,
    explain_item,
    get_curve,
]
