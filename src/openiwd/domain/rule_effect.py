"""What another rule set would make of items that are there: whom it judges differently, and where they would go. Pure.

Items of one likeness (see `rule_reading`) are judged once; `Reach.EACH` says that their instants decide, one by one.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from openiwd.domain.aging import schema_of, standing_on
from openiwd.domain.instant import to_micros
from openiwd.domain.judging import judged_anew, reclassify
from openiwd.domain.rule import RuleConfig
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.domain.schema import Anchor, Schema, constant_of, priority_at
from openiwd.domain.transition import Context
from openiwd.domain.work_item import DueOrigin, WorkItem

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DECIMALS: Final = 6
"""Priorities are compared to so many decimals."""
NONE_HERE: Final = np.iinfo(np.int64).min
"""Stands for null in a column of instants."""
_INSTANTS: Final = frozenset(
    {
        "due_at",
        "anchor_at",
        "clock_origin",
        "clock_frozen",
        "queued_at",
        "held_at",
        "rule_set_version",
        "overridden",
    }
)


class LikeRows(NamedTuple):
    """Open items as columns. Of equal likeness: what rules read of them, and where they are, is the same.

    Instants in microseconds; `origins` and `stopped` on the clock of the item, `NONE_HERE` for null.
    """

    numbers: Integers
    revisions: NDArray[np.int32]
    likeness: Integers
    origins: Integers
    stopped: Integers
    created: Integers


class Reach(Enum):
    """Of which items of a likeness something holds."""

    NONE = "none"
    ALL = "all"
    EACH = "each"


class State(NamedTuple):
    """Where an item is, as far as the effect tells it."""

    status: str
    category: str | None
    queue: str | None


class Effect(NamedTuple):
    """What becomes of one item: whether it is judged differently, and its priorities as of now."""

    differs: bool
    before: State
    after: State
    priority_before: float
    priority_after: float


class Aging(NamedTuple):
    """How the priority of items of a likeness comes about. `anew`: their age is counted from `created` on the clock."""

    schema: Schema
    level: float
    fixed: int | None
    anew: bool = False


class Likeness(NamedTuple):
    """What becomes of all items of a likeness. `aging_…` None: no schema, so no priority."""

    reach: Reach
    before: State
    after: State
    aging_before: Aging | None
    aging_after: Aging | None


class Comparison:
    """Two rule sets at one instant: the one that judges, and the one that would."""

    def __init__(self, old: Context, new: Context) -> None:
        self.old = old
        self.new = new
        self.now = to_micros(old.now)
        self._rules_before = rules_by_id(old.rules)
        self._rules_after = rules_by_id(new.rules)
        self._same_clocks = {k: c.id for k, c in old.rules.clocks.items()} == {
            k: c.id for k, c in new.rules.clocks.items()
        }

    def effect(self, item: WorkItem) -> Effect:
        """Of one item, by judging it by both. What all else here must agree with."""
        differs = _content(judged_anew(item, self.old)[0]) != _content(judged_anew(item, self.new)[0])
        after = self._after(item) if differs else item
        return Effect(
            differs,
            state_of(item),
            state_of(after),
            self._priority(item, self.old.rules),
            self._priority(after, self.new.rules),
        )

    def _after(self, item: WorkItem) -> WorkItem:
        change = reclassify(item, self.new)
        return item if change is None else change.item

    def _priority(self, item: WorkItem, rules: CompiledRuleSet) -> float:
        schema = schema_of(item, rules)
        if schema is None or item.status.is_final:
            return float("nan")
        return round(float(priority_at(schema, standing_on(item, schema), self.now)), DECIMALS)

    def likeness(self, item: WorkItem) -> Likeness:
        """Of all items like this one."""
        reach = self._reach(item)
        after = self._after(item) if reach is Reach.ALL else item
        before, then = self._stored_aging(item), self._aging(item, after, reach)
        if isinstance(before, Reach) or isinstance(then, Reach):
            return Likeness(Reach.EACH, state_of(item), state_of(after), None, None)
        return Likeness(reach, state_of(item), state_of(after), before, then)

    def _reach(self, item: WorkItem) -> Reach:
        (one, acted, _), (other, acts, _) = judged_anew(item, self.old), judged_anew(item, self.new)
        if _plain(one) != _plain(other):
            return Reach.ALL
        before, after = schema_of(one, self.old.rules), schema_of(other, self.new.rules)
        if before is None or after is None:
            return Reach.NONE
        if one.due_origin is DueOrigin.RULE and not self._same_rules(acted, acts):
            return Reach.EACH
        if before.anchor is not after.anchor or self.old.rules.zone != self.new.rules.zone:
            return Reach.EACH
        if one.due_origin is DueOrigin.SCHEMA and before.sla != after.sla:
            return Reach.ALL
        return Reach.NONE

    def _same_rules(self, acted: list[str], acts: list[str]) -> bool:
        return (
            acted == acts
            and self._same_clocks
            and all(self._rules_before.get(r) == self._rules_after.get(r) for r in acted)
        )

    def _stored_aging(self, item: WorkItem) -> Aging | Reach | None:
        schema = schema_of(item, self.old.rules)
        if schema is None:
            return None
        if item.clock_id != schema.clock.id:
            return Reach.EACH
        return _aging(schema, item)

    def _aging(self, item: WorkItem, after: WorkItem, reach: Reach) -> Aging | Reach | None:
        """Afterwards; EACH where the age has another beginning that the columns do not tell."""
        schema = schema_of(after, self.new.rules)
        if schema is None or after.status.is_final:
            return None
        was = schema_of(item, self.old.rules)
        kept = was is not None and was.anchor is schema.anchor and item.clock_id == schema.clock.id
        if kept and (schema.anchor is not Anchor.DUE or reach is Reach.NONE):
            return _aging(schema, after)
        if (
            schema.anchor is Anchor.CREATED
            and not item.pauses
            and item.clock_frozen is None
            and after.clock_frozen is None
        ):
            return _aging(schema, after)._replace(anew=True)
        return Reach.EACH


def _aging(schema: Schema, item: WorkItem) -> Aging:
    return Aging(
        schema, float(constant_of(schema, item.business_value, item.priority_adjustment)), item.priority_fixed
    )


def priorities(aging: Aging, now: int, origins: Integers, stopped: Integers, created: Integers) -> Floats:
    """Of many items of a likeness, as of now. `origins`: where their age starts on the clock; `stopped`: where it
    stands, or NONE_HERE; `created` in microseconds, where the age is counted anew.
    """
    if aging.fixed is not None:
        return np.full(len(origins), float(aging.fixed))
    schema = aging.schema
    if aging.anew:
        origins = schema.clock.elapsed_many(created)
    elapsed = np.where(stopped == NONE_HERE, schema.clock.elapsed(now), stopped)
    ages = elapsed - origins
    at = np.searchsorted(np.array(schema.bends, dtype=np.int64), ages, side="right")
    bases = np.array([base / schema.scale for base in schema.bases])
    rates = np.array([rate / schema.scale for rate in schema.rates])
    return np.round(bases[at] + rates[at] * ages + aging.level, DECIMALS)


def state_of(item: WorkItem) -> State:
    return State(item.status.value, item.category_id, item.queue_id)


def rules_by_id(rules: CompiledRuleSet) -> dict[str, Any]:
    """Every rule by the name that a trace gives it; rows of tables as `table[row]`."""
    document = rules.document
    found: dict[str, Any] = {r.id: r for r in document.rules}
    for table in document.decision_tables:
        found |= {f"{table.id}[{n}]": row for n, row in enumerate(table.rows, 1)}
    for node, _, _, _ in category_nodes(document.categories):
        own: list[RuleConfig] = node.rules
        found |= {r.id: r for r in own}
    return found


def _content(item: WorkItem) -> dict[str, Any]:
    return {**asdict(item), "rule_set_version": None}


def _plain(item: WorkItem) -> dict[str, Any]:
    """All but the instants, which differ among items of one likeness."""
    values = {k: v for k, v in asdict(item).items() if k not in _INSTANTS}
    return {**values, "overridden": {k: v for k, v in item.overridden.items() if k != "dueDateTime"}}
