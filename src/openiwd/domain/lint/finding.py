"""A finding of the linter: what is odd, where it stands in the rule set, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Severity(StrEnum):
    ERROR = "error"
    """Items will be lost to it: held by an error, or never offered to anybody."""
    WARNING = "warning"
    """Hardly meant so."""
    HINT = "hint"
    """Could be tidied up, or could not be decided."""


class FindingKind(StrEnum):
    NEVER_MATCHES = "neverMatches"
    SHADOWED = "shadowed"
    OVERLAPS = "overlaps"
    UNDECIDED = "undecided"
    MIXED_TYPES = "mixedTypes"
    GAP = "gap"
    UNUSED_ATTRIBUTE = "unusedAttribute"
    UNUSED_SCHEMA = "unusedSchema"
    UNUSED_QUEUE = "unusedQueue"
    STARVATION = "starvation"
    SLA_WITHIN_CLOSING = "slaWithinClosing"
    NOBODY_ELIGIBLE = "nobodyEligible"
    NOBODY_THIS_WEEK = "nobodyThisWeek"


class Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    """`field` is the place in the document; `example` an item that shows it, by attribute."""

    kind: FindingKind
    severity: Severity
    field: str
    object_kind: str
    object_id: str
    message: str
    hint: str
    example: Mapping[str, Any] = {}
    values: Mapping[str, Any] = {}
    """What the message names, for those who say it in another language."""
