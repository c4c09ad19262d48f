"""Whether any item makes some criteria true and others false: an example, a proof that there is none, or neither.

Every answer is checked with the conditions themselves: an example is an item that really turns out so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.attribute import Attribute, Root
from openiwd.domain.condition import AllOf, AnyOf, Condition, Criterion, NotOf, conditions_of, holds
from openiwd.domain.errors import RuleError
from openiwd.domain.lint.representative import representatives

MOST_STEPS: Final = 20_000
"""Partial items that are looked at before the answer is `unknown`."""


class Verdict(StrEnum):
    SOME = "some"
    NEVER = "never"
    UNKNOWN = "unknown"


class Answer(Struct, frozen=True):
    """`example` has the values of the attributes that matter (None: missing), where there is one."""

    verdict: Verdict
    example: Mapping[str, Any] = {}


class _Truth(Enum):
    YES = 1
    NO = 0
    OPEN = 2
    """Not decided by the values so far."""
    FAULT = 3
    """A value of the wrong type: the item would be held by an error."""


_MISSING: Final = object()


def find(required: Sequence[Criterion], excluded: Sequence[Criterion], now_us: int) -> Answer:
    """An item for which all of `required` hold and none of `excluded`; nothing of it may be of a wrong type."""
    search = _Search(required, excluded, now_us)
    if search.walk(0, list(required), list(excluded)):
        return Answer(Verdict.SOME, dict(search.values))
    if search.complete and search.steps <= MOST_STEPS:
        return Answer(Verdict.NEVER)
    return Answer(Verdict.UNKNOWN)


class _Search:
    """Tries values attribute by attribute, and leaves a branch as soon as it cannot succeed."""

    def __init__(self, required: Sequence[Criterion], excluded: Sequence[Criterion], now_us: int) -> None:
        self._now = now_us
        self._required = required
        self._excluded = excluded
        conditions = [c for criterion in (*required, *excluded) for c in conditions_of(criterion)]
        by_attribute: dict[str, list[Condition]] = {}
        attributes: dict[str, Attribute] = {}
        for c in conditions:
            for attribute in (c.attribute, *(r.attribute for r in c.refs)):
                attributes.setdefault(attribute.name, attribute)
                by_attribute.setdefault(attribute.name, []).append(c)
        self.complete = not _nested(attributes)
        self._tried: list[tuple[str, list[Any]]] = []
        for name, attribute in attributes.items():
            found = representatives(attribute, by_attribute[name], now_us)
            self.complete = self.complete and found.complete
            self._tried.append((name, self._cells(found.values, by_attribute[name])))
        self.steps = 0
        self.values: dict[str, Any] = {}

    def _cells(self, values: Sequence[Any], conditions: Sequence[Condition]) -> list[Any]:
        """One value of those that make all conditions turn out the same."""
        if any(c.refs for c in conditions):
            return list(values)
        cells: dict[tuple[_Truth, ...], Any] = {}
        for value in values:
            cells.setdefault(tuple(self._turns_out(c, value, ()) for c in conditions), value)
        return list(cells.values())

    def _turns_out(self, condition: Condition, value: Any, others: tuple[Any, ...]) -> _Truth:
        try:
            return _Truth.YES if holds(condition, value, others, self._now) else _Truth.NO
        except RuleError:
            return _Truth.FAULT

    def walk(self, depth: int, required: list[Criterion], excluded: list[Criterion]) -> bool:
        """Whether the values so far can be completed; they are then in `values`."""
        if depth == len(self._tried):
            return self._is_example()
        name, values = self._tried[depth]
        for value in values:
            self.steps += 1
            if self.steps > MOST_STEPS:
                return False
            self.values[name] = value
            open_required = self._left(required, wanted=_Truth.YES)
            if open_required is None:
                continue
            open_excluded = self._left(excluded, wanted=_Truth.NO)
            if open_excluded is not None and self.walk(depth + 1, open_required, open_excluded):
                return True
        self.values.pop(name, None)
        return False

    def _is_example(self) -> bool:
        """The whole of it once more: a fault may have come up after something else had decided."""
        return all(self._truth(c) is _Truth.YES for c in self._required) and all(
            self._truth(c) is _Truth.NO for c in self._excluded
        )

    def _left(self, criteria: list[Criterion], *, wanted: _Truth) -> list[Criterion] | None:
        """Those that are not decided yet; None when one is decided the wrong way."""
        left = []
        for criterion in criteria:
            truth = self._truth(criterion)
            if truth is _Truth.OPEN:
                left.append(criterion)
            elif truth is not wanted:
                return None
        return left

    def _truth(self, criterion: Criterion) -> _Truth:
        """In the order in which judging asks: what decides first counts, and so does the first fault."""
        match criterion:
            case Condition():
                return self._of_condition(criterion)
            case NotOf():
                inner = self._truth(criterion.part)
                return {_Truth.YES: _Truth.NO, _Truth.NO: _Truth.YES}.get(inner, inner)
            case AllOf() | AnyOf():
                deciding = _Truth.NO if isinstance(criterion, AllOf) else _Truth.YES
                is_open = False
                for part in criterion.parts:
                    truth = self._truth(part)
                    if truth is _Truth.OPEN:
                        is_open = True
                    elif truth is deciding or truth is _Truth.FAULT:
                        return _Truth.OPEN if is_open and truth is _Truth.FAULT else truth
                if is_open:
                    return _Truth.OPEN
                return _Truth.YES if isinstance(criterion, AllOf) else _Truth.NO

    def _of_condition(self, condition: Condition) -> _Truth:
        names = [condition.attribute.name, *(r.attribute.name for r in condition.refs)]
        values = [self.values.get(name, _MISSING) for name in names]
        if _MISSING in values:
            return _Truth.OPEN
        return self._turns_out(condition, values[0], tuple(values[1:]))


def _nested(attributes: Mapping[str, Attribute]) -> bool:
    """Whether one attribute lies inside another (`data.address`, `data.address.city`): they depend on each other."""
    paths = [a.keys for a in attributes.values() if a.root is Root.DATA]
    return any(one != other and other[: len(one)] == one for one in paths for other in paths)
