"""Lists of columns that the mart's named SQL shares: what is summed and from what. Constants only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openiwd.adapters.postgres.named_sql import named_sql

CELL: Final = (
    "category_id",
    "queue_id",
    "capture_point",
    "media_type",
    "segment",
    "product_type",
    "value_range",
)
_FINISHED: Final = "ended IN ('completed', 'canceled', 'rejected')"
_START: Final = {
    "new": "(began = 'new')::int",
    "reopened": "(began = 'reopened')::int",
    "moved_in": "(began = 'moved')::int",
    "business_value": "CASE WHEN began = 'new' THEN business_value ELSE 0 END",
    "source_n": "(began = 'new' AND source_created_at IS NOT NULL)::int",
    "source_us": "CASE WHEN began = 'new' THEN coalesce(micros(source_created_at, received_at), 0) ELSE 0 END",
}
_END: Final = {
    "moved_out": "(ended = 'moved')::int",
    "completed": "(ended = 'completed')::int",
    "canceled": "(ended = 'canceled')::int",
    "rejected": "(ended = 'rejected')::int",
    "completed_due": "(ended = 'completed' AND due_at IS NOT NULL)::int",
    "completed_in_time": "(ended = 'completed' AND due_at IS NOT NULL AND to_at <= due_at)::int",
    "finish_us": f"CASE WHEN {_FINISHED} THEN micros(received_at, to_at) ELSE 0 END",
    "handle_us": f"CASE WHEN {_FINISHED} THEN coalesce(handle_us, 0) ELSE 0 END",
    "worked_n": f"({_FINISHED} AND first_assigned_at IS NOT NULL)::int",
    "worked_us": f"CASE WHEN {_FINISHED} THEN coalesce(micros(first_assigned_at, to_at), 0) ELSE 0 END",
}
_QUEUED: Final = {"queued_n": "1", "queued_us": "micros(received_at, at)"}
_ASSIGNED: Final = {
    "assigned_n": "1",
    "accept_us": "micros(received_at, at)",
    "assigned_us": "coalesce(micros(first_queued_at, at), 0)",
}
SUMS: Final = (
    "new",
    "reopened",
    "moved_in",
    "moved_out",
    "completed",
    "canceled",
    "rejected",
    "completed_due",
    "completed_in_time",
    "finish_us",
    "handle_us",
    "business_value",
    "source_n",
    "source_us",
    "queued_n",
    "queued_us",
    "assigned_n",
    "accept_us",
    "assigned_us",
    "worked_n",
    "worked_us",
)

_OUTCOME: Final = "coalesce(offer_outcome = '{}', false)::int"
_WAITED: Final = "prev_status = 'queued' AND queue_since IS NOT NULL"
_AGENT_OFFER: Final = {
    "offered": "(event_type = 'offered')::int",
    "accepted": _OUTCOME.format("accepted"),
    "declined": _OUTCOME.format("declined"),
    "timed_out": _OUTCOME.format("timedOut"),
    "withdrawn": _OUTCOME.format("withdrawn"),
    "lost": _OUTCOME.format("lost"),
}
_AGENT_ASSIGNED: Final = {
    "assigned": "1",
    "first_waits": f"({_WAITED} AND assignments = 1)::int",
    "first_wait_us": f"CASE WHEN {_WAITED} AND assignments = 1 THEN micros(queue_since, at) ELSE 0 END",
    "later_waits": f"({_WAITED} AND assignments > 1)::int",
    "later_wait_us": f"CASE WHEN {_WAITED} AND assignments > 1 THEN micros(queue_since, at) ELSE 0 END",
}
_AGENT_ENDED: Final = {
    "completed": "(ended_outcome = 'completed')::int",
    "returned": "(ended_outcome = 'returned')::int",
    "transferred": "(ended_outcome = 'transferred')::int",
    "taken_back": "(ended_outcome = 'withdrawn')::int",
    "ended_work_us": "coalesce(ended_work_us, 0)",
    "wrap_up_us": "wrap_us",
    "focus_n": "(ended_focus_us IS NOT NULL)::int",
    "focus_us": "coalesce(ended_focus_us, 0)",
}
_AGENT_WORKED: Final = {
    "work_us": "micros(greatest(q, ended_started_at), least(q + interval '15 minutes', at))"
}
AGENT_SUMS: Final = (
    "offered",
    "accepted",
    "declined",
    "timed_out",
    "withdrawn",
    "lost",
    "assigned",
    "first_waits",
    "first_wait_us",
    "later_waits",
    "later_wait_us",
    "completed",
    "returned",
    "transferred",
    "taken_back",
    "ended_work_us",
    "wrap_up_us",
    "focus_n",
    "focus_us",
    "work_us",
)
WAITS: Final = ("first_waits", "first_wait_us", "later_waits", "later_wait_us")
_QUEUE_WAITS: Final = (
    "count(*) AS n, count(*) FILTER (WHERE assignments = 1) AS first_waits,"
    " coalesce(sum(micros(queue_since, at)) FILTER (WHERE assignments = 1), 0) AS first_wait_us,"
    " count(*) FILTER (WHERE assignments > 1) AS later_waits,"
    " coalesce(sum(micros(queue_since, at)) FILTER (WHERE assignments > 1), 0) AS later_wait_us"
)
_GRANTED: Final = (
    "jsonb_strip_nulls(jsonb_build_object('granted_priority',"
    " coalesce(body #> '{offer,priority}', body #> '{assignmentStarted,priority}')))"
)

_SEED: Final = {
    "queue_since": "timestamptz",
    "first_queued_at": "timestamptz",
    "first_assigned_at": "timestamptz",
    "first_finished_at": "timestamptz",
    "last_finished_at": "timestamptz",
    "deleted_at": "timestamptz",
    "assignments": "int",
    "work_us": "bigint",
    "wrap_up_us": "bigint",
    "focus_us": "bigint",
    "finished_work_us": "bigint",
    "reopened": "int",
    "offers": "int",
    "declines": "int",
    "holds": "int",
}
_EVENT: Final = {
    "offer_agent": "text",
    "offer_outcome": "text",
    "assigned_agent": "text",
    "ended_agent": "text",
    "ended_outcome": "text",
    "ended_queue": "text",
    "ended_started_at": "timestamptz",
    "wrap_up_seconds": "int",
    "focus_seconds": "int",
}
_CUSTOM: Final = tuple(f"custom_{n}" for n in range(1, 11))
CUSTOM_CHANGES: Final = tuple(f"c{n}" for n in range(1, 11))
"""Their keys in the record of an event."""
_STATE: Final = (
    "status",
    "category_id",
    "category_path",
    "queue_id",
    "capture_point",
    "capture_id",
    "media_type",
    "channel",
    "schema_id",
    "rule_set_version",
    "business_value",
    "ext",
    "received_at",
    "created_at",
    "activation_at",
    "due_at",
    "due_origin",
    "hold_reason",
    "assigned_to",
    "assigned_at",
    "granted_priority",
)
UNUSED: Final = (
    *("requirement", "attached_data", "overridden", "pauses", "tags", "excluded", "anchor_at", "clock_id"),
    *(
        "clock_origin",
        "clock_frozen",
        "offer_id",
        "offered_to",
        "offered_at",
        "offer_expires_at",
        "reserved_for",
    ),
    *(
        "reserved_until",
        "reserved_by",
        "expiration_at",
        "keep_for",
        "hold_until",
        "hold_wakes_on",
        "hold_pauses",
    ),
    *("assignment_id", "source_url", "contact_id", "declines", "last_agent", "error", "named_category"),
    *("department_id", "process_id", "priority_fixed", "priority_adjustment", "queued_at", "completed_at"),
    *("held_at", "reopened_at", "segment", "routed_to"),
)
"""Fields of an event's `set` that no fact is made of."""
ITEM_COLUMNS: Final = (
    "item_number", "item_id", "revision", "status", "capture_point", "capture_id", "media_type", "channel",
    "category_id", "category_path", "queue_id", "schema_id", "rule_set_version", "business_value", "ext", "received_at",
    "created_at", "activation_at", "due_at", "due_origin", "hold_reason", "assigned_to", "assigned_at", "last_event_at",
    "queue_since", "first_queued_at", "first_assigned_at", "first_finished_at", "last_finished_at", "deleted_at",
    "reopened", "assignments", "offers", "declines", "holds", "work_us", "wrap_up_us", "finished_work_us",
    "focus_us", "granted_priority", *_CUSTOM,
)  # fmt: skip


def _none_but(names: tuple[str, ...], known: Mapping[str, str]) -> str:
    return ", ".join(f"{known.get(name, '0')} AS {name}" for name in names)


def _sum_parts(prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    every = ("n", *names)
    return {
        f"{prefix}sums": ", ".join(names),
        f"{prefix}summed": ", ".join(f"sum({name}) AS {name}" for name in every),
        f"{prefix}resummed": ", ".join(f"sum({name})" for name in every),
        f"{prefix}signed": ", ".join(f"{name} * $1::int" for name in every),
        f"{prefix}signed_again": ", ".join(f"sum({name}) * $1::int" for name in every),
        f"{prefix}added": ", ".join(f"{name} = a.{name} + excluded.{name}" for name in every),
    }


def _state_fields() -> str:
    pairs = [f"'{name}', f.{name}" for name in _STATE]
    pairs += [f"'c{n}', f.{name}" for n, name in enumerate(_CUSTOM, 1)]
    return f"jsonb_build_object({', '.join(pairs)})"


_PRESENT: Final = (
    "(coalesce(range_agg(r) FILTER (WHERE kind <> 'work'), '{}')"
    " - coalesce(range_agg(r) FILTER (WHERE kind = 'notReady'), '{}'))"
)
PRESENCE_PARTS: Final[dict[str, str]] = {
    "busy": f"us(coalesce(range_agg(r) FILTER (WHERE kind IN ('work', 'afterWork')), '{{}}') * {_PRESENT})",
    "available": f"us({_PRESENT})",
}
"""Presence of an agent from its stretches `r` of each `kind`: in the view, and of days that are kept."""
_KEPT_PARTS: Final[dict[str, str]] = {
    "cut_states": "(SELECT a.agent_id, a.media_type, a.state, a.reason, greatest(a.started_at, s.kept_from) AS from_at,"
    " least(coalesce(a.ended_at, greatest(s.as_of, s.fresh_at)), $1::timestamptz) AS to_at"
    " FROM agent_state_fact a CROSS JOIN mart_state s WHERE a.started_at < $1::timestamptz)",
    "cut_work": "(SELECT w.agent_id, greatest(w.started_at, s.kept_from) AS from_at,"
    " least(w.ended_at, $1::timestamptz) AS to_at"
    " FROM task_work_fact w CROSS JOIN mart_state s WHERE w.started_at < $1::timestamptz"
    " UNION ALL SELECT i.assigned_to, greatest(i.assigned_at, s.kept_from),"
    " least(greatest(s.as_of, s.fresh_at), $1::timestamptz) FROM task_fact i CROSS JOIN mart_state s"
    " WHERE i.assigned_to IS NOT NULL AND i.status = 'assigned' AND i.assigned_at < $1::timestamptz)",
    "days_of": "(SELECT g::date AS day, g AT TIME ZONE z.time_zone AS starts_at,"
    " (g + interval '1 day') AT TIME ZONE z.time_zone AS ends_at FROM mart_state z"
    " CROSS JOIN LATERAL generate_series(date_trunc('day', f.from_at AT TIME ZONE z.time_zone),"
    " (f.to_at - interval '1 microsecond') AT TIME ZONE z.time_zone, interval '1 day') g"
    " WHERE f.from_at < f.to_at)",
}
PARTS: Final[dict[str, str]] = {
    **PRESENCE_PARTS,
    **_KEPT_PARTS,
    "laid_out": named_sql("mart_load")["laid_out"],
    "cell": ", ".join(CELL),
    "none_but_start": _none_but(SUMS, _START),
    "none_but_end": _none_but(SUMS, _END),
    "none_but_queued": _none_but(SUMS, _QUEUED),
    "none_but_assigned": _none_but(SUMS, _ASSIGNED),
    "agent_offer": _none_but(AGENT_SUMS, _AGENT_OFFER),
    "agent_assigned": _none_but(AGENT_SUMS, _AGENT_ASSIGNED),
    "agent_ended": _none_but(AGENT_SUMS, _AGENT_ENDED),
    "agent_worked": _none_but(AGENT_SUMS, _AGENT_WORKED),
    **_sum_parts("", SUMS),
    **_sum_parts("agent_", AGENT_SUMS),
    **_sum_parts("queue_", WAITS),
    "queue_waits": _QUEUE_WAITS,
    "granted": _GRANTED,
    "no_custom": ", ".join(f"{name} = NULL" for name in _CUSTOM),
    "event_columns": ", ".join(_EVENT),
    "no_event": ", ".join(f"NULL::{kind} AS {name}" for name, kind in _EVENT.items()),
    "seed": ", ".join(f"f.{name} AS seed_{name}" for name in _SEED),
    "no_seed": ", ".join(f"NULL::{kind} AS seed_{name}" for name, kind in _SEED.items()),
    "seed_names": ", ".join(f"seed_{name}" for name in _SEED),
    "seed_fields": f"{_state_fields()} AS changes",
    "item_columns": ", ".join(ITEM_COLUMNS),
    "item_replaced": ", ".join(f"{name} = excluded.{name}" for name in ITEM_COLUMNS[1:]),
}

_KEYS: Final = {
    "category": "coalesce(d.path, a.category_id)",
    "department": "split_part(coalesce(d.path, a.category_id), '/', 1)",
    "process": "split_part(coalesce(d.path, a.category_id), '/', 2)",
    "queue": "a.queue_id",
    "capture_point": "a.capture_point",
    "media_type": "a.media_type",
    "segment": "a.segment",
    "value_range": "a.value_range",
}


def _key(parameter: str) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {sql}" for name, sql in _KEYS.items())
    return f"CASE :{parameter}::text {cases} END"


REPORT_PARTS: Final[dict[str, str]] = {
    "key_of_agent": "CASE :by::text WHEN 'agent' THEN a.agent_id ELSE a.queue_id END AS key",
    "key_2": _key("by_2"),
    "key": f"{_key('by')} AS key",
    "filters": "(:category::text IS NULL OR coalesce(d.path, a.category_id) = :category OR d.path LIKE :below::text)"
    " AND (:queue::text IS NULL OR a.queue_id = :queue)",
    "mailbox": "CASE WHEN f.capture_point = 'email' THEN split_part(f.capture_id, '/', 1) ELSE '' END",
    "emails": "task_fact f LEFT JOIN dimension d ON d.kind = 'category' AND d.id = f.category_id AND d.valid_to IS NULL"
    " WHERE f.media_type = 'email' AND f.received_at >= :from_at AND f.received_at < :to_at"
    " AND (:category::text IS NULL OR coalesce(d.path, f.category_id, '') = :category OR d.path LIKE :below::text)"
    " AND (:queue::text IS NULL OR coalesce(f.queue_id, '') = :queue)",
    "at_end": "least(:to_at, (SELECT greatest(as_of + interval '1 microsecond', fresh_at) FROM mart_state))",
}
