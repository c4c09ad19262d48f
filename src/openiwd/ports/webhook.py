"""Needs: webhooks of one tenant with their secrets, their places in the event log, and their deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.event import LoggedEvent


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"
    """Given up for the time being: it waits for somebody to send it again."""


class StoredSecret(Struct, kw_only=True):
    """A secret as stored."""

    id: UUID
    sealed: bytes
    hint: str
    made_at: datetime
    valid_until: datetime | None = None
    """None: until it is replaced."""


class WebhookState(Struct, kw_only=True):
    """Where a webhook stands in the log, and how its receiver has been."""

    webhook_id: str
    generation: int
    pos: int
    """The last event that was looked at for it."""
    failures: int = 0
    """Failures one after the other that tell of the receiver."""
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    last_error: str | None = None
    last_success_at: datetime | None = None


class Delivery(Struct, kw_only=True, rename="camel"):
    """One event for one webhook."""

    id: UUID
    webhook_id: str
    generation: int
    pos: int
    subject: str
    """The id of the item or alarm: its deliveries keep their order."""
    event_type: str
    event_at: datetime
    item_number: int | None = None
    revision: int | None = None
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    planned_at: datetime
    """From then on it is tried for 24 hours."""
    next_at: datetime
    last_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    last_milliseconds: int | None = None
    ended_at: datetime | None = None


class DeliveryQuery(Struct, kw_only=True):
    """Which deliveries of a webhook; the latest events first."""

    webhook_id: str
    state: DeliveryState | None = None
    failing: bool = False
    """Only those that have been tried in vain."""
    limit: int = 50
    before: tuple[int, int] | None = None
    """After the last of the page before: its generation and pos."""


class DeliveryCount(NamedTuple):
    """How many deliveries of a webhook there are."""

    webhook_id: str
    waiting: int
    failing: int
    """Of those that wait: tried in vain so far."""
    parked: int
    parked_since: datetime | None


class WebhookReading(Protocol):
    """The part of `Reading` that webhooks need."""

    async def webhook_secrets(self, webhook_id: str) -> list[StoredSecret]:
        """The latest first."""
        ...

    async def webhook_states(self) -> dict[str, WebhookState]: ...
    async def delivery_counts(self) -> dict[str, DeliveryCount]: ...
    async def due_deliveries(self, webhook_id: str, now: datetime, limit: int) -> list[Delivery]:
        """The next ones to be sent, in the order of the log: of each subject only the first that waits."""
        ...

    async def deliveries(self, query: DeliveryQuery) -> list[Delivery]: ...
    async def delivery(self, webhook_id: str, delivery_id: UUID) -> Delivery | None: ...
    async def events_at(self, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], LoggedEvent]:
        """Events by generation and pos, with their personal parts."""
        ...

    async def place_at(self, instant: datetime) -> tuple[int, int]:
        """The place before the first event of the present generation at or after an instant."""
        ...


class WebhookWriting(Protocol):
    """The part of `Writing` that webhooks need."""

    async def begin_webhook(self, webhook_id: str) -> None:
        """Puts the webhook's place at the head of the log."""
        ...

    async def move_webhook(self, webhook_id: str, old: tuple[int, int], new: tuple[int, int]) -> bool:
        """Moves its place, if it still is where the mover found it."""
        ...

    async def save_receiver(self, state: WebhookState) -> None:
        """How the receiver has been; its place in the log stays."""
        ...

    async def add_webhook_secret(self, webhook_id: str, secret: StoredSecret) -> None: ...
    async def limit_webhook_secrets(self, webhook_id: str, keep: UUID, until: datetime) -> None:
        """Secrets but one are valid until then at the longest; what is over by then is removed, and all but the
        latest of them.
        """
        ...

    async def plan_deliveries(self, planned: Sequence[Delivery]) -> int:
        """Stores deliveries, except those of events that have one; how many."""
        ...

    async def record_deliveries(self, tried: Sequence[Delivery]) -> None:
        """What became of attempts; nothing for those that no longer wait."""
        ...

    async def park_expired(self, webhook_id: str, before: datetime, now: datetime, limit: int) -> int:
        """Parks what was planned before an instant and still waits; how many."""
        ...

    async def replay_deliveries(
        self,
        webhook_id: str,
        now: datetime,
        limit: int,
        *,
        ids: Collection[UUID] | None = None,
        since: datetime | None = None,
        parked: bool = False,
    ) -> int:
        """Lets deliveries that have ended wait anew: these, those parked, or those of events since an instant."""
        ...

    async def forget_deliveries(self, delivered: datetime, parked: datetime, limit: int) -> int:
        """Removes what ended before these instants; how many."""
        ...

    async def drop_deliveries(self, webhook_id: str, limit: int) -> int: ...
