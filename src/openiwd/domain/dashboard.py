"""What dashboards count: open items by category and queue, spans of a period in the tenant's zone, shares. Pure.

Every number is a sum of the same rows, so that tiles, tree and lists agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar, assert_never

from msgspec import Struct

from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.work_item import HELD_CLASS, Status

QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)


class Period(StrEnum):
    """How far back flow and service level reach."""

    HOUR = "hour"
    TODAY = "today"
    WEEK = "week"


class BacklogRow(NamedTuple):
    """Open items of one category, queue and status."""

    category_path: str | None
    queue_id: str | None
    status: str
    items: int
    overdue: int
    due_hour: int
    due_today: int
    oldest: datetime | None
    """When the oldest was created."""
    longest: datetime | None
    """When the one that has waited longest came into its queue."""


class Tally(Struct, kw_only=True, rename="camel"):
    """Open items: those waiting (new, captured, queued), assigned and held (errorheld too) are all there are."""

    waiting: int = 0
    assigned: int = 0
    held: int = 0
    overdue: int = 0
    """Of all open items, whatever their status."""
    due_hour: int = 0
    due_today: int = 0
    """Due from now to midnight in the tenant's zone."""
    errorheld: int = 0
    queued: int = 0
    oldest: datetime | None = None
    """When the oldest item was created."""
    longest: datetime | None = None
    """Since when the item that has waited longest waits in its queue."""

    @property
    def open(self) -> int:
        return self.waiting + self.assigned + self.held

    def add(self, row: BacklogRow) -> None:
        status = Status(row.status)
        if status in HELD_CLASS:
            self.held += row.items
            self.errorheld += row.items if status is Status.ERRORHELD else 0
        elif status is Status.ASSIGNED:
            self.assigned += row.items
        else:
            self.waiting += row.items
        self.overdue += row.overdue
        self.due_hour += row.due_hour
        self.due_today += row.due_today
        self.oldest = _earlier(self.oldest, row.oldest)
        if status is Status.QUEUED:
            self.queued += row.items
            self.longest = _earlier(self.longest, row.longest)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def tally(rows: Iterable[BacklogRow]) -> Tally:
    """The sum of the rows."""
    found = Tally()
    for row in rows:
        found.add(row)
    return found


K = TypeVar("K")


def tallies(rows: Iterable[BacklogRow], key: Callable[[BacklogRow], K]) -> dict[K, Tally]:
    """The rows summed by a key; all together they are `tally(rows)`."""
    found: dict[K, Tally] = {}
    for row in rows:
        found.setdefault(key(row), Tally()).add(row)
    return found


def level_of(path: str | None, department: str | None) -> str | None:
    """The line that a category counts in: its department, or within a department its process (itself, if above)."""
    if path is None:
        return None
    depth = 1 if department is None else department.count("/") + 2
    return "/".join(path.split("/")[:depth])


def lies_below(path: str | None, above: str | None) -> bool:
    """Whether a category is this one or below it; every one, and none, is where `above` is None."""
    return above is None or (path is not None and (path == above or path.startswith(f"{above}/")))


def covered(caller: Caller, scope: Scope, path: str | None, queue_id: str | None) -> bool:
    """Whether items of this category and queue lie within what the caller's access groups reach."""
    match scope:
        case Scope.ALL:
            return True
        case Scope.GROUP:
            return queue_id in caller.queues or any(lies_below(path, c) for c in caller.categories)
        case Scope.OWN:
            return False
        case _:
            assert_never(scope)


# Spans ---------------------------------------------------------------------------------------------------------------


def day_start(now: datetime, zone: tzinfo, days: int = 0) -> datetime:
    """Midnight of the local day, so many days on; days of 23 and 25 hours begin where the zone says."""
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _floor(at: datetime, step: timedelta) -> datetime:
    return at - (at - datetime(2000, 1, 3, tzinfo=UTC)) % step


def spans(period: Period, now: datetime, zone: tzinfo) -> list[datetime]:
    """The instants between which items are counted, from the period's start to just after now."""
    match period:
        case Period.HOUR:
            step, start = timedelta(minutes=5), _floor(now, timedelta(minutes=5)) - timedelta(minutes=55)
        case Period.TODAY:
            step, start = QUARTER, day_start(now, zone)
        case Period.WEEK:
            return _week(now, zone)
        case _:
            assert_never(period)
    count = int((now - start) / step) + 1
    return [start + step * n for n in range(count + 1)]


def _week(now: datetime, zone: tzinfo) -> list[datetime]:
    """Quarters of the last seven local days: at 0, 6, 12 and 18 o'clock, whatever the clocks were set to."""
    found: list[datetime] = []
    for days in range(-6, 2):
        day = now.astimezone(zone).date() + timedelta(days=days)
        for hour in (0, 6, 12, 18):
            at = datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
            found.append(at)
            if at > now:
                return found
    return found


def quarter_of(at: datetime) -> datetime:
    """The quarter of an hour that an instant lies in; all zones in use are whole quarters from UTC."""
    return _floor(at, QUARTER)


class Flow(Struct, kw_only=True, rename="camel"):
    """What came in and was finished in one span."""

    start: datetime
    arrived: int = 0
    finished: int = 0
    measured: int = 0
    """Completed with a due date."""
    in_time: int = 0
    """Of these, completed when due or before."""

    @property
    def service_level(self) -> float | None:
        """The share completed in time, 0 to 1; None where nothing with a due date was completed."""
        return self.in_time / self.measured if self.measured else None


def total_flow(flows: Sequence[Flow], start: datetime) -> Flow:
    """All spans as one."""
    return Flow(
        start=start,
        arrived=sum(f.arrived for f in flows),
        finished=sum(f.finished for f in flows),
        measured=sum(f.measured for f in flows),
        in_time=sum(f.in_time for f in flows),
    )
