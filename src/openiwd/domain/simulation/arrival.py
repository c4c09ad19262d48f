"""When items arrive in the simulation, and what they are: a day with peaks, calm weekends, a few kinds very often."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Final
from uuid import UUID

from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.calendar import WALL_CLOCK_ID
from openiwd.domain.instant import HOUR
from openiwd.domain.requirement import Requirement
from openiwd.domain.schema import Anchor, Standing, due_at, paused_time, standing
from openiwd.domain.simulation.dice import Dice
from openiwd.domain.simulation.stored import StoredItem
from openiwd.domain.simulation.tenant import SEGMENTS, WEIGHTS, Kind, Tenant

_DAY: Final = (2, 1, 1, 1, 2, 4, 9, 14, 18, 20, 19, 16, 14, 16, 18, 17, 14, 11, 9, 8, 6, 5, 4, 3)
"""How busy each hour of the day is (UTC)."""
_WEEKEND: Final = 0.3
_EARLIER: Final = 0.05
"""So many of the items wait already when the simulation begins, for up to `_EARLIER_HOURS`."""
_EARLIER_HOURS: Final = 16
_NOWHERE: Final = Standing("", WALL_CLOCK_ID, 0, 0)
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835


class Arrivals:
    """Instants in ascending order, one at a time: as many as the size says, in all."""

    def __init__(self, tenant: Tenant, dice: Dice) -> None:
        self._tenant = tenant
        self._dice = dice
        self.earlier = int(tenant.size.items * _EARLIER)
        self._left = tenant.size.items - self.earlier
        self._above = 1.0
        first = tenant.start // HOUR
        # 1970-01-01 was a Thursday.
        rates = [
            _DAY[hour % 24] * (_WEEKEND if (hour // 24 + 3) % 7 >= 5 else 1.0)
            for hour in range(first, first + tenant.size.hours)
        ]
        self._sums = [0.0, *accumulate(rates)]

    def next(self) -> int | None:
        """The least of as many uniform draws as are left, above the one before."""
        if not self._left:
            return None
        self._above *= (1.0 - self._dice.random()) ** (1.0 / self._left)
        self._left -= 1
        reached = (1.0 - self._above) * self._sums[-1]
        hour = min(bisect_right(self._sums, reached), len(self._sums) - 1) - 1
        part = (reached - self._sums[hour]) / (self._sums[hour + 1] - self._sums[hour])
        return min(self._tenant.on_grid(self._tenant.start + (hour + part) * HOUR), self._tenant.end)

    def earlier_at(self) -> int:
        return self._tenant.on_grid(self._tenant.start - self._dice.random() * _EARLIER_HOURS * HOUR)


class ItemMaker:
    """Makes items, new ones and changed ones."""

    def __init__(self, tenant: Tenant, dice: Dice) -> None:
        self._tenant = tenant
        self._dice = dice
        self._number = 0

    def new(self, at: int) -> StoredItem:
        """An item that arrives, and is queued, at this instant."""
        self._number += 1
        kind = self.any_kind()
        schema = self._tenant.schemas[kind.schema_id]
        if schema.anchor is Anchor.DUE:
            due: int | None = self._tenant.on_grid(at + (1 + 11 * self._dice.random()) * HOUR)
        else:
            due = due_at(schema, at)
        number = self._number
        identity = UUID(int=number * _SPREAD % 2**128)
        item = StoredItem(kind, _bare(number, identity, kind, at), at, due)
        self.value(item)
        item.waiting = self.made(item, queued_at=at, segment=self._dice.choice(SEGMENTS))
        return item

    def any_kind(self) -> Kind:
        weights = self._tenant.weights
        return self._tenant.kinds[bisect_right(weights, self._dice.random() * weights[-1])]

    def value(self, item: StoredItem) -> None:
        """Rolls what a source says about an item's worth."""
        dice = self._dice
        item.business_value = dice.randint(0, 60) * 5 if dice.random() < 0.6 else 0
        roll = dice.random()
        item.adjustment = dice.randint(-40, 90) if roll < 0.06 else 0
        item.fixed = dice.randint(1, 9) * 80 if roll > 0.98 else None

    def made(self, item: StoredItem, *, queued_at: int, segment: str | None) -> BacklogItem:
        """The item as it is queued at this instant, by its kind and worth."""
        kind, old = item.kind, item.waiting
        schema = self._tenant.schemas[kind.schema_id]
        anchor = item.due_at if schema.anchor is Anchor.DUE and item.due_at is not None else item.created_at
        agent, until = self._last_agent(kind, queued_at)
        return BacklogItem(
            number=old.number,
            id=old.id,
            revision=old.revision + 1,
            queue_id=kind.queue_id,
            media_type=kind.media,
            weight=WEIGHTS[kind.media],
            requirement=kind.requirement,
            queued_at=queued_at,
            standing=standing(
                schema,
                anchor,
                paused_time(schema.clock, item.paused),
                item.business_value,
                item.adjustment,
                item.fixed,
            ),
            business_value=item.business_value,
            anchor_at=anchor,
            segment=segment,
            last_agent=agent,
            last_agent_until=until,
            handle_time=kind.target_handle_time,
        )

    def _last_agent(self, kind: Kind, queued_at: int) -> tuple[str | None, int | None]:
        prefer = self._tenant.queues[kind.queue_id].prefer_last_agent
        if prefer is None or self._dice.random() >= 0.2:
            return None, None
        return self._dice.choice(self._tenant.agents).id, queued_at + prefer.wait


def _bare(number: int, identity: UUID, kind: Kind, at: int) -> BacklogItem:
    return BacklogItem(
        number=number,
        id=identity,
        revision=0,
        queue_id=kind.queue_id,
        requirement=Requirement(),
        queued_at=at,
        standing=_NOWHERE,
        anchor_at=at,
    )
