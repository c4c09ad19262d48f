"""What rule sets read of an item, so coarsely that items which read alike are judged alike. Pure.

A number that is only compared with 500 and 1000 matters by where it lies between them, a text by whether it is one of
the constants or holds one. What rules take over, compare with other attributes or match by a pattern matters as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from openiwd.domain.attribute import Attribute, Family, Root
from openiwd.domain.condition import EQUALITY, MEMBERSHIP, ORDER, PRESENCE, Condition, Moment, Operator
from openiwd.domain.rule_set import CompiledRuleSet

REQUESTS: Final = ("requestedSkill", "requestedAgent", "requestedAgentGroup")
"""Of `ext`: become part of the requirement."""
_INSIDE: Final = {Operator.CONTAINS: "contains", Operator.STARTS_WITH: "starts", Operator.ENDS_WITH: "ends"}
_INSTANTS: Final = frozenset({Operator.BEFORE, Operator.AFTER, Operator.OLDER_THAN}) | EQUALITY | ORDER


class Reading(Struct, frozen=True, kw_only=True):
    """How one attribute matters. `whole`: as it is; else by its kind, and by where it stands among the constants."""

    root: Root
    keys: tuple[str, ...]
    """The field of `Facts`, or the path below the root."""
    instant: bool
    whole: bool
    numbers: tuple[Decimal, ...] = ()
    instants: tuple[int, ...] = ()
    """Microseconds."""
    texts: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    """(contains | starts | ends, what)."""


class _Gathered:
    """What is asked of one attribute so far."""

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.whole = False
        self.numbers: set[Decimal] = set()
        self.instants: set[int] = set()
        self.texts: set[str] = set()
        self.parts: set[tuple[str, str]] = set()

    def ask(self, c: Condition, now_us: int) -> None:
        """One more condition on the attribute."""
        if c.refs or c.ignore_case:
            self.whole = True
        elif c.operator in PRESENCE:
            return
        elif c.operator in _INSIDE and isinstance(c.operands[0], str):
            self.parts.add((_INSIDE[c.operator], c.operands[0]))
        elif c.family is Family.INSTANT:
            self._instants(c, now_us)
        elif c.operator in MEMBERSHIP:
            self._constants(c.operands[0])
        elif c.operator in EQUALITY | ORDER or c.operator is Operator.BETWEEN:
            self._constants(c.operands)
        else:
            self.whole = True

    def _instants(self, c: Condition, now_us: int) -> None:
        if c.operator is Operator.OLDER_THAN:
            self.instants.add(now_us - c.operands[0])
        elif c.operator in _INSTANTS or c.operator is Operator.BETWEEN:
            self.instants |= {now_us + o.offset if isinstance(o, Moment) else o for o in c.operands}
        else:
            self.whole = True

    def _constants(self, operands: Iterable[Any]) -> None:
        for operand in operands:
            if isinstance(operand, bool):
                continue
            if isinstance(operand, str):
                self.texts.add(operand)
            elif isinstance(operand, int | float | Decimal):
                self.numbers.add(Decimal(repr(operand)) if isinstance(operand, float) else Decimal(operand))
            else:
                self.whole = True

    def reading(self) -> Reading:
        a = self.attribute
        instant = a.root is Root.ITEM and a.family is Family.INSTANT
        # Text in JSON that is read as a date is told apart only as it is.
        whole = self.whole or (not instant and bool(self.instants)) or a.family is Family.LIST
        return Reading(
            root=a.root,
            keys=a.keys,
            instant=instant,
            whole=whole,
            numbers=tuple(sorted(self.numbers)),
            instants=tuple(sorted(self.instants)),
            texts=tuple(sorted(self.texts)),
            parts=tuple(sorted(self.parts)),
        )


def readings(versions: Iterable[CompiledRuleSet], now_us: int) -> list[Reading]:
    """What these versions read, by attribute."""
    found: dict[str, _Gathered] = {}

    def of(attribute: Attribute) -> _Gathered:
        return found.setdefault(attribute.name, _Gathered(attribute))

    for rules in versions:
        for condition in rules.program.all_conditions():
            of(condition.attribute).ask(condition, now_us)
            for ref in condition.refs:
                of(ref.attribute).whole = True
        for rule in rules.program.all_rules():
            for action in rule.actions:
                for attribute in action.reads:
                    of(attribute).whole = True
        for queue in rules.queues.values():
            segment = rules.vocabulary.resolve(queue.segment_by) if queue.segment_by is not None else None
            if segment is not None:
                of(segment).whole = True
        for name in REQUESTS:
            request = rules.vocabulary.resolve(f"ext.{name}")
            if request is not None:
                of(request).whole = True
    return [g.reading() for name, g in sorted(found.items()) if g.attribute.root is not Root.NOW]


def read_names(versions: Iterable[CompiledRuleSet], now_us: int) -> set[str]:
    """The attributes that these versions read, as rules name them."""
    return {
        _camel(r.keys[0]) if r.root is Root.ITEM else ".".join([r.root.value, *r.keys])
        for r in readings(versions, now_us)
    }


_INSTANT_NAMES: Final = {
    "due_at": "dueDateTime",
    "created_at": "createdDateTime",
    "activation_at": "activationDateTime",
    "expiration_at": "expirationDateTime",
}


def _camel(field: str) -> str:
    """A field of the facts as rules and submissions name it."""
    first, *rest = field.split("_")
    return _INSTANT_NAMES.get(field) or first + "".join(part.capitalize() for part in rest)
