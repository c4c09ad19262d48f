"""Who inside a rule set uses one of its schemas, queues or calendars. Pure; what is used may not be deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from openiwd.domain.category import CategoryConfig
from openiwd.domain.rule_set import RuleSetDocument


class Use(NamedTuple):
    """`kind` is the part of the document that uses it: categories, schemas, queues, rules, decisionTables."""

    kind: str
    id: str
    name: str


def uses_of_schemas(document: RuleSetDocument) -> dict[str, list[Use]]:
    """The categories that follow each schema, by their own choice or by inheritance; archived ones do not count."""
    return _inherited(document.categories, "schema")


def uses_of_queues(document: RuleSetDocument) -> dict[str, list[Use]]:
    """The categories whose items go to each queue, by their own choice or by inheritance."""
    return _inherited(document.categories, "queue")


def _inherited(nodes: Iterable[CategoryConfig], attribute: str) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}

    def walk(level: Iterable[CategoryConfig], parent: str | None) -> None:
        for node in level:
            if node.archived:
                continue
            own = getattr(node, attribute) or parent
            if own is not None:
                found.setdefault(own, []).append(Use("categories", node.id, node.name))
            walk(node.children, own)

    walk(nodes, None)
    return found


def uses_of_calendars(document: RuleSetDocument) -> dict[str, list[Use]]:
    """Schemas whose clock it is, queues whose hours it is, rules and categories that count by it."""
    found: dict[str, list[Use]] = {}
    for schema in document.schemas:
        found.setdefault(schema.clock, []).append(Use("schemas", schema.id, schema.name))
    for queue in document.queues:
        if queue.hours is not None:
            found.setdefault(queue.hours, []).append(Use("queues", queue.id, queue.name))
    parts: list[tuple[str, str, str, Any]] = [
        *(("rules", r.id, r.name or r.id, r) for r in document.rules),
        *(("decisionTables", d.id, d.name or d.id, d) for d in document.decision_tables),
        *_nodes(document.categories),
    ]
    for kind, id_, name, part in parts:
        for calendar in sorted(set(_clocks(msgspec.to_builtins(part)))):
            found.setdefault(calendar, []).append(Use(kind, id_, name))
    return found


def _nodes(nodes: Iterable[CategoryConfig]) -> Iterator[tuple[str, str, str, Any]]:
    for node in nodes:
        yield "categories", node.id, node.name, msgspec.structs.replace(node, children=[])
        yield from _nodes(node.children)


def _clocks(value: Any) -> Iterator[str]:
    """Calendars named in plain values: the clock of a due date, and what business time is asked of."""
    if isinstance(value, list):
        for inner in value:
            yield from _clocks(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            named = key in ("clock", "calendar")
            asked = key == "value" and value.get("operator") == "withinBusinessTime"
            if isinstance(inner, str) and (named or asked):
                yield inner
            yield from _clocks(inner)
