"""What readers of capture points keep in the tenant's database: leases, places in sources, the error inbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec.structs import asdict

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.rows import containing, json_rows
from openiwd.domain.errors import FencedError
from openiwd.ports.capture_store import (
    CaptureError,
    CaptureErrorQuery,
    CaptureLease,
    ErrorState,
    PointOfItem,
)

CAPTURE_SQL: Final = named_sql(
    "capture", columns=", ".join(f"e.{name}" for name in CaptureError.__struct_fields__)
)


def _error_of(record: asyncpg.Record) -> CaptureError:
    values = dict(record.items())
    return CaptureError(state=ErrorState(values.pop("state")), **values)


class CaptureReading:
    """The part of `Reading` that capture points need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def capture_offsets(self, point: str, streams: Collection[str]) -> dict[str, int]:
        records = await self._connection.fetch(CAPTURE_SQL["offsets"], point, list(streams))
        return {r["stream"]: r["last"] for r in records}

    async def capture_keys(self, point: str, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        streams, names = _columns(keys)
        records = await self._connection.fetch(CAPTURE_SQL["keys"], point, streams, names)
        return {(r["stream"], r["key"]) for r in records}

    async def capture_failures(
        self, point: str, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], CaptureError]:
        streams, names = _columns(places)
        records = await self._connection.fetch(CAPTURE_SQL["failures"], point, streams, names)
        return {(r["stream"], r["place"]): _error_of(r) for r in records}

    async def capture_errors(self, query: CaptureErrorQuery) -> list[CaptureError]:
        state = None if query.state is None else query.state.value
        records = await self._connection.fetch(
            CAPTURE_SQL["errors"],
            *(query.capture_point, state, containing(query.text), query.before, query.limit),
        )
        return [_error_of(r) for r in records]

    async def capture_error(self, error_id: UUID) -> CaptureError | None:
        record = await self._connection.fetchrow(CAPTURE_SQL["error"], error_id)
        return None if record is None else _error_of(record)

    async def capture_error_counts(self) -> dict[str, int]:
        records = await self._connection.fetch(CAPTURE_SQL["error_counts"])
        return {r["capture_point"]: r["errors"] for r in records}

    async def capture_errors_dropped(self) -> dict[str, int]:
        records = await self._connection.fetch(CAPTURE_SQL["dropped"])
        return {r["capture_point"]: r["errors"] for r in records}

    async def capture_leases(self) -> dict[str, CaptureLease]:
        records = await self._connection.fetch(CAPTURE_SQL["leases"])
        return {r["capture_point"]: CaptureLease(**dict(r.items())) for r in records}

    async def capture_cursor(self, point: str) -> tuple[int, int] | None:
        record = await self._connection.fetchrow(CAPTURE_SQL["cursor"], point)
        return None if record is None else (record["cursor_generation"], record["cursor_pos"])

    async def points_of_items(self, numbers: Collection[int], point: str) -> dict[int, PointOfItem]:
        records = await self._connection.fetch(CAPTURE_SQL["points_of_items"], list(numbers), point)
        return {
            r["number"]: PointOfItem(
                r["id"], r["capture_point"], r["capture_id"], r["category_path"], r["queue_id"]
            )
            for r in records
        }


class CaptureWriting:
    """The part of `Writing` that capture points need."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def announce_capture(self, point: str) -> None:
        await self._connection.execute(CAPTURE_SQL["announce"], point, UUID(int=0))

    async def take_capture_leases(
        self, process_id: UUID, host: str, told: Mapping[str, Mapping[str, Any]], seconds: float
    ) -> set[str]:
        statuses = [msgspec.json.encode(status).decode() for status in told.values()]
        records = await self._connection.fetch(
            CAPTURE_SQL["take_leases"], process_id, host, list(told), statuses, seconds
        )
        return {r["capture_point"] for r in records}

    async def give_up_capture_leases(self, process_id: UUID, points: Collection[str] | None = None) -> None:
        wanted = None if points is None else list(points)
        await self._connection.execute(CAPTURE_SQL["give_up_leases"], process_id, wanted)

    async def take_over_capture(self, point: str) -> int:
        epoch: int = await self._connection.fetchval(CAPTURE_SQL["take_over"], point)
        return epoch

    async def hold_capture_epoch(self, point: str, epoch: int) -> None:
        if await self._connection.fetchval(CAPTURE_SQL["hold_epoch"], point) != epoch:
            raise FencedError("another process reads this capture point now", epoch=epoch)

    async def save_capture_offsets(self, point: str, offsets: Mapping[str, int]) -> None:
        if offsets:
            await self._connection.execute(
                CAPTURE_SQL["save_offsets"], point, list(offsets), list(offsets.values())
            )

    async def save_capture_keys(self, point: str, keys: Collection[tuple[str, str]]) -> None:
        if keys:
            await self._connection.execute(CAPTURE_SQL["save_keys"], point, *_columns(keys))

    async def forget_capture_streams(self, point: str, streams: Collection[str]) -> None:
        await self._connection.execute(CAPTURE_SQL["forget_streams"], point, list(streams))

    async def forget_capture_point(self, point: str) -> None:
        for name in (
            "forget_offsets_of",
            "forget_keys_of",
            "forget_errors_of",
            "forget_dropped_of",
            "forget_lease_of",
            "close_reader_of",
        ):
            await self._connection.execute(CAPTURE_SQL[name], point)

    async def forget_capture_keys(self, before: datetime, limit: int) -> int:
        return len(await self._connection.fetch(CAPTURE_SQL["forget_keys"], before, limit))

    async def add_capture_errors(self, errors: Sequence[CaptureError]) -> None:
        if errors:
            await self._connection.execute(
                CAPTURE_SQL["add_errors"], json_rows([asdict(error) for error in errors])
            )

    async def trim_capture_errors(self, point: str, most: int) -> None:
        await self._connection.execute(CAPTURE_SQL["trim_errors"], point, most)

    async def forget_capture_errors(self, closed: datetime, opened: datetime, limit: int) -> int:
        gone: int = await self._connection.fetchval(CAPTURE_SQL["forget_errors"], closed, opened, limit)
        return gone

    async def save_capture_error(self, error: CaptureError, tries: int) -> bool:
        saved = await self._connection.fetchval(
            CAPTURE_SQL["save_error"],
            *(error.id, tries, error.fields, error.message, error.capture_id, error.code, error.reason),
            *(error.field, error.hint, error.tries, error.state.value, error.tried_at, error.by),
        )
        return saved is not None

    async def save_capture_cursor(self, point: str, generation: int, pos: int) -> None:
        await self._connection.execute(CAPTURE_SQL["save_cursor"], point, generation, pos)


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _ in pairs], [second for _, second in pairs]
