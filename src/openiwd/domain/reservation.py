"""Reservations: how long an item is kept for one agent, and their end. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from openiwd.domain.calendar import WALL, Clock
from openiwd.domain.errors import ConflictError
from openiwd.domain.event import EventType
from openiwd.domain.instant import DAY, from_micros, to_micros
from openiwd.domain.item_queue import queue_of
from openiwd.domain.lifecycle import Action, require
from openiwd.domain.transition import Change, Context, changed, unreserved
from openiwd.domain.work_item import WorkItem

_LONGEST_DAYS = 3660


def after_business_days(at: int, duration: int, clock: Clock | None, zone: tzinfo) -> int:
    """`duration` (µs) after `at`. Its whole days are local days on which the clock opens, to the same time of day.

    Local is the calendar's zone; without a calendar all days count, those of the tenant's `zone`.
    """
    days, rest = divmod(duration, DAY)
    if days == 0:
        return at + rest
    if clock is None or clock is WALL:
        return to_micros(from_micros(at).astimezone(zone) + timedelta(days=days)) + rest
    local = at + clock.offset_at(at)
    start = clock.instant_of(local - local % DAY + DAY)
    for _ in range(_LONGEST_DAYS):
        local += DAY
        end = clock.instant_of(local - local % DAY + DAY)
        if clock.between(start, end) > 0:
            days -= 1
            if days == 0:
                break
        start = end
    return clock.instant_of(local) + rest


def reservation_end(item: WorkItem, ctx: Context) -> datetime:
    """When a reservation made now ends: after the queue's `reserveFor`, counted in its business days."""
    queue = queue_of(item, ctx.rules)
    if queue is None:
        return from_micros(after_business_days(to_micros(ctx.now), DAY, None, ctx.rules.zone))
    clock = ctx.rules.clocks.get(queue.hours) if queue.hours else None
    return from_micros(after_business_days(to_micros(ctx.now), queue.reserve_for, clock, ctx.rules.zone))


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
