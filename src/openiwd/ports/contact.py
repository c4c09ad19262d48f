"""Needs: the people and companies that items are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct


class Contact(Struct, kw_only=True, rename="camel"):
    id: UUID
    customer_id: str | None
    name: str | None
    emails: list[str]
    phones: list[str]
    language: str | None
    created_at: datetime


class ContactReading(Protocol):
    """The part of `Reading` that contacts need."""

    async def contact(self, contact_id: UUID) -> Contact | None: ...
    async def contacts(self, text: str | None, after: UUID | None, limit: int) -> list[Contact]:
        """Contacts whose customerId or name holds the text, or that have it as an address; by id, after `after`."""
        ...


class ContactWriting(Protocol):
    """The part of `Writing` that contacts need."""

    async def match_contacts(
        self, contacts: Sequence[tuple[int, dict[str, Any]]], now: datetime
    ) -> dict[int, UUID]:
        """Contact ids for contact inputs (by position): by customerId, else the only one at that address, else new."""
        ...
