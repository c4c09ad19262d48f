"""Waits and service times of the loan log, computed straight from its XES file; knows nothing of OpenIWD.

An item is a SCHEDULE; a START takes the newest item of the activity in its case and begins a session of its
resource; a COMPLETE ends the session that began last; the last one of an item finishes it.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from defusedxml.ElementTree import iterparse

XES = "{http://www.xes-standard.org/}"
MICROSECOND = timedelta(microseconds=1)
Key = tuple[str, str]


class Times(NamedTuple):
    """Counts and sums (microseconds) per activity and resource."""

    first_waits: dict[Key, tuple[int, int]]
    later_waits: dict[Key, tuple[int, int]]
    service: dict[Key, tuple[int, int]]
    items: int


def _events(path: Path) -> Iterator[list[tuple[datetime, str, str, str]]]:
    with gzip.open(path, "rb") as file:
        for _, element in iterparse(file):
            if not element.tag.endswith("trace"):
                continue
            case = []
            for event in element:
                if not event.tag.endswith("event"):
                    continue
                values = {child.get("key"): child.get("value") for child in event}
                name = values.get("concept:name") or ""
                if name.startswith("W_"):
                    at = datetime.fromisoformat(values["time:timestamp"] or "")
                    case.append(
                        (
                            at,
                            name,
                            (values.get("lifecycle:transition") or "").upper(),
                            values.get("org:resource") or "(none)",
                        )
                    )
            case.sort(key=lambda e: e[0])
            yield case
            element.clear()


class _Item:
    def __init__(self, scheduled: datetime) -> None:
        self.scheduled = scheduled
        self.moves: list[tuple[datetime, str | None]] = []
        """START with its resource, COMPLETE with None."""


def times_of(path: Path) -> Times:
    first: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    later: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    service: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0])
    count = 0
    for case in _events(path):
        for activity in dict.fromkeys(name for _, name, _, _ in case):
            for item in _items([e for e in case if e[1] == activity]):
                count += 1
                _account(item, activity, first, later, service)
    return Times(_fixed(first), _fixed(later), _fixed(service), count)


def _fixed(sums: dict[Key, list[int]]) -> dict[Key, tuple[int, int]]:
    return {key: (n, total) for key, (n, total) in sums.items()}


def _items(events: list[tuple[datetime, str, str, str]]) -> list[_Item]:
    items: list[_Item] = []
    open_sessions: list[_Item] = []
    for at, _, transition, resource in events:
        if transition == "SCHEDULE":
            items.append(_Item(at))
        elif transition == "START" and items:
            item = items[-1]
            open_sessions = [*(o for o in open_sessions if o is not item), item]
            item.moves.append((at, resource))
        elif transition == "COMPLETE" and items:
            (open_sessions.pop() if open_sessions else items[-1]).moves.append((at, None))
    return items


def _account(
    item: _Item,
    activity: str,
    first: dict[Key, list[int]],
    later: dict[Key, list[int]],
    service: dict[Key, list[int]],
) -> None:
    session: tuple[datetime, str] | None = None
    waiting_since = item.scheduled
    started = False
    for at, resource in item.moves:
        if session is not None:
            _add(service, (activity, session[1]), at - session[0])
        elif resource is not None:
            _add(later if started else first, (activity, resource), at - waiting_since)
        if resource is not None:
            session, started = (at, resource), True
        elif session is not None:
            session, waiting_since = None, at


def _add(sums: dict[Key, list[int]], key: Key, span: timedelta) -> None:
    sums[key][0] += 1
    sums[key][1] += span // MICROSECOND
