"""Needs: bulk runs of one tenant, with what became of each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


class BulkReading(Protocol):
    """The part of `Reading` that bulk runs need."""

    async def bulk_job(self, job_id: UUID) -> dict[str, Any] | None: ...
    async def bulk_jobs(self, limit: int, actor: str | None = None) -> list[dict[str, Any]]:
        """The latest, newest first; of one actor only where it is named."""
        ...

    async def bulk_results(
        self, job_id: UUID, after: int, limit: int, outcome: str | None = None
    ) -> list[dict[str, Any]]:
        """Outcomes after an ordinal, in order; of one kind only where it is named."""
        ...

    async def bulk_waiting(self, job_id: UUID, limit: int) -> list[tuple[int, int]]:
        """(ordinal, item number) of the next items of a bulk job that have no outcome yet."""
        ...

    async def unfinished_bulk_jobs(self) -> list[UUID]: ...


class BulkWriting(Protocol):
    """The part of `Writing` that bulk runs need."""

    async def create_bulk_job(self, job: Mapping[str, Any], numbers: Sequence[int]) -> bool:
        """False, and nothing done, where a job of this id is there."""
        ...

    async def record_bulk(self, job_id: UUID, results: Sequence[tuple[int, str, Any]]) -> None:
        """(ordinal, outcome, detail) of items done; counts move with them."""
        ...

    async def finish_bulk_job(self, job_id: UUID, status: str, error: str | None, now: datetime) -> None: ...
