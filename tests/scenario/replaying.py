"""Runs `openiwd replay` as a process of its own, kills it with all that it has started, and reads what it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple, Self

import asyncpg
import msgspec
import psutil

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from tests.servers.prepared import interpreter

PROGRAM = (sys.executable, "-c", "from openiwd.cli.main import run; run()")
LOG = (
    "SELECT e.type, e.at, e.actor, e.revision, e.subject_id, e.body, p.body AS personal, i.capture_id"
    " FROM event e LEFT JOIN event_personal p USING (generation, pos) LEFT JOIN item i ON i.id = e.item_id"
    " WHERE e.type <> 'deciderChanged' ORDER BY e.generation, e.pos"
)
ITEMS = "SELECT * FROM item ORDER BY capture_id"
IDS = frozenset({"id", "number", "assignment_id", "offer_id", "contact_id"})
"""Made up anew by each run; numbers depend on which items came in one request."""


def arguments(log: Path, data: Path, *options: str) -> list[str]:
    return ["replay", str(log), "--data", str(data), "--json", *options]


def command(log: Path, data: Path, *options: str) -> list[str]:
    return [*PROGRAM, *arguments(log, data, *options)]


def replayed(log: Path, data: Path, *options: str, seconds: float = 110) -> dict[str, Any]:
    """The summary of a replay that ran to its end, started as it is typed."""
    run = subprocess.run(command(log, data, *options), capture_output=True, timeout=seconds, check=False)
    assert run.returncode == 0, run.stderr.decode()
    summary: dict[str, Any] = json.loads(run.stdout)
    return summary


def replayed_again(log: Path, data: Path, *options: str, seconds: float = 110) -> dict[str, Any]:
    """The same without imports: for whatever is compared with a replay that was typed."""
    run = interpreter.run(arguments(log, data, *options), seconds)
    assert run.returncode == 0, run.stderr
    summary: dict[str, Any] = json.loads(run.stdout)
    return summary


def refused(log: Path, data: Path, *options: str) -> str:
    """What a replay says that must not run."""
    run = subprocess.run(command(log, data, *options), capture_output=True, timeout=110, check=False)
    assert run.returncode == 1, (run.stdout, run.stderr)
    return run.stderr.decode()


class Running:
    """A replay under way."""

    def __init__(self, log: Path, data: Path, *options: str) -> None:
        self._errors = TemporaryFile("w+")  # noqa: SIM115 - closed by `kill`
        self.process = interpreter.fork(arguments(log, data, *options), os.environ, self._errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL for the process and everything below it, PostgreSQL with its workers included, all in one go."""
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            tree = [parent, *parent.children(recursive=True)]
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(tree[1:], timeout=30)
        self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends it as Ctrl-C does; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


async def sequence_of(data: Path) -> int | None:
    """How far a replay under way is, read from its database; None while that cannot be read."""
    try:
        connection = await asyncpg.connect(_live_dsn(data), timeout=2)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    except IndexError:  # the server is just writing where it is
        return None
    try:
        text = await connection.fetchval("SELECT value->>'sequence' FROM checkpoint WHERE name = 'replay'")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    finally:
        await connection.close(timeout=2)
    return None if text is None else int(text)


def _live_dsn(data: Path) -> str:
    """Of the server that has just been started by somebody else."""
    lines = (data / "postgres" / "postmaster.pid").read_text().splitlines()
    password = (data / "postgres.password").read_text().strip()
    return f"postgresql://openiwd:{password}@/iwd-replay?host={lines[4]}&port={lines[3]}"


class Left(NamedTuple):
    """What a replay has left, without the ids that each run makes up."""

    log: list[dict[str, Any]]
    """Its events in order, with the items' captureIds."""
    items: list[dict[str, Any]]


async def left_in(data: Path) -> Left:
    log, items = await _fetch(data, LOG, ITEMS)
    return Left([_without_ids(row) for row in log], [_without_ids(row) for row in items])


async def _fetch(data: Path, *queries: str) -> list[list[dict[str, Any]]]:
    """The rows of each query."""
    server = EmbeddedPostgres(data)
    await server.start()
    try:
        connection = await asyncpg.connect(server.dsn("iwd-replay"))
        try:
            for kind in ("json", "jsonb"):
                await connection.set_type_codec(
                    kind, schema="pg_catalog", encoder=str, decoder=msgspec.json.decode
                )
            return [[dict(record.items()) for record in await connection.fetch(sql)] for sql in queries]
        finally:
            await connection.close()
    finally:
        await server.stop()


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(inner) for name, inner in value.items() if name not in IDS}
    if isinstance(value, list):
        return [_without_ids(inner) for inner in value]
    return value
