"""Tests as a rule set writes them: an example item and what is expected of it. Form only."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from openiwd.domain.requirement import SkillConfig


class ExpectedPriority(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The priority (to two decimals) at an age on the clock of the item's schema."""

    age: str | int
    priority: int | float


class ExpectationConfig(
    Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What is to come of the item; what is left out is not looked at.

    `category` is an id or a path; `due` an instant (without an offset: in the tenant's zone), null for no due date;
    `attributes` are values that rules set, such as `data.region`.
    """

    status: str | UnsetType = UNSET
    category: str | UnsetType | None = UNSET
    queue: str | UnsetType | None = UNSET
    schema: str | UnsetType | None = UNSET
    business_value: int | UnsetType = UNSET
    due: str | UnsetType | None = UNSET
    priority: list[ExpectedPriority] = []
    skills: list[SkillConfig] | UnsetType = UNSET
    attributes: dict[str, Any] = {}


class RuleTestConfig(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A test: the item as `POST /items` takes it, and when it arrives (left out: when the test is run)."""

    id: str
    name: str | None = None
    at: str | None = None
    item: dict[str, Any] = {}
    expect: ExpectationConfig = msgspec.field(default_factory=ExpectationConfig)
