"""Views of the data mart that have SQL of their own: facts, and what is told of the mart itself. Declarations only."""

from __future__ import annotations

from typing import Final, NamedTuple


class MartView(NamedTuple):
    """A view with a stable name. Its SQL lies with the adapter under the same name."""

    name: str
    definition: str
    columns: tuple[str, ...]


_ITEM: Final = (
    *("item_number", "item_id", "revision", "status", "capture_point", "capture_id", "media_type", "channel"),
    *(
        "category_id",
        "category_path",
        "queue_id",
        "queue_name",
        "schema_id",
        "rule_set_version",
        "value",
        "segment",
    ),
    *(
        "product_type",
        "ext",
        "received_at",
        "created_at",
        "activation_at",
        "due_at",
        "due_origin",
        "hold_reason",
    ),
    *(
        "assigned_to",
        "assigned_at",
        "last_event_at",
        "first_queued_at",
        "first_assigned_at",
        "first_finished_at",
    ),
    *(
        "last_finished_at",
        "deleted_at",
        "times_reopened",
        "assignments",
        "offers",
        "declines",
        "holds",
        "work_us",
    ),
    *(
        "wrap_up_us",
        "focus_us",
        "source_created_at",
        "result_code",
        "source_process",
        "source_process_subtype",
    ),
    *("source_tenant", "product_subtype", "department", "process", *(f"custom_{n}" for n in range(1, 11))),
)
FACT_VIEWS: Final = (
    MartView("iwd_task_fact", "One row per item: as it is, and its milestones.", _ITEM),
    MartView(
        "iwd_email_fact",
        "The same, of emails alone, with the mailbox that they came by.",
        (*_ITEM, "mailbox"),
    ),
    MartView(
        "iwd_task_event_fact",
        "Every event of an item: the full audit.",
        (
            *(
                "generation",
                "pos",
                "at",
                "event_type",
                "actor",
                "item_number",
                "item_id",
                "revision",
                "status_from",
            ),
            *("status_to", "reason", "changes"),
        ),
    ),
    MartView(
        "iwd_task_state_fact",
        "A row per stretch of an item's open life in one category, queue, state and due date.",
        (
            *(
                "item_number",
                "revision",
                "from_at",
                "to_at",
                "began",
                "ended",
                "state",
                "category_id",
                "queue_id",
            ),
            *(
                "capture_point",
                "media_type",
                "segment",
                "product_type",
                "value_range",
                "due_at",
                "created_at",
            ),
        ),
    ),
    MartView(
        "iwd_task_open",
        "A row per open item, as of data_as_of: where it stands and how old it is.",
        (
            *("item_number", "state", "category_id", "category_path", "department", "process", "queue_id"),
            *("queue_name", "capture_point", "media_type", "segment", "product_type", "value_range"),
            *("due_at", "created_at", "data_as_of", "is_overdue", "age_us", "age_range"),
        ),
    ),
    MartView(
        "iwd_task_work_fact",
        "A row per assignment; the ones that last have no end.",
        (
            *("item_number", "agent_id", "agent_name", "queue_id", "category_id", "media_type", "started_at"),
            *("ended_at", "outcome", "work_us", "wrap_up_us", "focus_us"),
        ),
    ),
    MartView(
        "iwd_task_wait_fact",
        "A row per wait in a queue that an assignment ended.",
        (
            *("item_number", "agent_id", "queue_id", "category_id", "from_at", "to_at", "wait_us", "ordinal"),
            "priority_range",
        ),
    ),
    MartView(
        "iwd_agent_state_fact",
        "A row per stretch of an agent's state; logged out is not one.",
        ("agent_id", "agent_name", "media_type", "state", "reason", "started_at", "ended_at"),
    ),
    MartView(
        "iwd_queue_priority_last",
        "Waiting items by queue and range of priority in the newest sample.",
        ("sampled_at", "queue_id", "queue_name", "priority_range", "waiting"),
    ),
    MartView(
        "iwd_wfm_15min",
        "For workforce management: what came, what is left and what it took, per category.",
        ("interval_start", "category_id", "category_path", "new", "backlog", "finished", "handle_time_us"),
    ),
    MartView(
        "iwd_etl_audit",
        "What the mart's runs did.",
        (
            "run",
            "parent",
            "chain",
            "job",
            "status",
            "started_at",
            "finished_at",
            "rows",
            "first_event",
            "last_event",
            "watermark",
            "error",
        ),
    ),
    MartView(
        "iwd_data_state",
        "How fresh the mart is, and whether it balances.",
        ("data_as_of", "time_zone", "balanced", "balance_detail", "closed_to"),
    ),
)
