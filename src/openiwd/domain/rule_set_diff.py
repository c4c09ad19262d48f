"""What differs between two rule-set documents: objects added, removed and changed, with the paths inside them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.category import CategoryConfig
from openiwd.domain.rule_set import RuleSetDocument

PARTS: Final[Mapping[str, str]] = {
    "calendars": "id",
    "schemas": "id",
    "queues": "id",
    "attributes": "name",
    "mediaTypes": "id",
    "rules": "id",
    "decisionTables": "id",
    "categories": "id",
    "tests": "id",
}
"""The lists of a document, and what names an object in each."""
SETTINGS: Final = "settings"
_ORDERED: Final = frozenset({"rules", "decisionTables", "categories"})


class FieldDifference(Struct, omit_defaults=True):
    """A value inside an object; absent on the side where there is none."""

    path: str
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


class ObjectDifference(Struct, omit_defaults=True):
    """An object that is not the same in both. `change` is added, removed or changed."""

    kind: str
    id: str
    change: str
    fields: list[FieldDifference] = []
    """Of a changed object: what differs. `follows` is the object before it, where the order counts."""
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


def diff(before: RuleSetDocument, after: RuleSetDocument) -> list[ObjectDifference]:
    """All objects that differ, by kind, in the order of the documents."""
    one, other = msgspec.to_builtins(before), msgspec.to_builtins(after)
    settings = [
        f
        for name in ("name", "timeZone", "defaultCategory")
        for f in _fields(one.get(name, msgspec.UNSET), other.get(name, msgspec.UNSET), name)
    ]
    found = [ObjectDifference(SETTINGS, "", "changed", settings)] if settings else []
    for part in PARTS:
        found += _of_part(part, objects_of(part, one), objects_of(part, other))
    return found


def objects_of(part: str, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The objects of a plain document's list by id, in order; categories flat, each with the id of its `parent`."""
    listed = document.get(part, [])
    if part == "categories":
        return dict(_flat(listed, None))
    return {each[PARTS[part]]: each for each in listed}


def _flat(nodes: list[dict[str, Any]], parent: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in nodes:
        own = {k: v for k, v in node.items() if k != "children"}
        yield node["id"], {**own, "parent": parent}
        yield from _flat(node.get("children", []), node["id"])


def _of_part(
    part: str, before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]
) -> list[ObjectDifference]:
    moved = _moves(part, before, after) if part in _ORDERED else {}
    found = []
    for name, value in after.items():
        if name not in before:
            found.append(ObjectDifference(part, name, "added", after=value))
            continue
        fields = [*_fields(before[name], value, ""), *moved.get(name, [])]
        if fields:
            found.append(ObjectDifference(part, name, "changed", fields))
    found += [
        ObjectDifference(part, name, "removed", before=value)
        for name, value in before.items()
        if name not in after
    ]
    return found


def _moves(
    part: str, before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]
) -> dict[str, list[FieldDifference]]:
    """Objects of both sides whose predecessor (among those of both sides, and siblings only) is another one."""
    one, other = _predecessors(part, before, after), _predecessors(part, after, before)
    return {
        name: [FieldDifference("follows", one[name], follows)]
        for name, follows in other.items()
        if one[name] != follows
    }


def _predecessors(
    part: str, objects: Mapping[str, dict[str, Any]], others: Mapping[str, dict[str, Any]]
) -> dict[str, str | None]:
    families: dict[str | None, list[str]] = {}
    for name, value in objects.items():
        if name in others:
            families.setdefault(value.get("parent") if part == "categories" else None, []).append(name)
    return {
        name: previous
        for family in families.values()
        for previous, name in pairwise([None, *family])
        if name is not None
    }


def values_differ(before: Any, after: Any) -> list[FieldDifference]:
    """What differs between two plain values, by path."""
    return list(_fields(before, after, ""))


def _fields(before: Any, after: Any, path: str) -> Iterator[FieldDifference]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(k for k in after if k not in before)]:
            inner = f"{path}.{key}" if path else key
            yield from _fields(before.get(key, msgspec.UNSET), after.get(key, msgspec.UNSET), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from _fields(left, right, f"{path}[{i}]")
    else:
        yield FieldDifference(path, before, after)


def category_nodes(
    nodes: list[CategoryConfig], parent: str | None = None, path: str = ""
) -> Iterator[tuple[CategoryConfig, str | None, str, int]]:
    """(node, parent's id, category path, position among its siblings), a node before its children."""
    for position, node in enumerate(nodes):
        own = f"{path}/{node.name}" if path else node.name
        yield node, parent, own, position
        yield from category_nodes(node.children, node.id, own)
