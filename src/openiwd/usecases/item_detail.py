"""Looking at one item: finding it, its past, why it waits, what hangs on it. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.decision import to_plain
from openiwd.domain.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    no_such_item,
)
from openiwd.domain.event import LoggedEvent, fold
from openiwd.domain.packed_decision import known
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import AttachmentInfo, Cursor, Link, Note, Offer, Reading
from openiwd.usecases.item_view import HIDDEN, NAMES, priority_of

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

EXT_PREFIX: Final = "ext_"


def item_uuid(text: str, field: str = "id") -> UUID:
    """The id of an item as its path or body names it."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError(
            f"'{text[:100]}' is no item's id", field=field, hint="an id is a UUID; captureIds go as ext_…"
        ) from None


async def named(
    services: TenantServices, caller: Caller, privilege: str, reference: str, capture_point: str | None = None
) -> UUID:
    """The id of the item that a path names; NotFoundError for a captureId that there is not for the caller."""
    if reference.startswith(EXT_PREFIX):
        return (await reached(services, caller, privilege, reference, capture_point)).id
    return item_uuid(reference)


async def find(
    services: TenantServices,
    reference: str,
    capture_point: str | None = None,
    is_there: Callable[[WorkItem], bool] | None = None,
) -> WorkItem:
    """The item by id, or by `ext_` and its captureId; NotFoundError if there is none, or none that `is_there`.

    Without a capture point a captureId must be unique among them.
    """
    captured = reference.startswith(EXT_PREFIX)
    if captured:
        known = await _captured(services, reference.removeprefix(EXT_PREFIX), capture_point)
    else:
        async with services.runtime.store.reading() as reading:
            known = list((await reading.items_by_id([item_uuid(reference)])).values())
    items = [item for item in known if is_there is None or is_there(item)]
    if not items:
        raise missing(reference)
    if len(items) > 1:
        points = ", ".join(sorted({i.capture_point for i in items}))
        raise ConflictError(
            f"several capture points know '{reference.removeprefix(EXT_PREFIX)}'",
            code="ambiguous",
            field="capturePoint",
            hint=f"name one of: {points}",
        )
    return items[0]


async def _captured(services: TenantServices, capture_id: str, capture_point: str | None) -> list[WorkItem]:
    async with services.runtime.store.reading() as reading:
        if capture_point is None:
            return await reading.items_by_capture_id(capture_id)
        stored = await reading.items_by_capture([(capture_point, capture_id)])
    return [s.item for s in stored.values()]


def missing(reference: str) -> NotFoundError:
    """What is said of an item that is not there, or not for who asks: of both the same."""
    if not reference.startswith(EXT_PREFIX):
        return no_such_item(item_uuid(reference))
    return NotFoundError(
        f"there is no item with the captureId '{reference.removeprefix(EXT_PREFIX)}'",
        field="captureId",
        hint="check it, and the capture point",
    )


async def reached(
    services: TenantServices, caller: Caller, privilege: str, reference: str, capture_point: str | None = None
) -> WorkItem:
    """The item, if the privilege covers it. One out of reach is as if there were none (`Caller.require_item`)."""
    caller.require(privilege)
    item = await find(services, reference, capture_point, lambda i: caller.sees(privilege, i))
    caller.require_item(privilege, item)
    return item


async def sought(
    services: TenantServices, caller: Caller, privilege: str, reference: str, capture_point: str | None = None
) -> WorkItem | NotFoundError | ForbiddenError:
    """As `reached`, with the refusal as the answer: where what was done before is told first."""
    try:
        return await reached(services, caller, privilege, reference, capture_point)
    except (NotFoundError, ForbiddenError) as error:
        return error


async def read(
    services: TenantServices, caller: Caller, reference: str, capture_point: str | None = None
) -> WorkItem:
    """The item, if the caller may read it."""
    return await reached(services, caller, "workitems.read", reference, capture_point)


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
    decision = known(offer.decision)
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
        decision={} if decision is None else to_plain(decision),
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
        result.agent = await services.require_decider().why_not(item.id, agent_id)
    if item.status is not Status.QUEUED:
        result.note = item.error or f"the item is {item.status.value}"
    elif item.offer_id is not None:
        result.note = f"the item is offered to {item.offered_to}"
    elif decider is None:
        result.note = "nothing decides for this tenant at the moment"
    else:
        try:
            result.waiting = await decider.explain(item.id)
        except ConflictError as error:  # it was offered or changed between the two readings
            result.note = error.message
    return result


class Around(Struct, kw_only=True, rename="camel"):
    """What hangs on an item."""

    notes: list[Note]
    attachments: list[AttachmentInfo]
    links: list[Link]


async def around(services: TenantServices, caller: Caller, item: WorkItem) -> Around:
    """What hangs on an item that the caller may read; of linked items out of their reach only that they are linked."""
    async with services.runtime.store.reading() as reading:
        return Around(
            notes=await reading.notes(item.number),
            attachments=await reading.attachments(item.number),
            links=await _links(reading, caller, item),
        )


async def _links(reading: Reading, caller: Caller, item: WorkItem) -> list[Link]:
    scope, links = caller.require("workitems.read"), await reading.links(item.number)
    if scope is Scope.ALL or not links:
        return links
    others = await reading.items_by_id({link.item_id for link in links})
    seen = {key for key, other in others.items() if caller.covers(scope, other)}
    return [link if link.item_id in seen else replace(link, subject=None, status=None) for link in links]


def require_agent(caller: Caller) -> str:
    """The agent that the caller is."""
    if caller.agent_id is None:
        raise ForbiddenError(
            "only agents have a workspace", code="noAgent", hint="log in as a user with an agent profile"
        )
    return caller.agent_id
