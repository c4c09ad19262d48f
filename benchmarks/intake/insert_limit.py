"""The limit of row a2: the same item and event rows as plain multi-row INSERTs of 100, over 4 connections.

The statements are written out before the clock starts; so this is PostgreSQL alone. Run as a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import asyncpg
import msgspec
import uvloop

from benchmarks.intake.items import bodies
from benchmarks.intake.server import tenant_of
from openiwd.adapters.postgres.rows import ARRIVAL_COLUMNS, column_type
from openiwd.domain import judging
from openiwd.domain.event import Event
from openiwd.domain.transition import Change
from openiwd.domain.work_item import ItemNumber, ItemSubmission
from openiwd.processes.wiring import Wiring
from openiwd.usecases.submission import submission_hash

BATCH = 100
CONNECTIONS = 4
GENERATION = 1_000
"""Of the events written here: apart from those of the server, so that positions never meet."""
_EVENT = "generation, pos, at, type, actor, item_id, item_number, revision, body"


class Options(msgspec.Struct, frozen=True):
    control_dsn: str
    tenant: str
    dsn: str
    run: str
    items: int


class Measured(msgspec.Struct, frozen=True):
    rate: float


def _literal(value: Any, kind: str = "text") -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if kind == "text[]":
        return f"ARRAY[{', '.join(_literal(v) for v in value)}]::text[]"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if not isinstance(value, str) and kind not in ("json", "jsonb"):
        text = text.strip('"')
    return "'" + text.replace("'", "''") + "'"


def _rows(values: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"({', '.join(row)})" for row in values)


def _event_row(event: Event, pos: int) -> list[str]:
    return [
        str(GENERATION), str(pos), _literal(event.at), _literal(event.type.value), _literal(event.actor),
        _literal(event.item_id), str(pos), str(event.revision), _literal(event.body, "json"),
    ]  # fmt: skip


def _statements(changes: Sequence[tuple[Change, bytes]], first: int) -> list[str]:
    items = [
        [*(_literal(getattr(c.item, n), column_type(n)) for n in ARRIVAL_COLUMNS), _literal(digest)]
        for c, digest in changes
    ]
    events = [_event_row(c.event, first + n) for n, (c, _) in enumerate(changes)]
    personal = [
        [str(GENERATION), str(first + n), _literal(c.event.personal, "json")]
        for n, (c, _) in enumerate(changes)
    ]
    return [
        f"INSERT INTO item ({', '.join(ARRIVAL_COLUMNS)}, submission_hash) VALUES {_rows(items)}",
        f"INSERT INTO event_personal (generation, pos, body) VALUES {_rows(personal)}",
        f"INSERT INTO event ({_EVENT}) VALUES {_rows(events)}",
    ]


async def _prepared(options: Options, first: int) -> list[list[str]]:
    wiring = Wiring(options.control_dsn, budget=5)
    runtime = (await wiring.platform.services(tenant_of(options.tenant).id)).runtime
    ctx = await runtime.context("key:bench")
    submissions: Iterator[ItemSubmission] = (
        msgspec.json.decode(b, type=ItemSubmission) for b in bodies(options.run)
    )
    prepared = []
    for start in range(first, first + options.items, BATCH):
        batch = []
        for submission in islice(submissions, BATCH):
            change = judging.create(submission, ctx, runtime.new_id())
            change.item.number = ItemNumber(0)
            batch.append((change, submission_hash(submission)))
        prepared.append(_statements(batch, start))
    await wiring.close()
    return prepared


async def _measure(options: Options) -> Measured:
    connections = [await asyncpg.connect(options.dsn) for _ in range(CONNECTIONS)]
    last = await connections[0].fetchval("SELECT max(pos) FROM event WHERE generation = $1", GENERATION)
    waiting = iter(await _prepared(options, (last or 0) + 1))

    async def write(connection: Any) -> None:
        for statements in waiting:
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)

    started = time.perf_counter()
    await asyncio.gather(*(write(c) for c in connections))
    seconds = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return Measured(options.items / seconds)


if __name__ == "__main__":
    result = uvloop.run(_measure(msgspec.json.decode(sys.stdin.buffer.read(), type=Options)))
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
