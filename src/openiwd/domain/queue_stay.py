"""Stays: from when to when an item waited in a queue, as its events tell. Pure; reads events, touches nothing.

A stay ends with everything that ends the wait or moves the item to another line: an offer, a hold, another queue,
schema, value or anchor. What the order of a past instant depends on is then constant within a stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.work_item import Status

State = dict[str, Any]
"""Fields of an item as events set them: plain JSON values."""

_FIELDS: Final = (
    "status", "offer_id", "queue_id", "schema_id", "business_value", "priority_adjustment", "priority_fixed",
    "anchor_at", "created_at", "pauses",
)  # fmt: skip
SHORTEST, LONGEST = 21, 50
"""Spans: what lasted less than about four seconds counts as one kind, what lasted thirty years as another."""


class Line(NamedTuple):
    """What an item's place in the order depends on, but for the instant. Instants are microseconds."""

    queue_id: str
    schema_id: str
    """Empty: none."""
    business_value: int
    priority_adjustment: int
    priority_fixed: int | None
    anchor: int
    pauses: tuple[int, ...]
    """Start, end, start, end, …"""


class Stay(Struct, frozen=True, kw_only=True):
    """One wait on one line. `until` is None while it goes on, and no longer part of it."""

    item_number: int
    item_id: UUID
    line: Line
    since: datetime
    until: datetime | None = None

    @property
    def span(self) -> int | None:
        """It lasted 2^span microseconds or longer, but not twice as long (within SHORTEST and LONGEST)."""
        if self.until is None:
            return None
        lasted = to_micros(self.until) - to_micros(self.since)
        return min(max(lasted.bit_length() - 1, SHORTEST), LONGEST)


class Stays(NamedTuple):
    """What a part of the log makes of stays: those that went on before and are over, and those begun in it."""

    ended: list[Stay]
    begun: list[Stay]


def folded(events: Iterable[LoggedEvent], state: State | None = None) -> State:
    """The fields that stays depend on, after these events of one item in order."""
    found = {} if state is None else dict(state)
    for event in events:
        _apply(event, found)
    return found


def _apply(event: LoggedEvent, state: State) -> None:
    changed = event.body.get("set", {})
    for name in _FIELDS:
        if name in changed:
            state[name] = changed[name]
    if event.type == EventType.DELETED:
        state["status"] = None


def state_of(stay: Stay) -> State:
    """What an open stay says of its item: enough to go on from."""
    line = stay.line
    pauses = [from_micros(p).isoformat() for p in line.pauses]
    return {
        "status": Status.QUEUED.value,
        "offer_id": None,
        "queue_id": line.queue_id,
        "schema_id": line.schema_id or None,
        "business_value": line.business_value,
        "priority_adjustment": line.priority_adjustment,
        "priority_fixed": line.priority_fixed,
        "anchor_at": from_micros(line.anchor).isoformat(),
        "created_at": from_micros(line.anchor).isoformat(),
        "pauses": [pauses[n : n + 2] for n in range(0, len(pauses), 2)],
    }


def line_of(state: Mapping[str, Any]) -> Line | None:
    """The line on which an item waits; None when it does not, or is offered to somebody."""
    if state.get("status") != Status.QUEUED or state.get("offer_id") is not None:
        return None
    # An open stay knows its anchor, and not when its item was created: that matters for items without a schema only.
    anchor = state.get("anchor_at") or state["created_at"]
    return Line(
        state.get("queue_id") or "",
        state.get("schema_id") or "",
        state.get("business_value", 0),
        state.get("priority_adjustment", 0),
        state.get("priority_fixed"),
        _micros(anchor),
        tuple(_micros(end) for pause in state.get("pauses", ()) for end in pause),
    )


def _micros(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))


def may_begin(event: LoggedEvent) -> bool:
    """Whether an item may wait after this event that did not before it."""
    return event.body.get("to") == Status.QUEUED and event.body.get("set", {}).get("offer_id") is None


def unknown_items(events: Sequence[LoggedEvent], waiting: Mapping[int, Stay]) -> set[UUID]:
    """Items whose earlier events are needed: they begin to wait here, and were made before."""
    known, found = set(waiting), set[UUID]()
    for event in events:
        if event.item_number is None or event.item_id is None:
            continue
        if event.revision == 1:
            known.add(event.item_number)
        elif event.item_number not in known and may_begin(event):
            found.add(event.item_id)
    return found


def follow(events: Sequence[LoggedEvent], waiting: Mapping[int, Stay], before: Mapping[UUID, State]) -> Stays:
    """The stays that these events end and begin.

    `waiting` are the open stays of the items concerned, `before` the states of those of `unknown_items` as they were
    before these events. A wait that ends in the instant in which it began leaves no stay.
    """
    states: dict[int, State] = {number: state_of(stay) for number, stay in waiting.items()}
    running: dict[int, Stay] = dict(waiting)
    fresh: set[int] = set()
    ended: list[Stay] = []
    begun: list[Stay] = []
    for event in events:
        number, item_id = event.item_number, event.item_id
        if number is None or item_id is None:
            continue
        state = states.get(number)
        if state is None:
            if event.revision != 1 and item_id not in before:
                continue
            state = states[number] = dict(before.get(item_id, {}))
        _apply(event, state)
        line, present = line_of(state), running.get(number)
        if present is not None and present.line == line:
            continue
        if present is not None:
            over = replace(running.pop(number), until=max(event.at, present.since))
            if number not in fresh:
                ended.append(over)
            elif over.until is not None and over.until > over.since:
                begun.append(over)
            fresh.discard(number)
        if line is not None:
            running[number] = Stay(item_number=number, item_id=item_id, line=line, since=event.at)
            fresh.add(number)
    begun += [running[number] for number in fresh]
    return Stays(ended, begun)
