"""What one item looks like from outside: its public form, its past, why it waits, how its priority moves.

Reads only. The public form is made here and nowhere else.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from openiwd.domain.event import LoggedEvent, fold
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.lifecycle import possible_actions
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Schema, Standing, next_bend_at, priority_at, samples, shown
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import AttachmentInfo, Cursor, Link, Note, Offer

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

EXT_PREFIX: Final = "ext_"
MAX_CURVE: Final = timedelta(days=3_660)
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
    constant: Fraction = schema.value_weight * item.business_value + item.priority_adjustment
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
    return shown(priority_at(stands[0], stands[1], to_micros(at))), at


def item_view(item: WorkItem, rules: CompiledRuleSet, now: datetime) -> ItemView:
    """The public form of an item as of now."""
    priority, at = priority_of(item, rules, now)
    need = item.requirement
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
        requires=RequirementView(
            skills=[SkillView(s, level) for s, level in need.skills],
            agents=list(need.agents),
            agents_only=need.agents_only,
            groups=list(need.groups),
            groups_only=need.groups_only,
            excluded=sorted({*need.excluded, *(e.agent for e in item.excluded if e.until > now)}),
        ),
        segment=item.segment,
        tags=item.tags,
        ext=item.ext,
        data=item.data,
        attached_data=item.attached_data,
        error=item.error,
        rule_set_version=item.rule_set_version,
        actions=[a.value for a in possible_actions(item.status)],
    )


def item_uuid(text: str, field: str = "id") -> UUID:
    """The id of an item as its path or body names it."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(
            f"'{text[:100]}' is no item's id", field=field, hint="an id is a UUID; captureIds go as ext_…"
        ) from None


async def find(services: TenantServices, reference: str, capture_point: str | None = None) -> WorkItem:
    """The item by id, or by `ext_` and its captureId; NotFoundError if there is none."""
    if reference.startswith(EXT_PREFIX):
        return await find_captured(services, reference.removeprefix(EXT_PREFIX), capture_point)
    item_id = item_uuid(reference)
    async with services.runtime.store.reading() as reading:
        found = (await reading.items_by_id([item_id])).get(item_id)
    if found is None:
        raise NotFoundError(
            f"there is no item {item_id}",
            field="id",
            hint="check the id; deleted items live on in the log only",
        )
    return found


async def find_captured(services: TenantServices, capture_id: str, capture_point: str | None) -> WorkItem:
    """The item by captureId; without a capture point only if the captureId is unique among them."""
    async with services.runtime.store.reading() as reading:
        if capture_point is not None:
            stored = (await reading.items_by_capture([(capture_point, capture_id)])).get(
                (capture_point, capture_id)
            )
            items = [stored.item] if stored is not None else []
        else:
            items = await reading.items_by_capture_id(capture_id)
    if not items:
        raise NotFoundError(
            f"there is no item with the captureId '{capture_id}'",
            field="captureId",
            hint="check it, and the capture point",
        )
    if len(items) > 1:
        points = ", ".join(sorted({i.capture_point for i in items}))
        raise ConflictError(
            f"several capture points know '{capture_id}'",
            code="ambiguous",
            field="capturePoint",
            hint=f"name one of: {points}",
        )
    return items[0]


async def read(
    services: TenantServices, caller: Caller, reference: str, capture_point: str | None = None
) -> WorkItem:
    """The item, if the caller may read it."""
    item = await find(services, reference, capture_point)
    caller.require_item("workitems.read", item)
    return item


async def read_at(
    services: TenantServices, caller: Caller, reference: str, at: datetime, capture_point: str | None = None
) -> WorkItem:
    """The item as it was at an instant, folded from the log; deleted items too, for those who may read all."""
    events = await _history(services, caller, reference, capture_point)
    item = fold([e for e in events if e.at <= at])
    if item is None:
        raise NotFoundError(
            f"the item did not exist at {at.isoformat()}", field="at", hint="name a later instant"
        )
    return item


async def _history(
    services: TenantServices, caller: Caller, reference: str, capture_point: str | None = None
) -> list[LoggedEvent]:
    try:
        item = await read(services, caller, reference, capture_point)
    except NotFoundError:
        if reference.startswith(EXT_PREFIX) or caller.require("workitems.read") is not Scope.ALL:
            raise
        item_id = item_uuid(reference)
        async with services.runtime.store.reading() as reading:
            events = await reading.history(item_id)
        if not events:
            raise
        return events
    async with services.runtime.store.reading() as reading:
        return await reading.history(item.id)


class HistoryEntry(Struct, kw_only=True, rename="camel"):
    """One event of the item: who did what when, and what changed by it (public names)."""

    cursor: str
    at: datetime
    type: str
    actor: str
    revision: int | None
    from_status: str | None = None
    to_status: str | None = None
    changes: dict[str, Any] = {}
    details: dict[str, Any] = {}
    """What else the event tells: reason, agent, offer, assignment, rules that acted, warnings."""
    comment: str | None = None


def public_name(name: str) -> str:
    """The name under which the API shows a field of an item's state."""
    if name in NAMES:
        return NAMES[name]
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def history_entry(event: LoggedEvent) -> HistoryEntry:
    body = dict(event.body)
    personal = dict(event.personal or {})
    comment = personal.pop("comment", None)
    changed = {**body.pop("set", {})}
    for name, value in personal.items():
        changed[name] = {**changed.get(name, {}), **value} if name == "ext" else value
    return HistoryEntry(
        cursor=str(Cursor(event.generation, event.pos)),
        at=event.at,
        type=event.type,
        actor=event.actor,
        revision=event.revision,
        from_status=body.pop("from", None),
        to_status=body.pop("to", None),
        changes={public_name(k): v for k, v in changed.items() if k not in HIDDEN},
        details=body,
        comment=comment,
    )


async def history(
    services: TenantServices, caller: Caller, reference: str, capture_point: str | None = None
) -> list[HistoryEntry]:
    """Everything that happened to the item, oldest first."""
    return [history_entry(e) for e in await _history(services, caller, reference, capture_point)]


class OfferView(Struct, kw_only=True, rename="camel"):
    """An offer with the decision that led to it."""

    id: UUID
    agent: str
    queue: str
    kind: str
    offered_date_time: datetime
    expires_date_time: datetime | None
    outcome: str | None
    ended_date_time: datetime | None
    reason: str | None
    decision: dict[str, Any]


class Explanation(Struct, kw_only=True, rename="camel"):
    """Why the item is where it is: decisions so far, and what stands between it and an agent now."""

    id: UUID
    status: str
    category_path: str | None
    queue: str | None
    rule_set_version: int | None
    priority: int | float | None
    priority_at: datetime | None
    offers: list[OfferView]
    waiting: dict[str, Any] | None = None
    agent: dict[str, Any] | None = None
    note: str | None = None


def offer_view(offer: Offer) -> OfferView:
    return OfferView(
        id=offer.id,
        agent=offer.agent_id,
        queue=offer.queue_id,
        kind=offer.kind,
        offered_date_time=offer.offered_at,
        expires_date_time=offer.expires_at,
        outcome=offer.outcome,
        ended_date_time=offer.ended_at,
        reason=offer.reason,
        decision=offer.decision,
    )


async def explain(
    services: TenantServices,
    caller: Caller,
    reference: str,
    agent_id: str | None = None,
    capture_point: str | None = None,
) -> Explanation:
    """Offers with their decision records; for a waiting item why it waits, and for a named agent why not them."""
    item = await read(services, caller, reference, capture_point)
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        offers = await reading.offers_of_item(item.number)
    priority, at = priority_of(item, await runtime.rules(), runtime.now())
    result = Explanation(
        id=item.id,
        status=item.status.value,
        category_path=item.category_path,
        queue=item.queue_id,
        rule_set_version=item.rule_set_version,
        priority=priority,
        priority_at=at,
        offers=[offer_view(o) for o in offers],
    )
    decider = services.decider
    if agent_id is not None and agent_id != caller.agent_id:
        caller.require("agents.view")
    if agent_id is not None:
        if decider is None:
            raise UnavailableError(
                "nothing decides for this tenant in this process",
                code="noDecider",
                hint="try again",
                retry_after=2,
            )
        result.agent = await decider.why_not(item.id, agent_id)
    if item.status is not Status.QUEUED:
        result.note = item.error or f"the item is {item.status.value}"
    elif decider is None:
        result.note = "nothing decides for this tenant in this process"
    else:
        result.waiting = await decider.explain(item.id)
    return result


class CurvePoint(Struct, rename="camel"):
    at: datetime
    priority: int | float


class Crossing(Struct, rename="camel"):
    """An instant at which something happens on the curve."""

    at: datetime
    kind: str
    """`bend` (the curve changes), `due` (the due date), `overtakes` or `overtakenBy` (another item of the queue)."""
    priority: int | float
    item: UUID | None = None


class Curve(Struct, kw_only=True, rename="camel"):
    """The item's priority between two instants: straight lines join the points."""

    id: UUID
    schema_id: str | None
    points: list[CurvePoint]
    crossings: list[Crossing]


async def curve(
    services: TenantServices,
    caller: Caller,
    reference: str,
    start: datetime | None,
    end: datetime | None,
    capture_point: str | None = None,
) -> Curve:
    """The priority curve of an item, with bends, due date and the neighbours in the queue that it meets."""
    item = await read(services, caller, reference, capture_point)
    runtime = services.runtime
    rules, now = await runtime.rules(), runtime.now()
    start = start or item.anchor_at or item.created_at
    end = end or max(now + (now - start), now + timedelta(days=1))
    if end <= start:
        raise InvalidInputError(
            "the curve would end before it begins", field="to", hint="name a later instant"
        )
    if end - start > MAX_CURVE:
        raise InvalidInputError(
            "the time asked for is too long", field="to", hint=f"at most {MAX_CURVE.days} days"
        )
    stands = standing_of(item, rules)
    if stands is None:
        fixed = item.priority_fixed
        points = [] if fixed is None else [CurvePoint(start, fixed), CurvePoint(end, fixed)]
        return Curve(id=item.id, schema_id=None, points=points, crossings=[])
    schema, standing = stands
    drawn = samples(schema, standing, to_micros(start), to_micros(end))
    crossings = _bends(schema, standing, to_micros(start), to_micros(end))
    if item.due_at is not None and start <= item.due_at <= end:
        crossings.append(
            Crossing(item.due_at, "due", shown(priority_at(schema, standing, to_micros(item.due_at))))
        )
    crossings.sort(key=lambda c: c.at)
    return Curve(
        id=item.id,
        schema_id=schema.id,
        points=[CurvePoint(from_micros(at), shown(p)) for at, p in drawn],
        crossings=crossings,
    )


def _bends(schema: Schema, standing: Standing, start: int, end: int) -> list[Crossing]:
    found: list[Crossing] = []
    at = next_bend_at(schema, standing, start)
    while at is not None and at <= end and len(found) < 500:
        found.append(Crossing(from_micros(at), "bend", shown(priority_at(schema, standing, at))))
        at = next_bend_at(schema, standing, at)
    return found


class Around(Struct, kw_only=True, rename="camel"):
    """What hangs on an item."""

    notes: list[Note]
    attachments: list[AttachmentInfo]
    links: list[Link]


async def around(services: TenantServices, item: WorkItem) -> Around:
    async with services.runtime.store.reading() as reading:
        return Around(
            notes=await reading.notes(item.number),
            attachments=await reading.attachments(item.number),
            links=await reading.links(item.number),
        )


def require_agent(caller: Caller) -> str:
    """The agent that the caller is."""
    if caller.agent_id is None:
        raise ForbiddenError(
            "only agents have a workspace", code="noAgent", hint="log in as a user with an agent profile"
        )
    return caller.agent_id
