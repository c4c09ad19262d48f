"""How many items each saved view finds, bounded in cost: counted to a limit, kept for a while, one count at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import msgspec

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.privilege import Caller
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.search import count

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices
    from openiwd.usecases.saved_view import SavedView

MOST: Final = 1_000
KEPT_SECONDS: Final = 20.0
BUDGET_SECONDS: Final = 0.5
"""After so long, the views that are left keep their older count, or none."""
REMEMBERED: Final = 2_000


class ViewCount(NamedTuple):
    """A count: exact while it is at most `MOST`."""

    items: int
    at: float


class ViewCounts:
    """The counts of one tenant's views in this process, by view and by what the caller may see."""

    def __init__(self) -> None:
        self._known: dict[tuple[UUID, int, bytes], ViewCount] = {}
        self._counting = asyncio.Lock()

    async def of(
        self, services: TenantServices, caller: Caller, views: Sequence[SavedView]
    ) -> dict[UUID, int]:
        """The counts that are known or could be found in time."""
        reach = msgspec.json.encode(caller.restriction("workitems.search"))
        loop = asyncio.get_running_loop()
        found: dict[UUID, int] = {}
        async with self._counting:
            begun = loop.time()
            for view in views:
                key = (view.id, view.revision, reach)
                known = self._known.get(key)
                stale = known is None or loop.time() - known.at > KEPT_SECONDS
                if stale and loop.time() - begun < BUDGET_SECONDS:
                    known = self._known[key] = ViewCount(await _counted(services, caller, view), loop.time())
                if known is not None and known.items >= 0:
                    found[view.id] = known.items
            while len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)))
        return found


async def _counted(services: TenantServices, caller: Caller, view: SavedView) -> int:
    """-1 for a view that can no longer be searched for, because an attribute is gone."""
    query = SearchQuery(filter=view.filter, text=view.text, category=view.category, limit=1)
    try:
        return await count(services, caller, query, MOST + 1)
    except OpenIwdError:
        return -1
