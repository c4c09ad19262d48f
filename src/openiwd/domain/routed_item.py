"""What an external router makes of an item: handed over, in the hands of one of its agents, back, finished. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from openiwd.domain import finish
from openiwd.domain.assignment import return_to_queue
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import EventType
from openiwd.domain.item_queue import queue_of
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.offer import AssignmentOutcome
from openiwd.domain.queue import RoutingTarget
from openiwd.domain.transition import Change, Context, changed, end_holding, unreserved
from openiwd.domain.work_item import Status, WorkItem


def hand_over(item: WorkItem, ctx: Context, target: RoutingTarget, external_id: str) -> Change:
    """From now on the router may have it, and nobody here is given it. Only what waits, and for that router."""
    queue = queue_of(item, ctx.rules)
    if item.status is not Status.QUEUED or item.offer_id is not None or item.routed_to is not None:
        raise ConflictError("the item does not wait for a router", code="notWaiting", status=item.status)
    if queue is None or queue.routing_target is not target:
        raise ConflictError("the item's queue is not routed by it", code="notRouted", field="queue")
    after = replace(item, routed_to=target.value)
    return changed(EventType.ROUTED, item, after, ctx, router=target.value, externalId=external_id)


def take_back(item: WorkItem, ctx: Context, reason: str) -> Change | None:
    """The router does not have it any more; None when it is known already. Whatever its status is."""
    if item.routed_to is None:
        return None
    after = replace(item, routed_to=None)
    return changed(EventType.ROUTING_ENDED, item, after, ctx, router=item.routed_to, reason=reason)


def assign(item: WorkItem, ctx: Context, agent_id: str) -> Change:
    """An agent of the router has it: assigned, as if by an offer of ours."""
    require(Action.ASSIGN, item.status)
    _check_routed(item)
    assignment_id = ctx.new_id()
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.TRANSFERRED, reason="assigned")
    after = replace(
        unreserved(ended.item), status=Status.ASSIGNED, assigned_to=agent_id, assignment_id=assignment_id,
        assigned_at=ctx.now,
    )  # fmt: skip
    told = {"id": str(assignment_id), "agent": agent_id, "how": item.routed_to}
    return changed(EventType.ASSIGNED, item, after, ctx, ended=ended, agent=agent_id, assignmentStarted=told)


def hand_back(item: WorkItem, ctx: Context) -> Change:
    """The router's agent has put it back: it waits again, at its place, and is still the router's."""
    _check_routed(item)
    return return_to_queue(item, ctx, reason="returnedAtRouter")


def complete(item: WorkItem, ctx: Context) -> Change:
    """Done at the router. A disposition that the category asks of agents here is not asked of the router."""
    _check_routed(item)
    try:
        return finish.complete(item, ctx, reason="completedAtRouter", agent_id=item.assigned_to)
    except InvalidInputError:
        return finish.complete(item, ctx, reason="completedAtRouter")


def cancel(item: WorkItem, ctx: Context) -> Change:
    """Taken out at the router."""
    _check_routed(item)
    return finish.cancel(item, ctx, reason="canceledAtRouter")


def _check_routed(item: WorkItem) -> None:
    if item.routed_to is None:
        raise ConflictError("the item is not with a router", code="notRouted", field="id")
