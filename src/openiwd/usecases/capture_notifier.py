"""Tells a capture point's source what becomes of its items: from the event log by a durable cursor, in its order, at
least once. Changes nothing but the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from openiwd.domain.capture.answer import Notification
from openiwd.domain.capture.notification import NotificationFilter, wanted
from openiwd.domain.event import LoggedEvent
from openiwd.ports.capture import CaptureSource
from openiwd.ports.capture_store import PointOfItem
from openiwd.ports.tenant_store import Cursor

if TYPE_CHECKING:
    from openiwd.usecases.capture_batch import OpenedPoint
    from openiwd.usecases.platform import TenantServices

WAIT_SECONDS: Final = 1.0
SAVE_EVENTS: Final = 5_000
"""So many events without any news move the cursor in the database all the same."""


class CaptureNotifier:
    """Follows the log for one capture point."""

    def __init__(
        self, services: TenantServices, point: OpenedPoint, source: CaptureSource, epoch: int
    ) -> None:
        self._services = services
        self._point = point.point
        self._source = source
        self._epoch = epoch
        self._cursor: Cursor | None = None
        self._unsaved = 0

    @property
    def has_work(self) -> bool:
        """Whether the source wants to be told anything."""
        return bool(self._point.notify.kinds)

    async def step(self) -> int:
        """The next part of the log; how many notifications went out."""
        if self._cursor is None:
            self._cursor = await self._begin()
        events = await self._services.feed.after(self._cursor)
        if not events:
            await self._services.feed.wait(self._cursor, WAIT_SECONDS)
            return 0
        news = await self._news(events)
        if news:
            await self._source.notify(news)
        last = Cursor(events[-1].generation, events[-1].pos)
        self._unsaved += len(events)
        if news or self._unsaved >= SAVE_EVENTS:
            await self._save(last)
        self._cursor = last
        return len(news)

    async def _begin(self) -> Cursor:
        """Where the last reader stood; a point that was never notified begins with what comes from now on."""
        async with self._services.runtime.store.reading() as reading:
            stored = await reading.capture_cursor(self._point.id)
            if stored is not None:
                return Cursor(*stored)
            head = await reading.head()
        await self._save(head)
        return head

    async def _save(self, cursor: Cursor) -> None:
        async with self._services.runtime.store.writing() as tx:
            await tx.hold_capture_epoch(self._point.id, self._epoch)
            await tx.save_capture_cursor(self._point.id, cursor.generation, cursor.pos)
        self._unsaved = 0

    async def _news(self, events: Sequence[LoggedEvent]) -> list[Notification]:
        candidates = [e for e in events if e.item_number is not None]
        numbers = {e.item_number for e in candidates if e.item_number is not None}
        if not numbers:
            return []
        async with self._services.runtime.store.reading() as reading:
            items = await reading.points_of_items(numbers, self._point.id)
        return [
            news
            for event in candidates
            if (item := items.get(event.item_number or 0)) is not None
            for news in notifications_of(event, item, self._point.notify)
        ]


def notifications_of(event: LoggedEvent, item: PointOfItem, wish: NotificationFilter) -> list[Notification]:
    """What the source of an item is told of one event."""
    body = event.body
    changed = body.get("set", {})
    path = changed.get("category_path") or item.category_path
    return [
        Notification(
            notification=kind,
            cursor=str(Cursor(event.generation, event.pos)),
            at=event.at,
            capture_point=item.capture_point,
            capture_id=item.capture_id,
            id=item.id,
            revision=event.revision or 0,
            status=body.get("to") or "",
            previous_status=body.get("from"),
            category_path=path,
            queue=changed.get("queue_id") or item.queue_id,
            agent=changed.get("assigned_to") or body.get("agent"),
            reason=body.get("reason") or changed.get("hold_reason"),
            result_code=(changed.get("ext") or {}).get("resultCode"),
            actor=event.actor,
        )
        for kind in wanted(event, wish, item.capture_point, path)
    ]
