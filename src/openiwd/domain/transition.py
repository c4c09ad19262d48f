"""What all transitions share: what they know, what they return, and how an offer or assignment ends with them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.canary import Canary
from openiwd.domain.event import Event, EventType, item_event
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.item_queue import queue_of, weight_of
from openiwd.domain.judgement import Basis
from openiwd.domain.offer import AssignmentOutcome, ClosedOffer, OfferOutcome, WrapUp
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Status, WorkItem


class Context(Struct, frozen=True, kw_only=True):
    """What a transition may know beside the item: the instant, who acts, and the live rules and live data."""

    now: datetime
    actor: str
    rules: CompiledRuleSet
    lookups: Mapping[str, Any] = {}
    hold_reasons: Mapping[str, HoldReason] = {}
    new_id: Callable[[], UUID]
    canary: Canary | None = None

    @property
    def judged_by(self) -> tuple[int, int | None]:
        """The versions that may judge here: the live one, and the running canary's."""
        return self.rules.version, None if self.canary is None else self.canary.version

    def rules_of(self, item: WorkItem) -> CompiledRuleSet:
        """The rules that judge a known item: those of the canary if they have judged it before, else the live ones."""
        if self.canary is not None and item.rule_set_version == self.canary.version:
            return self.canary.rules
        return self.rules


class Change(NamedTuple):
    """The result of one action: the item one revision on, the event that tells it, and what ended with it."""

    item: WorkItem
    event: Event
    closed_offer: ClosedOffer | None = None
    wrap_up: WrapUp | None = None
    warnings: tuple[str, ...] = ()
    basis: Basis | None = None
    """Where the rules judged the item."""


class Ending(NamedTuple):
    """An offer or assignment that a transition ends."""

    item: WorkItem
    extra: dict[str, Any]
    closed_offer: ClosedOffer | None
    wrap_up: WrapUp | None


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


def with_focus(change: Change, seconds: int) -> Change:
    """Tells of the assignment that ended for how long its agent had the item in front of them.

    At most as long as it lasted. Nothing where none ended.
    """
    event = change.event
    ended = event.body.get("assignment")
    if ended is None or ended["startedAt"] is None:
        return change
    lasted = (event.at - datetime.fromisoformat(ended["startedAt"])) // timedelta(seconds=1)
    told = {**ended, "focusSeconds": max(0, min(seconds, lasted))}
    return change._replace(event=replace(event, body={**event.body, "assignment": told}))


def unreserved(item: WorkItem) -> WorkItem:
    return replace(item, reserved_for=None, reserved_until=None, reserved_by=None)


def queued_again(item: WorkItem, ctx: Context) -> WorkItem:
    """Into the queue, at the place and age that it had there."""
    return replace(item, status=Status.QUEUED, queued_at=item.queued_at or ctx.now)


def noted(item: WorkItem, ctx: Context, kind: EventType, **extra: Any) -> Change:
    """Something was added around the item (note, attachment, link): the item itself stays as it is."""
    return changed(kind, item, replace(item), ctx, **extra)


def erase(item: WorkItem, ctx: Context) -> Change | None:
    """Without what tells of persons; what it is, where it waits and who works on it stay. None when nothing is left."""
    ext = {k: v for k, v in item.ext.items() if k != "customerId"}
    kept = {k: v for k, v in item.overridden.items() if not (k == "ext.customerId" or k.startswith("data."))}
    blank = replace(item, subject=None, description=None, contact=None, data={}, ext=ext, overridden=kept)
    if blank == item:
        return None
    return changed(EventType.PERSONAL_DATA_ERASED, item, blank, ctx)


def tag(
    item: WorkItem, ctx: Context, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
) -> Change | None:
    """Adds and removes tags; allowed for final items too. None when nothing changes."""
    tags = [t for t in item.tags if t not in remove]
    tags += [t for t in add if t not in tags]
    if tags == item.tags:
        return None
    return changed(EventType.TAGGED, item, replace(item, tags=tags), ctx)
