"""What the load is compared with: the detail rows alone by INSERT … SELECT (limit), a Python row loop, polars."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from openiwd.ports.mart import FedEvent

DETAIL = """
INSERT INTO detail
SELECT generation, pos, at, event_type, actor, item_number, item_id, revision, subject_id,
    body ->> 'from', body ->> 'to', body ->> 'reason', body #>> '{offer,agent}', body #>> '{offer,outcome}',
    body #>> '{assignmentStarted,agent}', body #>> '{assignmentStarted,how}',
    body #>> '{assignment,agent}', body #>> '{assignment,outcome}', body #>> '{assignment,queue}',
    (body #>> '{assignment,startedAt}')::timestamptz, (body #>> '{assignment,wrapUpSeconds}')::int,
    coalesce(body -> 'set', '{}')
        || jsonb_strip_nulls(jsonb_build_object('granted_priority', body #> '{offer,priority}')),
    (body #>> '{assignment,focusSeconds}')::int
FROM staging
"""
"""The same rows as `task_event_fact`, and nothing else."""


class RowLoop:
    """The same facts and sums kept by a loop over rows, written row by row (prepared statement, one transaction)."""

    def __init__(self) -> None:
        self.items: dict[int, dict[str, Any]] = {}

    async def load(self, connection: asyncpg.Connection[Any], events: list[FedEvent]) -> None:
        sums: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        async with connection.transaction():
            for event in events:
                body = msgspec.json.decode(event.body)
                state = self.items.setdefault(event.item_number or 0, {})
                state.update(body["set"])
                await connection.execute(
                    "INSERT INTO loop_detail VALUES ($1, $2, $3, $4, $5, $6)",
                    event.cursor, event.at, event.type, event.item_number, event.revision,
                    msgspec.json.encode(body["set"]).decode(),
                )  # fmt: skip
                await connection.execute(
                    "INSERT INTO loop_item VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO UPDATE SET"
                    " status = excluded.status, category = excluded.category, queue = excluded.queue",
                    event.item_number, body["to"], state.get("category_id"), state.get("queue_id"),
                )  # fmt: skip
                key = (_quarter(event.at), state.get("category_id"), state.get("queue_id"))
                sums[key][0 if event.type == "created" else 1 if event.type == "completed" else 2] += 1
            for (at, category, queue), (new, completed, other) in sums.items():
                await connection.execute(
                    "INSERT INTO loop_sum VALUES ($1, $2, $3, $4, $5, $6)",
                    at,
                    category,
                    queue,
                    new,
                    completed,
                    other,
                )


LOOP_TABLES = """
CREATE TABLE loop_detail (
    cursor text PRIMARY KEY, at timestamptz, type text, number bigint, revision int, changes json
);
CREATE TABLE loop_item (number bigint PRIMARY KEY, status text, category text, queue text);
CREATE TABLE loop_sum (at timestamptz, category text, queue text, new bigint, completed bigint, other bigint);
"""


def _quarter(at: datetime) -> datetime:
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)


def polars_installed() -> bool:
    return importlib.util.find_spec("polars") is not None


def polars_sums(events: list[FedEvent]) -> int:
    """The sums alone, in memory, without writing anything: what polars is made for."""
    polars: Any = __import__("polars")
    decoded = [(e.item_number, e.revision, e.at, e.type, msgspec.json.decode(e.body)["set"]) for e in events]
    frame = polars.DataFrame(
        {
            "item": [d[0] for d in decoded],
            "revision": [d[1] for d in decoded],
            "at": [d[2] for d in decoded],
            "type": [d[3] for d in decoded],
            "category": [d[4].get("category_id") for d in decoded],
            "queue": [d[4].get("queue_id") for d in decoded],
        }
    ).sort("item", "revision")
    frame = frame.with_columns(
        polars.col("category").forward_fill().over("item"),
        polars.col("queue").forward_fill().over("item"),
        polars.col("at").dt.truncate("15m").alias("quarter"),
    )
    sums = frame.group_by("quarter", "category", "queue", "type").len()
    return int(sums.height)
