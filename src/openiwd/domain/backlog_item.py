"""A waiting item as distribution sees it, and what it demands of an agent at an instant. Pure values.

Decides how a demand changes with waiting time; whether an agent meets it is eligibility's matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from openiwd.domain.calendar import WALL_CLOCK_ID
from openiwd.domain.instant import to_micros
from openiwd.domain.queue import Queue
from openiwd.domain.requirement import (
    NO_REQUIREMENT,
    PREFER_FOR,
    Requirement,
    Signature,
    next_step_at,
    relaxed,
    signature,
    step_times,
)
from openiwd.domain.schema import Schema, Standing, paused_time, standing
from openiwd.domain.work_item import WorkItem


class BacklogItem(Struct, frozen=True, kw_only=True):
    """A queued item without an open offer. Instants and durations are microseconds."""

    number: int
    id: UUID
    revision: int = 1
    queue_id: str
    media_type: str = "workitem"
    weight: int = 1
    requirement: Requirement = NO_REQUIREMENT
    queued_at: int
    standing: Standing
    business_value: int = 0
    anchor_at: int
    segment: str | None = None
    reserved_for: str | None = None
    reserved_until: int | None = None
    """End of the reservation; None: until something else ends it."""
    last_agent: str | None = None
    """Preferred until `last_agent_until`: served the contact, or the item before it was reopened."""
    last_agent_until: int | None = None
    excluded: tuple[tuple[str, int], ...] = ()
    """Agents who declined or missed the item, and until when they are left out."""
    handle_time: int | None = None
    """The category's target handle time."""


class BacklogRows(NamedTuple):
    """Waiting items as columns: all in which items that are otherwise alike differ. Instants are microseconds."""

    numbers: NDArray[np.int64]
    ids: NDArray[np.uint64]
    """Shape (n, 2): the high and the low half of each UUID."""
    revisions: NDArray[np.int32]
    business_values: NDArray[np.int32]
    adjustments: NDArray[np.int32]
    anchors: NDArray[np.int64]
    queued: NDArray[np.int64]

    def part(self, index: slice | NDArray[np.intp] | NDArray[np.bool_]) -> BacklogRows:
        """Some of the rows; a slice shares their memory."""
        return BacklogRows(
            self.numbers[index],
            self.ids[index],
            self.revisions[index],
            self.business_values[index],
            self.adjustments[index],
            self.anchors[index],
            self.queued[index],
        )


class LastService(NamedTuple):
    """Who last served the contact of an item, and when that was."""

    agent_id: str
    at: int


class Demand(NamedTuple):
    """All that decides which agents may take an item at an instant, except who declined it.

    Items of one demand compete for the same agents. `served` holds the queue's groups whose delay is over
    (None: the queue serves every agent); `preferred` is the last agent while that preference lasts.
    """

    signature: Signature
    served: tuple[str, ...] | None
    reserved_for: str | None
    preferred: str | None
    handle_time: int | None


def backlog_item(
    item: WorkItem,
    *,
    queue: Queue | None,
    schema: Schema | None,
    weight: int,
    handle_time: int | None = None,
    last_service: LastService | None = None,
) -> BacklogItem:
    """The queued item for the backlog; its standing is counted on the schema given, not on the stored one."""
    anchor = to_micros(item.anchor_at or item.created_at)
    queued = to_micros(item.queued_at or item.received_at)
    if schema is None:
        own = Standing("", WALL_CLOCK_ID, 0, item.priority_adjustment, item.priority_fixed)
    else:
        pauses = [(to_micros(start), to_micros(end)) for start, end in item.pauses]
        paused = paused_time(schema.clock, pauses)
        own = standing(
            schema, anchor, paused, item.business_value, item.priority_adjustment, item.priority_fixed
        )
    agent, until = _last_agent(item, queue, queued, last_service)
    return BacklogItem(
        number=item.number,
        id=item.id,
        revision=item.revision,
        queue_id=item.queue_id or "",
        media_type=item.media_type,
        weight=weight,
        requirement=item.requirement,
        queued_at=queued,
        standing=own,
        business_value=item.business_value,
        anchor_at=anchor,
        segment=item.segment,
        reserved_for=item.reserved_for,
        reserved_until=None if item.reserved_until is None else to_micros(item.reserved_until),
        last_agent=agent,
        last_agent_until=until,
        excluded=tuple((e.agent, to_micros(e.until)) for e in item.excluded),
        handle_time=handle_time,
    )


def items_alike(like: BacklogItem, schema: Schema | None, rows: BacklogRows) -> Iterator[BacklogItem]:
    """The items of the rows; all that rows do not say is as in `like`, which has nothing of its own besides."""
    for number, (high, low), revision, value, adjustment, anchor, queued in zip(
        *(column.tolist() for column in rows), strict=True
    ):
        fixed = like.standing.fixed
        own = (
            Standing("", WALL_CLOCK_ID, 0, adjustment, fixed)
            if schema is None
            else standing(schema, anchor, 0, value, adjustment, fixed)
        )
        yield structs.replace(
            like,
            number=number,
            id=UUID(int=high << 64 | low),
            revision=revision,
            business_value=value,
            anchor_at=anchor,
            queued_at=queued,
            standing=own,
        )


def _last_agent(
    item: WorkItem, queue: Queue | None, queued: int, last_service: LastService | None
) -> tuple[str | None, int | None]:
    """The agent preferred and until when: after a reopening who had the item, else who served the contact.

    Nobody, once that agent has declined or missed the item: others need not wait for a second answer.
    """
    prefer = None if queue is None else queue.prefer_last_agent
    reopened = item.reopened_at
    if (
        reopened is not None
        and item.last_agent
        and (item.assigned_at is None or item.assigned_at <= reopened)
    ):
        agent, until = item.last_agent, to_micros(reopened) + (PREFER_FOR if prefer is None else prefer.wait)
    elif prefer is not None and last_service is not None and queued - last_service.at <= prefer.within:
        agent, until = last_service.agent_id, queued + prefer.wait
    else:
        return None, None
    return (None, None) if any(e.agent == agent for e in item.excluded) else (agent, until)


def plain_demand(
    requirement: Requirement,
    queue_id: str,
    media_type: str,
    weight: int,
    handle_time: int | None,
    queue: Queue | None,
    waited: int,
) -> Demand:
    """What such an item demands after a time in queue, reservations and last agents aside."""
    steps = () if queue is None else queue.relaxation
    served = None
    if queue is not None and queue.groups:
        served = tuple(sorted({g.group for g in queue.groups if waited >= g.delay}))
    asked = signature(relaxed(requirement, waited, steps), queue_id, media_type, weight)
    return Demand(asked, served, None, None, handle_time)


def demand_changes(requirement: Requirement, queue: Queue | None) -> tuple[int, ...]:
    """The times in queue, ascending, at which `plain_demand` may become another one."""
    changes = {at for at in step_times(requirement, () if queue is None else queue.relaxation) if at > 0}
    if queue is not None:
        changes |= {g.delay for g in queue.groups if g.delay > 0}
    return tuple(sorted(changes))


def demand_at(item: BacklogItem, queue: Queue | None, now: int) -> Demand:
    """What the item demands after its waiting time so far. A change counts from its very microsecond on."""
    plain = plain_demand(
        item.requirement,
        item.queue_id,
        item.media_type,
        item.weight,
        item.handle_time,
        queue,
        now - item.queued_at,
    )
    return with_persons(
        plain, item.reserved_for, item.reserved_until, item.last_agent, item.last_agent_until, now
    )


def with_persons(
    plain: Demand,
    reserved_for: str | None,
    reserved_until: int | None,
    last_agent: str | None,
    last_agent_until: int | None,
    now: int,
) -> Demand:
    """The demand with the agent whom the item is reserved for, or else the one who is preferred, as of now."""
    reserved = reserved_for
    if reserved_until is not None and now >= reserved_until:
        reserved = None
    last = last_agent
    if last is not None and (reserved is not None or now >= (last_agent_until or 0)):
        last = None
    if reserved is None and last is None:
        return plain
    return plain._replace(reserved_for=reserved, preferred=last)


def next_demand_at(item: BacklogItem, queue: Queue | None, now: int) -> int | None:
    """The next instant after `now` at which the demand may change by itself; None if it never will."""
    waited = now - item.queued_at
    at: list[int | None] = [item.reserved_until if item.reserved_for else None, item.last_agent_until]
    if queue is not None:
        at += [item.queued_at + g.delay for g in queue.groups]
    step = next_step_at(item.requirement, waited, () if queue is None else queue.relaxation)
    if step is not None:
        at.append(item.queued_at + step)
    return min((instant for instant in at if instant is not None and instant > now), default=None)
