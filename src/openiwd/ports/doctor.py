"""Needs: what the doctor asks of one tenant's database; each call is bounded by who opened the reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from openiwd.domain.backlog import Wanted
from openiwd.domain.doctor.system_check import DatabaseFacts, RunFact
from openiwd.domain.doctor.work_check import ErrorCause, Overdue


class LogSample(NamedTuple):
    """The end of the log, looked at: how many positions, how many of them are missing, and whose item differs."""

    looked: int
    missing: int
    items_looked: int
    differing: Sequence[UUID]


class DoctorReading(Protocol):
    """The part of `Reading` that the doctor needs."""

    async def wanted(self) -> list[Wanted]:
        """Waiting items by queue, media type and requirement; reads all of them."""
        ...

    async def overdue_waiting(self, now: datetime) -> list[Overdue]: ...
    async def error_causes(self, limit: int) -> list[ErrorCause]:
        """Of the first so many errorheld items."""
        ...

    async def expired_offers(self, before: datetime, limit: int) -> list[tuple[UUID, str]]:
        """Open offers that ended before an instant: the item and the agent."""
        ...

    async def log_sample(self, positions: int) -> LogSample: ...
    async def running_bulk(self) -> list[RunFact]: ...
    async def database_facts(self, long_seconds: int) -> DatabaseFacts: ...
