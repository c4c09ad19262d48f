"""The rule set that a replay publishes in a tenant of its own: category, schema and queue per category of the log.

Makes the document only; publishing is a process's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from openiwd.domain.replay.plan import Sla

_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_.()-]+")
_MAX_ID: Final = 56


def rule_set_for(name: str, categories: Iterable[str], sla: Sla) -> dict[str, Any]:
    """The document. Queues are for pulling: the log decides who gets what."""
    names = list(categories)
    ids = _ids(names)
    return {
        "name": name,
        "timeZone": "UTC",
        "schemas": [_schema(ids[c], c, sla.of(c)) for c in names],
        "queues": [{"id": ids[c], "name": c, "delivery": "pull"} for c in names],
        "categories": [{"id": ids[c], "name": c, "schema": ids[c], "queue": ids[c]} for c in names],
    }


def _schema(schema_id: str, category: str, sla: str) -> dict[str, Any]:
    return {
        "id": schema_id,
        "name": f"{category}, {sla}",
        "anchor": "created",
        "points": [{"age": "0h", "priority": 100}, {"age": sla, "priority": 500}],
        "sla": sla,
        "slopeAfter": 10,
        "maximum": 900,
    }


def _ids(names: Iterable[str]) -> dict[str, str]:
    """An id for each name, readable and unique."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        base = _NOT_IN_IDS.sub("-", name).strip("-_.()")[:_MAX_ID] or "category"
        candidate, again = base, 1
        while candidate.lower() in taken:
            again += 1
            candidate = f"{base}-{again}"
        taken.add(candidate.lower())
        ids[name] = candidate
    return ids
