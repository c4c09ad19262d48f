"""The mart's views as SQL: facts from named SQL, aggregates by subject and grain from the dictionary, and comments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from openiwd.adapters.postgres.mart_columns import PRESENCE_PARTS, SUMS
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.domain.mart_column import COLUMNS
from openiwd.domain.mart_dictionary import aggregate_views
from openiwd.domain.mart_dimension import (
    AGES,
    DIMENSION_VIEWS,
    EVENT_TYPES,
    PRIORITIES,
    STATUSES,
    VALUES,
)
from openiwd.domain.mart_subject import (
    AGE_RANGES,
    GRAINS,
    PRESENCE,
    SHORT_GRAINS,
    SUBJECTS,
    WAITS,
    Subject,
)
from openiwd.domain.mart_view import FACT_VIEWS, MartView

_NAMES: Final = {
    "category_path": ("category", "category_id", "path"),
    "queue_name": ("queue", "queue_id", "name"),
}
_LEVELS: Final = {"department": 1, "process": 2}
"""Parts of the category's path; without a name its id stands for it, as in the reports."""
_COMPUTED: Final = {
    "finished": "sum(completed + canceled + rejected)",
    "finished_overdue": "sum(completed_due - completed_in_time)",
}
_ZONE: Final = "(SELECT time_zone FROM mart_state)"
_CUT: Final = {
    "agent_state": ("agent_id", "media_type", "state", "reason", "duration_us"),
    "agent_presence": ("agent_id", *PRESENCE),
}
"""Sources that are SQL of their own per quarter of an hour; tables keep the days whose stretches are gone."""
_COUNTED: Final = ", ".join(f"('{text}', {column})" for column, text in AGE_RANGES.items())
_LAST: Final = {
    "level": "agg_task_level_15min",
    "priority": "agg_queue_priority_15min",
    "age": "(SELECT l.interval_start, l.category_id, l.queue_id, a.age_range, a.items FROM agg_task_level_15min l"
    f" CROSS JOIN LATERAL (VALUES {_COUNTED})"
    " a(age_range, items) WHERE a.items > 0)",
}
"""Sources of which the last interval stands for a longer one."""


def _first(grain: str) -> str:
    match grain:
        case "15min":
            return "interval_start"
        case "30min":
            return "date_bin('30 minutes', interval_start, timestamptz '2000-01-01 00:00:00+00') AS interval_start"
        case "hour":
            return f"date_trunc('hour', interval_start AT TIME ZONE {_ZONE}) AT TIME ZONE {_ZONE} AS interval_start"
        case "day":
            return "day"
        case _:
            return f"date_trunc('{grain}', day::timestamp)::date AS period_start"


def _name_of(column: str) -> str:
    if column == "agent_name":
        return "coalesce((SELECT r.name FROM resource_ r WHERE r.agent_id = s.agent_id), s.agent_id) AS agent_name"
    if column in _LEVELS:
        known = "d.kind = 'category' AND d.id = s.category_id AND d.valid_to IS NULL"
        path = f"coalesce((SELECT d.path FROM dimension d WHERE {known}), s.category_id)"
        return f"split_part({path}, '/', {_LEVELS[column]}) AS {column}"
    kind, key, value = _NAMES[column]
    return (
        f"(SELECT d.{value} FROM dimension d WHERE d.kind = '{kind}' AND d.id = s.{key} AND d.valid_to IS NULL)"
        f" AS {column}"
    )


def _named(column: str) -> bool:
    return column in _NAMES or column in _LEVELS or column == "agent_name"


def _rows_of(source: str, base: str, cuts: dict[str, str]) -> str:
    """What is summed: rows per quarter of an hour or per day."""
    first = "interval_start" if base == "15min" else "day"
    if source in _CUT:
        local = f"(b.interval_start AT TIME ZONE {_ZONE})::date AS day"
        kept = "coalesce((SELECT kept_from FROM mart_state), '-infinity')"
        made = f"SELECT b.*, {local} FROM ({cuts[source].rstrip(';')}) b WHERE b.interval_start >= {kept}"
        if base == "15min":
            return f"({made}) t"
        days = f"SELECT NULL::timestamptz, {', '.join(_CUT[source])}, day FROM agg_{source}_day"
        return f"({made} UNION ALL {days}) t"
    if source == "queue":
        flows = f"'' AS priority_range, {', '.join(SUMS)}, {_zeros(WAITS)}"
        waits = f"priority_range, {_zeros(SUMS)}, {', '.join(WAITS)}"
        key = f"{first}, queue_id"
        return (
            f"(SELECT {key}, {flows} FROM {_rows_of('agg_task', base, cuts)}"
            f" UNION ALL SELECT {key}, {waits} FROM {_rows_of('agg_queue', base, cuts)}) t"
        )
    return f"{source}_{base}"


def _zeros(names: tuple[str, ...]) -> str:
    return ", ".join(f"0 AS {name}" for name in names)


def _aggregate(subject: Subject, grain: str, cuts: dict[str, str]) -> str:
    """Sums of the rows of a grain; of levels the last interval of each."""
    keys = [c for c in subject.dimensions if not _named(c)]
    first, short = _first(grain), grain in SHORT_GRAINS
    if subject.source in _LAST:
        return _last_of(subject, grain, keys)
    table = _rows_of(subject.source, "15min" if short else "day", cuts)
    sums = [f"{_COMPUTED.get(c, f'sum({c})')}::bigint AS {c}" for c in subject.sums]
    inner = (
        f"SELECT {first}, {', '.join(keys)}, {', '.join(sums)} FROM {table} GROUP BY 1, {_places(keys, 2)}"
    )
    return f"SELECT {_outer(subject, grain)} FROM ({inner}) s"


def _places(keys: list[str], first: int) -> str:
    return ", ".join(str(n) for n in range(first, first + len(keys)))


def _last_of(subject: Subject, grain: str, keys: list[str]) -> str:
    """Levels at the end of each interval of a grain: nothing where nothing was left, not what was there before."""
    table = _LAST[subject.source]
    columns = ", ".join((*keys, *(f"{c}::bigint AS {c}" for c in subject.sums)))
    if grain == "15min":
        return f"SELECT {_outer(subject, grain)} FROM (SELECT interval_start, {columns} FROM {table} t) s"
    local = f"(interval_start AT TIME ZONE {_ZONE})::date"
    first, name = _first(grain), "interval_start"
    if grain in SHORT_GRAINS:
        first = first.rsplit(" AS ", 1)[0]
        end = f"{first} + interval '{'1 hour' if grain == 'hour' else '30 minutes'}'"
    else:
        first = local if grain == "day" else f"date_trunc('{grain}', {local}::timestamp)::date"
        name = "day" if grain == "day" else "period_start"
        step = "3 months" if grain == "quarter" else f"1 {grain}"
        end = f"({first} + interval '{step}') AT TIME ZONE {_ZONE}"
    if subject.source != "priority":
        last = f"least({end}, (SELECT levels_to FROM mart_state)) - interval '15 minutes'"
    else:
        last = f"(SELECT max(q.interval_start) FROM queue_sample q WHERE q.interval_start < {end})"
    source = f"SELECT {first} AS first_of, {columns} FROM {table} t WHERE interval_start = {last}"
    return f"SELECT {_outer(subject, grain)} FROM (SELECT first_of AS {name}, s0.* FROM ({source}) s0) s"


def _outer(subject: Subject, grain: str) -> str:
    first = "interval_start" if grain in SHORT_GRAINS else "day" if grain == "day" else "period_start"
    columns = [_name_of(c) if _named(c) else f"s.{c}" for c in subject.dimensions]
    return ", ".join([f"s.{first}", *columns, *(f"s.{c}" for c in subject.sums)])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _made(view: MartView, sql: str) -> list[str]:
    comments = [f"COMMENT ON VIEW {view.name} IS {_quoted(view.definition)}"]
    comments += [f"COMMENT ON COLUMN {view.name}.{c} IS {_quoted(COLUMNS[c])}" for c in view.columns]
    return [f"CREATE VIEW {view.name} AS {sql.rstrip(';')}", *comments]


def _members() -> dict[str, str]:
    """Members of dimensions that the code knows, as rows of `VALUES`."""
    return {
        "statuses": _rows(STATUSES),
        "event_types": _rows([(name,) for name in EVENT_TYPES]),
        "priorities": _rows(PRIORITIES),
        "values": _rows(VALUES),
        "ages": _rows(AGES),
    }


def _rows(rows: Iterable[tuple[object, ...]]) -> str:
    return ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)


def _literal(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return "NULL::int" if value is None else str(value).lower()


def view_statements() -> list[str]:
    """Everything that makes the views; those of before go first, the last ones first."""
    facts = named_sql("mart_view", **PRESENCE_PARTS) | named_sql("mart_dimension", **_members())
    views = [(v, facts[v.name]) for v in (*FACT_VIEWS, *DIMENSION_VIEWS)]
    made = {v.name: v for v in aggregate_views()}
    for subject in SUBJECTS:
        views += [
            (made[f"iwd_agg_{subject.name}_{grain}"], _aggregate(subject, grain, facts)) for grain in GRAINS
        ]
    drops = [f"DROP VIEW IF EXISTS {view.name}" for view, _ in reversed(views)]
    return drops + [statement for view, sql in views for statement in _made(view, sql)]


def view_hash() -> str:
    """Changes whenever a declaration does."""
    return hashlib.sha256("\n".join(view_statements()).encode()).hexdigest()
