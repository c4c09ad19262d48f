"""Rules and their actions as a rule set writes them. Form only: the compiler gives them their meaning."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from openiwd.domain.criteria import AttributeRef, CriteriaConfig
from openiwd.domain.requirement import Level, RequirementConfig

Integer = Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647)]


class DueFrom(StrEnum):
    NOW = "now"
    CREATED = "created"


class DueConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A due date: so much time of a clock (`wall` or a calendar) after now or after the item's creation."""

    after: str | int
    start: DueFrom = msgspec.field(default=DueFrom.NOW, name="from")
    clock: str = "wall"


class AddSkillConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    skill: str | AttributeRef
    level: Level | AttributeRef = 1


class SetAttributeConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`value` is a JSON value or `{attribute: …}`."""

    name: str
    value: Any


class LookupConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Reads a row of a lookup table by key; `into` maps the row's columns to attributes."""

    table: str
    key: str | AttributeRef
    into: dict[str, str]


class HoldConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    reason: str
    until: str | int | None = None
    """Wall time from now on; absent = until somebody resumes the item."""


class ActionConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """One action: exactly one of these keys."""

    set_business_value: Integer | AttributeRef | UnsetType = UNSET
    raise_business_value: Integer | AttributeRef | UnsetType = UNSET
    set_due: DueConfig | UnsetType = UNSET
    set_requirement: RequirementConfig | UnsetType = UNSET
    add_skill: AddSkillConfig | UnsetType = UNSET
    set_attribute: SetAttributeConfig | UnsetType = UNSET
    lookup: LookupConfig | UnsetType = UNSET
    adjust_priority: Integer | AttributeRef | UnsetType = UNSET
    hold: HoldConfig | UnsetType = UNSET
    reject: Annotated[str, Meta(min_length=1, max_length=512)] | UnsetType = UNSET


class RuleConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """When the criteria hold (absent = always), do the actions in order."""

    id: str
    name: str | None = None
    when: CriteriaConfig | None = None
    then: list[ActionConfig] = []


class ColumnConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    attribute: str
    operator: str = "eq"
    ignore_case: bool = False


class RowConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """`when` has one value per column; null means any."""

    when: list[Any]
    then: list[ActionConfig] = []


class DecisionTableConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Rules in the form of a table: the first row whose columns all hold acts, then the table is done."""

    id: str
    columns: list[ColumnConfig]
    rows: list[RowConfig]
    name: str | None = None
