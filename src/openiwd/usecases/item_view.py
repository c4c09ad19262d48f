"""The public form of a work item, made here and nowhere else. Reads nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.instant import to_micros
from openiwd.domain.lifecycle import possible_actions
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema, Standing, constant_of, shown_priority
from openiwd.domain.work_item import WorkItem

NAMES: Final[dict[str, str]] = {
    "named_category": "category",
    "queue_id": "queue",
    "activation_at": "activationDateTime",
    "due_at": "dueDateTime",
    "expiration_at": "expirationDateTime",
    "created_at": "createdDateTime",
    "received_at": "receivedDateTime",
    "queued_at": "queuedDateTime",
    "assigned_at": "assignedDateTime",
    "assigned_to": "assignedToUser",
    "completed_at": "completedDateTime",
    "held_at": "heldDateTime",
    "hold_wakes_on": "wakesOn",
    "reopened_at": "reopenedDateTime",
    "reserved_until": "reservedUntil",
    "offered_at": "offeredDateTime",
    "offer_expires_at": "offerExpiresDateTime",
    "anchor_at": "anchorDateTime",
    "requirement": "requires",
}
"""Public names of the fields whose public name is more than their camelCase."""
HIDDEN: Final = frozenset({"clock_id", "clock_origin", "clock_frozen", "overridden", "pauses", "number"})
"""Fields of the state that are our own bookkeeping."""


class SkillView(Struct, rename="camel"):
    skill: str
    level: int


class RequirementView(Struct, rename="camel", omit_defaults=True):
    """What the item asks of its agent."""

    skills: list[SkillView] = []
    agents: list[str] = []
    agents_only: bool = False
    groups: list[str] = []
    groups_only: bool = False
    excluded: list[str] = []


class ItemView(Struct, kw_only=True, rename="camel"):
    """A work item as everybody outside sees it. Instants are UTC; `priority` is computed for `priorityAt`."""

    id: UUID
    revision: int
    status: str
    capture_id: str
    capture_point: str
    media_type: str
    channel: str | None
    category: str | None
    """The category that the source named; `categoryPath` is the one that counts."""
    category_path: str | None
    category_id: str | None
    department_id: str | None
    process_id: str | None
    queue: str | None
    schema_id: str | None
    priority: int | float | None
    priority_at: datetime | None
    priority_fixed: int | None
    priority_adjustment: int
    business_value: int
    subject: str | None
    description: str | None
    source_url: str | None
    contact: dict[str, Any] | None
    contact_id: UUID | None
    created_date_time: datetime
    received_date_time: datetime
    activation_date_time: datetime | None
    due_date_time: datetime | None
    due_origin: str | None
    overdue: bool
    expiration_date_time: datetime | None
    queued_date_time: datetime | None
    assigned_to_user: str | None
    assigned_date_time: datetime | None
    completed_date_time: datetime | None
    reopened_date_time: datetime | None
    held_date_time: datetime | None
    hold_reason: str | None
    hold_until: datetime | None
    wakes_on: str | None
    keep_for: str | None
    reserved_for: str | None
    reserved_until: datetime | None
    offered_to: str | None
    offer_id: UUID | None
    offer_expires_date_time: datetime | None
    last_agent: str | None
    requires: RequirementView
    segment: str | None
    tags: list[str]
    ext: dict[str, Any]
    data: dict[str, Any]
    attached_data: dict[str, Any]
    error: str | None
    rule_set_version: int | None
    actions: list[str]
    """What the lifecycle allows in this status (privileges apart)."""


COLUMNS: Final = tuple(msgspec.structs.fields(ItemView))
COLUMN_NAMES: Final = tuple(f.encode_name for f in COLUMNS)


def standing_of(item: WorkItem, rules: CompiledRuleSet) -> tuple[Schema, Standing] | None:
    """The schema that the item stands on and its standing there; None without one."""
    schema = rules.schemas.get(item.schema_id) if item.schema_id else None
    if schema is None or item.clock_origin is None:
        return None
    constant = constant_of(schema, item.business_value, item.priority_adjustment)
    return schema, Standing(
        schema.id, schema.clock.id, item.clock_origin, constant, item.priority_fixed, item.clock_frozen
    )


def priority_of(
    item: WorkItem, rules: CompiledRuleSet, now: datetime
) -> tuple[int | float | None, datetime | None]:
    """The item's priority and the instant that it is of; a final item keeps that of its end."""
    at = item.completed_at or now
    if item.priority_fixed is not None:
        return item.priority_fixed, at
    stands = standing_of(item, rules)
    if stands is None:
        return None, None
    return shown_priority(stands[0], stands[1], to_micros(at)), at


def _requirement_view(item: WorkItem, now: datetime) -> RequirementView:
    """What the item asks for, and who is kept from it for the time being."""
    need = item.requirement
    return RequirementView(
        skills=[SkillView(s, level) for s, level in need.skills],
        agents=list(need.agents),
        agents_only=need.agents_only,
        groups=list(need.groups),
        groups_only=need.groups_only,
        excluded=sorted({*need.excluded, *(e.agent for e in item.excluded if e.until > now)}),
    )


def item_view(item: WorkItem, rules: CompiledRuleSet, now: datetime) -> ItemView:
    """The public form of an item as of now."""
    priority, at = priority_of(item, rules, now)
    return ItemView(
        id=item.id,
        revision=item.revision,
        status=item.status.value,
        capture_id=item.capture_id,
        capture_point=item.capture_point,
        media_type=item.media_type,
        channel=item.channel,
        category=item.named_category,
        category_path=item.category_path,
        category_id=item.category_id,
        department_id=item.department_id,
        process_id=item.process_id,
        queue=item.queue_id,
        schema_id=item.schema_id,
        priority=priority,
        priority_at=at,
        priority_fixed=item.priority_fixed,
        priority_adjustment=item.priority_adjustment,
        business_value=item.business_value,
        subject=item.subject,
        description=item.description,
        source_url=item.source_url,
        contact=item.contact,
        contact_id=item.contact_id,
        created_date_time=item.created_at,
        received_date_time=item.received_at,
        activation_date_time=item.activation_at,
        due_date_time=item.due_at,
        due_origin=item.due_origin.value if item.due_origin is not None else None,
        overdue=item.due_at is not None and (item.completed_at or now) > item.due_at,
        expiration_date_time=item.expiration_at,
        queued_date_time=item.queued_at,
        assigned_to_user=item.assigned_to,
        assigned_date_time=item.assigned_at,
        completed_date_time=item.completed_at,
        reopened_date_time=item.reopened_at,
        held_date_time=item.held_at,
        hold_reason=item.hold_reason,
        hold_until=item.hold_until,
        wakes_on=item.hold_wakes_on,
        keep_for=item.keep_for,
        reserved_for=item.reserved_for,
        reserved_until=item.reserved_until,
        offered_to=item.offered_to,
        offer_id=item.offer_id,
        offer_expires_date_time=item.offer_expires_at,
        last_agent=item.last_agent,
        requires=_requirement_view(item, now),
        segment=item.segment,
        tags=item.tags,
        ext=item.ext,
        data=item.data,
        attached_data=item.attached_data,
        error=item.error,
        rule_set_version=item.rule_set_version,
        actions=[a.value for a in possible_actions(item.status)],
    )
