"""The rule-set document: categories, rules, schemas, calendars, queues and attributes of a tenant.

Reads plain lists and objects (from YAML or JSON) into Structs; what the parts mean is checked when compiled.
"""

from __future__ import annotations

import re
from datetime import date, tzinfo
from difflib import get_close_matches
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.attribute import AttributeConfig, MediaTypeConfig, Vocabulary
from openiwd.domain.calendar import CalendarConfig, CalendarException, Clock, HolidayRegion, WeeklyHours
from openiwd.domain.category import Category, CategoryConfig
from openiwd.domain.criteria import AttributeRef, CriteriaConfig
from openiwd.domain.errors import RuleSetError
from openiwd.domain.program import Program
from openiwd.domain.queue import LastAgentConfig, Queue, QueueConfig, QueueGroupConfig
from openiwd.domain.requirement import RelaxationStep, RequirementConfig, SkillConfig
from openiwd.domain.rule import (
    ActionConfig,
    AddSkillConfig,
    ColumnConfig,
    DecisionTableConfig,
    DueConfig,
    HoldConfig,
    LookupConfig,
    RowConfig,
    RuleConfig,
    SetAttributeConfig,
)
from openiwd.domain.rule_compiler import Decide
from openiwd.domain.rule_test_config import ExpectationConfig, ExpectedPriority, RuleTestConfig
from openiwd.domain.schema import PointConfig, Schema, SchemaConfig

MAX_DEPTH: Final = 100


class RuleSetDocument(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A rule set as written; `msgspec.to_builtins` gives back what `parse_document` reads."""

    name: str
    time_zone: str = "UTC"
    default_category: str | None = None
    calendars: list[CalendarConfig] = []
    schemas: list[SchemaConfig] = []
    queues: list[QueueConfig] = []
    attributes: list[AttributeConfig] = []
    media_types: list[MediaTypeConfig] = []
    rules: list[RuleConfig] = []
    decision_tables: list[DecisionTableConfig] = []
    categories: list[CategoryConfig] = []
    tests: list[RuleTestConfig] = []
    """Judge nothing: run before the document is published."""


class CompiledRuleSet(Struct, frozen=True, kw_only=True):
    """A rule set version ready to judge by. Shared by everybody: nothing in it may be changed."""

    version: int
    document: RuleSetDocument
    categories: dict[str, Category]
    tree: tuple[Category, ...]
    """All categories in tree order; a category's `index` is its place here."""
    by_path: dict[str, Category]
    default: Category | None
    schemas: dict[str, Schema]
    clocks: dict[str, Clock]
    """Calendars by id, and `wall`."""
    queues: dict[str, Queue]
    media_types: dict[str, MediaTypeConfig]
    vocabulary: Vocabulary
    attributes_used: frozenset[str]
    """What rules, requirements, anchors and segments read: a change of any of these is judged again."""
    zone: tzinfo
    program: Program
    """What `decide` was made from."""
    decide: Decide


_STRUCTS: Final = (
    RuleSetDocument,
    CalendarConfig,
    CalendarException,
    HolidayRegion,
    WeeklyHours,
    SchemaConfig,
    PointConfig,
    QueueConfig,
    QueueGroupConfig,
    LastAgentConfig,
    AttributeConfig,
    MediaTypeConfig,
    RuleConfig,
    DecisionTableConfig,
    ColumnConfig,
    RowConfig,
    CategoryConfig,
    CriteriaConfig,
    AttributeRef,
    ActionConfig,
    AddSkillConfig,
    DueConfig,
    HoldConfig,
    LookupConfig,
    SetAttributeConfig,
    RequirementConfig,
    RelaxationStep,
    SkillConfig,
    RuleTestConfig,
    ExpectationConfig,
    ExpectedPriority,
)
_NAMES: Final = sorted({name for struct in _STRUCTS for name in struct.__struct_encode_fields__})
_QUOTED: Final = re.compile(r"field `([^`]*)`")


def parse_document(raw: Any) -> RuleSetDocument:
    """Reads plain values into a document; raises `RuleSetError` with the path of what is wrong and a hint."""
    try:
        return msgspec.convert(_plain(raw, "", 0), RuleSetDocument)
    except msgspec.ValidationError as error:
        raise _translated(str(error)) from error


def _plain(value: Any, path: str, depth: int) -> Any:
    """The value with dates (which YAML reads by itself) back in ISO form, as JSON would have them."""
    if depth > MAX_DEPTH:
        raise RuleSetError(f"nested deeper than {MAX_DEPTH} levels", field=path, hint="flatten the document")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise RuleSetError(f"the key {key!r} is not text", field=path, hint="write it in quotes")
        return {key: _plain(inner, f"{path}.{key}".lstrip("."), depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{path}[{i}]", depth + 1) for i, inner in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    return value


def _translated(text: str) -> RuleSetError:
    """The decoder's sentence and path as ours: `$.categories[0].when` becomes `categories[0].when`."""
    message, _, at = text.partition(" - at `$")
    field = at.rstrip("`").lstrip(".")
    hint = "see the rule-set reference for the form of this part"
    named = _QUOTED.search(message)
    if named is not None:
        field = f"{field}.{named[1]}".lstrip(".")
        if "unknown field" in message:
            close = get_close_matches(named[1], _NAMES, n=1)
            hint = f"did you mean {close[0]}?" if close else "remove it, or correct its spelling"
        else:
            hint = f"add {named[1]}"
    return RuleSetError(message, field=field or None, hint=hint)
