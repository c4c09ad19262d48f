"""The data dictionary of the mart: its views, their columns and what each number means. The page is made from it."""

from __future__ import annotations

from typing import Final, NamedTuple

GRAINS: Final = ("15min", "30min", "hour", "day", "week", "month", "quarter", "year")
SHORT_GRAINS: Final = ("15min", "30min", "hour")
"""Grains that are quarters of an hour put together; the others are days."""

COLUMNS: Final[dict[str, str]] = {
    "interval_start": "Beginning of the interval, UTC (weeks, months … begin on a day of the reporting zone).",
    "day": "Day of the reporting zone.",
    "period_start": "First day of the week, month, quarter or year, in the reporting zone.",
    "category_id": "Id of the category; empty = unclassified.",
    "category_path": "Path of the category, levels parted by /.",
    "department": "First level of the category's path; empty = unclassified.",
    "process": "Second level of the category's path; empty = none.",
    "queue_id": "Id of the queue; empty = no queue.",
    "queue_name": "Name of the queue as it is now.",
    "capture_point": "Where the item came in.",
    "media_type": "Media type of the item; of an agent's state * = all without a state of their own.",
    "segment": "Customer segment (ext.customerSegment); empty = none.",
    "product_type": "Product type (ext.productType); empty = none.",
    "value_range": "Range in which the business value lies.",
    "priority_range": "Range in which the priority of waiting items lay, its first number included, its second not.",
    "agent_id": "Id of the agent.",
    "agent_name": "Name of the agent, of Info Mart where it has one.",
    "new": "Items received in the interval, in the category and queue that they first got.",
    "reopened": "Items that had finished and became open again in the interval (reopened or restarted).",
    "moved_in": "Items that came in the interval from another row's category, queue, segment, product or value range.",
    "moved_out": "Items that went in the interval to another row's category, queue, segment, product or value range.",
    "finished": "Completed + canceled + rejected.",
    "completed": "Transitions to completed in the interval; of an agent: assignments that ended so.",
    "canceled": "Transitions to canceled in the interval.",
    "rejected": "Transitions to rejected in the interval.",
    "completed_due": "Of completed: those with a due date.",
    "completed_in_time": "Of completed: those finished at or before their due date.",
    "finished_overdue": "Of completed: those finished after their due date.",
    "finish_us": "Sum of the times from received to finished of items finished in the interval, microseconds.",
    "handle_us": "Sum of assigned time and wrap-up (since the finish before) of items finished in it, microseconds.",
    "business_value": "Sum of the business values of new items.",
    "source_n": "New items with a creation time of their source.",
    "source_us": "Sum of the times from creation in the source to received, microseconds.",
    "queued_n": "Items queued for the first time in the interval.",
    "queued_us": "Sum of the times from received to first queued, microseconds.",
    "assigned_n": "Items assigned for the first time in the interval.",
    "accept_us": "Sum of the times from received to first assigned, microseconds.",
    "assigned_us": "Sum of the times from first queued to first assigned, microseconds.",
    "worked_n": "Finished items that had been assigned.",
    "worked_us": "Sum of the times from first assigned to finished, microseconds.",
    "offered": "Offers made in the interval.",
    "accepted": "Offers accepted in the interval.",
    "declined": "Offers declined in the interval.",
    "timed_out": "Offers whose time ran out in the interval.",
    "withdrawn": "Offers taken back in the interval.",
    "lost": "Offers that ended with the agent's connection.",
    "assigned": "Assignments begun in the interval.",
    "first_waits": "Waits in the queue that an item's first assignment ended.",
    "first_wait_us": "Sum of those waits, microseconds.",
    "later_waits": "Waits in the queue that a later assignment ended.",
    "later_wait_us": "Sum of those waits, microseconds.",
    "returned": "Assignments that ended with a return to the queue.",
    "transferred": "Assignments that ended with a transfer or a new assignment.",
    "taken_back": "Assignments that ended because the item was held, canceled, finished by its source or restarted.",
    "ended_work_us": "Sum of the whole durations of assignments that ended in the interval, microseconds.",
    "wrap_up_us": "Sum of the wrap-up granted after assignments that ended in the interval, microseconds.",
    "work_us": "Assigned time that lies in the interval, of assignments that have ended, microseconds.",
    "pending": "Open items at the end of the interval: received before it, not finished by it. Never summed over time.",
    "held": "Of pending: held (errorheld not counted). Never summed over time.",
    "errorheld": "Of pending: stopped by an error. Never summed over time.",
    "overdue": "Of pending: with a due date before the end of the interval. Never summed over time.",
    "age_us": "Sum of the ages (since created) of pending items at the end of the interval, microseconds.",
    "age_range": "Range in which the age of an open item lies.",
    "items": "Items.",
    "handle_time_us": "Assigned time and wrap-up of items finished in the interval, microseconds.",
    "backlog": "Open items at the end of the interval.",
    "waiting": "Items that waited when the interval's sample was taken, as a rule at its end. Never summed over time.",
    "sampled_at": "Instant of the sample.",
    "item_number": "Number of the item in its tenant.",
    "item_id": "Id of the item.",
    "revision": "Revision of the item that the row belongs to.",
    "status": "Status as of now.",
    "capture_id": "Id of the item in its source.",
    "mailbox": "Id of the mailbox whose email became the item; empty where it came by another capture point.",
    "channel": "Channel.",
    "schema_id": "Prioritization schema.",
    "rule_set_version": "Rule-set version that judged the item last.",
    "value": "Business value of the item.",
    "ext": "Extended attributes as JSON.",
    "received_at": "When IWD received the item (counts of new items use it).",
    "created_at": "When the item was created (ages use it).",
    "activation_at": "Not queued before.",
    "due_at": "Due date.",
    "due_origin": "Who set it: source, rule or schema.",
    "hold_reason": "Why the item is held.",
    "assigned_to": "Agent who has the item now.",
    "assigned_at": "When the present or last assignment began.",
    "last_event_at": "When the item was last changed.",
    "first_queued_at": "When it was first queued.",
    "first_assigned_at": "When it was first assigned.",
    "first_finished_at": "When it first finished.",
    "last_finished_at": "When it last finished.",
    "deleted_at": "When it was removed from the live store.",
    "times_reopened": "How often it became open again after it had finished.",
    "assignments": "How often it was assigned.",
    "offers": "How often it was offered.",
    "declines": "How often an offer of it was declined.",
    "holds": "How often it was held.",
    "generation": "Generation of the log; with pos the place of the event.",
    "pos": "Place in the log.",
    "at": "Instant of the event.",
    "event_type": "Type of the event.",
    "actor": "Who did it.",
    "status_from": "Status before.",
    "status_to": "Status after.",
    "reason": "Reason given.",
    "changes": "Changed fields with their new values, as JSON.",
    "from_at": "Beginning.",
    "to_at": "End; empty = still so.",
    "began": "How the stretch began: new, reopened, moved, changed.",
    "ended": "How it ended: completed, canceled, rejected, moved, changed.",
    "state": "open, held or errorheld; of an agent ready, notReady or afterWork.",
    "started_at": "Beginning.",
    "ended_at": "End; empty = it lasts.",
    "outcome": "How the assignment ended; empty = it lasts.",
    "ordinal": "Of the waits of one item: 1 = before its first assignment.",
    "wait_us": "Duration of the wait, microseconds.",
    "logged_in_us": "Time in the interval in which the agent was logged in, microseconds.",
    "not_ready_us": "Time in the interval in which the agent was not ready, microseconds.",
    "busy_us": "Work and after-work put together, within available time, nothing counted twice, microseconds.",
    "available_us": "Logged in less not ready, microseconds. Occupancy is busy over available.",
    "is_overdue": "1 = the due date has passed.",
    "duration_us": "Time in the state that lies in the interval, microseconds.",
    "name": "Name.",
    "employee_id": "Employee id.",
    "active": "Whether the agent is active.",
    "first_name": "First name, of Info Mart.",
    "last_name": "Last name, of Info Mart.",
    "level": "Level in the category tree; 1 = department, 2 = process.",
    "target_handle_seconds": "Target handle time.",
    "valid_from": "Valid from.",
    "valid_to": "Valid to; empty = valid now.",
    "run": "Number of the run.",
    "parent": "The chain that the run belongs to.",
    "chain": "intraday, historical or full.",
    "job": "Part of the mart run.",
    "finished_at": "End.",
    "rows": "Rows handled.",
    "watermark": "Place in the log up to which the mart is loaded.",
    "error": "What went wrong.",
    "data_as_of": "Instant up to which the numbers are complete.",
    "balanced": "Whether the last balance found everything in order.",
    "balance_detail": "The first thing that it found.",
    "time_zone": "Zone of the days (reporting zone).",
    **{f"custom_{n}": f"Mapped attribute in slot {n} (etl_custom_map)." for n in range(1, 11)},
}
"""What a column means, in whatever view it stands."""

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
    *("ended_work_us", "wrap_up_us", "work_us"),
)
LEVEL: Final = ("pending", "held", "errorheld", "overdue", "age_us")


class Subject(NamedTuple):
    """A family of aggregate views: one for each grain."""

    name: str
    definition: str
    dimensions: tuple[str, ...]
    sums: tuple[str, ...]
    source: str
    """The table that is summed: `agg_task`, `agg_agent`; of `level` and `priority` the last interval stands for all."""


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
    Subject("task_queue", "What happened, by queue.", ("queue_id", "queue_name"), FLOW, "agg_task"),
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
        "queue_priority",
        "How many items wait by queue and range of priority, from one sample per quarter of an hour.",
        ("queue_id", "queue_name", "priority_range"),
        ("waiting",),
        "priority",
    ),
)


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
    *("wrap_up_us", *(f"custom_{n}" for n in range(1, 11))),
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
            *("ended_at", "outcome", "work_us", "wrap_up_us"),
        ),
    ),
    MartView(
        "iwd_task_wait_fact",
        "A row per wait in a queue that an assignment ended.",
        ("item_number", "agent_id", "queue_id", "category_id", "from_at", "to_at", "wait_us", "ordinal"),
    ),
    MartView(
        "iwd_agent_state_fact",
        "A row per stretch of an agent's state; logged out is not one.",
        ("agent_id", "agent_name", "media_type", "state", "reason", "started_at", "ended_at"),
    ),
    MartView(
        "iwd_agg_agent_state_15min",
        "Time of agents in each state, per quarter of an hour.",
        ("interval_start", "agent_id", "agent_name", "media_type", "state", "reason", "duration_us"),
    ),
    MartView(
        "iwd_agg_agent_presence_15min",
        "Presence and occupancy of agents, per quarter of an hour.",
        (
            *("interval_start", "agent_id", "agent_name", "logged_in_us", "not_ready_us", "busy_us"),
            "available_us",
        ),
    ),
    MartView(
        "iwd_agg_task_age_15min",
        "Open items by age range at the end of each quarter of an hour.",
        ("interval_start", "category_id", "queue_id", "age_range", "items"),
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
        "iwd_dim_category",
        "Categories with their history.",
        ("category_id", "name", "category_path", "level", "target_handle_seconds", "valid_from", "valid_to"),
    ),
    MartView("iwd_dim_queue", "Queues with their history.", ("queue_id", "name", "valid_from", "valid_to")),
    MartView(
        "iwd_resource",
        "Agents, with their names of Info Mart where it has some.",
        ("agent_id", "name", "employee_id", "active", "first_name", "last_name"),
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
            "watermark",
            "error",
        ),
    ),
    MartView(
        "iwd_data_state",
        "How fresh the mart is, and whether it balances.",
        ("data_as_of", "time_zone", "balanced", "balance_detail"),
    ),
)


def aggregate_views() -> list[MartView]:
    """The views of all subjects and grains."""
    found = []
    for subject in SUBJECTS:
        for grain in GRAINS:
            first = "interval_start" if grain in SHORT_GRAINS else "day" if grain == "day" else "period_start"
            columns = (first, *subject.dimensions, *subject.sums)
            found.append(
                MartView(f"iwd_agg_{subject.name}_{grain}", f"{subject.definition} Grain: {grain}.", columns)
            )
    return found


def all_views() -> list[MartView]:
    return [*FACT_VIEWS, *aggregate_views()]


_USE: Final = (
    "Read with the role `openiwd_bi`. Names of views and columns are stable. Sums are whole microseconds and counts; "
    "averages are made of them when asked for, never stored. An interval holds its beginning and not its end."
)
_BALANCE: Final = (
    "**Balance**, checked after every mart run: pending at the end = pending at the beginning + new + reopened "
    "+ moved in − moved out − finished, per category and queue; all that was ever new or reopened = finished + open."
)


def documentation() -> str:
    """The dictionary as a Markdown page."""
    lines = [
        "# Data mart: views and what their numbers mean",
        "",
        "Made from `openiwd.domain.mart_dictionary` by `openiwd reference`; do not edit.",
        "",
        _USE,
        "",
        _BALANCE,
        "",
        "## Facts and dimensions",
        "",
    ]
    for view in FACT_VIEWS:
        lines += [f"### `{view.name}`", "", view.definition, "", f"Columns: {_listed(view.columns)}.", ""]
    lines += [
        "## Aggregates",
        "",
        f"Each for the grains {', '.join(GRAINS)}: `iwd_agg_<subject>_<grain>`.",
        "",
    ]
    for subject in SUBJECTS:
        lines += [f"### `iwd_agg_{subject.name}_…`", "", subject.definition, ""]
        lines += [f"By {_listed(subject.dimensions)}: {_listed(subject.sums)}.", ""]
    lines += ["## Columns", "", "| column | meaning |", "|---|---|"]
    used = {column for view in all_views() for column in view.columns}
    lines += [f"| `{name}` | {text} |" for name, text in COLUMNS.items() if name in used]
    return "\n".join([*lines, ""])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
