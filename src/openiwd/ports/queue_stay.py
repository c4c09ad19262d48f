"""Needs: the past of the queues in one tenant's database, derived from its log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple, Protocol
from uuid import UUID

from openiwd.domain.event import LoggedEvent
from openiwd.domain.past_order import PastCurves
from openiwd.domain.queue_stay import Stay


class StayCursor(NamedTuple):
    """Up to where the log has been read for the stays; `at`: the instant of the last event read."""

    generation: int
    pos: int
    at: datetime | None


class PastPlace(NamedTuple):
    """An item in the order of a past instant, with its exact priority then."""

    item_id: UUID
    item_number: int
    priority: Fraction


class StayReading(Protocol):
    """The part of `Reading` that looks into the past."""

    async def stay_cursor(self) -> StayCursor: ...
    async def waiting_stays(self, numbers: Collection[int]) -> dict[int, Stay]:
        """The stays of these items that go on, by item number."""
        ...

    async def past_order(
        self, at: datetime, queue_id: str | None, curves: PastCurves, limit: int, offset: int
    ) -> list[PastPlace]:
        """Who waited at an instant, best first, by the schemas of then: a part of the order."""
        ...

    async def count_waited(self, at: datetime, queue_id: str | None, most: int) -> int:
        """How many waited at an instant, counted to `most` and no further."""
        ...

    async def histories(
        self, item_ids: Collection[UUID], until: datetime | None, before: tuple[int, int] | None = None
    ) -> dict[UUID, list[LoggedEvent]]:
        """Events of several items in order, with personal parts: up to an instant, or up to a place in the log."""
        ...

    async def subject_history(
        self, subject_id: str, kinds: Sequence[str], until: datetime
    ) -> list[LoggedEvent]:
        """Events that are not of items, of one subject and some kinds, up to an instant, with personal parts."""
        ...

    async def version_at(self, at: datetime) -> int | None:
        """The rule-set version that was live at an instant."""
        ...


class StayWriting(Protocol):
    """The part of `Writing` that keeps stays."""

    async def lock_stay_cursor(self) -> StayCursor:
        """The cursor; nobody else moves it before this transaction ends."""
        ...

    async def save_stays(self, ended: Sequence[Stay], begun: Sequence[Stay]) -> None: ...
    async def move_stay_cursor(self, to: StayCursor) -> None: ...
