"""Needs: alarms of one tenant, their causes among its items, settings, subscriptions; channels that tell people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.alarm import Alarm, AlarmKind, Cause
from openiwd.domain.unserved import Waiting


class AlarmQuery(Struct, kw_only=True):
    """Which alarms; of several conditions all hold. Newest cause first."""

    kinds: Sequence[str] | None = None
    cleared: bool = False
    """Those whose cause has ended, instead of the open ones."""
    acknowledged: bool | None = None
    owner: str | None = None
    categories: Sequence[str] | None = None
    """With `queues`: alarms of items below these categories or in these queues, and of these queues. None: all."""
    queues: Sequence[str] | None = None
    scope_categories: Sequence[str] | None = None
    """What the caller's access groups reach, in the same way."""
    scope_queues: Sequence[str] | None = None
    with_agents: bool = True
    limit: int = 100
    before: tuple[datetime, UUID] | None = None
    """After the last of the page before: its instant (since, or cleared) and id."""


class AlarmReading(Protocol):
    """The part of `Reading` that alarms need."""

    async def alarms(self, query: AlarmQuery) -> list[Alarm]: ...
    async def alarm(self, alarm_id: UUID) -> Alarm | None: ...
    async def count_alarms(self, query: AlarmQuery) -> dict[str, int]:
        """By kind, counted up to `limit` in all."""
        ...

    async def open_alarms(self, kinds: Sequence[str]) -> dict[tuple[str, str], UUID]:
        """By kind and object."""
        ...

    async def count_open_alarms(self) -> dict[str, int]:
        """By kind."""
        ...

    async def due_causes(
        self, kind: AlarmKind, after: datetime | None, until: datetime, limit: int
    ) -> list[Cause]:
        """Open items due between two instants without an open alarm of the kind, earliest first."""
        ...

    async def errorheld_causes(self, limit: int) -> list[Cause]: ...
    async def declined_causes(
        self, allowed: Mapping[str, int], otherwise: int, limit: int, now: datetime
    ) -> list[Cause]:
        """Waiting items declined as often as their queue allows, without an open alarm; since `now`."""
        ...

    async def ended_item_alarms(
        self,
        now: datetime,
        soon: datetime,
        allowed: Mapping[str, int],
        otherwise: int,
        off: Sequence[str],
        limit: int,
    ) -> list[UUID]:
        """Open alarms of items whose cause is over, or whose kind is off."""
        ...

    async def longest_waiting(self, queues: Sequence[str], before: datetime, limit: int) -> list[Waiting]:
        """Of each of these queues the first items that have waited since an instant and are offered to nobody."""
        ...

    async def alarm_setting(self) -> tuple[dict[str, Any] | None, int]:
        """The body as stored, and its revision (0: none)."""
        ...

    async def alarm_subscription(self, owner: str) -> tuple[dict[str, Any] | None, int]: ...
    async def alarm_subscriptions(self) -> dict[str, dict[str, Any]]:
        """Everybody's, by login; who has none is told of all."""
        ...


class AlarmWriting(Protocol):
    """The part of `Writing` that alarms need."""

    async def raise_alarms(self, causes: Sequence[tuple[UUID, Cause]], now: datetime) -> set[UUID]:
        """Opens alarms under the ids given; those that were not open already."""
        ...

    async def clear_alarms(self, ids: Sequence[UUID], now: datetime) -> list[Alarm]:
        """Ends alarms; those that were open."""
        ...

    async def save_alarm(self, alarm: Alarm, revision: int) -> bool:
        """Owner and acknowledgement, if the alarm still has that revision."""
        ...

    async def acknowledge_alarms(self, ids: Sequence[UUID], by: str, at: datetime) -> list[Alarm]:
        """Those that nobody had acknowledged."""
        ...

    async def save_alarm_setting(self, body: Mapping[str, Any], revision: int | None) -> int | None:
        """The new revision; None where `revision` is no longer the stored one."""
        ...

    async def save_alarm_subscription(self, owner: str, body: Mapping[str, Any]) -> int: ...
    async def forget_alarms(self, before: datetime, limit: int) -> int:
        """Removes alarms cleared before an instant; how many."""
        ...


class AlarmChannel(Protocol):
    """A way to tell people of alarms outside of the UI (an email digest, a webhook).

    Its loop reads `alarmRaised` and `alarmCleared` from the event log by a cursor of its own, as all that follows a
    commit does, so that nothing is lost or told twice; `usecases.alarm.subscribers` says who wants to be told.
    """

    async def tell(self, login: str, alarms: Sequence[Alarm]) -> None: ...
