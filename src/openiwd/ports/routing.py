"""Needs: submissions to external routers of one tenant, and the epoch of who speaks to a router."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.routing import Submission, SubmissionState


class RouterState(Struct, kw_only=True, rename="camel"):
    """How a router has been, as the process that speaks to it has found."""

    router: str
    epoch: int
    away_since: datetime | None = None
    last_error: str | None = None
    last_success_at: datetime | None = None


class SubmissionQuery(Struct, kw_only=True):
    """Which submissions; the latest first."""

    state: SubmissionState | None = None
    item_id: UUID | None = None
    before: tuple[datetime, UUID] | None = None
    """After the last of the page before: when it was begun, and its id."""
    limit: int = 50


class RoutingReading(Protocol):
    """The part of `Reading` that routing needs."""

    async def router_state(self, router: str) -> RouterState | None: ...
    async def open_submissions(self) -> list[Submission]: ...
    async def due_submissions(self, now: datetime, limit: int) -> list[Submission]:
        """Those whose time has come, longest waiting first."""
        ...

    async def refused_items(self, now: datetime) -> set[tuple[int, str]]:
        """Numbers of items, and queues, that are not to be submitted yet."""
        ...

    async def submissions(self, query: SubmissionQuery) -> list[Submission]: ...
    async def submission_counts(self) -> dict[str, int]:
        """Open ones by state."""
        ...

    async def submission_endings(self, since: datetime) -> dict[str, int]:
        """Those that have ended since, by how."""
        ...

    async def waiting_for_router(self, queue_ids: Sequence[str]) -> int:
        """Items of these queues that wait here and are not handed over."""
        ...


class RoutingWriting(Protocol):
    """The part of `Writing` that routing needs."""

    async def take_over_router(self, router: str) -> int:
        """The epoch of whoever speaks to the router from now on."""
        ...

    async def hold_router_epoch(self, router: str, epoch: int) -> None:
        """FencedError unless it is still this one; it stays so until the transaction ends."""
        ...

    async def note_router(self, router: str, error: str | None, now: datetime) -> None: ...
    async def add_submissions(self, submissions: Sequence[Submission]) -> None: ...
    async def save_submissions(self, submissions: Sequence[Submission]) -> set[UUID]:
        """Written where the stored revision is the one before; the ids that were."""
        ...

    async def hint_submissions(self, ids: Sequence[str], now: datetime) -> int:
        """Those of these interaction ids or external ids are to be asked about now; how many."""
        ...

    async def forget_submissions(self, before: datetime, limit: int) -> int: ...
