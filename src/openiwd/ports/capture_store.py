"""Needs: what readers of capture points keep in the tenant's database: leases, places in the source, the error
inbox.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct


class ErrorState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DISCARDED = "discarded"


class CaptureError(Struct, kw_only=True, rename="camel"):
    """A record in the error inbox, with what is needed to try it again."""

    id: UUID
    capture_point: str
    stream: str
    place: str
    position: str
    at: datetime
    message: str | None = None
    """The message that it was, or that its form named; None where that could not be read."""
    named: str | None = None
    capture_id: str | None = None
    fields: dict[str, Any] | None = None
    """None: too large to be kept, or no record at all; it cannot be tried again from here."""
    raw: str = ""
    code: str
    reason: str
    field: str | None = None
    hint: str | None = None
    tries: int = 1
    state: ErrorState = ErrorState.OPEN
    tried_at: datetime | None = None
    by: str | None = None


class CaptureErrorQuery(Struct, kw_only=True):
    capture_point: str | None = None
    state: ErrorState | None = ErrorState.OPEN
    text: str | None = None
    """A part of the reason, captureId or position."""
    before: UUID | None = None
    limit: int = 100


class CaptureLease(Struct, kw_only=True):
    """Who reads a capture point, and what it has told of itself."""

    capture_point: str
    process_id: UUID
    host: str
    live: bool
    status: dict[str, Any]
    at: datetime
    """When the reader last told."""


class PointOfItem(NamedTuple):
    """What a notification needs to know of an item beside the event."""

    id: UUID
    capture_point: str
    capture_id: str
    category_path: str | None
    queue_id: str | None


class CaptureReading(Protocol):
    """The part of `Reading` that capture points need."""

    async def capture_offsets(self, point: str, streams: Collection[str]) -> dict[str, int]:
        """The last offset committed of each of these streams that has any."""
        ...

    async def capture_keys(self, point: str, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those (stream, key) that were taken before."""
        ...

    async def capture_failures(
        self, point: str, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], CaptureError]:
        """The inbox's entries of these (stream, place), whatever has become of them since."""
        ...

    async def capture_errors(self, query: CaptureErrorQuery) -> list[CaptureError]:
        """Newest first."""
        ...

    async def capture_error(self, error_id: UUID) -> CaptureError | None: ...
    async def capture_error_counts(self) -> dict[str, int]:
        """Open errors by capture point."""
        ...

    async def capture_errors_dropped(self) -> dict[str, int]:
        """By capture point: open entries that made room for newer ones, or were too old."""
        ...

    async def capture_leases(self) -> dict[str, CaptureLease]: ...
    async def capture_cursor(self, point: str) -> tuple[int, int] | None:
        """(generation, pos) up to which the point's source was notified."""
        ...

    async def points_of_items(self, numbers: Collection[int], point: str) -> dict[int, PointOfItem]:
        """Of these items those of the capture point."""
        ...


class CaptureWriting(Protocol):
    """The part of `Writing` that capture points need."""

    async def announce_capture(self, point: str) -> None:
        """From now on the point is to be read: a lease that nobody has yet, unless somebody has it."""
        ...

    async def take_capture_leases(
        self, process_id: UUID, host: str, told: Mapping[str, Mapping[str, Any]], seconds: float
    ) -> set[str]:
        """Takes or prolongs the leases of these points (each with its status) where no other live reader has them."""
        ...

    async def give_up_capture_leases(
        self, process_id: UUID, points: Collection[str] | None = None
    ) -> None: ...
    async def take_over_capture(self, point: str) -> int:
        """Raises the point's epoch, waiting for running transactions of the reader before; the new epoch."""
        ...

    async def hold_capture_epoch(self, point: str, epoch: int) -> None:
        """Keeps the epoch from being raised until this transaction ends; FencedError when it was raised already."""
        ...

    async def save_capture_offsets(self, point: str, offsets: Mapping[str, int]) -> None: ...
    async def save_capture_keys(self, point: str, keys: Collection[tuple[str, str]]) -> None: ...
    async def forget_capture_streams(self, point: str, streams: Collection[str]) -> None: ...
    async def forget_capture_point(self, point: str) -> None:
        """Everything but the epoch, so that a reader of old stays fenced."""
        ...

    async def forget_capture_keys(self, before: datetime, limit: int) -> int: ...
    async def add_capture_errors(self, errors: Sequence[CaptureError]) -> None: ...
    async def trim_capture_errors(self, point: str, most: int) -> None:
        """Drops the oldest open entries of a point beyond so many, and counts them as dropped."""
        ...

    async def forget_capture_errors(self, closed: datetime, opened: datetime, limit: int) -> int:
        """Entries closed, or come, before an instant; so many at most. Those that were open count as dropped."""
        ...

    async def save_capture_error(self, error: CaptureError, tries: int) -> bool:
        """What has become of an entry, if it is still open and has been tried so often."""
        ...

    async def save_capture_cursor(self, point: str, generation: int, pos: int) -> None: ...
