"""What an external router is told of an item: flat values that its strategies can read. Pure."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import WorkItem

PREFIX: Final = "IWD_"
LONGEST: Final = 2_000


def user_data(item: WorkItem, queue: Queue | None, rules: CompiledRuleSet) -> dict[str, Any]:
    """Attached data of queue and category under their own names, the item's values with `IWD_` before them."""
    category = rules.categories.get(item.category_id) if item.category_id else None
    own = {
        "itemId": str(item.id),
        "captureId": item.capture_id,
        "capturePoint": item.capture_point,
        "mediaType": item.media_type,
        "channel": item.channel,
        "category": item.category_path,
        "categoryName": None if category is None else category.name,
        "queue": item.queue_id,
        "segment": item.segment,
        "businessValue": item.business_value,
        "priorityFixed": item.priority_fixed,
        "priorityAdjustment": item.priority_adjustment or None,
        "subject": item.subject,
        "sourceUrl": item.source_url,
        "createdDateTime": item.created_at.isoformat(),
        "dueDateTime": None if item.due_at is None else item.due_at.isoformat(),
        **{f"ext_{name}": value for name, value in item.ext.items()},
        **{f"data_{name}": value for name, value in item.data.items()},
    }
    attached = {**(queue.attached_data if queue is not None else {}), **item.attached_data}
    told = {**attached, **{f"{PREFIX}{name}": value for name, value in own.items()}}
    return {name: _flat(value) for name, value in told.items() if value is not None}


def digest(data: dict[str, Any]) -> str:
    """The same for the same data, in whatever order it stands."""
    return sha256(msgspec.json.encode(data, order="deterministic")).hexdigest()


class Tellings:
    """What a router would be told of items now, as digests, remembered while item and rules stay as they are."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[int, CompiledRuleSet, str]] = {}

    def of(self, item: WorkItem, queue: Queue | None, rules: CompiledRuleSet) -> str:
        known = self._known.get(item.id)
        if known is not None and known[0] == item.revision and known[1] is rules:
            return known[2]
        told = digest(user_data(item, queue, rules))
        self._known[item.id] = (item.revision, rules, told)
        return told

    def keep(self, items: Collection[UUID]) -> None:
        """Forgets all others."""
        for item_id in self._known.keys() - set(items):
            del self._known[item_id]


def _flat(value: Any) -> str | int | float:
    """Numbers and texts as they are; whatever has parts as JSON text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:LONGEST]
