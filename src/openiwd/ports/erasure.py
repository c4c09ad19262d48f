"""Needs: personal values found and blanked in one tenant's database; rules of how long items are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct


class HeldItem(NamedTuple):
    """An item of a contact."""

    id: UUID
    number: int
    status: str


class AgedItem(NamedTuple):
    """A final item that a rule of retention lets go."""

    number: int
    id: UUID
    revision: int
    status: str
    category_path: str | None
    completed_at: datetime


class Certificate(Struct, kw_only=True, rename="camel"):
    """That a contact's personal values were erased. It holds none of them."""

    id: UUID
    contact_id: UUID
    at: datetime
    actor: str
    reason: str
    counts: dict[str, int]
    """What was blanked, by place."""
    remaining: dict[str, int]
    """Where the values were still found afterwards, by place: with other contacts, for the most part."""


class ErasureReading(Protocol):
    """The part of `Reading` that erasure and retention need."""

    async def items_of_contact(self, contact_id: UUID) -> list[HeldItem]: ...
    async def gone_items_of_contact(self, contact_id: UUID) -> list[UUID]:
        """Items that were deleted, and that the log still knows."""
        ...

    async def around_counts(
        self, ids: Sequence[UUID], numbers: Sequence[int], addresses: Sequence[str]
    ) -> dict[str, int]: ...

    async def places_of_values(self, values: Sequence[str]) -> dict[str, int]:
        """In how many rows of each place one of these values is found, upper or lower case. Reads everything."""
        ...

    async def answers_with(self, values: Sequence[str]) -> list[str]:
        """Idempotency keys whose answers hold one of these values, upper or lower case. Reads all that are kept."""
        ...

    async def erasures(self, contact_id: UUID | None, limit: int) -> list[Certificate]: ...
    async def is_erased(self, contact_id: UUID) -> bool: ...

    async def retention(self) -> tuple[dict[str, Any], int]:
        """The rules as stored, and their revision; ({}, 0) where there are none."""
        ...

    async def kept_too_long(
        self,
        statuses: Sequence[str],
        before: datetime,
        path: str | None,
        earlier: Sequence[tuple[str | None, str | None]],
        limit: int,
    ) -> list[AgedItem]: ...


class ErasureWriting(Protocol):
    """The part of `Writing` that erasure and retention need."""

    async def erase_events(self, ids: Sequence[UUID]) -> int: ...
    async def erase_around(self, numbers: Sequence[int]) -> dict[str, int]:
        """Notes, files and records of sources of items."""
        ...

    async def erase_answers(self, numbers: Sequence[int], keys: Sequence[str]) -> int:
        """Answers kept for idempotency keys, about these items or under these keys; how many. The keys stay."""
        ...

    async def erase_automatic_mails(self, addresses: Sequence[str]) -> int:
        """When these addresses, in small letters, were last written to automatically; how many."""
        ...

    async def emails_on_the_way(self, contact_id: UUID) -> bool:
        """Whether one of the contact's items is being handed over, and was left."""
        ...

    async def erase_contact(self, contact_id: UUID, at: datetime) -> None: ...
    async def save_erasure(self, certificate: Certificate) -> None: ...
    async def save_retention(self, body: dict[str, Any], revision: int | None) -> int | None: ...
    async def erase_personal_of_gone(self, before: datetime, limit: int) -> int:
        """Personal parts of events of items deleted before an instant; how many events."""
        ...
