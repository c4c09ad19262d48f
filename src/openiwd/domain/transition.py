"""Transitions: what each action makes of an item. Pure: the changed copy and the event that tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.aging import delayed, pause_ended, schema_of, standing_set
from openiwd.domain.calendar import Clock
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.event import Event, EventType, item_event
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.instant import DAY, from_micros, to_micros
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.offer import AssignmentOutcome, ClosedOffer, GrantKind, OfferOutcome, WrapUp
from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Anchor, due_at
from openiwd.domain.source_values import value_at
from openiwd.domain.work_item import (
    DEFAULT_EXPIRATION_DAYS,
    DueOrigin,
    Exclusion,
    ItemId,
    Status,
    WorkItem,
    check_instant,
)

HOLD_WAKES = ("customerReply", "linkedItems")
_LONGEST_DAYS = 3660


class Context(Struct, frozen=True, kw_only=True):
    """What a transition may know beside the item: the instant, who acts, and the live rules and live data."""

    now: datetime
    actor: str
    rules: CompiledRuleSet
    lookups: Mapping[str, Any] = {}
    hold_reasons: Mapping[str, HoldReason] = {}
    new_id: Callable[[], UUID]


class Change(NamedTuple):
    """The result of one action: the item one revision on, the event that tells it, and what ended with it."""

    item: WorkItem
    event: Event
    closed_offer: ClosedOffer | None = None
    wrap_up: WrapUp | None = None
    warnings: tuple[str, ...] = ()


class Ending(NamedTuple):
    """An offer or assignment that a transition ends."""

    item: WorkItem
    extra: dict[str, Any]
    closed_offer: ClosedOffer | None
    wrap_up: WrapUp | None


def queue_of(item: WorkItem, rules: CompiledRuleSet) -> Queue | None:
    """The live settings of the item's queue."""
    return rules.queues.get(item.queue_id) if item.queue_id else None


def segment_of(item: WorkItem, rules: CompiledRuleSet) -> str | None:
    """The item's value of what its queue counts by; None without."""
    queue = queue_of(item, rules)
    if queue is None or queue.segment_by is None:
        return None
    root, _, rest = queue.segment_by.partition(".")
    value: Any
    if root in ("data", "ext") and rest:
        value = value_at(item.data if root == "data" else item.ext, rest)
    else:
        value = {
            "mediaType": item.media_type,
            "categoryPath": item.category_path,
            "capturePoint": item.capture_point,
            "channel": item.channel,
        }.get(queue.segment_by)
    return None if value is None else str(value)


def weight_of(item: WorkItem, rules: CompiledRuleSet) -> int:
    """Capacity that the item takes: the queue's weight, else the media type's, else 1."""
    queue = queue_of(item, rules)
    if queue is not None and queue.weight is not None:
        return queue.weight
    media = rules.media_types.get(item.media_type)
    return media.weight if media is not None else 1


def changed(
    kind: EventType,
    before: WorkItem,
    after: WorkItem,
    ctx: Context,
    *,
    comment: str | None = None,
    ended: Ending | None = None,
    **extra: Any,
) -> Change:
    """One revision on: the event with everything that belongs to it."""
    after = replace(after, revision=before.revision + 1)
    told = {**(ended.extra if ended else {}), **extra}
    event = item_event(kind, before, after, at=ctx.now, actor=ctx.actor, comment=comment, **told)
    return Change(
        after,
        event,
        ended.closed_offer if ended else None,
        ended.wrap_up if ended else None,
        tuple(extra.get("warnings") or ()),
    )


def end_holding(
    item: WorkItem,
    ctx: Context,
    *,
    offer: OfferOutcome = OfferOutcome.WITHDRAWN,
    assignment: AssignmentOutcome = AssignmentOutcome.WITHDRAWN,
    reason: str | None = None,
) -> Ending:
    """Ends the open offer and the assignment, if any: capacity is free, wrap-up starts after completed work."""
    extra: dict[str, Any] = {}
    closed: ClosedOffer | None = None
    wrap_up: WrapUp | None = None
    if item.offer_id is not None:
        closed = ClosedOffer(item.offer_id, offer, ctx.now, reason)
        extra["offer"] = {"id": str(item.offer_id), "agent": item.offered_to, "outcome": offer.value}
    if item.assigned_to is not None and item.assignment_id is not None:
        queue = queue_of(item, ctx.rules)
        wrap_up_us = queue.wrap_up if queue is not None and assignment is AssignmentOutcome.COMPLETED else 0
        extra["assignment"] = {
            "id": str(item.assignment_id),
            "agent": item.assigned_to,
            "outcome": assignment.value,
            "startedAt": item.assigned_at.isoformat() if item.assigned_at else None,
            "queue": item.queue_id,
            "wrapUpSeconds": wrap_up_us // 1_000_000,
        }
        if wrap_up_us:
            wrap_up = WrapUp(
                assignment_id=item.assignment_id,
                agent_id=item.assigned_to,
                item_number=item.number,
                media_type=item.media_type,
                weight=weight_of(item, ctx.rules),
                until=ctx.now + timedelta(microseconds=wrap_up_us),
            )
    free = replace(
        item,
        offer_id=None,
        offered_to=None,
        offered_at=None,
        offer_expires_at=None,
        assigned_to=None,
        assignment_id=None,
        last_agent=item.assigned_to or item.last_agent,
    )
    return Ending(free, extra, closed, wrap_up)


def unreserved(item: WorkItem) -> WorkItem:
    return replace(item, reserved_for=None, reserved_until=None, reserved_by=None)


def after_business_days(at: int, duration: int, clock: Clock | None) -> int:
    """`duration` (µs) after `at`; whole days are counted as local days on which the clock opens (None: all days)."""
    if clock is None:
        return at + duration
    days, rest = divmod(duration, DAY)
    for _ in range(_LONGEST_DAYS):
        if days == 0:
            break
        at += DAY
        midnight = at - (at + clock.offset_at(at)) % DAY
        if clock.between(midnight, midnight + DAY) > 0:
            days -= 1
    return at + rest


def reservation_end(item: WorkItem, ctx: Context) -> datetime:
    """When a reservation made now ends: after the queue's `reserveFor`, counted in its business days."""
    queue = queue_of(item, ctx.rules)
    if queue is None:
        return ctx.now + timedelta(days=1)
    clock = ctx.rules.clocks.get(queue.hours) if queue.hours else None
    return from_micros(after_business_days(to_micros(ctx.now), queue.reserve_for, clock))


def _queued_again(item: WorkItem, ctx: Context) -> WorkItem:
    """Into the queue, at the place and age that it had there."""
    return replace(item, status=Status.QUEUED, queued_at=item.queued_at or ctx.now)


def activate(item: WorkItem, ctx: Context) -> Change:
    """Its activation has come, or somebody releases it early: an age that starts at activation then starts now."""
    require(Action.ACTIVATE, item.status)
    after = replace(item, status=Status.QUEUED, queued_at=ctx.now)
    if item.activation_at is not None and item.activation_at > ctx.now:
        after = _early(replace(after, activation_at=ctx.now), ctx)
    return changed(EventType.ACTIVATED, item, after, ctx)


def _early(item: WorkItem, ctx: Context) -> WorkItem:
    schema = schema_of(item, ctx.rules)
    if schema is None or schema.anchor is not Anchor.ACTIVATION:
        return item
    item = standing_set(item, ctx.rules)
    if item.due_origin is not DueOrigin.SCHEMA:
        return item
    due = due_at(schema, to_micros(item.anchor_at or ctx.now))
    return replace(item, due_at=None if due is None else delayed(from_micros(due), schema, item.pauses))


def hold(
    item: WorkItem,
    ctx: Context,
    reason: str,
    *,
    until: datetime | None = None,
    wakes_on: str | None = None,
    keep_for: str | None = None,
    comment: str | None = None,
    because: str | None = None,
) -> Change:
    """Sets the item aside for a listed reason. An agent's own hold keeps it for that agent by default."""
    require(Action.HOLD, item.status)
    listed = ctx.hold_reasons.get(reason)
    if listed is None or not listed.active:
        names = ", ".join(sorted(r.id for r in ctx.hold_reasons.values() if r.active))
        raise InvalidInputError(f"'{reason}' is no hold reason", field="reason", hint=f"use one of: {names}")
    if until is not None and until <= ctx.now:
        raise InvalidInputError(
            "holdUntil lies in the past", field="holdUntil", hint="name a later instant, or leave it out"
        )
    check_instant(until, ctx.now, "holdUntil")
    if wakes_on is not None and wakes_on not in HOLD_WAKES:
        raise InvalidInputError(
            f"'{wakes_on}' wakes no item", field="wakesOn", hint=f"use one of: {', '.join(HOLD_WAKES)}"
        )
    if keep_for is None and item.assigned_to is not None and ctx.actor == f"agent:{item.assigned_to}":
        keep_for = item.assigned_to
    ended = end_holding(item, ctx, reason="held")
    schema = schema_of(item, ctx.rules)
    after = replace(
        unreserved(ended.item),
        status=Status.HELD,
        held_at=ctx.now,
        hold_reason=reason,
        hold_until=until,
        hold_wakes_on=wakes_on,
        hold_pauses=listed.pauses_clock,
        keep_for=keep_for,
        clock_frozen=schema.clock.elapsed(to_micros(ctx.now))
        if listed.pauses_clock and schema is not None
        else None,
    )
    return changed(
        EventType.HELD, item, after, ctx, comment=comment, ended=ended, reason=reason, because=because
    )


def released(item: WorkItem, ctx: Context) -> WorkItem:
    """A held item set free again: hold fields cleared, the pause accounted for."""
    return replace(
        pause_ended(item, ctx.rules, ctx.now),
        held_at=None,
        hold_reason=None,
        hold_until=None,
        hold_wakes_on=None,
        hold_pauses=False,
        error=None,
    )


def resume(item: WorkItem, ctx: Context, *, because: str | None = None, comment: str | None = None) -> Change:
    """Wakes a held, classified item; kept for an agent, it is reserved for them first. (Others: judge again.)"""
    require(Action.RESUME, item.status)
    kept = item.keep_for
    after = replace(released(item, ctx), keep_for=None)
    if after.activation_at is not None and after.activation_at > ctx.now:
        after = replace(after, status=Status.CAPTURED)
    else:
        after = _queued_again(after, ctx)
    if kept is not None and after.status is Status.QUEUED:
        after = replace(after, reserved_for=kept, reserved_until=reservation_end(after, ctx))
    return changed(EventType.RESUMED, item, after, ctx, because=because, comment=comment)


def _finish(
    item: WorkItem, ctx: Context, status: Status, outcome: AssignmentOutcome
) -> tuple[WorkItem, Ending]:
    ended = end_holding(item, ctx, assignment=outcome, reason=status.value)
    after = unreserved(ended.item)
    if item.status.is_held:
        after = released(after, ctx)
    return finished(replace(after, keep_for=None), status, ctx.now), ended


def finished(item: WorkItem, status: Status, now: datetime) -> WorkItem:
    """Final from now on; without an expiration of the source's it stays for the default time."""
    expiration = item.expiration_at or now + timedelta(days=DEFAULT_EXPIRATION_DAYS)
    return replace(item, status=status, completed_at=now, expiration_at=expiration, excluded=[])


def unfinished(item: WorkItem) -> WorkItem:
    """No longer final: the default expiration counts anew from the next finish."""
    expiration = item.expiration_at
    if item.completed_at is not None and expiration == item.completed_at + timedelta(
        days=DEFAULT_EXPIRATION_DAYS
    ):
        expiration = None
    return replace(item, completed_at=None, expiration_at=expiration)


def cancel(item: WorkItem, ctx: Context, *, reason: str | None = None, comment: str | None = None) -> Change:
    """Taken out by the source or a supervisor."""
    require(Action.CANCEL, item.status)
    after, ended = _finish(item, ctx, Status.CANCELED, AssignmentOutcome.WITHDRAWN)
    return changed(EventType.CANCELED, item, after, ctx, comment=comment, ended=ended, reason=reason)


def complete(
    item: WorkItem,
    ctx: Context,
    *,
    reason: str | None = None,
    result_code: str | None = None,
    comment: str | None = None,
    agent_id: str | None = None,
) -> Change:
    """Finished: by its agent (`agent_id`), else by source or supervisor. Checks the category's dispositions."""
    require(Action.COMPLETE, item.status)
    if agent_id is not None and item.assigned_to != agent_id:
        raise ConflictError(
            f"the item is not assigned to {agent_id}",
            code="notYourItem",
            field="agent",
            hint="only its agent can complete it here",
        )
    code = result_code if result_code is not None else item.ext.get("resultCode")
    _check_disposition(item, ctx, code, by_agent=agent_id is not None)
    ext = item.ext if code is None else {**item.ext, "resultCode": code}
    outcome = AssignmentOutcome.COMPLETED if agent_id is not None else AssignmentOutcome.WITHDRAWN
    after, ended = _finish(replace(item, ext=ext), ctx, Status.COMPLETED, outcome)
    return changed(
        EventType.COMPLETED, item, after, ctx, comment=comment, ended=ended, reason=reason, agent=agent_id
    )


def _check_disposition(item: WorkItem, ctx: Context, code: str | None, *, by_agent: bool) -> None:
    node = ctx.rules.categories.get(item.category_id) if item.category_id else None
    if node is None:
        return
    if code is None:
        if node.disposition_required and by_agent:
            raise InvalidInputError(
                "a disposition is needed",
                field="resultCode",
                hint=f"one of: {', '.join(node.dispositions)}",
                code="dispositionRequired",
            )
    elif node.dispositions and code not in node.dispositions:
        raise InvalidInputError(
            f"'{code}' is no disposition of {item.category_path}",
            field="resultCode",
            hint=f"one of: {', '.join(node.dispositions)}",
        )


def delete(item: WorkItem, ctx: Context, *, reason: str | None = None) -> Change:
    """Removed from the live store; the event log keeps its record until its own retention."""
    require(Action.DELETE, item.status)
    after = replace(item, revision=item.revision + 1)
    event = Event(
        type=EventType.DELETED,
        at=ctx.now,
        actor=ctx.actor,
        item_id=item.id,
        item_number=item.number,
        revision=after.revision,
        body={"from": item.status, "to": None, **({"reason": reason} if reason else {})},
    )
    return Change(after, event)


def noted(item: WorkItem, ctx: Context, kind: EventType, **extra: Any) -> Change:
    """Something was added around the item (note, attachment, link): the item itself stays as it is."""
    return changed(kind, item, replace(item), ctx, **extra)


def tag(
    item: WorkItem, ctx: Context, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> Change | None:
    """Adds and removes tags; allowed for final items too. None when nothing changes."""
    tags = [t for t in item.tags if t not in remove]
    tags += [t for t in add if t not in tags]
    if tags == item.tags:
        return None
    return changed(EventType.TAGGED, item, replace(item, tags=tags), ctx)


def grant(
    item: WorkItem,
    ctx: Context,
    kind: GrantKind,
    agent_id: str,
    *,
    offer_id: UUID,
    assignment_id: UUID,
    timeout_us: int,
) -> Change:
    """What the decider's claim makes of the item: an open offer (push), or an assignment (pull, pick)."""
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
        told = {"id": str(offer_id), "agent": agent_id, "expiresAt": expires.isoformat()}
        return changed(EventType.OFFERED, item, after, ctx, agent=agent_id, offer=told)
    after = _assigned(unreserved(item), ctx, agent_id, assignment_id)
    told = {"id": str(assignment_id), "agent": agent_id, "how": kind.value}
    return changed(EventType.ASSIGNED, item, after, ctx, agent=agent_id, assignmentStarted=told)


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

    Assigned to the agent who has it, it begins a new assignment.
    """
    require(Action.ASSIGN, item.status)
    assignment_id = ctx.new_id()
    ended = end_holding(item, ctx, assignment=AssignmentOutcome.TRANSFERRED, reason="assigned")
    after = _assigned(unreserved(ended.item), ctx, agent_id, assignment_id)
    told = {"id": str(assignment_id), "agent": agent_id, "how": "assign"}
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
    after = _queued_again(unreserved(ended.item), ctx)
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
    after = _queued_again(replace(after, segment=segment_of(after, ctx.rules)), ctx)
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
    after = _queued_again(ended.item, ctx)
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


def end_reservation(item: WorkItem, ctx: Context) -> Change:
    """The reserved agent did not take it in time: open to all of the queue."""
    require(Action.END_RESERVATION, item.status)
    if item.reserved_for is None or item.offer_id is not None:
        raise ConflictError("there is no reservation to end", code="notReserved")
    return changed(
        EventType.RESERVATION_ENDED,
        item,
        unreserved(item),
        ctx,
        agent=item.reserved_for,
        reservedBy=item.reserved_by,
    )


def expire(item: WorkItem, ctx: Context) -> Change | None:
    """What time alone makes of an item now: activation, end of a hold, offer or reservation; None if nothing."""
    if item.status is Status.CAPTURED and (item.activation_at is None or item.activation_at <= ctx.now):
        return activate(item, ctx)
    if (
        item.status is Status.HELD
        and item.hold_until is not None
        and item.hold_until <= ctx.now
        and item.category_id
    ):
        return resume(item, ctx, because="holdUntil")
    if item.offer_id is not None and item.offer_expires_at is not None and item.offer_expires_at <= ctx.now:
        return end_offer(item, ctx, item.offer_id, OfferOutcome.TIMED_OUT)
    if (
        item.status is Status.QUEUED
        and item.reserved_until is not None
        and item.reserved_until <= ctx.now
        and item.offer_id is None
    ):
        return end_reservation(item, ctx)
    return None


def item_id(value: UUID) -> ItemId:
    return ItemId(value)
