"""Brings databases to this version's schema: looks with plain SQL, and starts the runner only if need be.

The runner is a program of its own, so that Alembic costs neither start-up time nor memory here.
"""

from __future__ import annotations

import subprocess
import sys
from asyncio import sleep
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

import asyncpg
import msgspec

from openiwd.adapters.postgres.migrations.errors import MigrationError
from openiwd.adapters.postgres.migrations.history import MIGRATIONS_DIR, History, migrations_of

RUNNER = "openiwd.adapters.postgres.migrations.runner"
POLL_SECONDS = 0.02


class Runner:
    """The runner's process, begun when this is made, so that it can start while its databases do; runs orders once."""

    def __init__(self) -> None:
        self._answers = TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._complaints = TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", RUNNER],
            stdin=subprocess.PIPE,
            stdout=self._answers,
            stderr=self._complaints,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stops the process if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._answers.close()
        self._complaints.close()

    async def run(self, orders: Sequence[dict[str, str]]) -> list[tuple[str, ...] | MigrationError]:
        """Hands the orders over and collects the answers; they hold passwords, so they go by a pipe."""
        with suppress(BrokenPipeError):  # it has ended already, and has said why
            if self._process.stdin is not None:
                self._process.stdin.write(msgspec.json.encode(orders))
                self._process.stdin.close()
        while self._process.poll() is None:  # noqa: ASYNC110 - a process sets no event
            await sleep(POLL_SECONDS)
        self._answers.seek(0)
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"the runner ended with code {self._process.returncode}"
        results: list[tuple[str, ...] | MigrationError] = [MigrationError(reason) for _ in orders]
        for line in self._answers.read().splitlines():
            number, outcome = msgspec.json.decode(line)
            error = outcome["error"]
            results[number] = tuple(outcome["applied"]) if error is None else MigrationError(error)
        return results


async def migrate_control(dsn: str) -> tuple[str, ...]:
    """Brings the control database up to date; returns the revisions applied now, often none."""
    return await _migrate_one(History.CONTROL, dsn)


async def migrate_tenant(dsn: str) -> tuple[str, ...]:
    """Brings one tenant database up to date; returns the revisions applied now, often none."""
    return await _migrate_one(History.TENANT, dsn)


async def migrate_tenants(dsns: Sequence[str]) -> list[tuple[str, ...] | MigrationError]:
    """Brings many tenant databases up to date, four at a time; a failure stops no other.

    Results come in the order of `dsns`.
    """
    return await migrate([(History.TENANT, dsn) for dsn in dsns])


async def current(dsn: str) -> str | None:
    """The revision of a database; None when no migration has ever run."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
    finally:
        await connection.close()


async def pending(history: History, dsn: str, *, root: Path = MIGRATIONS_DIR) -> tuple[str, ...]:
    """The revisions that this version would apply. A database ahead of this version has none."""
    at = await current(dsn)
    return tuple(
        each.revision for each in migrations_of(history, root=root) if at is None or each.revision > at
    )


async def migrate(
    databases: Sequence[tuple[History, str]], *, root: Path = MIGRATIONS_DIR, runner: Runner | None = None
) -> list[tuple[str, ...] | MigrationError]:
    """Runs what is pending in each of these databases, of either kind, with one start of the runner (or one begun).

    Results come in the order of `databases`: the revisions applied now, or why that database is as it was.
    """
    results: list[tuple[str, ...] | MigrationError] = [() for _ in databases]
    behind = []
    for number, (history, dsn) in enumerate(databases):
        try:
            if await pending(history, dsn, root=root):
                behind.append(number)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            results[number] = MigrationError(str(error) or type(error).__name__)
    if behind:
        orders = [
            {"history": history.value, "dsn": dsn, "root": str(root)}
            for history, dsn in (databases[number] for number in behind)
        ]
        with Runner() if runner is None else nullcontext(runner) as running:
            for number, result in zip(behind, await running.run(orders), strict=True):
                results[number] = result
    return results


async def _migrate_one(history: History, dsn: str) -> tuple[str, ...]:
    (result,) = await migrate([(history, dsn)])
    if isinstance(result, MigrationError):
        raise result
    return result
