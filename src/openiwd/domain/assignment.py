"""Offers and assignments: an item comes to an agent, and goes back or on to somebody else. Pure."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain.aging import whole_priority
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import EventType
from openiwd.domain.item_queue import queue_of, segment_of
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.offer import AssignmentOutcome, GrantKind, OfferOutcome
from openiwd.domain.reservation import reservation_end
from openiwd.domain.transition import Change, Context, changed, end_holding, queued_again, unreserved
from openiwd.domain.work_item import Exclusion, Status, WorkItem


def grant(
    item: WorkItem,
    ctx: Context,
    kind: GrantKind,
    agent_id: str,
    *,
    offer_id: UUID,
    assignment_id: UUID,
    timeout_us: int,
    priority: int | None,
) -> Change:
    """What the decider's claim makes of the item: an open offer (push), or an assignment (pull, pick).

    `priority` is the whole part of the priority that it was chosen with; None: not known.
    """
    require(Action.OFFER if kind is GrantKind.PUSH else Action.PULL, item.status)
    if item.offer_id is not None:
        raise ConflictError(
            "the item is offered to somebody else", code="offered", hint="wait for the offer to end"
        )
    if kind is GrantKind.PUSH:
        expires = ctx.now + timedelta(microseconds=timeout_us)
        after = replace(
            item, offer_id=offer_id, offered_to=agent_id, offered_at=ctx.now, offer_expires_at=expires
        )
        told = {
            "id": str(offer_id),
            "agent": agent_id,
            "expiresAt": expires.isoformat(),
            "priority": priority,
        }
        return changed(EventType.OFFERED, item, after, ctx, agent=agent_id, offer=told)
    after = _assigned(unreserved(item), ctx, agent_id, assignment_id)
    started = {"id": str(assignment_id), "agent": agent_id, "how": kind.value, "priority": priority}
    return changed(EventType.ASSIGNED, item, after, ctx, agent=agent_id, assignmentStarted=started)


def _assigned(item: WorkItem, ctx: Context, agent_id: str, assignment_id: UUID) -> WorkItem:
    return replace(
        item, status=Status.ASSIGNED, assigned_to=agent_id, assignment_id=assignment_id, assigned_at=ctx.now
    )


def accept(item: WorkItem, ctx: Context, offer_id: UUID, agent_id: str) -> Change:
    """The agent takes the open offer. After its time-out it is too late, whether or not anybody has closed it."""
    _check_offer(item, offer_id, agent_id)
    if item.offer_expires_at is not None and ctx.now >= item.offer_expires_at:
        raise ConflictError(
            "the offer's time is over", code="offerEnded", hint="the item is back in its queue"
        )
    assignment_id = ctx.new_id()
    ended = end_holding(item, ctx, offer=OfferOutcome.ACCEPTED)
    after = _assigned(unreserved(ended.item), ctx, agent_id, assignment_id)
    told = {"id": str(assignment_id), "agent": agent_id, "how": GrantKind.PUSH.value}
    return changed(EventType.ASSIGNED, item, after, ctx, ended=ended, agent=agent_id, assignmentStarted=told)


def _check_offer(item: WorkItem, offer_id: UUID, agent_id: str) -> None:
    if item.offer_id != offer_id:
        raise ConflictError(
            "the offer has ended", code="offerEnded", hint="the item was withdrawn, timed out or taken"
        )
    if item.offered_to != agent_id:
        raise ConflictError(
            "the offer is for another agent", code="notYourOffer", hint="log in as the agent it was made to"
        )


def end_offer(
    item: WorkItem,
    ctx: Context,
    offer_id: UUID,
    outcome: OfferOutcome,
    *,
    agent_id: str | None = None,
    reason: str | None = None,
) -> Change:
    """Declined, timed out, withdrawn or lost: back in place with its age; who let it pass is excluded for a while."""
    if agent_id is not None:
        _check_offer(item, offer_id, agent_id)
    elif item.offer_id != offer_id:
        raise ConflictError("the offer has ended", code="offerEnded")
    kinds = {
        OfferOutcome.DECLINED: EventType.OFFER_DECLINED,
        OfferOutcome.TIMED_OUT: EventType.OFFER_TIMED_OUT,
        OfferOutcome.WITHDRAWN: EventType.OFFER_WITHDRAWN,
        OfferOutcome.LOST: EventType.OFFER_LOST,
    }
    if outcome not in kinds:
        raise ConflictError("an accepted offer is no ended offer", code="offerEnded")
    ended = end_holding(item, ctx, offer=outcome, reason=reason)
    after = ended.item
    agent, sender = item.offered_to, None
    if outcome in (OfferOutcome.DECLINED, OfferOutcome.TIMED_OUT) and agent is not None:
        queue = queue_of(item, ctx.rules)
        pause = queue.decline_exclusion if queue is not None else 0
        keep = [e for e in item.excluded if e.until > ctx.now and e.agent != agent]
        excluded = (
            [*keep, Exclusion(agent, ctx.now + timedelta(microseconds=pause), outcome.value)]
            if pause
            else keep
        )
        declines = item.declines + (1 if outcome is OfferOutcome.DECLINED else 0)
        after = replace(after, excluded=excluded, declines=declines)
        if item.reserved_for == agent:
            after, sender = unreserved(after), item.reserved_by
    return changed(
        kinds[outcome], item, after, ctx, ended=ended, agent=agent, reason=reason, reservedBy=sender
    )


def assign(
    item: WorkItem, ctx: Context, agent_id: str, *, comment: str | None = None, warnings: tuple[str, ...] = ()
) -> Change:
    """By a supervisor or the source: from the queue or from an agent, over eligibility and capacity, with warnings.

    Assigned to the agent who has it, it begins a new assignment. Not while an external router has the item.
    """
    require(Action.ASSIGN, item.status)
    if item.routed_to is not None:
        raise ConflictError(
            f"the item is with {item.routed_to}, which may have given it to somebody",
            code="routedOutside",
            field="agent",
            hint="transfer it to a queue of OpenIWD's own first, and assign it once it is back",
        )
    assignment_id = ctx.new_id()
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.TRANSFERRED, reason="assigned")
    after = _assigned(unreserved(ended.item), ctx, agent_id, assignment_id)
    priority = whole_priority(item, ctx.rules_of(item), ctx.now)
    told = {"id": str(assignment_id), "agent": agent_id, "how": "assign", "priority": priority}
    return changed(
        EventType.ASSIGNED, item, after, ctx, comment=comment, ended=ended, agent=agent_id, assignmentStarted=told,
        warnings=list(warnings) or None,
    )  # fmt: skip


def return_to_queue(
    item: WorkItem, ctx: Context, *, reason: str | None = None, comment: str | None = None
) -> Change:
    """Back to its queue; place and age are kept."""
    require(Action.RETURN, item.status)
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.RETURNED, reason=reason)
    after = queued_again(unreserved(ended.item), ctx)
    return changed(
        EventType.RETURNED,
        item,
        after,
        ctx,
        comment=comment,
        ended=ended,
        reason=reason,
        agent=item.assigned_to,
    )


def transfer_to_queue(
    item: WorkItem, ctx: Context, queue_id: str | None, *, comment: str | None = None
) -> Change:
    """To a queue (None: its own), open to all who serve it; age is kept."""
    require(Action.TRANSFER, item.status)
    if queue_id is not None and queue_id not in ctx.rules.queues:
        raise InvalidInputError(
            f"there is no queue '{queue_id}'", field="queue", hint="name the id of a queue"
        )
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.TRANSFERRED, reason="transferred")
    after = replace(unreserved(ended.item), queue_id=queue_id or item.queue_id, excluded=[])
    after = queued_again(replace(after, segment=segment_of(after, ctx.rules)), ctx)
    return changed(
        EventType.TRANSFERRED,
        item,
        after,
        ctx,
        comment=comment,
        ended=ended,
        toQueue=after.queue_id,
        agent=item.assigned_to,
    )


def transfer_to_agent(
    item: WorkItem, ctx: Context, agent_id: str, *, sender: str | None = None, comment: str | None = None
) -> Change:
    """Queued, reserved for that agent; a decline or time-out opens it to the queue and tells the sender."""
    require(Action.TRANSFER, item.status)
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.TRANSFERRED, reason="transferred")
    after = queued_again(ended.item, ctx)
    excluded = [e for e in after.excluded if e.agent != agent_id]
    after = replace(
        after,
        reserved_for=agent_id,
        reserved_until=reservation_end(item, ctx),
        reserved_by=sender,
        excluded=excluded,
    )
    return changed(
        EventType.TRANSFERRED,
        item,
        after,
        ctx,
        comment=comment,
        ended=ended,
        toAgent=agent_id,
        agent=item.assigned_to,
    )
