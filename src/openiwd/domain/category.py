"""The category tree: its nodes as written and as used (inheritance resolved). It judges no item."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from openiwd.domain.criteria import CriteriaConfig
from openiwd.domain.requirement import NO_REQUIREMENT, RelaxationStep, Requirement, RequirementConfig
from openiwd.domain.rule import RuleConfig

MAX_LEVELS = 10


class CategoryConfig(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A node of the tree as a rule set writes it; siblings are tried in order."""

    id: str
    name: str
    when: CriteriaConfig | None = None
    schema: str | None = None
    queue: str | None = None
    active_from: str | None = None
    active_to: str | None = None
    archived: bool = False
    description: str = ""
    contact: str = ""
    requirement: RequirementConfig | None = None
    relaxation: list[RelaxationStep] = []
    attached_data: dict[str, Any] = {}
    target_handle_time: str | int | None = None
    dispositions: list[str] = []
    disposition_required: bool = False
    rules: list[RuleConfig] = []
    children: list[CategoryConfig] = []


class Category(Struct, frozen=True, kw_only=True):
    """A node with everything that it inherits. `index` counts in tree order (a node before its children)."""

    id: str
    index: int
    last_index: int
    """Index of the last node below; the node's own without children."""
    name: str
    path: str
    level: int
    parent_id: str | None
    department_id: str
    process_id: str | None
    schema_id: str
    queue_id: str
    active_from: int | None = None
    """Microseconds; the latest of the node's own and its parents' dates."""
    active_to: int | None = None
    """First instant at which it is no longer active."""
    archived: bool = False
    description: str = ""
    contact: str = ""
    requirement: Requirement = NO_REQUIREMENT
    attached_data: dict[str, Any] = {}
    target_handle_time: int | None = None
    """Microseconds; inherited."""
    dispositions: tuple[str, ...] = ()
    """Inherited where the node lists none."""
    disposition_required: bool = False

    def is_active(self, now_us: int) -> bool:
        """Whether items may be put here: not archived, within the active dates of its whole chain."""
        return not self.archived and self.within_dates(now_us)

    def within_dates(self, now_us: int) -> bool:
        """Whether the instant lies within the active dates of the node and its parents."""
        return (self.active_from is None or now_us >= self.active_from) and (
            self.active_to is None or now_us < self.active_to
        )
