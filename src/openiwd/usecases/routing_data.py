"""What an external router is told of an item: flat values that its strategies can read. Pure."""

from __future__ import annotations

from typing import Any, Final

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


def _flat(value: Any) -> str | int | float:
    """Numbers and texts as they are; whatever has parts as JSON text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:LONGEST]
