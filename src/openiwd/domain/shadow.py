"""Shadow: what a draft would have made of an item that the live rules have judged. Compares; changes nothing. Pure.

Both judge the same facts at the same instant. What is the same in all that counts is found out without a second look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.action import Lookups
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.judgement import Basis, Judgement, Outcome, judge
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.schema import priority_at, shown, standing
from openiwd.domain.work_item import WorkItem

BAND: Final = 100
"""Priorities are compared by bands of this width: 0 to 99, 100 to 199, …"""


class DivergenceKind(StrEnum):
    """What differs between the two judgements."""

    OUTCOME = "outcome"
    """Classified, rejected or errorheld."""
    CATEGORY = "category"
    QUEUE = "queue"
    BUSINESS_VALUE = "businessValue"
    DUE_DATE = "dueDate"
    PRIORITY_BAND = "priorityBand"
    """At the instant of judging, or when it is due by the live rules."""
    REQUIREMENT = "requirement"


class Told(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A judgement as it is listed."""

    outcome: str
    category_path: str | None = None
    queue: str | None = None
    business_value: int = 0
    due: datetime | None = None
    priority: int | float | None = None
    """At the instant of judging."""
    priority_when_due: int | float | None = None
    """When the item is due by the live rules."""
    requirement: dict[str, Any] = {}
    hold: str | None = None
    reason: str | None = None
    """Why it is errorheld or rejected."""
    rules: list[str] = []
    """The rules that acted, in order."""


class Divergence(Struct, kw_only=True, rename="camel"):
    """An item of which the draft would have made something else."""

    item_id: UUID
    item_number: int
    at: datetime
    kinds: list[DivergenceKind]
    live: Told
    draft: Told


class Judged(Struct, frozen=True):
    """An item that was judged and is committed, when that was, and what it rests on."""

    item: WorkItem
    at: datetime
    basis: Basis


class Comparison:
    """A draft beside the live rules, both compiled."""

    def __init__(self, live: CompiledRuleSet, draft: CompiledRuleSet) -> None:
        self.live = live
        self.draft = draft
        self._same_schemas = frozenset(
            name for name, schema in draft.schemas.items() if _same_schema(live, draft, name, schema.clock.id)
        )

    def look(self, judged: Judged, lookups: Lookups) -> Divergence | None:
        """Judges the item's facts by the draft; what differs from the live judgement, if anything does."""
        basis, now = judged.basis, to_micros(judged.at)
        drafted = judge(self.draft, basis.facts, now, lookups)
        if basis.version == self.live.version and self._is_same(basis.verdict, drafted):
            return None
        # Judged afresh: by the live rules if that was a canary, and by the same lookup tables as the draft.
        return self._divergence(judged, judge(self.live, basis.facts, now, lookups), drafted)

    def _is_same(self, live: Judgement, draft: Judgement) -> bool:
        """Whether both surely come to the same; False means: look closer."""
        return (
            live.outcome is draft.outcome
            and live.category_path == draft.category_path
            and live.queue_id == draft.queue_id
            and live.schema_id == draft.schema_id
            and (draft.schema_id is None or draft.schema_id in self._same_schemas)
            and live.business_value == draft.business_value
            and live.priority_adjustment == draft.priority_adjustment
            and live.due_at == draft.due_at
            and live.requirement == draft.requirement
            and live.hold == draft.hold
        )

    def _divergence(self, judged: Judged, live: Judgement, drafted: Judgement) -> Divergence | None:
        now = to_micros(judged.at)
        due = live.due_at if live.due_at is not None else drafted.due_at
        one, other = self._told(self.live, live, now, due), self._told(self.draft, drafted, now, due)
        kinds = list(_kinds(live, drafted, one, other))
        if not kinds:
            return None
        item = judged.item
        return Divergence(
            item_id=item.id, item_number=item.number, at=judged.at, kinds=kinds, live=one, draft=other
        )

    def _told(self, rules: CompiledRuleSet, judgement: Judgement, now: int, due: int | None) -> Told:
        j = judgement
        schema = None if j.schema_id is None or j.anchor_at is None else rules.schemas[j.schema_id]
        priority = when_due = None
        if schema is not None and j.anchor_at is not None:
            place = standing(
                schema, j.anchor_at, 0, j.business_value, j.priority_adjustment, j.priority_fixed
            )
            priority = shown(priority_at(schema, place, now))
            when_due = None if due is None else shown(priority_at(schema, place, due))
        return Told(
            outcome=j.outcome.value,
            category_path=j.category_path,
            queue=j.queue_id,
            business_value=j.business_value,
            due=None if j.due_at is None else from_micros(j.due_at),
            priority=priority,
            priority_when_due=when_due,
            requirement=msgspec.to_builtins(j.requirement),
            hold=None if j.hold is None else j.hold.reason,
            reason=j.error or j.reject_reason,
            rules=list(j.trace),
        )


def _same_schema(live: CompiledRuleSet, draft: CompiledRuleSet, name: str, clock: str) -> bool:
    one = next((s for s in live.document.schemas if s.id == name), None)
    other = next((s for s in draft.document.schemas if s.id == name), None)
    calendars = [
        next((c for c in rules.document.calendars if c.id == clock), None) for rules in (live, draft)
    ]
    return one is not None and one == other and calendars[0] == calendars[1]


def _band(priority: float | None) -> int | None:
    return None if priority is None else int(priority // BAND)


def _kinds(live: Judgement, draft: Judgement, one: Told, other: Told) -> Iterator[DivergenceKind]:
    if live.outcome is not draft.outcome or one.hold != other.hold:
        yield DivergenceKind.OUTCOME
    if live.outcome is not Outcome.CLASSIFIED or draft.outcome is not Outcome.CLASSIFIED:
        return
    if live.category_path != draft.category_path:
        yield DivergenceKind.CATEGORY
    if live.queue_id != draft.queue_id:
        yield DivergenceKind.QUEUE
    if live.business_value != draft.business_value:
        yield DivergenceKind.BUSINESS_VALUE
    if live.due_at != draft.due_at:
        yield DivergenceKind.DUE_DATE
    if (_band(one.priority), _band(one.priority_when_due)) != (
        _band(other.priority),
        _band(other.priority_when_due),
    ):
        yield DivergenceKind.PRIORITY_BAND
    if live.requirement != draft.requirement:
        yield DivergenceKind.REQUIREMENT
