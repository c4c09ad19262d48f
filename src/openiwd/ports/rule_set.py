"""Needs: published rule sets of one tenant, and what is about to be one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct


class PublishedRuleSet(Struct, kw_only=True):
    """A rule-set version as stored: the document in plain JSON values, calendars frozen."""

    version: int
    document: dict[str, Any]
    calendars: dict[str, Any]
    source: str | None
    comment: str | None
    published_at: datetime
    published_by: str
    preparation: UUID | None = None
    """What it was before it went live, where processes have it compiled since then."""


class RuleSetReading(Protocol):
    """The part of `Reading` that rule sets need."""

    async def live_version(self) -> int | None: ...
    async def rule_set(self, version: int) -> PublishedRuleSet | None: ...
    async def prepared_rules(self, preparation_id: UUID) -> PublishedRuleSet | None:
        """What is about to go live; None when it has, or was given up."""
        ...

    async def rule_set_versions(self) -> list[PublishedRuleSet]:
        """All versions, newest first, without documents' bodies (document and calendars empty)."""
        ...


class RuleSetWriting(Protocol):
    """The part of `Writing` that rule sets need."""

    async def prepare_rules(self, preparation_id: UUID, rule_set: PublishedRuleSet) -> None:
        """Keeps what is about to go live, for all processes to compile."""
        ...

    async def forget_prepared(self, preparation_id: UUID) -> None: ...
    async def publish(
        self, rule_set: PublishedRuleSet, *, expected: int | None, draft: UUID | None = None
    ) -> None:
        """Stores the version and makes it live; `expected` is the version that must be live now.

        A running canary ends with it: promoted if it tries this draft, else overtaken.
        """
        ...
