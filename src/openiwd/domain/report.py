"""Reports: what each one shows, by what, and how its numbers are made of stored sums and counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.priority_range import PRIORITY_RANGES
from openiwd.domain.report_measure import MEASURES, Measure


class Chart(StrEnum):
    FLOW = "flow"
    """New and finished side by side, over time."""
    SERVICE_LEVEL = "serviceLevel"
    CALENDAR = "calendar"
    STACK = "stack"
    """A bar per line."""
    NONE = "none"


class Report(Struct, frozen=True, kw_only=True):
    """A report: lines by one or two keys, measures as columns."""

    id: str
    by: tuple[str, ...]
    measures: tuple[str, ...]
    tiles: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    source: str = "items"
    """items | agents | ages | work | mailboxes | priorities"""
    media_type: str | None = None
    privilege: str = "reports.view"
    bar: tuple[str, ...] = ()
    """Measures that make the bar in each line, side by side: parts of a whole, or stretches of one way."""

    @property
    def columns(self) -> list[Measure]:
        return [MEASURES[name] for name in self.measures]


_DASH: Final = ("new", "finished", "pending", "overdue", "service_level", "handle_time")
REPORTS: Final = (
    Report(
        id="intraday-process-dashboard",
        by=("department",),
        tiles=_DASH,
        charts=(Chart.FLOW, Chart.SERVICE_LEVEL),
        measures=(
            "new",
            "finished",
            "pending",
            "overdue",
            "held",
            "finished_overdue",
            "service_level",
            "accept_time",
            "handle_time",
        ),
    ),
    Report(
        id="intraday-process",
        bar=("completed", "canceled", "rejected"),
        by=("category",),
        measures=(
            "new",
            "reopened",
            "moved",
            "completed",
            "canceled",
            "rejected",
            "pending",
            "overdue",
            "held",
            "errorheld",
            "service_level",
            "due_service_level",
            "finish_time",
            "accept_time",
            "handle_time",
        ),
    ),
    Report(
        id="customer-segment-service-level",
        by=("segment",),
        tiles=("completed", "completed_in_time", "finished_overdue", "service_level"),
        charts=(Chart.SERVICE_LEVEL, Chart.CALENDAR),
        measures=(
            "new",
            "completed",
            "completed_due",
            "completed_in_time",
            "finished_overdue",
            "service_level",
            "finish_time",
        ),
    ),
    Report(
        id="capture-point-business-value",
        bar=("business_value",),
        by=("capture_point", "value_range"),
        tiles=("new", "business_value", "mean_value"),
        measures=("new", "completed", "business_value", "mean_value", "service_level"),
    ),
    Report(
        id="capture-point-duration",
        bar=("source_time", "queue_time", "first_wait", "work_span"),
        by=("capture_point",),
        measures=("new", "finished", "source_time", "queue_time", "first_wait", "work_span", "finish_time"),
    ),
    Report(
        id="queue-duration",
        bar=("mean_first_wait",),
        by=("queue",),
        source="agents",
        tiles=("assigned", "mean_first_wait", "mean_later_wait"),
        measures=(
            "assigned",
            "first_waits",
            "mean_first_wait",
            "later_waits",
            "mean_later_wait",
            "returned",
            "transferred",
            "mean_work",
        ),
    ),
    Report(
        id="queue-priority",
        bar=("waiting",),
        by=("queue", "priority_range"),
        source="priorities",
        tiles=("waiting", "waits", "mean_wait"),
        measures=("waiting", "mean_waiting", "waits", "mean_wait"),
    ),
    Report(
        id="resource-performance",
        bar=("work_time",),
        by=("agent",),
        source="agents",
        privilege="reports.agents",
        tiles=("assigned", "work_completed", "mean_work", "work_time"),
        measures=(
            "offered",
            "accepted",
            "declined",
            "timed_out",
            "assigned",
            "work_completed",
            "returned",
            "transferred",
            "work_time",
            "focus_time",
            "wrap_up_time",
            "mean_work",
            "shortest_work",
            "longest_work",
            "logged_in",
            "not_ready",
            "occupancy",
        ),
    ),
    Report(id="work-detail", by=("item",), source="work", measures=(), privilege="reports.agents"),
    Report(
        id="item-age",
        bar=("age_1h", "age_4h", "age_1d", "age_3d", "age_7d", "age_more"),
        by=("category",),
        source="ages",
        tiles=("pending", "overdue", "age"),
        charts=(Chart.STACK,),
        measures=("pending", "overdue", "age", "age_1h", "age_4h", "age_1d", "age_3d", "age_7d", "age_more"),
    ),
    Report(
        id="email-volume",
        by=("category",),
        media_type="email",
        tiles=("new", "finished", "service_level", "handle_time"),
        charts=(Chart.FLOW,),
        measures=(
            "new",
            "completed",
            "canceled",
            "rejected",
            "service_level",
            "accept_time",
            "handle_time",
            "finish_time",
        ),
    ),
    Report(
        id="mailbox",
        bar=("mail_open", "mail_completed", "mail_dropped"),
        by=("mailbox",),
        source="mailboxes",
        media_type="email",
        tiles=("mail_received", "mail_open", "mail_in_time", "mail_wait"),
        measures=(
            *("mail_received", "mail_open", "mail_completed", "mail_dropped"),
            *("mail_in_time", "mail_wait", "mail_finish"),
        ),
    ),
)
RANGES: Final = {
    "value_range": ("below 0", "0", "1-99", "100-999", "1000-9999", "10000 and more"),
    "priority_range": PRIORITY_RANGES,
}
"""Keys that are ranges, in their order."""
BY_ID: Final = {r.id: r for r in REPORTS}


class Preset(StrEnum):
    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "week"
    """The last seven days with today."""
    MONTH = "month"
    """The last thirty days with today."""
    CUSTOM = "custom"


class Period(Struct, frozen=True, kw_only=True):
    """From one instant up to another one that is not in it, in whole local days."""

    start: datetime
    end: datetime
    first_day: date
    last_day: date

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    @property
    def step(self) -> str:
        """What a point of a chart stands for."""
        return "hour" if self.days <= 3 else "day" if self.days <= 100 else "month"


MAX_DAYS: Final = 750


def period_of(
    preset: Preset, now: datetime, zone: tzinfo, first: date | None = None, last: date | None = None
) -> Period:
    """Days of the reporting zone; with DST a day has 92 or 100 quarters of an hour."""
    today = now.astimezone(zone).date()
    match preset:
        case Preset.TODAY:
            begin = end = today
        case Preset.YESTERDAY:
            begin = end = today - timedelta(days=1)
        case Preset.WEEK:
            begin, end = today - timedelta(days=6), today
        case Preset.MONTH:
            begin, end = today - timedelta(days=29), today
        case Preset.CUSTOM:
            begin, end = first or today, last or first or today
            if end < begin:
                raise InvalidInputError(
                    "the last day lies before the first", field="to", hint="swap the two days"
                )
            if (end - begin).days >= MAX_DAYS:
                raise InvalidInputError(
                    f"more than {MAX_DAYS} days",
                    field="from",
                    hint="choose a shorter period, or ask the views by SQL",
                )
    return Period(
        start=_midnight(begin, zone),
        end=_midnight(end + timedelta(days=1), zone),
        first_day=begin,
        last_day=end,
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def total(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of all lines, from which the totals' means and shares are made; extremes stay extremes."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            if name == "shortest_us":
                found[name] = min(found.get(name, value), value)
            elif name == "longest_us":
                found[name] = max(found.get(name, value), value)
            else:
                found[name] = found.get(name, 0) + value
    return found
