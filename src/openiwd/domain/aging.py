"""Where an item's age starts and stands on its schema's clock, and how pauses move the due dates made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import floor

from msgspec.structs import replace

from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import (
    Anchor,
    Schema,
    Standing,
    constant_of,
    paused_time,
    priority_at,
    standing,
)
from openiwd.domain.work_item import DueOrigin, WorkItem

Pause = tuple[datetime, datetime]


def schema_of(item: WorkItem, rules: CompiledRuleSet) -> Schema | None:
    """The live settings of the item's schema."""
    return rules.schemas.get(item.schema_id) if item.schema_id else None


def due_is_made(item: WorkItem) -> bool:
    """Whether a rule or the schema made the due date: only such dates move with pauses."""
    return item.due_origin in (DueOrigin.RULE, DueOrigin.SCHEMA)


def anchor_instant(item: WorkItem, schema: Schema) -> datetime:
    """Where the item's age starts on this schema; a reopened item starts anew at its reopening.

    Anchored on a made due date, the age keeps the date as it was before pauses moved it: they are taken out
    of the age already.
    """
    if schema.anchor is Anchor.DUE:
        if due_is_made(item) and item.pauses and item.anchor_at is not None:
            return item.anchor_at
        return item.due_at or item.reopened_at or item.created_at
    if item.reopened_at is not None:
        return item.reopened_at
    if schema.anchor is Anchor.ACTIVATION:
        return item.activation_at or item.created_at
    if schema.anchor is Anchor.SOURCE_CREATED:
        source = item.ext.get("sourceCreatedDateTime")
        return datetime.fromisoformat(source) if source else item.created_at
    return item.created_at


def standing_set(item: WorkItem, rules: CompiledRuleSet, anchor: datetime | None = None) -> WorkItem:
    """A copy with the anchor (the one given, where judging has found it) and its place on the clock."""
    item = replace(item)
    set_standing(item, rules, anchor)
    return item


def set_standing(item: WorkItem, rules: CompiledRuleSet, anchor: datetime | None = None) -> None:
    """Sets the anchor and its place on the clock, pauses taken out, in an item that is the caller's alone."""
    schema = schema_of(item, rules)
    if schema is None:
        item.anchor_at = item.clock_id = item.clock_origin = item.clock_frozen = None
        return
    at = anchor_instant(item, schema) if anchor is None else anchor
    clock = schema.clock
    origin = clock.elapsed(to_micros(at))
    item.anchor_at = at
    item.clock_id = clock.id
    item.clock_origin = origin + _paused(schema, item.pauses) if item.pauses else origin
    stopped = item.held_at if item.hold_pauses else None
    item.clock_frozen = None if stopped is None else clock.elapsed(to_micros(stopped))


def _paused(schema: Schema, pauses: Iterable[Pause]) -> int:
    return paused_time(schema.clock, ((to_micros(start), to_micros(end)) for start, end in pauses))


def standing_on(item: WorkItem, schema: Schema) -> Standing:
    """The item's standing on a schema that need not be the one it lives by: anchor and pauses are counted anew."""
    return standing(
        schema,
        to_micros(anchor_instant(item, schema)),
        _paused(schema, item.pauses),
        item.business_value,
        item.priority_adjustment,
        item.priority_fixed,
        to_micros(item.held_at) if item.hold_pauses and item.held_at is not None else None,
    )


def whole_priority(item: WorkItem, rules: CompiledRuleSet, now: datetime) -> int | None:
    """The whole part of the item's priority at an instant, as it stands on its schema; None without one."""
    if item.priority_fixed is not None:
        return item.priority_fixed
    schema = schema_of(item, rules)
    if schema is None or item.clock_origin is None:
        return None
    constant = constant_of(schema, item.business_value, item.priority_adjustment)
    stands = Standing(schema.id, schema.clock.id, item.clock_origin, constant, stopped=item.clock_frozen)
    return floor(priority_at(schema, stands, to_micros(now)))


def delayed(due: datetime, schema: Schema, pauses: Iterable[Pause]) -> datetime:
    """A made due date, moved by what pauses took of the schema's clock."""
    return from_micros(schema.clock.add(to_micros(due), _paused(schema, pauses)))


def pause_ended(item: WorkItem, rules: CompiledRuleSet, now: datetime) -> WorkItem:
    """Ends a pausing hold: age goes on from where it stood; a due date made by schema or rule moves by the pause."""
    if not item.hold_pauses or item.held_at is None:
        return replace(item, clock_frozen=None)
    pause = (item.held_at, now)
    pauses = [*item.pauses, pause]
    schema = schema_of(item, rules)
    if schema is None:
        return replace(item, pauses=pauses, clock_frozen=None)
    due = item.due_at
    if due is not None and due_is_made(item):
        due = delayed(due, schema, [pause])
    origin = None if item.clock_origin is None else item.clock_origin + _paused(schema, [pause])
    return replace(item, pauses=pauses, clock_origin=origin, clock_frozen=None, due_at=due)
