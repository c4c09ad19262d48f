"""The summary of a replay, made from the server's event log alone: counts, stays in queue, share within SLA.

Folds events one by one; reads nothing, and knows nothing of the plan.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from openiwd.domain.event import EventType
from openiwd.domain.work_item import Status


class ChangedFields(Struct):
    """Of an event's changed fields, those that count here; absent = unchanged."""

    capture_id: str | UnsetType = UNSET
    capture_point: str | UnsetType = UNSET
    category_path: str | UnsetType | None = UNSET
    due_at: datetime | UnsetType | None = UNSET


class FactBody(Struct):
    to: str | None = None
    agent: str | None = None
    set: ChangedFields = field(default_factory=ChangedFields)


class Fact(Struct, rename="camel"):
    """An event as the reporting feed gives it, as far as it counts here."""

    cursor: str
    type: str
    at: datetime
    item_number: int | None = None
    body: Any = None


class Waits(Struct, rename="camel", kw_only=True):
    """Stays in queue that have ended, in seconds. Median and p90 by nearest rank."""

    count: int
    mean: float | None = None
    median: float | None = None
    p90: float | None = None


class Share(Struct, rename="camel", kw_only=True):
    """Items judged and how many kept their due date."""

    judged: int = 0
    within: int = 0
    share: float | None = None


class CategorySummary(Struct, rename="camel", kw_only=True):
    category: str
    items: int
    waits: Waits
    sla: Share


class SourceShare(Struct, rename="camel", kw_only=True):
    """What the log itself says about its SLA, beside what was found here for the same items."""

    judged: int
    within: int
    share: float
    agree: int
    """Items for which both say the same."""


class Summary(Struct, rename="camel", kw_only=True):
    created: int
    assigned: int
    returned: int
    completed_by_agents: int
    completed_by_source: int
    held: int
    resumed: int
    reopened: int
    queued_at_end: int
    assigned_at_end: int
    held_at_end: int
    completed_at_end: int
    other_at_end: int
    sla: Share
    categories: list[CategorySummary]
    log_sla: SourceShare | None = None


class _Item(Struct):
    capture_id: str = ""
    category: str = ""
    status: str = ""
    since: datetime | None = None
    due_at: datetime | None = None
    completed_at: datetime | None = None


class Tally:
    """Takes the events of a log in order. Only items of one capture point count."""

    def __init__(self, capture_point: str) -> None:
        self._capture_point = capture_point
        self._items: dict[int, _Item] = {}
        self._types: Counter[str] = Counter()
        self._by_agents = 0
        self._waits: dict[str, list[timedelta]] = {}
        self._last: datetime | None = None

    def take(self, number: int | None, kind: str, at: datetime, body: FactBody) -> None:
        """One event; those of other items, or of no item, are passed over."""
        if number is None:
            return
        item = self._items.get(number)
        if item is None:
            if kind != EventType.CREATED or body.set.capture_point != self._capture_point:
                return
            item = self._items[number] = _Item()
        self._last = at
        self._types[kind] += 1
        self._by_agents += kind == EventType.COMPLETED and body.agent is not None
        self._move(item, at, body)

    def _move(self, item: _Item, at: datetime, body: FactBody) -> None:
        fields = body.set
        if isinstance(fields.capture_id, str):
            item.capture_id = fields.capture_id
        if fields.category_path is not UNSET:
            item.category = fields.category_path or ""
        if fields.due_at is not UNSET:
            item.due_at = fields.due_at
        to = body.to or item.status
        if to == item.status:
            return
        if item.status == Status.QUEUED and item.since is not None:
            self._waits.setdefault(item.category, []).append(at - item.since)
        item.status, item.since = to, at
        item.completed_at = at if to == Status.COMPLETED else None

    def summary(self, within_sla: dict[str, bool] | None = None) -> Summary:
        """What it came to. `within_sla`: captureId → what the log says of its SLA."""
        ends = Counter(item.status for item in self._items.values())
        known = (Status.QUEUED, Status.ASSIGNED, Status.HELD, Status.COMPLETED)
        verdicts = {i.capture_id: v for i in self._items.values() if (v := self._kept(i)) is not None}
        return Summary(
            created=self._types[EventType.CREATED],
            assigned=self._types[EventType.ASSIGNED],
            returned=self._types[EventType.RETURNED],
            completed_by_agents=self._by_agents,
            completed_by_source=self._types[EventType.COMPLETED] - self._by_agents,
            held=self._types[EventType.HELD],
            resumed=self._types[EventType.RESUMED],
            reopened=self._types[EventType.REOPENED],
            queued_at_end=ends[Status.QUEUED],
            assigned_at_end=ends[Status.ASSIGNED],
            held_at_end=ends[Status.HELD],
            completed_at_end=ends[Status.COMPLETED],
            other_at_end=ends.total() - sum(ends[status] for status in known),
            sla=_share(verdicts.values()),
            categories=self._categories(verdicts),
            log_sla=_log_sla(within_sla, verdicts) if within_sla else None,
        )

    def _kept(self, item: _Item) -> bool | None:
        """Whether the item kept its due date, judged at its last completion; None while that is open."""
        if item.due_at is None:
            return None
        if item.completed_at is not None:
            return item.completed_at <= item.due_at
        return False if self._last is not None and self._last > item.due_at else None

    def _categories(self, verdicts: dict[str, bool]) -> list[CategorySummary]:
        members: dict[str, list[_Item]] = {}
        for item in self._items.values():
            members.setdefault(item.category, []).append(item)
        return [
            CategorySummary(
                category=category,
                items=len(own),
                waits=_waits(self._waits.get(category, [])),
                sla=_share([verdicts[i.capture_id] for i in own if i.capture_id in verdicts]),
            )
            for category, own in sorted(members.items())
        ]


def _waits(stays: list[timedelta]) -> Waits:
    if not stays:
        return Waits(count=0)
    seconds = sorted(stay / timedelta(seconds=1) for stay in stays)
    return Waits(
        count=len(seconds),
        mean=round(sum(seconds) / len(seconds), 3),
        median=_rank(seconds, 50),
        p90=_rank(seconds, 90),
    )


def _rank(ordered: list[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _share(verdicts: Any) -> Share:
    kept = list(verdicts)
    if not kept:
        return Share()
    return Share(judged=len(kept), within=sum(kept), share=sum(kept) / len(kept))


def _log_sla(said: dict[str, bool], verdicts: dict[str, bool]) -> SourceShare:
    within = sum(said.values())
    return SourceShare(
        judged=len(said),
        within=within,
        share=within / len(said),
        agree=sum(verdicts.get(capture_id) == kept for capture_id, kept in said.items()),
    )
