"""Needs: what changing a rule set stores beside it, and the columns that its effect on open items is counted from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from openiwd.domain.rule_effect import LikeRows
from openiwd.domain.rule_reading import Reading as ReadAttribute


class StoredImpact(Struct, kw_only=True):
    """A count of what a draft would do. `moved_at`: when its process last told how far it is."""

    run_id: UUID
    status: str
    body: dict[str, Any]
    moved_at: datetime


class ImpactPart(Struct, kw_only=True):
    """Items that go the same way."""

    part: int
    body: dict[str, Any]
    size: int


class RuleChangeReading(Protocol):
    """The part of `Reading` that changing a rule set needs."""

    async def like_rows(
        self, read: Sequence[ReadAttribute], after: int, until: int, *, seed: int
    ) -> LikeRows:
        """The open items of a span of numbers. `seed`: any 64 bits, the same for all spans of a count."""
        ...

    async def last_number(self) -> int:
        """The highest number of an item; 0 when there is none."""
        ...

    async def rule_set_setting(self) -> tuple[dict[str, Any], int]:
        """What the tenant asks for before something goes live, and its revision; ({}, 0): the defaults."""
        ...

    async def draft_edits(self, draft_id: UUID, after: int) -> list[dict[str, Any]]:
        """What was changed by each revision after this one, in order, with its `revision`."""
        ...

    async def impact(self, draft_id: UUID) -> StoredImpact | None: ...
    async def impact_parts(self, draft_id: UUID) -> list[ImpactPart]:
        """In order."""
        ...

    async def impact_numbers(self, draft_id: UUID, part: int, after: int, limit: int) -> list[int]:
        """Numbers of the items of a part, from a place on."""
        ...


class RuleChangeWriting(Protocol):
    """The part of `Writing` that changing a rule set needs."""

    async def save_rule_set_setting(self, body: Mapping[str, Any], *, revision: int | None) -> int:
        """RevisionMismatchError when the stored revision is another one."""
        ...

    async def add_draft_edit(self, draft_id: UUID, revision: int, body: Mapping[str, Any]) -> None: ...
    async def begin_impact(self, draft_id: UUID, impact: StoredImpact) -> None:
        """Replaces the count of before."""
        ...

    async def move_impact(self, draft_id: UUID, impact: StoredImpact) -> bool:
        """How far it is, or how it ended; False when that run is not running any more (canceled, replaced)."""
        ...

    async def add_impact_part(
        self, draft_id: UUID, part: int, body: Mapping[str, Any], numbers: Collection[int]
    ) -> None: ...

    async def begin_bulk_items(self, job_id: UUID, preparer: UUID) -> None:
        """Forgets the items that somebody else has found of a run that is not prepared; nobody else adds any then."""
        ...

    async def add_bulk_items(self, job_id: UUID, preparer: UUID, first: int, numbers: Sequence[int]) -> bool:
        """More items, their ordinals begin at `first`; False, and none, if the run has ended or somebody else began."""
        ...

    async def bulk_prepared(self, job_id: UUID, preparer: UUID) -> None:
        """All items are found."""
        ...
