"""What time makes of an item that waits: its activation, and whatever has run out. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from openiwd.domain.aging import delayed, schema_of, standing_set
from openiwd.domain.assignment import end_offer
from openiwd.domain.event import EventType
from openiwd.domain.hold import resume
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.offer import OfferOutcome
from openiwd.domain.reservation import end_reservation
from openiwd.domain.schema import Anchor, due_at
from openiwd.domain.transition import Change, Context, changed
from openiwd.domain.work_item import DueOrigin, Status, WorkItem


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
