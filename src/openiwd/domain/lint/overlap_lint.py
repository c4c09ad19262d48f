"""What is odd about conditions taken together: siblings that both match, attributes taken for several types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from openiwd.domain.attribute import NUMERIC, Family
from openiwd.domain.condition import PRESENCE
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.lint.search import Verdict, find
from openiwd.domain.program import Node
from openiwd.domain.rule_set import CompiledRuleSet

MOST_PAIRS: Final = 400
"""Pairs of siblings that are looked at for items that both would take."""
_NUMBERS: Final = frozenset(f.value for f in NUMERIC)


def lint_overlaps(rules: CompiledRuleSet, now_us: int) -> Iterator[Finding]:
    """Siblings whose conditions hold for one and the same item: their order decides, which may not be known.

    The last sibling is left out: as `others` it is meant to take what the ones before leave over.
    """
    left = MOST_PAIRS
    levels: list[tuple[str, Sequence[Node]]] = [("categories", rules.program.roots)]
    while levels:
        at, nodes = levels.pop()
        levels += [(f"{at}[{i}].children", node.children) for i, node in enumerate(nodes)]
        live = [(i, n) for i, n in enumerate(nodes) if not n.archived and n.criterion is not None]
        for place, (i, later) in enumerate(live[:-1]):
            for _, earlier in live[:place]:
                left -= 1
                if left < 0:
                    return
                yield from _overlap(rules, f"{at}[{i}]", earlier, later, now_us)


def _overlap(
    rules: CompiledRuleSet, field: str, earlier: Node, later: Node, now_us: int
) -> Iterator[Finding]:
    if earlier.criterion is None or later.criterion is None:
        return
    answer = find([earlier.criterion, later.criterion], [], now_us)
    if answer.verdict is not Verdict.SOME:
        return
    one, other = rules.tree[later.index], rules.tree[earlier.index]
    yield Finding(
        kind=FindingKind.OVERLAPS,
        severity=Severity.HINT,
        field=field,
        object_kind="category",
        object_id=one.id,
        message=f"'{one.path}' overlaps with '{other.path}' before it, which takes the items that match both",
        hint="if that is not meant so, narrow one of them, or change their order",
        example=answer.example,
        values={"object": one.path, "other": other.path},
    )


def lint_types(rules: CompiledRuleSet) -> Iterator[Finding]:
    """Attributes that are not declared, and that conditions take for values of several types."""
    families: dict[str, set[str]] = {}
    for condition in rules.program.all_conditions():
        if condition.attribute.family is Family.ANY and condition.operator not in PRESENCE:
            families.setdefault(condition.attribute.name, set()).add(condition.family.value)
    for name, found in sorted(families.items()):
        # A number is a number, and what contains something may be a text as well as a list.
        kinds = {"number" if f in _NUMBERS else f for f in found} - {Family.ANY.value}
        if len(kinds) > 1 and kinds != {Family.TEXT.value, Family.LIST.value}:
            types = ", ".join(sorted(kinds))
            yield Finding(
                kind=FindingKind.MIXED_TYPES,
                severity=Severity.WARNING,
                field="attributes",
                object_kind="attribute",
                object_id=name,
                message=f"conditions take {name} for values of several types ({types}): an item with one of them is "
                "held by an error",
                hint="declare the attribute with its type, or correct the conditions",
                values={"object": name, "types": types},
            )
