"""Offers: an item held out to an agent for a time, how it ended, and the wrap-up after an assignment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from openiwd.domain.work_item import ItemNumber


class OfferOutcome(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TIMED_OUT = "timedOut"
    WITHDRAWN = "withdrawn"
    LOST = "lost"


class AssignmentOutcome(StrEnum):
    COMPLETED = "completed"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    WITHDRAWN = "withdrawn"


class GrantKind(StrEnum):
    """How the decider gives an item to an agent."""

    PUSH = "push"
    PULL = "pull"
    PICK = "pick"


class Offer(Struct, kw_only=True):
    """An offer, open (`outcome` None) or ended, with its packed decision record."""

    id: UUID
    item_number: ItemNumber
    item_id: UUID
    agent_id: str
    queue_id: str
    kind: str
    epoch: int
    offered_at: datetime
    expires_at: datetime | None
    outcome: str | None
    ended_at: datetime | None
    reason: str | None
    decision: bytes


class ClosedOffer(NamedTuple):
    """How an open offer ended."""

    id: UUID
    outcome: OfferOutcome
    at: datetime
    reason: str | None = None


class WrapUp(Struct, kw_only=True, frozen=True):
    """Capacity that an ended assignment still keeps, until an instant."""

    assignment_id: UUID
    agent_id: str
    item_number: ItemNumber
    media_type: str
    weight: int
    until: datetime
