"""What the charts of BI tools read: views of the mart, and the measures of reports as SQL on them. Constants only.

What a chart counts is what the report page counts: the same sums of the same views, divided as late.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from openiwd.domain.mart_subject import AGE_RANGES
from openiwd.domain.report_measure import MEASURES, Measure, Unit


class Source(NamedTuple):
    """A view that charts read, with its time column and the measures that can be made of it."""

    view: str
    time: str | None
    measures: dict[str, str]
    """Measure → SQL."""
    keys: dict[str, str]
    """Key of a report → column."""


def _ratio(measure: Measure, top: str, under: str) -> str:
    made = f"{top}::float8 / NULLIF({under}, 0)"
    return f"{made} / 1000000" if measure.unit is Unit.DURATION else made


def _summed(names: Iterable[str], sums: dict[str, str] | None = None) -> dict[str, str]:
    """SQL of measures: sums, or sums over sums, durations in seconds."""
    known = sums or {}
    found = {}
    for name in names:
        measure = MEASURES[name]
        top = known.get(measure.sum, f"SUM({measure.sum})")
        if measure.over:
            found[name] = _ratio(measure, top, known.get(measure.over, f"SUM({measure.over})"))
        else:
            found[name] = f"{top} / 1000000.0" if measure.unit is Unit.DURATION else top
    return found


_ITEM_KEYS: Final = {
    "category": "category_path",
    "department": "department",
    "queue": "queue_id",
    "capture_point": "capture_point",
    "segment": "segment",
    "value_range": "value_range",
}
_FLOWS: Final = (
    *("new", "reopened", "moved", "completed", "canceled", "rejected", "finished", "completed_due"),
    *("completed_in_time", "finished_overdue", "service_level", "finish_time", "accept_time", "handle_time"),
    *("source_time", "queue_time", "first_wait", "work_span", "business_value", "mean_value"),
)
_OFFERS: Final = (
    *("offered", "accepted", "declined", "timed_out", "assigned", "work_completed", "returned"),
    *("transferred", "first_waits", "later_waits", "mean_first_wait", "mean_later_wait", "work_time"),
    *("focus_time", "wrap_up_time", "mean_work"),
)
_FINAL: Final = "('completed', 'canceled', 'rejected')"
_MICROS: Final = "EXTRACT(EPOCH FROM {} - received_at) * 1000000"
SOURCES: Final = {
    "items": Source(
        "iwd_agg_task_all_15min",
        "interval_start",
        {
            **_summed(_FLOWS, {"moved": "SUM(moved_in - moved_out)"}),
            "came_in": "SUM(new + reopened)",
        },
        _ITEM_KEYS,
    ),
    "due": Source(
        "iwd_task_fact",
        "due_at",
        _summed(
            ("due_service_level",),
            {
                "due": "COUNT(*)",
                "due_in_time": "COUNT(*) FILTER (WHERE last_finished_at <= due_at"
                " AND status IN ('completed', 'canceled', 'rejected'))",
            },
        ),
        {"category": "category_path"},
    ),
    "open": Source(
        "iwd_task_open",
        None,
        {
            "pending": "COUNT(*)",
            "overdue": "SUM(is_overdue)",
            "held": "COUNT(*) FILTER (WHERE state = 'held')",
            "errorheld": "COUNT(*) FILTER (WHERE state = 'errorheld')",
            "age": "SUM(age_us)::float8 / NULLIF(COUNT(*), 0) / 1000000",
            **{n: f"COUNT(*) FILTER (WHERE age_range = '{text}')" for n, text in AGE_RANGES.items()},
        },
        _ITEM_KEYS,
    ),
    "agents": Source(
        "iwd_agg_task_agent_15min",
        "interval_start",
        _summed(_OFFERS, {"ended_n": "SUM(completed + returned + transferred + taken_back)"}),
        {"queue": "queue_id", "agent": "agent_id"},
    ),
    "presence": Source(
        "iwd_agg_agent_presence_15min",
        "interval_start",
        _summed(("logged_in", "not_ready", "occupancy"), {
            "logged_in_us": "SUM(logged_in_us)", "not_ready_us": "SUM(not_ready_us)",
        }),
        {"agent": "agent_id"},
    ),
    "work": Source(
        "iwd_task_work_fact",
        "ended_at",
        {"shortest_work": "MIN(work_us) / 1000000.0", "longest_work": "MAX(work_us) / 1000000.0"},
        {"agent": "agent_id", "queue": "queue_id"},
    ),
    "mailboxes": Source(
        "iwd_email_fact",
        "received_at",
        _summed(
            (
                *("mail_received", "mail_open", "mail_completed", "mail_dropped"),
                *("mail_in_time", "mail_wait", "mail_finish"),
            ),
            {
                "mail_received": "COUNT(*)",
                "mail_open": f"COUNT(*) FILTER (WHERE status NOT IN {_FINAL})",
                "mail_completed": "COUNT(*) FILTER (WHERE status = 'completed')",
                "mail_dropped": "COUNT(*) FILTER (WHERE status IN ('canceled', 'rejected'))",
                "mail_in_time_n": "COUNT(*) FILTER (WHERE status = 'completed' AND last_finished_at <= due_at)",
                "mail_due_n": "COUNT(*) FILTER (WHERE status = 'completed' AND due_at IS NOT NULL)",
                "mail_wait_us": f"SUM({_MICROS.format('first_assigned_at')})",
                "mail_assigned_n": "COUNT(first_assigned_at)",
                "mail_finish_us": f"SUM({_MICROS.format('last_finished_at')}) FILTER (WHERE status IN {_FINAL})",
                "mail_finished_n": f"COUNT(*) FILTER (WHERE status IN {_FINAL})",
            },
        ),
        {"mailbox": "mailbox"},
    ),
    "waits": Source(
        "iwd_agg_task_queue_15min",
        "interval_start",
        _summed(
            ("waits", "mean_wait"),
            {"waits": "SUM(first_waits + later_waits)", "wait_us": "SUM(first_wait_us + later_wait_us)"},
        ),
        {"queue": "queue_id", "priority_range": "priority_range"},
    ),
    "priorities": Source(
        "iwd_queue_priority_last",
        None,
        {"waiting": "SUM(waiting)"},
        {"queue": "queue_id", "priority_range": "priority_range"},
    ),
}  # fmt: skip
