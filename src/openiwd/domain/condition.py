"""Conditions: one attribute, one operator, one value, in checked form; decides whether one holds.

A missing attribute makes a condition false, except `isNotSet`, `ne` and `notIn`; a value of the wrong type
is an error that names the condition. Never evaluates text of a user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.attribute import BAD, Attribute, Family, kind_of, natural_family, read
from openiwd.domain.calendar import Clock
from openiwd.domain.errors import RuleError


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "notIn"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    BETWEEN = "between"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    MATCHES = "matches"
    IS_SET = "isSet"
    IS_NOT_SET = "isNotSet"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_BUSINESS_TIME = "withinBusinessTime"
    OLDER_THAN = "olderThan"


EQUALITY: Final = frozenset({Operator.EQ, Operator.NE})
MEMBERSHIP: Final = frozenset({Operator.IN, Operator.NOT_IN})
ORDER: Final = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE})
TEXTUAL: Final = frozenset({Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.MATCHES})
TEMPORAL: Final = frozenset(
    {Operator.BEFORE, Operator.AFTER, Operator.WITHIN_BUSINESS_TIME, Operator.OLDER_THAN}
)
PRESENCE: Final = frozenset({Operator.IS_SET, Operator.IS_NOT_SET})
NEGATIVE: Final = frozenset({Operator.NE, Operator.NOT_IN})
"""True where the attribute, or the one it is compared with, is missing."""
EMPTY: Final[tuple[Any, ...]] = ("", [], ())
"""Values that are there and yet not set."""


class Moment(Struct, frozen=True):
    """The instant of judging, plus so many microseconds."""

    offset: int


class Ref(Struct, frozen=True):
    """The value of another attribute, read as this family."""

    attribute: Attribute
    family: Family


class Condition(Struct, frozen=True, kw_only=True):
    """A checked condition. `family` is what the attribute's value must be (ANY: decided by the values)."""

    where: str
    """The rule or category, for error texts."""
    path: str
    attribute: Attribute
    operator: Operator
    family: Family
    operands: tuple[Any, ...] = ()
    """Constants in comparable form, or Moment or Ref; two for `between`."""
    ignore_case: bool = False
    pattern: Callable[[str], Any] | None = None
    clock: Clock | None = None
    zone: tzinfo

    @property
    def refs(self) -> tuple[Ref, ...]:
        return tuple(o for o in self.operands if isinstance(o, Ref))


class AllOf(Struct, frozen=True):
    parts: tuple[Criterion, ...]


class AnyOf(Struct, frozen=True):
    parts: tuple[Criterion, ...]


class NotOf(Struct, frozen=True):
    part: Criterion


Criterion = AllOf | AnyOf | NotOf | Condition


def conditions_of(criterion: Criterion | None) -> list[Condition]:
    """All conditions of a tree, in order."""
    match criterion:
        case None:
            return []
        case Condition():
            return [criterion]
        case NotOf():
            return conditions_of(criterion.part)
        case AllOf() | AnyOf():
            return [c for part in criterion.parts for c in conditions_of(part)]


def holds(condition: Condition, value: Any, others: tuple[Any, ...], now_us: int) -> bool:
    """Whether the condition is true of a raw value; `others` are the raw values of its `refs`, in order.

    Raises `RuleError` naming the condition when a value has the wrong type.
    """
    operator = condition.operator
    if operator in PRESENCE:
        return is_set(value) is (operator is Operator.IS_SET)
    if value is None or None in others:
        return operator in NEGATIVE
    left, operands = _comparable(condition, value, others, now_us)
    return compares(condition, left, operands, now_us)


def compares(condition: Condition, left: Any, operands: Sequence[Any], now_us: int) -> bool:
    """Whether the condition is true of a value that is there; value and operands in comparable form."""
    match condition.operator:
        case Operator.EQ:
            return bool(left == operands[0])
        case Operator.NE:
            return bool(left != operands[0])
        case Operator.IN:
            return _among(condition, left, operands[0])
        case Operator.NOT_IN:
            return not _among(condition, left, operands[0])
        case Operator.LT | Operator.BEFORE:
            return bool(left < operands[0])
        case Operator.LE:
            return bool(left <= operands[0])
        case Operator.GT | Operator.AFTER:
            return bool(left > operands[0])
        case Operator.GE:
            return bool(left >= operands[0])
        case Operator.BETWEEN:
            return bool(operands[0] <= left <= operands[1])
        case Operator.CONTAINS:
            return _contains(condition, left, operands[0])
        case Operator.STARTS_WITH:
            return bool(left.startswith(operands[0]))
        case Operator.ENDS_WITH:
            return bool(left.endswith(operands[0]))
        case Operator.MATCHES:
            return condition.pattern is not None and condition.pattern(left) is not None
        case Operator.OLDER_THAN:
            return bool(now_us - left > operands[0])
        case Operator.WITHIN_BUSINESS_TIME:
            return condition.clock is not None and condition.clock.is_open(left)
        case Operator.IS_SET | Operator.IS_NOT_SET:
            raise AssertionError(condition.operator)


def is_set(value: Any) -> bool:
    """Whether there is a value: not missing, not null, not an empty text or list."""
    return value is not None and value not in EMPTY


def _comparable(c: Condition, value: Any, others: tuple[Any, ...], now_us: int) -> tuple[Any, list[Any]]:
    """The value and the operands in a form in which Python's comparisons mean the right thing."""
    family = c.family
    raw = iter(others)
    pairs = [(next(raw), o.family) if isinstance(o, Ref) else (o, None) for o in c.operands]
    if family is Family.ANY and c.operator not in MEMBERSHIP | {Operator.CONTAINS}:
        family = natural_family(value)
        if c.operator in ORDER and family not in {Family.NUMBER, Family.INSTANT}:
            raise wrong_type(c, c.attribute, value, Family.NUMBER)
    left = read(value, family, c.zone)
    if left is BAD:
        raise wrong_type(c, c.attribute, value, family)
    refs = iter(c.refs)
    operands: list[Any] = []
    for operand, known in pairs:
        if known is None:
            operands.append(now_us + operand.offset if isinstance(operand, Moment) else operand)
            continue
        ref = next(refs)
        wanted = (
            family if known is Family.ANY and c.operator not in MEMBERSHIP | {Operator.CONTAINS} else known
        )
        other = read(operand, wanted, c.zone)
        if other is BAD:
            raise wrong_type(c, ref.attribute, operand, wanted)
        operands.append(_folded(other, c.ignore_case))
    if c.operator is not Operator.MATCHES:  # its pattern ignores the case by itself
        left = _folded(left, c.ignore_case)
    return left, operands


def _folded(value: Any, ignore_case: bool) -> Any:
    return value.casefold() if ignore_case and isinstance(value, str) else value


def _among(c: Condition, left: Any, candidates: Any) -> bool:
    if isinstance(candidates, frozenset):
        return left in candidates
    if c.family is Family.ANY and isinstance(left, list | dict):
        raise wrong_type(c, c.attribute, left, Family.TEXT)
    return any(_same(left, candidate, c.ignore_case) for candidate in candidates)


def _contains(c: Condition, left: Any, wanted: Any) -> bool:
    if isinstance(left, str):
        if not isinstance(wanted, str):
            raise wrong_type(c, c.attribute, left, Family.LIST)
        return wanted in left
    if not isinstance(left, list | tuple):
        raise wrong_type(c, c.attribute, left, Family.LIST)
    return any(_same(element, wanted, c.ignore_case) for element in left)


def _same(one: Any, other: Any, ignore_case: bool) -> bool:
    """Equality that keeps true apart from 1, and text from everything else."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return bool(_folded(one, ignore_case) == _folded(other, ignore_case))


def wrong_type(c: Condition, attribute: Attribute, value: Any, wanted: Family) -> RuleError:
    """The error of a value that cannot be compared; names rule, condition and types, never the value."""
    return RuleError(
        f"{c.where}: condition '{c.attribute.name} {c.operator.value}' ({c.path}) needs {wanted.value}, "
        f"but {attribute.name} is {kind_of(value)}",
        field=attribute.name,
        hint="correct the item's value, or ask for the right type before this condition",
        condition=c.path,
    )
