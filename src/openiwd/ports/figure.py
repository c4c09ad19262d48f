"""Needs: what monitoring counts in one tenant's database, cheap enough to be asked every few seconds."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple, Protocol


class QueueFigure(NamedTuple):
    """Waiting items of one queue: how many are past their due date, since when the first is, and the longest wait."""

    queue_id: str
    overdue: int
    first_due: datetime | None
    first_queued: datetime | None


class ConsumerFigure(NamedTuple):
    """A reader of the log; `behind_since` is the instant of the first event that it has not read."""

    consumer: str
    behind_since: datetime | None


class ConnectionFigure(NamedTuple):
    """One direction of an enabled mailbox."""

    mailbox_id: str
    direction: str
    ok: bool


class OutboundFigure(NamedTuple):
    """Emails of one mailbox that wait to be sent."""

    mailbox_id: str
    emails: int
    first_at: datetime


class SecretFigure(NamedTuple):
    """The day on which an enabled mailbox's client secret ends."""

    mailbox_id: str
    ends_on: date


class Figures(NamedTuple):
    """All of them, as of one look."""

    queues: list[QueueFigure]
    consumers: list[ConsumerFigure]
    connections: list[ConnectionFigure]
    outbound: list[OutboundFigure]
    unknown_emails: int
    """Emails of which nobody knows whether they were sent."""
    secrets: list[SecretFigure]


class FigureReading(Protocol):
    """The part of `Reading` that monitoring needs."""

    async def figures(self, now: datetime) -> Figures: ...
