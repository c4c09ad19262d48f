"""The attributes that a record can fill: where each lies in a message, and what its values are read as. Pure."""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.work_item import ContactInput, Ext, ItemSubmission


class Kind(Enum):
    """What a value is read as; the value of each member is the phrase for people."""

    TEXT = "text"
    INTEGER = "a whole number"
    INSTANT = "a date"
    LIST = "a list"
    ANY = "any value"


class Target(NamedTuple):
    path: tuple[str, ...]
    kind: Kind

    @property
    def name(self) -> str:
        return ".".join(self.path)


WORDS: Final = {
    "id": Kind.TEXT,
    "actor": Kind.TEXT,
    "reason": Kind.TEXT,
    "comment": Kind.TEXT,
    "holdUntil": Kind.INSTANT,
    "wakesOn": Kind.TEXT,
    "keepFor": Kind.TEXT,
    "resultCode": Kind.TEXT,
    "agent": Kind.TEXT,
    "reclassify": Kind.TEXT,
}
"""What messages say beside the item's attributes."""
_INTEGERS: Final = frozenset({"businessValue", "priorityFixed", "priorityAdjustment"})
_LISTS: Final = frozenset({"tags", "emails", "phones", "requestedSkill"})
_INNER: Final = ("ext", "contact", "data")
ITEM: Final = tuple(
    f.encode_name
    for f in msgspec.structs.fields(ItemSubmission)
    if f.encode_name not in (*_INNER, "capturePoint")
)
EXT: Final = tuple(f.encode_name for f in msgspec.structs.fields(Ext))
CONTACT: Final = tuple(f.encode_name for f in msgspec.structs.fields(ContactInput))


def _kind(name: str) -> Kind:
    if name.endswith("DateTime"):
        return Kind.INSTANT
    if name in _INTEGERS:
        return Kind.INTEGER
    if name in _LISTS:
        return Kind.LIST
    return Kind.ANY if name == "priority" else Kind.TEXT


def _targets() -> dict[str, Target]:
    found = {name: Target((name,), kind) for name, kind in WORDS.items()}
    found |= {name: Target((name,), _kind(name)) for name in ITEM}
    found |= {f"ext.{name}": Target(("ext", name), _kind(name)) for name in EXT}
    found |= {f"contact.{name}": Target(("contact", name), _kind(name)) for name in CONTACT}
    return found


TARGETS: Final = _targets()
"""Every attribute but those of `data`, by its name."""
REMEMBERED_LENGTH: Final = 100
_DATA: Final = re.compile(r"data(\.[^.\x00-\x1f]{1,100}){1,8}")


def target_of(name: str) -> Target | None:
    """The attribute of this name; any path below `data` is one."""
    found = TARGETS.get(name)
    if found is None and _DATA.fullmatch(name):
        found = Target(tuple(name.split(".")), Kind.ANY)
    return found


def meant(name: str) -> str | None:
    """The attribute that may have been meant by a name that is none."""
    return next(iter(get_close_matches(name, TARGETS, n=1)), None)


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.casefold())


def _by_plain_name() -> dict[str, Target]:
    found = {_plain(name): target for name, target in TARGETS.items()}
    for name in EXT:
        found.setdefault(_plain(name), TARGETS[f"ext.{name}"])
    found.setdefault("externalid", TARGETS["captureId"])
    found.setdefault("interactionid", TARGETS["id"])
    return found


_BY_PLAIN_NAME: Final = _by_plain_name()
_INNER_TARGETS: Final = {name: Target((name,), Kind.ANY) for name in _INNER}


def target_by_name(field: str) -> Target:
    """The attribute that a source's field fills by its name alone, however it is written; else one of `data`."""
    return _remembered(field) if len(field) <= REMEMBERED_LENGTH else _by_name(field)


def _by_name(field: str) -> Target:
    inner = _INNER_TARGETS.get(field.casefold())
    if inner is not None:
        return inner
    found = _BY_PLAIN_NAME.get(_plain(field))
    if found is not None:
        return found
    root, dot, rest = field.partition(".")
    if dot and root.casefold() in ("data", "ext"):
        return Target(("data", *rest.split(".")), Kind.ANY)
    return Target(("data", field), Kind.ANY)


_remembered: Final = lru_cache(maxsize=2_048)(_by_name)
"""Records of a source have the same few names again and again."""


def lay(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Puts a value at its place, making the objects on the way (those there are copied: they may be a record's own)."""
    if len(path) == 1:
        values[path[0]] = value
        return
    *parents, leaf = path
    for name in parents:
        inner = values.get(name)
        inner = values[name] = dict(inner) if isinstance(inner, dict) else {}
        values = inner
    values[leaf] = value


def there(values: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether anything has been put at a place."""
    inner: Any = values
    for name in path:
        if not isinstance(inner, dict) or name not in inner:
            return False
        inner = inner[name]
    return True
