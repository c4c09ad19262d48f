"""Keeps the past of the queues up with the log: one reader at a time, each event once, whoever reads and stops halfway.

Nothing that decides reads it. It may be dropped: set back the cursor, and all of it is read from the log again.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from openiwd.domain.errors import UnavailableError
from openiwd.domain.queue_stay import folded, follow, unknown_items
from openiwd.ports.queue_stay import StayCursor
from openiwd.ports.tenant_store import Cursor

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

CHUNK: Final = 300
"""Events read in one transaction: more at once would keep others waiting."""
SLACK: Final = timedelta(minutes=1)
"""Events of several processes are not quite in the order of their instants."""
PATIENCE_SECONDS: Final = 8.0
"""So long somebody who asks for the past waits for what of the log has not been read yet."""


async def extend(services: TenantServices) -> bool:
    """Reads the log on by one part; False when there is no more of it."""
    async with services.runtime.store.writing() as tx:
        cursor = await tx.lock_stay_cursor()
        events = await tx.events(Cursor(cursor.generation, cursor.pos), CHUNK)
        # A log that has gone back (another backup) is not this one's: nothing is taken twice.
        events = [e for e in events if (e.generation, e.pos) > (cursor.generation, cursor.pos)]
        if not events:
            return False
        numbers = {e.item_number for e in events if e.item_number is not None and e.revision != 1}
        waiting = await tx.waiting_stays(numbers) if numbers else {}
        wanted = unknown_items(events, waiting)
        histories = await tx.histories(wanted, None, (cursor.generation, cursor.pos)) if wanted else {}
        before = {item_id: folded(histories.get(item_id, ())) for item_id in wanted}
        stays = follow(events, waiting, before)
        await tx.save_stays(stays.ended, stays.begun)
        last = events[-1]
        await tx.move_stay_cursor(StayCursor(last.generation, last.pos, max(e.at for e in events)))
    return len(events) == CHUNK


async def reach(services: TenantServices, at: datetime) -> None:
    """Returns when all that was committed before the call has been read; UnavailableError where that takes long."""
    began = time.monotonic()
    async with services.runtime.store.reading() as reading:
        head = await reading.head()
        cursor = await reading.stay_cursor()
    while (cursor.generation, cursor.pos) < head:
        if time.monotonic() - began > PATIENCE_SECONDS:
            reached = cursor.at.isoformat() if cursor.at is not None else "its beginning"
            raise UnavailableError(
                f"the past of the queues is still being read from the log, up to {reached}",
                code="pastNotRead",
                hint=f"name an instant before that, or ask again for {at.isoformat()} in a while",
                retry_after=10,
            )
        if cursor.at is not None and cursor.at > at + SLACK:
            return
        await extend(services)
        async with services.runtime.store.reading() as reading:
            cursor = await reading.stay_cursor()
