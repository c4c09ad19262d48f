"""What the source had set of the attributes that rules replaced: kept beside the made values, so that judging again
starts from the source's and nothing compounds. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from openiwd.domain.work_item import DueOrigin, WorkItem

BUSINESS_VALUE = "businessValue"
PRIORITY_ADJUSTMENT = "priorityAdjustment"
DUE = "dueDateTime"


def source_view(item: WorkItem) -> WorkItem:
    """The item as its source left it: what rules had replaced is put back, what they had made is taken away."""
    if not item.overridden:
        return item
    updates: dict[str, Any] = {"data": copied(item.data), "ext": dict(item.ext), "overridden": {}}
    for name, value in copied(item.overridden).items():
        if name.startswith(("data.", "ext.")):
            root, *names = name.split(".")
            _set(updates[root], names, value)
        elif name == DUE:
            updates["due_at"] = datetime.fromisoformat(value)
            updates["due_origin"] = DueOrigin.SOURCE
        elif name == BUSINESS_VALUE:
            updates["business_value"] = value
        elif name == PRIORITY_ADJUSTMENT:
            updates["priority_adjustment"] = value
    return replace(item, **updates)


def attributes_laid(item: WorkItem, values: Mapping[str, Any]) -> tuple[WorkItem, dict[str, Any]]:
    """The item with these values (`data.a.b`, `ext.x`; None removes) set, and what its source had in their places."""
    if not values:
        return item, {}
    roots: dict[str, dict[str, Any]] = {"data": copied(item.data), "ext": dict(item.ext)}
    replaced: dict[str, Any] = {}
    for path, value in values.items():
        root, *names = path.split(".")
        place, before = _displaced(item.data if root == "data" else item.ext, names)
        replaced[".".join([root, *place])] = before
        _set(roots[root], names, value)
    return replace(item, data=roots["data"], ext=roots["ext"]), replaced


def with_made_values(before: WorkItem, updated: WorkItem) -> WorkItem:
    """An update in the source's values laid under what the rules had made of the item before."""
    made = {
        name: value_at(before.data if root == "data" else before.ext, rest)
        for name in before.overridden
        for root, _, rest in [name.partition(".")]
        if root in ("data", "ext")
    }
    result, overridden = attributes_laid(updated, made)
    if BUSINESS_VALUE in before.overridden:
        overridden[BUSINESS_VALUE] = updated.business_value
        result = replace(result, business_value=before.business_value)
    if PRIORITY_ADJUSTMENT in before.overridden:
        overridden[PRIORITY_ADJUSTMENT] = updated.priority_adjustment
        result = replace(result, priority_adjustment=before.priority_adjustment)
    if before.due_origin is DueOrigin.RULE:
        if updated.due_origin is DueOrigin.SOURCE and updated.due_at is not None:
            overridden[DUE] = updated.due_at.isoformat()
        result = replace(result, due_at=before.due_at, due_origin=before.due_origin)
    return replace(result, overridden=overridden)


def value_at(values: Any, path: str) -> Any:
    """What is at `a.b.c`; None when nothing is."""
    for name in path.split("."):
        values = values.get(name) if isinstance(values, dict) else None
    return values


def copied(values: dict[str, Any]) -> dict[str, Any]:
    """A copy all the way down of plain JSON values."""
    result: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(values)) if values else {}
    return result


def _displaced(values: dict[str, Any], names: list[str]) -> tuple[list[str], Any]:
    """The place, and its value, that gives way when `names` is set: an ancestor where it is no object yet."""
    for depth, name in enumerate(names[:-1], 1):
        inner = values.get(name)
        if not isinstance(inner, dict):
            return names[:depth], inner
        values = inner
    return names, values.get(names[-1])


def _set(values: dict[str, Any], names: list[str], value: Any) -> None:
    *parents, leaf = names
    for name in parents:
        inner = values.get(name)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = values[name] = {}
        values = inner
    if value is None:
        values.pop(leaf, None)
    else:
        values[leaf] = value
