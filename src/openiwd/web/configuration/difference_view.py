"""Differences between two rule sets in words: by object, with the old and the new value of each field. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import PARTS, SETTINGS, ObjectDifference, category_nodes, objects_of
from openiwd.domain.rule_set_merge import ChangedTwice
from openiwd.web.configuration.rule_text import plain_text
from openiwd.web.shell.catalogue import Catalogue

PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "categories": ("tree", "/configuration/categories"),
    "schemas": ("curve", "/configuration/schemas"),
    "queues": ("inbox", "/configuration/queues"),
    "calendars": ("cal", "/configuration/calendars"),
    "rules": ("split", "/configuration/rules"),
    "decisionTables": ("columns", "/configuration/decision-tables"),
    "attributes": ("list", "/configuration/attributes"),
    "tests": ("test", "/configuration/tests"),
}
"""Where objects are edited, and their icon. Media types and the settings have no page of their own."""
UNTOLD: Final = frozenset({"id", "name", "parent"})
LONGEST: Final = 400
_STEP: Final = re.compile(r"\.?(\w+)\[(\d+)\]")


class FieldChange(NamedTuple):
    label: str
    before: str | None
    after: str | None
    """None: it was not there, or is not there any more."""


class ObjectChange(NamedTuple):
    """An object that differs; `href` leads to it where it still is."""

    kind: str
    title: str
    icon: str
    href: str | None
    change: str
    fields: list[FieldChange]


class FaultLine(NamedTuple):
    """A fault with the object that it belongs to."""

    object: str
    field: str
    message: str
    hint: str
    href: str | None


class Choice(NamedTuple):
    """An object that both sides have changed: what differs between them."""

    key: str
    title: str
    icon: str
    fields: list[FieldChange]
    choice: str | None


class Names:
    """What the objects of a document are called, and their plain values."""

    def __init__(self, document: RuleSetDocument, t: Catalogue) -> None:
        self._t = t
        plain = msgspec.to_builtins(document)
        self._objects = {part: objects_of(part, plain) for part in PARTS}
        self._paths = {node.id: path for node, _, path, _ in category_nodes(document.categories)}

    def value(self, part: str, object_id: str) -> dict[str, Any]:
        return self._objects.get(part, {}).get(object_id, {})

    def has(self, part: str, object_id: str) -> bool:
        return object_id in self._objects.get(part, {})

    def title(self, part: str, object_id: str) -> str:
        """`Category Claims › Motor`."""
        noun = self._t.named("object_kind", part)
        if part == SETTINGS:
            return noun
        if part == "categories" and object_id in self._paths:
            return f"{noun} {self._paths[object_id].replace('/', ' › ')}"
        value = self.value(part, object_id)
        return f"{noun} {value.get('label') or value.get('name') or object_id}".rstrip()

    def field(self, part: str, name: str, value: Any) -> str | None:
        """A field's value in words; references to other objects by their names."""
        if value is msgspec.UNSET:
            return None
        if name in ("parent", "follows"):
            if value is None:
                return self._t("difference.first" if name == "follows" else "difference.top")
            return str(self.value(part, value).get("name") or value)
        for reference, place in (("schema", "schemas"), ("queue", "queues")):
            if name == reference and self.has(place, str(value)):
                return str(self.value(place, value).get("name"))
        text = plain_text(name, value, self._t)
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def address_of(part: str, object_id: str) -> str | None:
    place = PLACES.get(part)
    return f"{place[1]}/{quote(object_id, safe='')}" if place is not None else None


def changes_of(
    differences: Iterable[ObjectDifference],
    before: RuleSetDocument,
    after: RuleSetDocument,
    t: Catalogue,
    draft: str = "",
) -> list[ObjectChange]:
    """All objects that differ; with `draft` (`?draft=…`) their links lead into it."""
    one, other = Names(before, t), Names(after, t)
    found = []
    for d in differences:
        names = one if d.change == "removed" else other
        href = address_of(d.kind, d.id) if d.change != "removed" else None
        found.append(
            ObjectChange(
                d.kind,
                names.title(d.kind, d.id),
                PLACES.get(d.kind, ("doc", ""))[0],
                f"{href}{draft}" if href else None,
                d.change,
                _fields(d, one, other, t),
            )
        )
    return found


def _fields(d: ObjectDifference, one: Names, other: Names, t: Catalogue) -> list[FieldChange]:
    if d.change == "removed":
        return []
    if d.change == "added":
        value = other.value(d.kind, d.id)
        told = [n for n in value if n not in UNTOLD]
        return [FieldChange(_label(n, t), None, other.field(d.kind, n, value[n])) for n in told]
    if d.kind == SETTINGS:
        return [
            FieldChange(
                _label(f.path, t), one.field(d.kind, f.path, f.before), other.field(d.kind, f.path, f.after)
            )
            for f in d.fields
        ]
    before, after = one.value(d.kind, d.id), other.value(d.kind, d.id)
    moves = {f.path: f for f in d.fields if f.path == "follows"}
    found = []
    for name in dict.fromkeys(re.split(r"[.\[]", f.path)[0] for f in d.fields):
        was, now = before.get(name, msgspec.UNSET), after.get(name, msgspec.UNSET)
        if name in moves:
            was, now = moves[name].before, moves[name].after
        found.append(
            FieldChange(_label(name, t), one.field(d.kind, name, was), other.field(d.kind, name, now))
        )
    return found


def _label(name: str, t: Catalogue) -> str:
    return t.named("conf_field", name)


def choices_of(
    twice: Iterable[ChangedTwice], mine: RuleSetDocument, theirs: RuleSetDocument, t: Catalogue
) -> list[Choice]:
    """The objects that both sides have changed; `before` of their fields is the draft's side, `after` the live one."""
    own, other = Names(mine, t), Names(theirs, t)
    return [_choice(c, own, other, t) for c in twice]


def _choice(c: ChangedTwice, own: Names, other: Names, t: Catalogue) -> Choice:
    names = own if own.has(c.kind, c.id) else other
    left = {} if c.mine is msgspec.UNSET else c.mine
    right = {} if c.theirs is msgspec.UNSET else c.theirs
    fields = [
        FieldChange(
            _label(c.id if c.kind == SETTINGS else name, t),
            own.field(c.kind, name, left.get(name, msgspec.UNSET)),
            other.field(c.kind, name, right.get(name, msgspec.UNSET)),
        )
        for name in dict.fromkeys([*left, *right])
        if name != "id" and left.get(name) != right.get(name)
    ]
    return Choice(c.key, names.title(c.kind, c.id), PLACES.get(c.kind, ("doc", ""))[0], fields, c.choice)


def fault_lines(
    faults: Iterable[Any], document: RuleSetDocument, t: Catalogue, draft: str
) -> list[FaultLine]:
    """Each fault with the object that it belongs to, and the way there."""
    names = Names(document, t)
    found = []
    for f in faults:
        part, object_id, rest = object_at(document, f.field or "")
        href = address_of(part, object_id) if object_id else None
        title = names.title(part, object_id) if object_id else t("object_kind.settings")
        found.append(FaultLine(title, rest, f.message, f.hint or "", f"{href}{draft}" if href else None))
    return found


def object_at(document: RuleSetDocument, field: str) -> tuple[str, str, str]:
    """The kind and id of the object that a path such as `categories[0].children[1].queue` leads to, and the rest."""
    plain: Any = msgspec.to_builtins(document)
    part, object_id, rest = "", "", field
    while match := _STEP.match(rest):
        if part and not (part == "categories" and match[1] == "children"):
            break
        listed = plain.get(match[1]) or []
        if int(match[2]) >= len(listed):
            break
        part = part or match[1]
        if part not in PARTS:
            return "", "", field
        plain = listed[int(match[2])]
        object_id = str(plain[PARTS[part]])
        rest = rest[match.end() :]
    return part, object_id, rest.lstrip(".")
