"""Addresses of the Universal Queue for the numbers of a dashboard: each asks for exactly what was counted. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

WAITING: Final = ("new", "captured", "queued")
HELD: Final = ("held", "errorheld")
ANY_STATUS: Final[dict[str, Any]] = {"attribute": "status", "operator": "isSet"}
COMPLETED: Final[dict[str, Any]] = {"attribute": "status", "operator": "eq", "value": "completed"}


def within(attribute: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """From an instant up to another one, which is not in it."""
    return [
        {"attribute": attribute, "operator": "ge", "value": start.isoformat()},
        {"attribute": attribute, "operator": "lt", "value": end.isoformat()},
    ]


def not_set(attribute: str) -> dict[str, Any]:
    return {"attribute": attribute, "operator": "isNotSet"}


def equal(attribute: str, value: str) -> dict[str, Any]:
    return {"attribute": attribute, "operator": "eq", "value": value}


def items_link(
    *conditions: dict[str, Any],
    status: Sequence[str] = (),
    category: str | None = None,
    queue: str | None = None,
    agent: str | None = None,
    unclassified: bool = False,
    overdue: bool = False,
    finished: bool = False,
) -> str:
    """The items that meet all of it; open ones, unless a condition names the status or finished ones are asked for."""
    found = [("status", one) for one in status]
    found += [
        (name, value) for name, value in (("category", category), ("queue", queue), ("agent", agent)) if value
    ]
    flags = (("unclassified", unclassified), ("overdue", overdue), ("finished", finished))
    found += [(name, "1") for name, value in flags if value]
    if conditions:
        tree = json.dumps({"all": list(conditions)}, ensure_ascii=False, separators=(",", ":"))
        found.append(("filter", tree))
    return f"/?{urlencode(found)}" if found else "/"
