"""How capture points are: who reads each, how far behind, how many errors wait. Only reads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.capture.point import CapturePoint
from openiwd.ports.tenant_store import Reading
from openiwd.usecases.capture_point import StoredPoint, get, points, stored_points
from openiwd.usecases.capture_reader import ReaderStatus
from openiwd.usecases.configuration import Editor


class PointStatus(Struct, kw_only=True, rename="camel"):
    """A capture point as it works now."""

    id: str
    kind: str
    enabled: bool
    running: bool
    """A live process reads it. Points of kind rest are read by nobody: they answer when asked."""
    process_id: UUID | None = None
    host: str | None = None
    told_at: datetime | None = None
    reader: ReaderStatus = msgspec.field(default_factory=ReaderStatus)
    open_errors: int = 0
    """In the error inbox."""
    dropped_errors: int = 0
    """Of the error inbox: open entries that have made room for newer ones, or were too old."""


class Unread(Struct, frozen=True):
    """A capture point that is to be read and is not, and since when; without an error no process reads it."""

    point: CapturePoint
    since: datetime
    error: str | None = None


async def unread_points(reading: Reading) -> list[Unread]:
    """Enabled capture points that no process reads, or whose source cannot be read."""
    wanted = [p.point for p in await stored_points(reading) if p.point.is_read]
    leases = await reading.capture_leases() if wanted else {}
    found = []
    for point in wanted:
        lease = leases.get(point.id)
        if lease is None:
            continue
        if not lease.live:
            found.append(Unread(point, lease.at))
            continue
        reader = msgspec.convert(lease.status, ReaderStatus)
        if reader.away_since is not None:
            found.append(Unread(point, reader.away_since, reader.last_error or reader.state))
    return found


async def statuses(editor: Editor) -> list[PointStatus]:
    """Of all capture points."""
    found = await points(editor)
    return await _read(editor, found)


async def status(editor: Editor, point_id: str) -> PointStatus:
    found = await get(editor, point_id)
    (only,) = await _read(editor, [found])
    return only


async def _read(editor: Editor, found: list[StoredPoint]) -> list[PointStatus]:
    async with editor.services.runtime.store.reading() as reading:
        leases = await reading.capture_leases()
        errors = await reading.capture_error_counts()
        dropped = await reading.capture_errors_dropped()
    result = []
    for stored in found:
        point = stored.point
        lease = leases.get(point.id)
        told = lease.status if lease is not None else {"state": "waiting"}
        running = lease is not None and lease.live
        result.append(
            PointStatus(
                id=point.id,
                kind=point.kind,
                enabled=point.enabled,
                running=running,
                process_id=lease.process_id if lease is not None and running else None,
                host=lease.host if lease is not None and running else None,
                told_at=lease.at if lease is not None and lease.host else None,
                reader=msgspec.convert(told, ReaderStatus),
                open_errors=errors.get(point.id, 0),
                dropped_errors=dropped.get(point.id, 0),
            )
        )
    return result
