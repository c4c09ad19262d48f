"""What an item's queue says of it: its settings, the segment it counts under, the capacity it takes. Pure."""

from __future__ import annotations

from typing import Any

from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.source_values import value_at
from openiwd.domain.work_item import WorkItem


def queue_of(item: WorkItem, rules: CompiledRuleSet) -> Queue | None:
    """The live settings of the item's queue."""
    return rules.queues.get(item.queue_id) if item.queue_id else None


def segment_of(item: WorkItem, rules: CompiledRuleSet) -> str | None:
    """The item's value of what its queue counts by; None without."""
    queue = queue_of(item, rules)
    if queue is None or queue.segment_by is None:
        return None
    root, _, rest = queue.segment_by.partition(".")
    value: Any
    if root in ("data", "ext") and rest:
        value = value_at(item.data if root == "data" else item.ext, rest)
    else:
        value = {
            "mediaType": item.media_type,
            "categoryPath": item.category_path,
            "capturePoint": item.capture_point,
            "channel": item.channel,
        }.get(queue.segment_by)
    return None if value is None else str(value)


def weight_of(item: WorkItem, rules: CompiledRuleSet) -> int:
    """Capacity that the item takes: the queue's weight, else the media type's, else 1."""
    queue = queue_of(item, rules)
    if queue is not None and queue.weight is not None:
        return queue.weight
    media = rules.media_types.get(item.media_type)
    return media.weight if media is not None else 1
