"""A table of a foreign database as a source of records. Blocking drivers run in two threads of the source's own.

A row is taken out of the capture query only after its item is committed; one that comes again is known by its key.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from openiwd.adapters.source_database.engine import CONNECTIONS, database_errors, make_engine
from openiwd.adapters.source_database.statement import (
    ANSWERED,
    NOTIFIED,
    Statement,
    answer_values,
    check_names,
    notification_values,
    records_of,
)
from openiwd.domain.capture.answer import Notification
from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.capture import CaptureSource, SourceHealth, SourceRecord, Taken

T = TypeVar("T")
REMEMBERED: Final = 10_000
LONGEST_WAIT: Final = 1.0
TOGETHER: Final = ("INSERT", "UPDATE", "DELETE")
UPDATE_FIELD: Final = "source.updateQuery"
STAYING: Final = "rows stay in the capture query although the update query has run for them"


class DatabaseCaptureSource:
    """Implements `openiwd.ports.capture.CaptureSource`."""

    def __init__(self, settings: DatabaseSource, folder: Path | None) -> None:
        self._settings = settings
        self._engine = make_engine(settings, folder)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        """It has no type for instants, and a column of it may hold several types."""
        self._capture = Statement(settings.capture_query)
        self._update = Statement(settings.update_query)
        self._hooks = {kind: Statement(sql) for kind, sql in settings.hooks.items()}
        check_names(self._capture, frozenset({"most"}), "source.captureQuery", rows=False)
        check_names(self._update, ANSWERED, UPDATE_FIELD, rows=True)
        for kind, hook in self._hooks.items():
            check_names(hook, NOTIFIED, f"source.hooks.{kind.value}", rows=False)
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="source database")
        self._lock = threading.Lock()
        self._running = 0
        self._is_closed = False
        self._next_look = 0.0
        self._acknowledged: OrderedDict[str, None] = OrderedDict()
        self._staying = 0
        """Rows of the last look that had been acknowledged before."""
        self._updates = False
        """Whether the update query was ever accepted for a row."""
        self._refused: dict[str, InvalidInputError] = {}
        """By key, rows for which it was not."""

    async def close(self) -> None:
        """A statement that still runs is not waited for: the last one to end closes the connections, its own too."""
        with self._lock:
            self._is_closed = True
            is_idle = self._running == 0
        if is_idle:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.dispose)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, most: int) -> Sequence[SourceRecord]:
        wait = self._next_look - time.monotonic()
        if wait > 0:
            await asyncio.sleep(min(wait, LONGEST_WAIT))
            if wait > LONGEST_WAIT:
                return ()
        # Those that stay come first, look after look: were no more than usual asked for, they would hold up all others.
        asked = most + self._staying
        rows = await self._in_thread(lambda: self._select(asked))
        records = records_of(rows, self._settings.key_columns, mixed=self._is_sqlite)
        fresh = [r for r in records if r.key not in self._acknowledged]
        staying = [r for r in records if r.key in self._acknowledged]
        self._staying = len(staying)
        if len(records) < asked:  # all that there are: others have been mended, or are gone
            self._refused = {r.key: self._refused[r.key] for r in records if r.key in self._refused}
        if not fresh:
            self._next_look = time.monotonic() + self._settings.poll_seconds
        return records if len(records) <= most else [*fresh, *staying][:most]

    def _select(self, most: int) -> list[dict[str, Any]]:
        """Whatever the query does besides is rolled back: reading takes nothing away."""
        with database_errors("source.captureQuery"), self._engine.connect() as connection:
            result = connection.execute(self._capture.clause, self._capture.values({"most": most}))
            rows = [dict(row) for row in result.mappings().fetchmany(most)]
            result.close()
            connection.rollback()
            return rows

    async def acknowledge(self, taken: Sequence[Taken]) -> Sequence[str]:
        """All in one transaction of the source database; where that is refused, each row in one of its own."""
        rows = [(r.key or "", self._update.values(answer_values(r, answer))) for r, answer in taken]
        await self._in_thread(lambda: self._update_rows(rows))
        for record, _ in taken:
            self._acknowledged[record.key or ""] = None
        while len(self._acknowledged) > REMEMBERED:
            self._acknowledged.popitem(last=False)
        return ()

    async def notify(self, notifications: Sequence[Notification]) -> None:
        runs = [
            (hook, hook.values(notification_values(n, texts=self._is_sqlite)))
            for n in notifications
            if (hook := self._hooks.get(n.notification)) is not None
        ]
        if runs:
            await self._in_thread(lambda: self._run(runs, "source.hooks"))

    def _update_rows(self, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """A row that the database refuses holds up no other: it stays where it is, and is told. Where all that are new
        are refused the statement itself is at fault.
        """
        try:
            self._run([(self._update, values) for _, values in rows], UPDATE_FIELD)
        except InvalidInputError:
            if len(rows) == 1 and not self._updates:
                raise
            self._update_singly(rows)
        else:
            self._updates = True

    def _update_singly(self, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        fresh = {key for key, _ in rows} - self._refused.keys()
        for key, values in rows:
            try:
                self._run([(self._update, values)], UPDATE_FIELD)
            except InvalidInputError as error:
                self._refused[key] = error
            else:
                self._updates = True
                self._refused.pop(key, None)
        is_at_fault = fresh and fresh <= self._refused.keys() and (len(fresh) > 1 or not self._updates)
        if is_at_fault:
            raise next(iter(self._refused.values()))

    def _run(self, runs: Sequence[tuple[Statement, dict[str, Any]]], field: str) -> None:
        with database_errors(field), self._engine.begin() as connection:
            for _, group in groupby(runs, key=lambda run: id(run[0])):
                same = list(group)
                clause, values = same[0][0].clause, [v for _, v in same]
                # Drivers refuse, or leave results behind, when they run a query or a procedure for many at once.
                together = clause.text.lstrip()[:6].upper() in TOGETHER
                for given in [values] if together else values:
                    connection.execute(clause, given)

    async def ping(self) -> SourceHealth:
        def look() -> None:
            with database_errors("source.url"), self._engine.connect():
                pass

        await self._in_thread(look)
        if self._refused:
            told = next(reversed(self._refused.values())).message
            return SourceHealth(detail=f"the update query is refused for {len(self._refused)} rows: {told}")
        return SourceHealth(detail=STAYING if self._staying else "")

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._act, act)

    def _act(self, act: Callable[[], T]) -> T:
        with self._lock:
            self._running += 1
        try:
            return act()
        finally:
            with self._lock:
                self._running -= 1
                is_last = self._is_closed and self._running == 0
            if is_last:
                self._engine.dispose()


class DatabaseAdapter:
    """Opens sources for `openiwd.ports.capture.CaptureAdapter`. `root` has a folder for each tenant's SQLite files."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @asynccontextmanager
    async def open(self, point: CapturePoint, tenant_id: str) -> AsyncIterator[CaptureSource]:
        folder = None if self._root is None else self._root / tenant_id
        source = DatabaseCaptureSource(cast("DatabaseSource", point.source), folder)
        try:
            yield source
        finally:
            await source.close()
