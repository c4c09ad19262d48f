"""Needs: drafts on trial in one tenant's database: the running canary, its counts, and what shadows have found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from msgspec import Struct, field

from openiwd.domain.canary import Guards, Sides, Tripped
from openiwd.domain.rule_set_diff import ObjectDifference
from openiwd.domain.shadow import Divergence


class LiveRules(NamedTuple):
    """What judges: the live version, and the version of the running canary."""

    version: int | None
    canary: int | None


class CanaryBody(Struct, kw_only=True, rename="camel"):
    """A canary as it was begun."""

    share: float
    category: str | None = None
    guards: Guards = Guards()
    name: str
    """Of the draft."""
    draft_revision: int
    base: int
    """The live version beside it."""
    started_by: str
    not_tried: list[ObjectDifference] = []
    """What the draft changes and only publishing brings into force."""


class StoredCanary(Struct, kw_only=True):
    """A canary, running or ended."""

    version: int
    draft_id: UUID
    body: CanaryBody
    started_at: datetime
    first_number: int
    generation: int
    pos: int
    sides: Sides
    ended_at: datetime | None = None
    ended_by: str | None = None
    outcome: str | None = None
    tripped: list[Tripped] = []
    left_at: datetime | None = None


class StoredShadow(Struct, kw_only=True):
    """A shadow and its sums. Counts are of one revision of the draft beside one live version."""

    draft_id: UUID
    sample: float
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    draft_revision: int
    live_version: int
    counted_from: datetime
    looked: int
    diverged: int
    shed: int
    fault: str | None


class ShadowFindings(Struct, kw_only=True):
    """What one process has found since it last wrote: by (category, kind), and examples."""

    looked: int = 0
    diverged: int = 0
    shed: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    divergences: list[tuple[str, Divergence]] = field(default_factory=list)
    """With the category by the live rules."""


class TrialReading(Protocol):
    """The part of `Reading` that trials need."""

    async def live_rules(self) -> LiveRules: ...
    async def running_canary(self) -> StoredCanary | None: ...
    async def canary_of(self, draft_id: UUID) -> StoredCanary | None:
        """The last one of a draft."""
        ...

    async def rolled_back_canaries(self) -> list[StoredCanary]:
        """The last canaries of drafts that are still there, unchanged, which have rolled themselves back."""
        ...

    async def unfinished_canary(self) -> StoredCanary | None:
        """One that has ended and whose items are still to be judged again."""
        ...

    async def judged_by(self, version: int, after: int, limit: int) -> list[tuple[int, UUID]]:
        """(number, id) of open items that a version has judged last, with numbers above `after`, in order."""
        ...

    async def last_rule_set(self) -> int:
        """The highest number of a version, live or on trial; 0 where there is none."""
        ...

    async def shadows(self) -> list[StoredShadow]:
        """Those that run."""
        ...

    async def shadow(self, draft_id: UUID) -> StoredShadow | None: ...
    async def shadow_counts(self, draft_id: UUID) -> dict[tuple[str, str], int]:
        """By (category path, kind)."""
        ...

    async def shadow_divergences(
        self, draft_id: UUID, before: int | None, limit: int, *, kind: str | None, category: str | None
    ) -> list[tuple[int, Divergence]]:
        """With their numbers, the latest first."""
        ...


class TrialWriting(Protocol):
    """The part of `Writing` that trials need."""

    async def share_live_rules(self) -> LiveRules:
        """What judges, locked FOR SHARE: it cannot change before this transaction ends."""
        ...

    async def lock_live_rules(self) -> LiveRules:
        """What judges, about to be changed: waits for all who share it."""
        ...

    async def start_canary(
        self, canary: StoredCanary, document: Mapping[str, Any], calendars: Any
    ) -> None: ...
    async def end_canary(
        self, version: int, outcome: str, by: str, now: datetime, tripped: Sequence[Tripped]
    ) -> None:
        """From the commit on the live rules judge alone."""
        ...

    async def left_canary(self, version: int, now: datetime) -> None: ...
    async def count_canary(
        self, version: int, sides: Sides, *, seen: tuple[int, int], upto: tuple[int, int]
    ) -> bool:
        """Replaces the counts; False when somebody else has counted from `seen` on meanwhile, or it has ended."""
        ...

    async def save_shadow(self, shadow: StoredShadow) -> None:
        """Begins it, or begins its counts anew; what it had found is gone."""
        ...

    async def stop_shadow(self, draft_id: UUID, now: datetime) -> bool: ...
    async def restart_shadow(
        self, draft_id: UUID, *, draft_revision: int, live_version: int, now: datetime
    ) -> bool:
        """Counts anew for another draft revision or live version; False when that is what it counts already."""
        ...

    async def fault_shadow(self, draft_id: UUID, fault: str | None) -> None: ...
    async def add_shadow_findings(
        self, draft_id: UUID, of: tuple[int, int], found: ShadowFindings, *, keep: int
    ) -> bool:
        """Adds what was found by (draft revision, live version); False when that is no longer what is counted."""
        ...
