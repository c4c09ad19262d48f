"""Values that stand for all values of an attribute: one for each way in which its conditions can turn out.

The conditions cut the values of an attribute into cells (below, at and above each number; each text that is named,
each prefix, …). One value of each cell is enough to try. Where the cells cannot be listed in full, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.attribute import NUMERIC, Attribute, Family, Root
from openiwd.domain.condition import EQUALITY, MEMBERSHIP, PRESENCE, Condition, Moment, Operator, Ref
from openiwd.domain.instant import HOUR, from_micros

ALWAYS_THERE: Final = frozenset({
    "mediaType", "capturePoint", "captureId", "businessValue", "createdDateTime", "tags", "now",
})  # fmt: skip
"""Attributes of the item that no item lacks."""
MOST_PARTS: Final = 5
"""Parts of a text, or elements of a list, of which all combinations are tried."""
_FRESH: Final = ("x", "other", "~", "\ue000")
_HOURS_AHEAD: Final = 24 * 8
_ENDS: Final = (timedelta(days=365 * 1_900), timedelta(days=365 * 7_900))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Representatives(Struct, frozen=True):
    """Raw values as an item may have them, None for a missing one; `complete`: every cell has one."""

    values: tuple[Any, ...]
    complete: bool


def representatives(attribute: Attribute, conditions: Sequence[Condition], now_us: int) -> Representatives:
    """Values of the attribute for all ways in which these conditions on it (or comparing with it) can turn out."""
    own = [c for c in conditions if c.attribute.name == attribute.name]
    complete = not any(c.refs for c in conditions)
    values: list[Any] = [] if attribute.name in ALWAYS_THERE else [None]
    families = _families(attribute, own)
    if attribute.family is Family.ANY:
        complete = complete and len(families) <= 1
        values += ["", [], True, 0, "x"]
    for family in families:
        found, full = _of_family(family, attribute, conditions, now_us)
        values += found
        complete = complete and full
    if attribute.name in ALWAYS_THERE:
        values = [v for v in values if v != ""]
    return Representatives(_distinct(values), complete)


def _families(attribute: Attribute, own: Sequence[Condition]) -> list[Family]:
    if attribute.family is not Family.ANY:
        return [attribute.family]
    seen = {c.family: None for c in own if c.operator not in PRESENCE}
    if any(c.operator is Operator.CONTAINS for c in own):
        seen |= {Family.TEXT: None, Family.LIST: None}
    return [f for f in seen if f is not Family.ANY]


def _of_family(
    family: Family, attribute: Attribute, conditions: Sequence[Condition], now_us: int
) -> tuple[list[Any], bool]:
    if family in NUMERIC:
        return [str(n) if isinstance(n, Decimal) else n for n in _numbers(family, conditions)], True
    match family:
        case Family.INSTANT:
            return _instants(attribute, conditions, now_us)
        case Family.BOOLEAN:
            return [True, False], True
        case Family.LIST:
            return _lists(conditions)
        case Family.TEXT:
            return _texts(conditions)
        case _:
            return [], False


def _constants(conditions: Iterable[Condition], kinds: type | tuple[type, ...]) -> list[Any]:
    """All constants of these kinds that the conditions compare with."""
    found: list[Any] = []
    for c in conditions:
        for operand in c.operands:
            if isinstance(operand, frozenset):
                found += operand
            elif not isinstance(operand, Moment | Ref):
                found.append(operand)
    return [v for v in found if isinstance(v, kinds) and not isinstance(v, bool)]


def _numbers(family: Family, conditions: Sequence[Condition]) -> list[Any]:
    known = sorted(set(_constants(conditions, (int, float, Decimal))))
    if not known:
        return [0, 1]
    if family is Family.INTEGER:
        whole = [int(k) for k in known]
        return sorted({v for k in whole for v in (k - 1, k, k + 1)})
    between = [_middle(a, b) for a, b in pairwise(known)]
    return [known[0] - 1, *known, *between, known[-1] + 1]


def _middle(one: Any, other: Any) -> Any:
    if isinstance(one, float) or isinstance(other, float):
        return (float(one) + float(other)) / 2
    return (
        (Decimal(one) + Decimal(other)) / 2
        if isinstance(one, Decimal) or isinstance(other, Decimal)
        else ((one + other) / 2)
    )


def _instants(attribute: Attribute, conditions: Sequence[Condition], now_us: int) -> tuple[list[Any], bool]:
    fixed = _constants((c for c in conditions if c.operator is not Operator.OLDER_THAN), int)
    moving = [now_us + o.offset for c in conditions for o in c.operands if isinstance(o, Moment)]
    moving += [now_us - c.operands[0] for c in conditions if c.operator is Operator.OLDER_THAN]
    points = {now_us, *fixed, *moving}
    clocks = [c.clock for c in conditions if c.clock is not None]
    for clock in clocks:
        hours = [now_us + n * HOUR for n in range(_HOURS_AHEAD)]
        points |= {next((h for h in hours if clock.is_open(h) is open_), now_us) for open_ in (True, False)}
    complete = not clocks and not (fixed and moving) and attribute.root is not Root.NOW
    return [t for p in sorted(points) for v in (p - 1, p, p + 1) if (t := _text_of(v)) is not None], complete


def _text_of(micros: int) -> str | None:
    """An instant as an item writes it; None outside of what dates can say."""
    if not -_ENDS[0] < timedelta(microseconds=micros) < _ENDS[1]:
        return None
    return from_micros(micros).isoformat()


def _lists(conditions: Sequence[Condition]) -> tuple[list[Any], bool]:
    elements = _distinct(o for c in conditions if c.operator is Operator.CONTAINS for o in c.operands)
    plain = [e for e in elements if not isinstance(e, Ref | Moment)]
    full = len(plain) == len(elements) <= MOST_PARTS and not _mixed_case(conditions)
    return [[], [_fresh(plain)], *(list(s) for s in _subsets(plain))], full


def _texts(conditions: Sequence[Condition]) -> tuple[list[Any], bool]:
    def of(*operators: Operator) -> list[str]:
        return _constants((c for c in conditions if c.operator in operators), str)

    named = of(*EQUALITY, *MEMBERSHIP)
    heads, tails, parts = of(Operator.STARTS_WITH), of(Operator.ENDS_WITH), of(Operator.CONTAINS)
    fresh = _fresh([*named, *heads, *tails, *parts])
    values = ["", fresh, *named]
    for chosen in _subsets(_distinct(parts)):
        inside = "".join(f"{part}{fresh}" for part in chosen)
        values += [f"{head}{fresh}{inside}{tail}" for head in ("", *heads) for tail in ("", *tails)]
    values += [*heads, *tails, *parts]
    mixed = _mixed_case(conditions)
    if mixed:
        values += [v for text in list(values) for v in (text.upper(), text.lower(), text.capitalize())]
    patterned = any(c.operator is Operator.MATCHES for c in conditions)
    return values, not (mixed or patterned or len(set(parts)) > MOST_PARTS)


def _mixed_case(conditions: Sequence[Condition]) -> bool:
    """Whether some conditions tell upper from lower case and some do not: then more cells exist than are listed."""
    return len({c.ignore_case for c in conditions if c.operator not in PRESENCE}) > 1


def _fresh(known: Iterable[Any]) -> str:
    """A text that has nothing in common with those that are named."""
    used = "".join(k for k in known if isinstance(k, str)).casefold()
    return next((f for f in _FRESH if not set(f) & set(used)), _FRESH[-1])


def _subsets(elements: Sequence[Any]) -> list[tuple[Any, ...]]:
    if len(elements) > MOST_PARTS:
        return [(), *((e,) for e in elements), tuple(elements)]
    return [chosen for size in range(len(elements) + 1) for chosen in combinations(elements, size)]


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each once, keeping true apart from 1."""
    found: dict[tuple[type, str], Any] = {}
    for value in values:
        found.setdefault((type(value), repr(value)), value)
    return tuple(found.values())
