"""Criteria as a rule set writes them: `all` / `any` / `not` over conditions. Form only."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType


class AttributeRef(Struct, frozen=True, forbid_unknown_fields=True):
    """`{attribute: data.language}`: the value of another attribute of the item."""

    attribute: str


class CriteriaConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One node: exactly one of `all`, `any`, `not`, or a condition (`attribute`, `operator`, `value`)."""

    all_of: list[CriteriaConfig] | None = msgspec.field(default=None, name="all")
    any_of: list[CriteriaConfig] | None = msgspec.field(default=None, name="any")
    not_of: CriteriaConfig | None = msgspec.field(default=None, name="not")
    attribute: str | None = None
    operator: str | None = None
    value: Any | UnsetType = UNSET
    ignore_case: bool = False
