"""The limit of row a2: the same item and event rows as plain multi-row INSERTs of 100, over 4 connections.

Prepared, with parameters: written out as SQL text they cost PostgreSQL a third more, for reading it. All that Python
does after the clock has started is to hand the parameters to the driver. Run as a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

import msgspec
import uvloop

from benchmarks.intake.items import bodies
from benchmarks.intake.server import tenant_of
from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.rows import ARRIVAL_COLUMNS, column_type, json_text
from openiwd.domain import judging
from openiwd.domain.transition import Change
from openiwd.domain.work_item import ItemNumber, ItemSubmission
from openiwd.processes.wiring import Wiring
from openiwd.usecases.submission import submission_hash

BATCH = 100
CONNECTIONS = 4
GENERATION = 1_000
"""Of the events written here: apart from those of the server, so that positions never meet."""
_EVENT = ("generation", "pos", "at", "type", "actor", "item_id", "item_number", "revision", "body")
_PERSONAL = ("generation", "pos", "body")


class Options(msgspec.Struct, frozen=True):
    control_dsn: str
    tenant: str
    dsn: str
    run: str
    items: int


class Measured(msgspec.Struct, frozen=True):
    rate: float


def _statement(table: str, names: Sequence[str]) -> str:
    """A row of parameters for each item of a batch."""
    width = len(names)
    rows = (", ".join(f"${first + n}" for n in range(width)) for first in range(1, BATCH * width, width))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join(f'({row})' for row in rows)}"


STATEMENTS = (
    _statement("item", (*ARRIVAL_COLUMNS, "submission_hash")),
    _statement("event_personal", _PERSONAL),
    _statement("event", _EVENT),
)
_item_values = attrgetter(*ARRIVAL_COLUMNS)
_JSONB = frozenset(name for name in ARRIVAL_COLUMNS if column_type(name) == "jsonb")


def _parameters(changes: Sequence[tuple[Change, bytes]], first: int) -> list[list[Any]]:
    """What each statement is to be run with; JSON is text already."""
    items: list[Any] = []
    personal: list[Any] = []
    events: list[Any] = []
    for pos, (change, digest) in enumerate(changes, first):
        values = zip(ARRIVAL_COLUMNS, _item_values(change.item), strict=True)
        items += [
            msgspec.Raw(msgspec.json.encode(v)) if n in _JSONB and v is not None else v for n, v in values
        ]
        items.append(digest)
        event = change.event
        personal += [GENERATION, pos, json_text(event.personal)]
        events += [
            GENERATION, pos, event.at, event.type, event.actor, event.item_id, pos, event.revision,
            json_text(event.body),
        ]  # fmt: skip
    return [items, personal, events]


async def _prepared(options: Options, first: int) -> list[list[list[Any]]]:
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
        prepared.append(_parameters(batch, start))
    await wiring.close()
    return prepared


async def _measure(options: Options) -> Measured:
    connections = [await open_connection(options.dsn) for _ in range(CONNECTIONS)]
    last = await connections[0].fetchval("SELECT max(pos) FROM event WHERE generation = $1", GENERATION)
    waiting = iter(await _prepared(options, (last or 0) + 1))

    async def write(connection: Connection, prepared: list[Any]) -> None:
        for parameters in waiting:
            async with connection.transaction():
                for statement, values in zip(prepared, parameters, strict=True):
                    await statement.fetch(*values)

    ready = [(c, [await c.prepare(statement) for statement in STATEMENTS]) for c in connections]
    started = time.perf_counter()
    await asyncio.gather(*(write(c, prepared) for c, prepared in ready))
    seconds = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return Measured(options.items / seconds)


if __name__ == "__main__":
    result = uvloop.run(_measure(msgspec.json.decode(sys.stdin.buffer.read(), type=Options)))
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
