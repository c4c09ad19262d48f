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
_QUEUED: Final = {"queued_n": "1", "queued_us": "micros(received::timestamptz, at)"}
_ASSIGNED: Final = {
    "assigned_n": "1",
    "accept_us": "micros(received::timestamptz, at)",
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
    " total(micros(queue_since, at)) FILTER (WHERE assignments = 1) AS first_wait_us,"
    " count(*) FILTER (WHERE assignments > 1) AS later_waits,"
    " total(micros(queue_since, at)) FILTER (WHERE assignments > 1) AS later_wait_us"
)
_GRANTED: Final = (
    "jsonb_strip_nulls(jsonb_build_object('granted_priority',"
    " coalesce(body #> '{offer,priority}', body #> '{assignmentStarted,priority}')))"
)

_SEED: Final = {
    "queue_since": "timestamptz",
    "first_queued_at": "timestamptz",
    "first_assigned_at": "timestamptz",
    "assignments": "int",
    "work_us": "bigint",
    "wrap_up_us": "bigint",
    "finished_work_us": "bigint",
}
"""What an item has brought along to which its new events are added."""
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
_EXT: Final = {
    "segment": "customerSegment",
    "product_type": "productType",
    "source_created": "sourceCreatedDateTime",
}
_NONE: Final = "CASE WHEN changes ? '{0}' THEN coalesce(changes ->> '{0}', '') END AS {1}"
_TOLD: Final = {
    **{f: f"changes ->> '{f}' AS {f}" for f in ("status", "capture_point", "media_type")},
    **{f: _NONE.format(f, f) for f in ("category_id", "queue_id")},
    **{
        f: f"CASE WHEN changes ? 'ext' THEN coalesce(changes #>> '{{ext,{key}}}', '') END AS {f}"
        for f, key in _EXT.items()
    },
    "business_value": "CASE WHEN changes ? 'business_value' THEN coalesce(changes ->> 'business_value', '0') END"
    " AS business_value",
    "due": _NONE.format("due_at", "due"),
    "created": "changes ->> 'created_at' AS created",
    "received": "changes ->> 'received_at' AS received",
    "granted": "changes ->> 'granted_priority' AS granted",
}
"""What an event tells of the fields that are needed as of each event, as text: null = nothing, empty = none."""
_TOLD_BEFORE: Final = {
    **{f: f"f.{f}" for f in ("status", "capture_point", "media_type")},
    **{f: f"coalesce(f.{f}, '')" for f in ("category_id", "queue_id")},
    **{f: f"coalesce(f.ext ->> '{key}', '')" for f, key in _EXT.items()},
    "business_value": "f.business_value::text",
    "due": "coalesce(f.due_at::text, '')",
    "created": "f.created_at::text",
    "received": "f.received_at::text",
    "granted": "f.granted_priority::text",
}
"""The same of a known item, before its new events."""
_LAST: Final = {
    **{f: f"l.{f}" for f in ("revision", "status", "capture_point", "media_type", "business_value")},
    **{f: f"nullif(l.{f}, '')" for f in ("category_id", "queue_id")},
    "received_at": "l.received::timestamptz",
    "created_at": "l.created::timestamptz",
    "due_at": "nullif(l.due, '')::timestamptz",
    "last_event_at": "l.at",
    **{f: f"l.{f}" for f in ("queue_since", "first_queued_at", "first_assigned_at", "assignments")},
    **{f: f"l.{f}" for f in ("work_us", "wrap_up_us", "granted_priority")},
}
"""Columns of an item that its last event leaves so."""
_CUSTOM: Final = {f"custom_{n}": f"c{n}" for n in range(1, 11)}
CUSTOM_CHANGES: Final = tuple(_CUSTOM.values())
"""Their keys in the record of an event."""
_KEPT: Final = {
    "capture_id": "",
    "channel": "",
    "category_path": "",
    "schema_id": "",
    "rule_set_version": "::int",
    "activation_at": "::timestamptz",
    "due_origin": "",
    "hold_reason": "",
    "assigned_to": "",
    "assigned_at": "::timestamptz",
}
"""Columns that are needed as of the last event alone, with their types: as they were told last."""
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


def _none_but(names: tuple[str, ...], known: Mapping[str, str]) -> str:
    return ", ".join(f"{known.get(name, '0')} AS {name}" for name in names)


def _sum_parts(prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    every = ("n", *names)
    return {
        f"{prefix}sums": ", ".join(names),
        f"{prefix}summed": ", ".join(f"total({name}) AS {name}" for name in every),
        f"{prefix}resummed": ", ".join(f"sum({name})" for name in every),
        f"{prefix}added": ", ".join(f"{name} = a.{name} + excluded.{name}" for name in every),
    }


def signed_parts(sign: str) -> dict[str, str]:
    """Sums as they are added, or with `-` as they are taken back."""
    found = {}
    for prefix, names in (("", SUMS), ("agent_", AGENT_SUMS), ("queue_", WAITS)):
        every = ("n", *names)
        found[f"{prefix}signed"] = ", ".join(f"{sign}{name}" for name in every)
        found[f"{prefix}signed_again"] = ", ".join(f"{sign}total({name})" for name in every)
    return found


def item_parts(*, custom: bool) -> dict[str, str]:
    """Columns of an item as they are written; those of mapped attributes where there are any."""
    kept = {f: (f, cast) for f, cast in _KEPT.items()}
    if custom:
        kept |= {f: (key, "") for f, key in _CUSTOM.items()}
    texts = {f: f"(g.{f} #>> '{{}}'){cast}" for f, (_, cast) in kept.items()}
    return {
        "last_set": ", ".join(f"{f} = {value}" for f, value in _LAST.items()),
        "last_columns": ", ".join(_LAST),
        "last_values": ", ".join(_LAST.values()),
        "told_last": ", ".join(f"told(changes -> '{key}') AS {f}" for f, (key, _) in kept.items())
        + ", told(changes -> 'ext') AS ext",
        "told_set": ", ".join(
            f"{f} = CASE WHEN g.{f} IS NULL THEN f.{f} ELSE {text} END" for f, text in texts.items()
        )
        + ", ext = coalesce(g.ext, f.ext)",
        "told_columns": ", ".join((*texts, "ext")),
        "told_values": ", ".join((*texts.values(), "coalesce(g.ext, '{}')")),
    }


_PRESENT: Final = (
    "(coalesce(range_agg(r) FILTER (WHERE kind <> 'work'), '{}')"
    " - coalesce(range_agg(r) FILTER (WHERE kind = 'notReady'), '{}'))"
)
PRESENCE_PARTS: Final[dict[str, str]] = {
    "busy": f"us(coalesce(range_agg(r) FILTER (WHERE kind IN ('work', 'afterWork')), '{{}}') * {_PRESENT})",
    "available": f"us({_PRESENT})",
}
"""Presence of an agent from its stretches `r` of each `kind`: in the view, and of days that are kept."""
_BOUNDS: Final = ("1 hour", "4 hours", "24 hours", "72 hours", "168 hours")


def _age_at(instant: str) -> str:
    """The number of the range of age at the end of an interval."""
    cases = " ".join(
        f"WHEN {instant} < created_at + interval '{b}' THEN {r}" for r, b in enumerate(_BOUNDS, 1)
    )
    return f"CASE {cases} ELSE {len(_BOUNDS) + 1} END"


_LEVEL_PARTS: Final[dict[str, str]] = {
    "age_in": _age_at("enters"),
    "age_out": _age_at("leaves - interval '15 minutes'"),
    "age_bounds": ", ".join(f"({r}, interval '{b}')" for r, b in enumerate(_BOUNDS, 2)),
}
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
    **_LEVEL_PARTS,
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
    **signed_parts(""),
    **item_parts(custom=False),
    "queue_waits": _QUEUE_WAITS,
    "granted": _GRANTED,
    "no_custom": ", ".join(f"{name} = NULL" for name in _CUSTOM),
    "event_columns": ", ".join(_EVENT),
    "no_event": ", ".join(f"NULL::{kind} AS {name}" for name, kind in _EVENT.items()),
    "told_fields": ", ".join(_TOLD.values()),
    "told_so_far": ", ".join(f"told({name}) OVER w AS {name}" for name in _TOLD),
    "seed_fields": ", ".join(_TOLD_BEFORE[name] for name in _TOLD),
    "seed": ", ".join(f"f.{name} AS seed_{name}" for name in _SEED),
    "no_seed": ", ".join(f"NULL::{kind} AS seed_{name}" for name, kind in _SEED.items()),
    "seed_names": ", ".join(f"seed_{name}" for name in _SEED),
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
