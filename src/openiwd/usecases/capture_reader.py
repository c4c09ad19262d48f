"""The loop that reads a capture point, whatever its kind: read, take, acknowledge; and beside it the notifications.

At most one batch is on its way, so a slow tenant slows its sources down rather than filling memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from openiwd.domain.capture.answer import Answer, Outcome
from openiwd.domain.capture.place import storable
from openiwd.domain.errors import FencedError, OpenIwdError, UnavailableError
from openiwd.ports.capture import CaptureSource, SourceRecord, Taken
from openiwd.usecases.capture_batch import OpenedPoint, count, take
from openiwd.usecases.capture_notifier import CaptureNotifier

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

BATCH: Final = 1_000
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
HEALTH_SECONDS: Final = 10.0
RATE_SECONDS: Final = 60.0

T = TypeVar("T")


class ReaderStatus(Struct, kw_only=True, rename="camel"):
    """What a reader tells of itself; counts are since it took over."""

    state: str = "starting"
    """starting | reading | idle | away | failed"""
    since: datetime | None = None
    records: int = 0
    created: int = 0
    errors: int = 0
    per_minute: int = 0
    last_record_at: datetime | None = None
    backlog: int | None = None
    detail: str = ""
    last_error: str | None = None
    last_error_at: datetime | None = None
    away_since: datetime | None = None
    """Since when its source cannot be read; None: it can."""
    notified: int = 0


class CaptureReader:
    """Reads one capture point under one epoch, until cancelled or fenced."""

    def __init__(
        self,
        services: TenantServices,
        point: OpenedPoint,
        source: CaptureSource,
        epoch: int,
        away_since: datetime | None = None,
    ) -> None:
        self.status = ReaderStatus(since=services.runtime.now(), away_since=away_since)
        self._services = services
        self._point = point
        self._source = source
        self._epoch = epoch
        self._lately: deque[tuple[float, int]] = deque()
        self.notifier = CaptureNotifier(services, point, source, epoch)

    async def run(self) -> None:
        """Until cancelled; FencedError when another process reads now."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_on())
            group.create_task(self._look())
            if self.notifier.has_work:
                group.create_task(self._notify_on())

    async def _read_on(self) -> None:
        while True:
            await self.step()

    async def step(self) -> int:
        """One batch from reading to acknowledging; how many records it had."""
        records = await self._persist(lambda: self._source.read(BATCH), reads=True)
        if not records:
            self.status.state, self.status.away_since = "idle", None
            return 0
        self.status.state = "reading"
        answers = await self._persist(
            lambda: take(self._services, self._point, records, self._epoch), reads=True
        )
        self._count(records, answers)
        taken = [Taken(r, a) for r, a in zip(records, answers, strict=True)]
        over = await self._persist(lambda: self._source.acknowledge(taken), reads=True)
        self.status.away_since = None
        if over:
            async with self._services.runtime.store.writing() as tx:
                await tx.forget_capture_streams(self._point.point.id, over)
        return len(records)

    async def _persist(self, act: Callable[[], Awaitable[T]], *, reads: bool = False) -> T:
        """Does it until it succeeds; source or database away only means a pause, longer each time."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await act()
            except UnavailableError as error:
                self.status.state = "away"
                if reads and self.status.away_since is None:
                    self.status.away_since = self._services.runtime.now()
                self._note(error.message)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _count(self, records: Sequence[SourceRecord], answers: Sequence[Answer]) -> None:
        status, now = self.status, self._services.runtime.now()
        status.records += len(records)
        status.last_record_at = now
        count(self._services, self._point, answers)
        for answer in answers:
            if answer.outcome is Outcome.CREATED:
                status.created += 1
            elif answer.error is not None:
                status.errors += 1
                self._note(
                    f"{answer.position}: {answer.error.message}" if answer.position else answer.error.message
                )
        self._lately.append((time.monotonic(), len(records)))

    def _note(self, text: str) -> None:
        """What a record says goes into its error, and with the status into the database."""
        self.status.last_error = storable(text)[:500]
        self.status.last_error_at = self._services.runtime.now()

    async def _look(self) -> None:
        """Asks the source how it is, now and then."""
        while True:
            try:
                health = await self._source.ping()
                self.status.backlog, self.status.detail = health.backlog, storable(health.detail)
            except UnavailableError as error:
                self.status.backlog = None
                self._note(error.message)
            await asyncio.sleep(HEALTH_SECONDS)

    async def _notify_on(self) -> None:
        """What the source refuses to be told waits, with all that comes after it; reading goes on meanwhile."""
        pause = FIRST_PAUSE
        while True:
            try:
                self.status.notified += await self._persist(self.notifier.step)
                pause = FIRST_PAUSE
            except FencedError:
                raise
            except OpenIwdError as error:
                self._note(error.message)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def told(self) -> dict[str, Any]:
        """The status as others read it."""
        horizon = time.monotonic() - RATE_SECONDS
        while self._lately and self._lately[0][0] < horizon:
            self._lately.popleft()
        self.status.per_minute = sum(count for _, count in self._lately)
        return _builtins(self.status)


def _builtins(status: ReaderStatus) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(status)
    return body
