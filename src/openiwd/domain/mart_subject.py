"""Aggregates of the data mart: what is summed by what, at which grains. Their SQL is made by the adapter from these."""

from __future__ import annotations

from typing import Final, NamedTuple

GRAINS: Final = ("15min", "30min", "hour", "day", "week", "month", "quarter", "year")
SHORT_GRAINS: Final = ("15min", "30min", "hour")
"""Grains that are quarters of an hour put together; the others are days."""

FLOW: Final = (
    *(
        "new",
        "reopened",
        "moved_in",
        "moved_out",
        "finished",
        "completed",
        "canceled",
        "rejected",
        "completed_due",
    ),
    *(
        "completed_in_time",
        "finished_overdue",
        "finish_us",
        "handle_us",
        "business_value",
        "source_n",
        "source_us",
    ),
    *("queued_n", "queued_us", "assigned_n", "accept_us", "assigned_us", "worked_n", "worked_us"),
)
AGENT_FLOW: Final = (
    *("offered", "accepted", "declined", "timed_out", "withdrawn", "lost", "assigned", "first_waits"),
    *("first_wait_us", "later_waits", "later_wait_us", "completed", "returned", "transferred", "taken_back"),
    *("ended_work_us", "wrap_up_us", "focus_n", "focus_us", "work_us"),
)
WAITS: Final = ("first_waits", "first_wait_us", "later_waits", "later_wait_us")
PRESENCE: Final = ("logged_in_us", "ready_us", "not_ready_us", "after_work_us", "busy_us", "available_us")
LEVEL: Final = ("pending", "held", "errorheld", "overdue", "age_us")


AGE_RANGES: Final = {
    "age_1h": "up to 1 h",
    "age_4h": "1 to 4 h",
    "age_1d": "4 to 24 h",
    "age_3d": "1 to 3 d",
    "age_7d": "3 to 7 d",
    "age_more": "over 7 d",
}
"""By the column of the levels in which they are counted."""


class Subject(NamedTuple):
    """A family of aggregate views: one for each grain."""

    name: str
    definition: str
    dimensions: tuple[str, ...]
    sums: tuple[str, ...]
    source: str
    """What is summed: the tables `agg_task` and `agg_agent`; `queue`, of both kinds of rows; `agent_state` and
    `agent_presence`, cut from states of agents. Of `level`, `age` and `priority` the last interval stands for all."""


SUBJECTS: Final = (
    Subject(
        "task_all",
        "What happened, by everything that items are counted by.",
        (
            *("category_id", "category_path", "department", "process", "queue_id", "queue_name"),
            *("capture_point", "media_type", "segment", "product_type", "value_range"),
        ),
        FLOW,
        "agg_task",
    ),
    Subject(
        "task_classif",
        "What happened, by category, media type, segment, product and value range.",
        ("category_id", "category_path", "media_type", "segment", "product_type", "value_range"),
        FLOW,
        "agg_task",
    ),
    Subject(
        "task_capt",
        "What happened, by capture point and value range, with the durations between milestones.",
        ("capture_point", "value_range"),
        FLOW,
        "agg_task",
    ),
    Subject(
        "task_queue",
        "What happened by queue, and the waits that an assignment ended by queue and range of priority.",
        ("queue_id", "queue_name", "priority_range"),
        (*WAITS, *FLOW),
        "queue",
    ),
    Subject(
        "task_agent",
        "Offers, assignments, waits and work, by agent, queue and category.",
        ("agent_id", "agent_name", "queue_id", "queue_name", "category_id", "category_path"),
        AGENT_FLOW,
        "agg_agent",
    ),
    Subject(
        "task_level",
        "How many items are open, held, overdue at the end of each interval, by category and queue.",
        ("category_id", "category_path", "queue_id", "queue_name"),
        LEVEL,
        "level",
    ),
    Subject(
        "task_age",
        "How many items are open at the end of each interval, by category, queue and range of age.",
        ("category_id", "category_path", "queue_id", "queue_name", "age_range"),
        ("items",),
        "age",
    ),
    Subject(
        "agent_state",
        "Time of agents in each state.",
        ("agent_id", "agent_name", "media_type", "state", "reason"),
        ("duration_us",),
        "agent_state",
    ),
    Subject(
        "agent_presence",
        "Presence and occupancy of agents.",
        ("agent_id", "agent_name"),
        PRESENCE,
        "agent_presence",
    ),
    Subject(
        "queue_priority",
        "How many items wait by queue and range of priority, from one sample per quarter of an hour.",
        ("queue_id", "queue_name", "priority_range"),
        ("waiting",),
        "priority",
    ),
)
