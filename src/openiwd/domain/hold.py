"""Holds: an item is set aside and taken up again. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from openiwd.domain.aging import pause_ended, schema_of
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.event import EventType
from openiwd.domain.instant import to_micros
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.reservation import reservation_end
from openiwd.domain.transition import Change, Context, changed, end_holding, queued_again, unreserved
from openiwd.domain.work_item import Status, WorkItem, check_instant

HOLD_WAKES = ("customerReply", "linkedItems")


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
        after = queued_again(after, ctx)
    if kept is not None and after.status is Status.QUEUED:
        after = replace(after, reserved_for=kept, reserved_until=reservation_end(after, ctx))
    return changed(EventType.RESUMED, item, after, ctx, because=because, comment=comment)
