"""Brings a changed rule-set document onto one that was changed meanwhile: three ways, object by object. Pure.

What only one side has changed is taken from it; where both have changed an object differently, a person chooses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.domain.rule_set_diff import PARTS, SETTINGS, objects_of

MINE: Final = "mine"
THEIRS: Final = "theirs"
_SETTINGS: Final = ("name", "timeZone", "defaultCategory")

Objects = Mapping[str, dict[str, Any]]
Sides = tuple[Objects, Objects, Objects]
"""One kind of object in the base, in mine, and in theirs."""


class ChangedTwice(Struct, omit_defaults=True):
    """An object that both sides have changed, each in its own way; absent on a side that removed it."""

    kind: str
    id: str
    mine: Any = msgspec.UNSET
    theirs: Any = msgspec.UNSET
    choice: str | None = None
    """`mine` or `theirs`, once somebody has chosen."""

    @property
    def key(self) -> str:
        return key_of(self.kind, self.id)


class Merged(Struct):
    """The document that both sides' changes make, and what both have changed."""

    document: RuleSetDocument
    twice: list[ChangedTwice]

    @property
    def open(self) -> list[ChangedTwice]:
        """What is still to be chosen; the document has the draft's side of it meanwhile."""
        return [t for t in self.twice if t.choice is None]


def key_of(kind: str, object_id: str) -> str:
    """What a choice names an object by: `queues/motor_l1`."""
    return f"{kind}/{object_id}"


def merge(
    base: RuleSetDocument, mine: RuleSetDocument, theirs: RuleSetDocument, choices: Mapping[str, str]
) -> Merged:
    """`theirs` with the changes that `mine` makes of `base`; `choices` says `mine` or `theirs` by object.

    Where both sides put ordered objects into another order, mine counts.
    """
    one, own, other = (msgspec.to_builtins(d) for d in (base, mine, theirs))
    twice: list[ChangedTwice] = []
    merged = _settings(one, own, other, choices, twice)
    for part in PARTS:
        sides = objects_of(part, one), objects_of(part, own), objects_of(part, other)
        values = _values(part, sides, choices, twice)
        if part == "categories":
            tree = _tree(values, sides)
            if tree:
                merged[part] = tree
        elif values:
            merged[part] = [values[name] for name in _ordered(list(values), *map(list, sides))]
    return Merged(parse_document(merged), twice)


def _settings(
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    choices: Mapping[str, str],
    twice: list[ChangedTwice],
) -> dict[str, Any]:
    one, own, other = ({n: {"value": d.get(n)} for n in _SETTINGS} for d in (base, mine, theirs))
    values = _values(SETTINGS, (one, own, other), choices, twice)
    return {name: each["value"] for name, each in values.items() if each["value"] is not None}


def _values(
    kind: str, sides: Sides, choices: Mapping[str, str], twice: list[ChangedTwice]
) -> dict[str, dict[str, Any]]:
    """The objects of one kind after the merge, in no particular order."""
    base, mine, theirs = sides
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*base, *theirs, *mine]):
        was, own, other = base.get(name), mine.get(name), theirs.get(name)
        if own in (was, other):
            chosen = other
        elif other == was:
            chosen = own
        else:
            choice = choices.get(key_of(kind, name))
            chosen = other if choice == THEIRS else own
            twice.append(
                ChangedTwice(
                    kind,
                    name,
                    msgspec.UNSET if own is None else own,
                    msgspec.UNSET if other is None else other,
                    choice if choice in (MINE, THEIRS) else None,
                )
            )
        if chosen is not None:
            found[name] = chosen
    return found


def _ordered(
    names: Sequence[str], base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]
) -> list[str]:
    """The names in the order of the side that changed it; what the other side added follows what it follows there."""
    shared = set(base) & set(mine) & set(theirs)
    unmoved = [n for n in mine if n in shared] == [n for n in base if n in shared]
    leading, adding = (theirs, mine) if unmoved else (mine, theirs)
    kept = set(names)
    order = [n for n in leading if n in kept]
    for place, name in enumerate(adding):
        if name in kept and name not in order:
            before = next((n for n in reversed(adding[:place]) if n in order), None)
            order.insert(0 if before is None else order.index(before) + 1, name)
    return order + [n for n in names if n not in order]


def _tree(values: Objects, sides: Sides) -> list[dict[str, Any]]:
    """The flat nodes as a tree; what has lost its parent, or would lie below itself, goes where theirs has it."""
    theirs = sides[2]
    parents = {name: node.get("parent") for name, node in values.items()}
    for name in [n for n in values if not _reaches_top(n, parents)]:
        parents[name] = theirs.get(name, {}).get("parent")
    for name in values:
        if not _reaches_top(name, parents):
            parents[name] = None

    def below(parent: str | None) -> list[dict[str, Any]]:
        children = [n for n, p in parents.items() if p == parent]
        families = ([n for n, node in side.items() if node.get("parent") == parent] for side in sides)
        return [_node(values[n], below(n)) for n in _ordered(children, *families)]

    return below(None)


def _node(value: Mapping[str, Any], children: list[dict[str, Any]]) -> dict[str, Any]:
    own = {k: v for k, v in value.items() if k != "parent"}
    return {**own, "children": children} if children else own


def _reaches_top(name: str, parents: Mapping[str, str | None]) -> bool:
    seen: set[str] = set()
    at: str | None = name
    while at is not None:
        if at in seen or at not in parents:
            return False
        seen.add(at)
        at = parents[at]
    return True
