"""Tells the log, once per quarter of an hour, how many items wait by queue and range of priority. For who decides.

Priority is a curve: no change of an item says what it is, so reports can only know it from samples.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from openiwd.domain.dashboard import quarter_of
from openiwd.domain.event import Event, EventType
from openiwd.domain.privilege import system

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

ACTOR: Final = system("distribution").actor


class PrioritySampler:
    """Remembers which quarter it has told; another process that decides later in it tells once more, which counts."""

    def __init__(self, services: TenantServices) -> None:
        self._services = services
        self._told: datetime | None = None

    async def step(self) -> bool:
        """Whether a sample was due and was written."""
        runtime, decider = self._services.runtime, self._services.decider
        quarter = quarter_of(runtime.now())
        if decider is None or quarter == self._told:
            return False
        at, waiting = await decider.waiting_by_priority()
        event = Event(type=EventType.BACKLOG_SAMPLED, at=at, actor=ACTOR, body={"waiting": waiting})
        async with runtime.store.writing() as tx:
            await tx.append_events([event])
        runtime.committed()
        self._told = quarter
        return True
