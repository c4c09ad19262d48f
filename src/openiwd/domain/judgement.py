"""Judging: what the rules of one version make of an item. Pure: facts in, judgement out; writes nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.action import HoldOrder, Lookups, Verdict
from openiwd.domain.attribute import BAD, read_instant
from openiwd.domain.category import Category
from openiwd.domain.errors import RuleError
from openiwd.domain.instant import from_micros
from openiwd.domain.requirement import NO_REQUIREMENT, Requirement, with_requests
from openiwd.domain.rule_compiler import NOWHERE, REJECTED
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import Anchor, anchor_of, due_at
from openiwd.domain.work_item import DueOrigin


class Facts(Struct, kw_only=True):
    """What rules may read of an item, with the values that its source gave (instants are microseconds).

    `category` is the path that the source named; `due_at` only a due date of the source. A reopened item has
    its reopening as `created_at`; its age starts there whatever the schema's anchor, unless that is `due`.
    """

    capture_point: str
    capture_id: str
    created_at: int
    media_type: str = "workitem"
    channel: str | None = None
    category: str | None = None
    business_value: int = 0
    priority_fixed: int | None = None
    priority_adjustment: int = 0
    subject: str | None = None
    description: str | None = None
    source_url: str | None = None
    contact: dict[str, Any] | None = None
    ext: dict[str, Any] = {}
    data: dict[str, Any] = {}
    tags: list[str] = []
    activation_at: int | None = None
    due_at: int | None = None
    expiration_at: int | None = None
    reopened: bool = False


class Outcome(StrEnum):
    CLASSIFIED = "classified"
    REJECTED = "rejected"
    ERRORHELD = "errorheld"


class CategoryOrigin(StrEnum):
    """Why the item is in its category."""

    SOURCE = "source"
    RULES = "rules"
    DEFAULT = "default"


class Judgement(Struct, frozen=True, kw_only=True):
    """The result of judging an item by one rule-set version. Instants are microseconds."""

    outcome: Outcome
    category_id: str | None = None
    category_path: str | None = None
    category_origin: CategoryOrigin | None = None
    department_id: str | None = None
    process_id: str | None = None
    schema_id: str | None = None
    queue_id: str | None = None
    business_value: int = 0
    priority_fixed: int | None = None
    priority_adjustment: int = 0
    anchor_at: int | None = None
    due_at: int | None = None
    due_origin: DueOrigin | None = None
    due_from_now: bool = False
    """A rule counted the due date from this judging: holds of before have no part in it."""
    requirement: Requirement = NO_REQUIREMENT
    set_attributes: dict[str, Any] = {}
    """Values that rules have set, by name: `data.region`, `ext.customerSegment`; None clears."""
    hold: HoldOrder | None = None
    reject_reason: str | None = None
    error: str | None = None
    attached_data: dict[str, Any] = {}
    """Of queue and categories; shared, not to be changed."""
    trace: tuple[str, ...] = ()
    """Ids of the rules that acted, in order; rows of decision tables as `table[row]`."""


class Basis(Struct, frozen=True):
    """What an item was judged by: the facts, the version of the rules, and what they made of them."""

    facts: Facts
    version: int
    verdict: Judgement


_NO_CATEGORY: Final = "no category matches the item"
_NOT_CLASSIFIED: Final = f"{_NO_CATEGORY}, and there is no default category"


def judge(compiled: CompiledRuleSet, facts: Facts, now_us: int, lookups: Lookups) -> Judgement:
    """Classifies and values an item at an instant. Never raises for what an item holds: that is ERRORHELD."""
    named = None if facts.category is None else compiled.by_path.get(facts.category)
    if named is not None and not named.is_active(now_us):
        named = None
    fallback = compiled.default
    if fallback is not None and not fallback.is_active(now_us):
        fallback = None
    verdict = Verdict(
        facts.business_value, facts.priority_adjustment, facts.due_at, facts.created_at, now_us, lookups
    )
    try:
        index = compiled.decide(
            facts,
            now_us,
            verdict,
            NOWHERE if named is None else named.index,
            NOWHERE if fallback is None else fallback.index,
        )
        if index == REJECTED:
            return _rejected(facts, verdict, verdict.reject_reason or "")
        if index == NOWHERE:
            return _errorheld(facts, verdict, _no_category(compiled))
        return _classified(compiled, facts, verdict, compiled.tree[index], named)
    except RuleError as error:
        return _errorheld(facts, verdict, error.message)


def _no_category(compiled: CompiledRuleSet) -> str:
    if compiled.default is None:
        return _NOT_CLASSIFIED
    return f"{_NO_CATEGORY}, and the default category '{compiled.default.path}' is not active"


def is_unclassified(error: str) -> bool:
    """Whether an item is errorheld because it reached no category; else a rule failed on it."""
    return error.startswith(_NO_CATEGORY)


def _classified(
    compiled: CompiledRuleSet, facts: Facts, verdict: Verdict, category: Category, named: Category | None
) -> Judgement:
    if not category.within_dates(verdict.now_us):
        return _rejected(
            facts, verdict, f"the category '{category.path}' is {_outside(category, verdict.now_us)}"
        )
    ext = facts.ext
    if verdict.set_attributes:
        changed = {k[4:]: v for k, v in verdict.set_attributes.items() if k.startswith("ext.")}
        ext = {**ext, **changed} if changed else ext
    requirement = category.requirement
    if verdict.shaping:
        requirement = verdict.shaped(requirement)
    if ext:
        requirement = with_requests(requirement, ext)
    due, origin, anchor = _due(compiled, facts, verdict, category, ext)
    if named is not None:
        category_origin = CategoryOrigin.SOURCE
    else:
        category_origin = CategoryOrigin.RULES if not verdict.fell_back else CategoryOrigin.DEFAULT
    return Judgement(
        outcome=Outcome.CLASSIFIED,
        category_id=category.id,
        category_path=category.path,
        category_origin=category_origin,
        department_id=category.department_id,
        process_id=category.process_id,
        schema_id=category.schema_id,
        queue_id=category.queue_id,
        business_value=verdict.business_value,
        priority_fixed=facts.priority_fixed,
        priority_adjustment=verdict.adjustment,
        anchor_at=anchor,
        due_at=due,
        due_origin=origin,
        due_from_now=verdict.due_from_now,
        requirement=requirement,
        set_attributes=verdict.set_attributes,
        hold=verdict.hold,
        attached_data=category.attached_data,
        trace=tuple(verdict.acted),
    )


def _due(
    compiled: CompiledRuleSet, facts: Facts, verdict: Verdict, category: Category, ext: dict[str, Any]
) -> tuple[int | None, DueOrigin | None, int]:
    """(due date, who set it, anchor of the item's age)."""
    schema = compiled.schemas[category.schema_id]
    due, origin = verdict.due_at, None
    if due is not None:
        origin = DueOrigin.RULE if verdict.due_by_rule else DueOrigin.SOURCE
    anchor = facts.created_at
    if schema.anchor is not Anchor.CREATED:
        source_created = None if facts.reopened else _source_created(compiled, schema.anchor, ext)
        activation = None if facts.reopened else facts.activation_at
        anchor = anchor_of(schema.anchor, anchor, source_created, activation, due)
    if due is None:
        due = due_at(schema, anchor)
        if due is not None:
            origin = DueOrigin.SCHEMA
            if schema.anchor is Anchor.DUE:
                anchor = due
    return due, origin, anchor


def _source_created(compiled: CompiledRuleSet, anchor: Anchor, ext: dict[str, Any]) -> int | None:
    if anchor is not Anchor.SOURCE_CREATED:
        return None
    instant = read_instant(ext.get("sourceCreatedDateTime"), compiled.zone)
    if instant is BAD:
        raise RuleError(
            "ext.sourceCreatedDateTime is not a date, but the age of the item starts there",
            field="ext.sourceCreatedDateTime",
            hint="give ISO 8601 with an offset",
        )
    return None if instant is None else int(instant)


def _outside(category: Category, now_us: int) -> str:
    if category.active_from is not None and now_us < category.active_from:
        return f"not active before {from_micros(category.active_from).isoformat()}"
    return f"no longer active since {from_micros(category.active_to or 0).isoformat()}"


def _rejected(facts: Facts, verdict: Verdict, reason: str) -> Judgement:
    return Judgement(
        outcome=Outcome.REJECTED,
        business_value=verdict.business_value,
        priority_fixed=facts.priority_fixed,
        priority_adjustment=verdict.adjustment,
        due_at=verdict.due_at,
        due_origin=None
        if verdict.due_at is None
        else (DueOrigin.RULE if verdict.due_by_rule else DueOrigin.SOURCE),
        set_attributes=verdict.set_attributes,
        reject_reason=reason,
        trace=tuple(verdict.acted),
    )


def _errorheld(facts: Facts, verdict: Verdict, error: str) -> Judgement:
    """Nothing of what rules did so far counts: resuming judges the item anew."""
    return Judgement(
        outcome=Outcome.ERRORHELD,
        business_value=facts.business_value,
        priority_fixed=facts.priority_fixed,
        priority_adjustment=facts.priority_adjustment,
        due_at=facts.due_at,
        due_origin=None if facts.due_at is None else DueOrigin.SOURCE,
        error=error,
        trace=tuple(verdict.acted),
    )
