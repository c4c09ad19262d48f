"""What a webhook's receiver is told: the event, and the item as it was right after it. Reads the log and the items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from openiwd.domain.errors import UnavailableError
from openiwd.domain.event import EventType, LoggedEvent, fold
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.webhook import PING, Content, Webhook
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Cursor, Reading
from openiwd.ports.webhook import Delivery
from openiwd.usecases.item_view import HIDDEN, NAMES, item_view
from openiwd.usecases.tenant_runtime import TenantRuntime

ItemRevision = tuple[UUID, int]
_encode: Final = msgspec.json.Encoder().encode


async def items_at(reading: Reading, events: Iterable[LoggedEvent]) -> dict[ItemRevision, WorkItem]:
    """The items as they were right after these events; of a removal: right before. None where the log is cut off."""
    of_items = [e for e in events if e.item_id is not None]
    current = await reading.items_by_number({e.item_number for e in of_items if e.item_number is not None})
    found: dict[ItemRevision, WorkItem] = {}
    folded: dict[UUID, list[int]] = {}
    for event in of_items:
        key = _key(event)
        now = current.get(event.item_number or 0)
        if now is not None and now.revision == event.revision:
            found[key] = now
        else:
            folded.setdefault(key[0], []).append(key[1])
    for item_id, revisions in folded.items():
        history = [e for e in await reading.history(item_id) if e.type != EventType.DELETED]
        if not history or history[0].type != EventType.CREATED:
            continue
        for revision in revisions:
            item = fold([e for e in history if (e.revision or 0) <= revision])
            if item is not None:
                found[item_id, revision] = item
    return found


def _key(event: LoggedEvent) -> ItemRevision:
    assert event.item_id is not None  # noqa: S101 - of items only
    return event.item_id, event.revision or 0


def item_of(event: LoggedEvent, items: Mapping[ItemRevision, WorkItem]) -> WorkItem | None:
    return None if event.item_id is None else items.get(_key(event))


class Bodies:
    """Makes the bodies of a batch of deliveries."""

    def __init__(
        self,
        tenant_id: str,
        rules: CompiledRuleSet | None,
        events: Mapping[tuple[int, int], LoggedEvent],
        items: Mapping[ItemRevision, WorkItem],
    ) -> None:
        self._tenant_id = tenant_id
        self._rules = rules
        self._events = events
        self._items = items

    @classmethod
    async def load(cls, runtime: TenantRuntime, reading: Reading, deliveries: Iterable[Delivery]) -> Bodies:
        """With everything read that the bodies of these deliveries need."""
        events = await reading.events_at([(d.generation, d.pos) for d in deliveries])
        items = await items_at(reading, events.values())
        try:
            rules = await runtime.rules() if items else None
        except UnavailableError:
            rules = None
        return cls(runtime.tenant.id, rules, events, items)

    def of(self, delivery: Delivery, webhook: Webhook) -> bytes | None:
        """The same bytes at each attempt; None when the event is no longer kept."""
        event = self._events.get((delivery.generation, delivery.pos))
        if event is None:
            return None
        body = {
            "delivery": delivery.id,
            "webhook": webhook.id,
            "tenant": self._tenant_id,
            "event": event_part(event, webhook.content),
        }
        if event.item_id is None:
            return _encode({**body, "alarm": {"id": event.subject_id, **event.body}})
        return _encode({**body, "item": self._item_part(event, webhook.content)})

    def _item_part(self, event: LoggedEvent, content: Content) -> Any:
        item = item_of(event, self._items)
        if item is None:
            return {"id": event.item_id, "revision": event.revision, "status": event.body.get("to")}
        if content is Content.ITEM and self._rules is not None:
            return item_view(item, self._rules, event.at)
        return {
            "id": item.id,
            "captureId": item.capture_id,
            "capturePoint": item.capture_point,
            "status": item.status,
            "revision": item.revision,
        }


def event_part(event: LoggedEvent, content: Content) -> dict[str, Any]:
    """The event as a receiver sees it: what changed by public names, values of persons only with the whole item."""
    body = event.body
    changed = [*body.get("set", {}), *(event.personal or {})]
    told = {
        "cursor": str(Cursor(event.generation, event.pos)),
        "type": event.type,
        "at": event.at,
        "actor": event.actor,
        "from": body.get("from"),
        "to": body.get("to"),
        "agent": body.get("agent"),
        "reason": body.get("reason"),
        "comment": (event.personal or {}).get("comment") if content is Content.ITEM else None,
        "changed": sorted({public_name(n) for n in changed if n not in HIDDEN and n != "comment"}),
    }
    return {k: v for k, v in told.items() if v is not None}


def public_name(field: str) -> str:
    """The name of an item's field as the API has it."""
    known = NAMES.get(field)
    if known is not None:
        return known
    first, *rest = field.split("_")
    return first + "".join(part.capitalize() for part in rest)


def ping(delivery_id: UUID, webhook: Webhook, tenant_id: str, at: Any, actor: str) -> bytes:
    """The body of a delivery that somebody sends to try the receiver."""
    return _encode(
        {
            "delivery": delivery_id,
            "webhook": webhook.id,
            "tenant": tenant_id,
            "event": {"type": PING, "at": at, "actor": actor},
        }
    )
