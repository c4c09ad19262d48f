"""Which of many rules the values of an item leave possible: bit sets, read off instead of asking each rule.

An index answers the same for each value as the conditions that it stands for: it is made by asking them. The
first rule has the highest bit. Knows nothing of code, and takes only conditions that cannot raise an error.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import zip_longest
from math import isfinite
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.attribute import NUMERIC, Attribute, Family
from openiwd.domain.condition import (
    EQUALITY,
    MEMBERSHIP,
    ORDER,
    PRESENCE,
    AllOf,
    AnyOf,
    Condition,
    Criterion,
    NotOf,
    Operator,
    compares,
    conditions_of,
    holds,
)

MIN_RULES: Final = 8
"""Fewer are asked one after the other: that is quicker than any index."""
MAX_RULES: Final = 512
"""More are indexed in parts, so that the memory of the bit sets grows with the rules and not with their square."""
MIN_USES: Final = 4
"""An index pays if so many of the rules ask for what it stands for, and at least an eighth of them."""
MIN_SHARE: Final = 0.75
"""Rules that no index knows take longer to come by than to ask; they may be the lesser part only."""
_MAX_EXPONENT: Final = 400
_POINTWISE: Final = EQUALITY | MEMBERSHIP | PRESENCE
_RANGED: Final = _POINTWISE | ORDER | {Operator.BETWEEN, Operator.BEFORE, Operator.AFTER}

Key = tuple[Any, ...]


class ByValue(Struct, frozen=True):
    """The rules that each value leaves; `other` for values that no rule mentions. `folded`: by casefolded text."""

    attribute: Attribute
    folded: bool
    sets: dict[Any, int]
    other: int


class Place(Enum):
    """How a number's place among bounds is counted."""

    BELOW = "bounds below it"
    NOT_ABOVE = "bounds not above it"
    BOTH = "the sum of both: odd where it is equal to a bound"


class ByRange(Struct, frozen=True):
    """The rules that a number leaves, by its place among the bounds."""

    attribute: Attribute
    bounds: tuple[Any, ...]
    place: Place
    sets: tuple[int, ...]
    missing: int


class ByAnswer(Struct, frozen=True):
    """The rules that are left where one condition holds, and where it does not: it is asked once for all."""

    condition: Condition
    yes: int
    no: int


Index = ByValue | ByRange | ByAnswer


class Indexed(Struct, frozen=True):
    """The indexes of some rules; the rules in all their sets hold if `rests`, what is still to be asked, does."""

    indexes: tuple[Index, ...]
    rests: tuple[Criterion | None, ...]


class Settled(Struct, frozen=True):
    """What the compiler knows of a condition that cannot raise."""

    form: Family | None
    """What the attribute's values are by then; None = anything."""
    steady: bool
    """No rule changes the attribute."""


def index_rules(
    criteria: Sequence[Criterion | None], settled: Callable[[Condition], Settled | None]
) -> Indexed | None:
    """Indexes for up to MAX_RULES rules in order; None where asking each rule is as good."""
    if len(criteria) < MIN_RULES:
        return None
    split = [_conjuncts(c) for c in criteria]
    keys = [_keys(parts, settled) for parts in split]
    least = max(MIN_USES, len(criteria) // 8)
    uses = Counter(key for own in keys for key in dict.fromkeys(own) if key is not None)
    chosen = [key for key, count in uses.items() if count >= least]
    covered = sum(any(key in chosen for key in own) for own in keys)
    if not chosen or covered < MIN_SHARE * len(criteria):
        return None
    indexes = []
    for key in chosen:
        own = [
            [p for p, k in zip(parts, row, strict=True) if k == key]
            for parts, row in zip(split, keys, strict=True)
        ]
        indexes.append(_index(key, own))
    rests = [
        [p for p, k in zip(parts, row, strict=True) if k not in chosen]
        for parts, row in zip(split, keys, strict=True)
    ]
    return Indexed(tuple(indexes), tuple(_joined(rest) for rest in rests))


def _joined(parts: list[Criterion]) -> Criterion | None:
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _conjuncts(criterion: Criterion | None) -> list[Criterion]:
    """What must hold altogether, in order."""
    match criterion:
        case None:
            return []
        case AllOf():
            return [c for part in criterion.parts for c in _conjuncts(part)]
        case AnyOf() | NotOf() | Condition():
            return [criterion]


def _keys(parts: list[Criterion], settled: Callable[[Condition], Settled | None]) -> list[Key | None]:
    """The index that may stand for each part; none for what comes after a part that may raise an error."""
    keys: list[Key | None] = []
    for part in parts:
        conditions = conditions_of(part)
        known = [settled(c) for c in conditions]
        if None in known:
            break
        forms = {k.form for k in known if k is not None and k.steady}
        steady = all(k is not None and k.steady for k in known)
        keys.append(_key(part, conditions, forms.pop()) if steady and len(forms) == 1 else None)
    return keys + [None] * (len(parts) - len(keys))


def _key(part: Criterion, conditions: list[Condition], form: Family | None) -> Key | None:
    names = {(c.attribute.name, c.ignore_case) for c in conditions}
    if len(names) == 1:
        operators = {c.operator for c in conditions}
        if form in (Family.TEXT, Family.BOOLEAN) and operators <= _POINTWISE:
            return (form, *names.pop())
        numeric = form in NUMERIC or form is Family.INSTANT
        if numeric and operators <= _RANGED and all(_exact(c) is not None for c in conditions):
            return (form, *names.pop())
    if isinstance(part, Condition) and part.operator in PRESENCE:
        return (Operator.IS_SET, part.attribute.name)
    if isinstance(part, Condition):
        kinds = tuple(type(o) for o in part.operands)
        return (part.operator, part.attribute.name, part.ignore_case, part.operands, kinds, id(part.pattern))
    return None


def _index(key: Key, parts: list[list[Criterion]]) -> Index:
    """`parts` are those of each rule that the index stands for."""
    conditions = [c for own in parts for p in own for c in conditions_of(p)]
    first = conditions[0]
    if isinstance(key[0], Operator):  # the same condition everywhere, but for isSet and isNotSet
        same = [{c.operator is first.operator for p in own for c in conditions_of(p)} for own in parts]
        return ByAnswer(first, _bits([s <= {True} for s in same]), _bits([s <= {False} for s in same]))
    if all(c.operator in _POINTWISE for c in conditions):
        return _by_value(first, key[0], parts)
    return _by_range(first, parts)


def _bits(flags: list[bool]) -> int:
    return sum(1 << height for height, flag in enumerate(reversed(flags)) if flag)


def _by_value(first: Condition, form: Family, parts: list[list[Criterion]]) -> ByValue:
    other, toggled = 0, Counter[Any]()
    for height, own in enumerate(reversed(parts)):
        bit = 1 << height
        mentioned = _constants(own)
        strange: Any = "".join(mentioned) + "x" if form is Family.TEXT else sum(map(abs, mentioned), start=1)
        usual = _all_hold(own, strange)
        other |= bit * usual
        values = {None, *mentioned, *([""] if form is Family.TEXT else [])}
        for value in values | ({True, False} if form is Family.BOOLEAN else set()):
            if _all_hold(own, value) is not usual:
                toggled[value] ^= bit
    raw = {_fraction(c): c for own in parts for c in _raw_constants(own)}
    sets = {raw.get(value, value): other ^ toggle for value, toggle in toggled.items()}
    return ByValue(first.attribute, first.ignore_case, sets, other)


def _by_range(first: Condition, parts: list[list[Criterion]]) -> ByRange:
    exact = {Fraction(c): c for own in parts for c in _raw_constants(own)}
    bounds = sorted(exact)
    toggled = [0] * (2 * len(bounds) + 1)
    missing = 0
    for height, own in enumerate(reversed(parts)):
        bit = 1 << height
        missing |= bit * _all_hold(own, None)
        steps = sorted(_constants(own))
        now = _all_hold(own, steps[0] - 1 if steps else Fraction(0))
        toggled[0] ^= bit * now
        for step, following in zip_longest(steps, steps[1:]):
            region = 2 * bisect_left(bounds, step) + 1
            beyond = step + 1 if following is None else (step + following) / 2
            for offset, value in enumerate((step, beyond)):
                held = _all_hold(own, value)
                if held is not now:
                    toggled[region + offset] ^= bit
                now = held
    sets = [toggled[0]]
    for toggle in toggled[1:]:
        sets.append(sets[-1] ^ toggle)
    at, outside = sets[1::2], sets[::2]
    place = Place.BOTH
    if at == outside[:-1]:
        place, sets = Place.BELOW, outside
    elif at == outside[1:]:
        place, sets = Place.NOT_ABOVE, outside
    return ByRange(first.attribute, tuple(exact[b] for b in bounds), place, tuple(sets), missing)


def _all_hold(parts: list[Criterion], value: Any) -> bool:
    return all(_holds(part, value) for part in parts)


def _holds(part: Criterion, value: Any) -> bool:
    match part:
        case AllOf():
            return all(_holds(p, value) for p in part.parts)
        case AnyOf():
            return any(_holds(p, value) for p in part.parts)
        case NotOf():
            return not _holds(part.part, value)
        case Condition():
            if value is None or part.operator in PRESENCE:
                return holds(part, value, (), 0)
            return compares(part, value, _exact(part) or (), 0)


def _constants(parts: list[Criterion]) -> set[Any]:
    """The values that the conditions name, numbers as exact fractions."""
    found = [o for p in parts for c in conditions_of(p) for o in _exact(c) or ()]
    return {v for o in found for v in (o if isinstance(o, frozenset) else (o,))}


def _raw_constants(parts: list[Criterion]) -> list[Any]:
    found = [o for p in parts for c in conditions_of(p) for o in c.operands]
    return [v for o in found for v in (o if isinstance(o, frozenset) else (o,))]


def _exact(c: Condition) -> tuple[Any, ...] | None:
    """The operands with exact numbers, which compare with every other; None where one is not a constant."""
    exact: list[Any] = []
    for operand in c.operands:
        values = operand if isinstance(operand, frozenset) else (operand,)
        numbers = [_fraction(v) for v in values]
        if None in numbers:
            return None
        exact.append(frozenset(numbers) if isinstance(operand, frozenset) else numbers[0])
    return tuple(exact)


def _fraction(value: Any) -> Any:
    """A number exactly, texts and truth as they are; None for what is no constant or too far out to be written out."""
    match value:
        case bool() | str():
            return value
        case Decimal():
            exponent = value.as_tuple().exponent
            near = isinstance(exponent, int) and abs(exponent) <= _MAX_EXPONENT
            return Fraction(value) if near else None
        case int():
            return Fraction(value)
        case float():
            return Fraction(value) if isfinite(value) else None
        case _:
            return None
