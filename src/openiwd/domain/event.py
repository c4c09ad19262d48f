"""Events: what the log keeps. One event per revision of an item, enough to fold the item's state from the log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from itertools import compress
from operator import is_not
from types import NoneType
from typing import Any, get_args
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from openiwd.domain.work_item import PERSONAL, DueOrigin, ItemId, ItemNumber, Status, WorkItem


class EventType(StrEnum):
    # one per transition of an item
    CREATED = "created"
    CLASSIFIED = "classified"
    ACTIVATED = "activated"
    UPDATED = "updated"
    RECLASSIFIED = "reclassified"
    HELD = "held"
    RESUMED = "resumed"
    CANCELED = "canceled"
    COMPLETED = "completed"
    REOPENED = "reopened"
    RESTARTED = "restarted"
    DELETED = "deleted"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    OFFER_DECLINED = "offerDeclined"
    OFFER_TIMED_OUT = "offerTimedOut"
    OFFER_WITHDRAWN = "offerWithdrawn"
    OFFER_LOST = "offerLost"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    RESERVATION_ENDED = "reservationEnded"
    ROUTED = "routed"
    ROUTING_ENDED = "routingEnded"
    NOTE_ADDED = "noteAdded"
    TAGGED = "tagged"
    ATTACHMENT_ADDED = "attachmentAdded"
    LINKED = "linked"
    EMAIL_RECEIVED = "emailReceived"
    EMAIL_WRITTEN = "emailWritten"
    EMAIL_SENT = "emailSent"
    EMAIL_FAILED = "emailFailed"
    EMAIL_MOVED = "emailMoved"
    PERSONAL_DATA_ERASED = "personalDataErased"
    # not of an item
    AGENT_CHANGED = "agentChanged"
    AGENT_STATE_CHANGED = "agentStateChanged"
    RULE_SET_PUBLISHED = "ruleSetPublished"
    CONFIGURATION_CHANGED = "configurationChanged"
    DECIDER_CHANGED = "deciderChanged"
    ALARM_RAISED = "alarmRaised"
    ALARM_CHANGED = "alarmChanged"
    ALARM_CLEARED = "alarmCleared"
    CONTACT_ERASED = "contactErased"
    BACKLOG_SAMPLED = "backlogSampled"


class Event(Struct, kw_only=True):
    """A fact, as written with the change that it tells of.

    `body` keys: `from`, `to` (statuses), `set` (changed fields, snake_case names of `WorkItem`), and where it
    applies `offer`, `assignment`, `reason`, `agent`, `warnings`. `personal` holds the values of persons (same
    keys as `set`, and `comment`); it is stored apart, so that erasure blanks it and keeps the row.
    """

    type: EventType
    at: datetime
    actor: str
    item_id: ItemId | None = None
    item_number: ItemNumber | None = None
    revision: int | None = None
    subject_id: str | None = None
    """For events that are not of an item: the id of the agent or object."""
    body: dict[str, Any] = {}
    personal: dict[str, Any] | None = None


class LoggedEvent(Struct, kw_only=True):
    """An event as read back: with its place in the log."""

    generation: int
    pos: int
    type: str
    at: datetime
    actor: str
    item_id: UUID | None = None
    item_number: int | None = None
    revision: int | None = None
    subject_id: str | None = None
    body: dict[str, Any] = {}
    personal: dict[str, Any] | None = None


def concerned(event: LoggedEvent) -> set[str]:
    """The agents whom an event concerns: of an item, who gets it, has it or has had it; else whose it is."""
    if event.item_id is None:
        own = event.type in (EventType.AGENT_CHANGED, EventType.AGENT_STATE_CHANGED)
        return {event.subject_id} if own and event.subject_id is not None else set()
    body = event.body
    changed = body.get("set", {})
    named = {
        body.get("agent"),
        body.get("toAgent"),
        changed.get("assigned_to"),
        changed.get("reserved_for"),
    }
    for part in ("offer", "assignment", "assignmentStarted"):
        named.add((body.get(part) or {}).get("agent"))
    return {agent_id for agent_id in named if agent_id}


_NAMES = WorkItem.__struct_fields__
_NO_VALUES: tuple[Any, ...] = tuple(
    f.default_factory()
    if f.default is msgspec.NODEFAULT and f.default_factory is not msgspec.NODEFAULT
    else f.default
    for f in msgspec.structs.fields(WorkItem)
)


def same(old: Any, new: Any) -> bool:
    """Whether two JSON values are alike in kind as well: 1, 1.0 and true are three values."""
    if new is old:
        return True
    if new != old:
        return False
    if isinstance(new, (dict, list)):
        return not new or _encode(new) == _encode(old)
    return type(new) is type(old)


_encode = msgspec.json.Encoder(order="deterministic").encode


def changes(before: WorkItem | None, after: WorkItem) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, as (set, personal) in plain JSON values; against the defaults for a new item."""
    olds = _NO_VALUES if before is None else astuple(before)
    news = astuple(after)
    public: dict[str, Any] = {}
    personal: dict[str, Any] = {}
    # Most fields are the very same object before and after: they are passed over without a step of this loop.
    for name, old, value in compress(zip(_NAMES, olds, news, strict=True), map(is_not, olds, news)):
        if value == old and same(old, value):
            continue
        told = _TOLD.get(name)
        if told is None:
            public[name] = value
        else:
            told(name, value, public, personal)
    return public, personal


_Part = dict[str, Any]


def _left_out(name: str, value: Any, public: _Part, personal: _Part) -> None:
    """Number, id and revision: the event has them itself."""


def _personal(name: str, value: Any, _: _Part, personal: _Part) -> None:
    personal[name] = value


def _structured(name: str, value: Any, public: _Part, _: _Part) -> None:
    public[name] = None if value is None else msgspec.to_builtins(value)


def _ext(name: str, value: Any, public: _Part, personal: _Part) -> None:
    public[name] = rest = dict(value)
    if "customerId" in rest:
        personal[name] = {"customerId": rest.pop("customerId")}


def _overridden(name: str, value: Any, public: _Part, personal: _Part) -> None:
    public[name] = {k: v for k, v in value.items() if not _of_a_person(k)}
    if len(public[name]) < len(value):
        personal[name] = {k: v for k, v in value.items() if _of_a_person(k)}


def _of_a_person(attribute: str) -> bool:
    return attribute == "ext.customerId" or attribute.startswith("data.")


def _teller(name: str, kind: Any) -> Callable[[str, Any, _Part, _Part], None] | None:
    """How a field gets into an event; None: as it is."""
    if name in ("number", "id", "revision"):
        return _left_out
    if name in PERSONAL:
        return _personal
    if name in ("ext", "overridden"):
        return _ext if name == "ext" else _overridden
    return None if set(get_args(kind) or (kind,)) <= _PLAIN else _structured


_PLAIN = {str, int, bool, NoneType, Status, DueOrigin}
_TOLD = {f.name: t for f in msgspec.structs.fields(WorkItem) if (t := _teller(f.name, f.type)) is not None}


def fold(events: list[LoggedEvent]) -> WorkItem | None:
    """The item's state after these events of one item, given in order; None before the first or after deletion."""
    state: dict[str, Any] = {}
    alive = False
    for event in events:
        if event.type == EventType.DELETED:
            alive = False
            continue
        alive = True
        state["id"], state["number"], state["revision"] = (
            str(event.item_id),
            event.item_number,
            event.revision,
        )
        state.update(event.body.get("set", {}))
        for name, value in (event.personal or {}).items():
            if name in ("ext", "overridden"):
                state[name] = {**state.get(name, {}), **value}
            elif name in PERSONAL:
                state[name] = value
    return msgspec.convert(state, WorkItem) if alive else None


def item_event(
    kind: EventType,
    before: WorkItem | None,
    after: WorkItem,
    *,
    at: datetime,
    actor: str,
    comment: str | None = None,
    **extra: Any,
) -> Event:
    """The event of one revision: status before and after, changed fields, and what else belongs to it."""
    public, personal = changes(before, after)
    body: dict[str, Any] = {"from": before.status if before else None, "to": after.status, "set": public}
    body.update({k: v for k, v in extra.items() if v is not None})
    if comment:
        personal["comment"] = comment
    return Event(
        type=kind,
        at=at,
        actor=actor,
        item_id=after.id,
        item_number=after.number,
        revision=after.revision,
        body=body,
        personal=personal or None,
    )
