"""The attributes that rules read and set, built in or declared by a tenant, and how values are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import Enum, StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from openiwd.domain.instant import to_micros


class AttributeType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"


class AttributeConfig(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A declared attribute of `data`: `name: policeReport` is `data.policeReport`."""

    name: str
    type: AttributeType = AttributeType.STRING
    label: str | None = None
    allowed: list[Any] = []
    searchable: bool = False
    report_dimension: bool = False


class MediaTypeConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A media type and the capacity that one item of it takes, unless its queue says otherwise."""

    id: str
    name: str
    weight: Annotated[int, Meta(ge=0, le=10_000)] = 1


MEDIA_TYPES = (
    MediaTypeConfig("workitem", "Work item"),
    MediaTypeConfig("email", "Email"),
    MediaTypeConfig("lead", "Lead"),
    MediaTypeConfig("sms", "SMS"),
    MediaTypeConfig("webform", "Web form"),
)


class Family(Enum):
    """What a value is compared as; the value of each member is the phrase for error texts."""

    TEXT = "text"
    INTEGER = "an integer"
    NUMBER = "a number"
    DECIMAL = "a decimal number"
    BOOLEAN = "true or false"
    INSTANT = "a date"
    LIST = "a list"
    ANY = "any value"


NUMERIC: Final = frozenset({Family.INTEGER, Family.NUMBER, Family.DECIMAL})

_TYPES: Final = {
    AttributeType.STRING: Family.TEXT,
    AttributeType.INTEGER: Family.INTEGER,
    AttributeType.DECIMAL: Family.DECIMAL,
    AttributeType.BOOLEAN: Family.BOOLEAN,
    AttributeType.DATE: Family.INSTANT,
    AttributeType.LIST: Family.LIST,
}


class Root(Enum):
    """Where an attribute lies."""

    ITEM = "item"
    EXT = "ext"
    DATA = "data"
    CONTACT = "contact"
    NOW = "now"


class Attribute(Struct, frozen=True):
    """An attribute as rules address it. `keys` is the field of `Facts`, or the path below the root."""

    name: str
    family: Family
    root: Root
    keys: tuple[str, ...]
    allowed: tuple[Any, ...] = ()


_ITEM: Final = {
    "subject": (Family.TEXT, "subject"),
    "description": (Family.TEXT, "description"),
    "channel": (Family.TEXT, "channel"),
    "mediaType": (Family.TEXT, "media_type"),
    "capturePoint": (Family.TEXT, "capture_point"),
    "captureId": (Family.TEXT, "capture_id"),
    "sourceUrl": (Family.TEXT, "source_url"),
    "categoryPath": (Family.TEXT, "category"),
    "businessValue": (Family.INTEGER, "business_value"),
    "dueDateTime": (Family.INSTANT, "due_at"),
    "createdDateTime": (Family.INSTANT, "created_at"),
    "activationDateTime": (Family.INSTANT, "activation_at"),
    "expirationDateTime": (Family.INSTANT, "expiration_at"),
    "tags": (Family.LIST, "tags"),
}
_EXT: Final = {
    "customerId": Family.TEXT,
    "customerSegment": Family.TEXT,
    "productType": Family.TEXT,
    "productSubtype": Family.TEXT,
    "requestedAgent": Family.TEXT,
    "requestedAgentGroup": Family.TEXT,
    "requestedPlaceGroup": Family.TEXT,
    "requestedSkill": Family.ANY,
    "resultCode": Family.TEXT,
    "sourceCreatedDateTime": Family.INSTANT,
    "sourceDueDateTime": Family.INSTANT,
    "sourceFirstCreatedDateTime": Family.INSTANT,
    "sourceProcessType": Family.TEXT,
    "sourceProcessSubtype": Family.TEXT,
    "sourceTenant": Family.TEXT,
}
_CONTACT: Final = {
    "customerId": Family.TEXT,
    "name": Family.TEXT,
    "emails": Family.LIST,
    "phones": Family.LIST,
    "language": Family.TEXT,
}


class Vocabulary:
    """The attributes that a rule set may name, with their types."""

    def __init__(self, declared: Iterable[AttributeConfig] = ()) -> None:
        self._known: dict[str, Attribute] = {
            name: Attribute(name, family, Root.ITEM, (field,)) for name, (family, field) in _ITEM.items()
        }
        self._known["now"] = Attribute("now", Family.INSTANT, Root.NOW, ())
        for root, names in ((Root.EXT, _EXT), (Root.CONTACT, _CONTACT)):
            for key, family in names.items():
                name = f"{root.value}.{key}"
                self._known[name] = Attribute(name, family, root, (key,))
        for one in declared:
            name = f"data.{one.name}"
            keys = tuple(one.name.split("."))
            self._known[name] = Attribute(name, _TYPES[one.type], Root.DATA, keys, tuple(one.allowed))

    @property
    def known(self) -> Mapping[str, Attribute]:
        """The attributes that exist by themselves or are declared, by name."""
        return self._known

    def resolve(self, name: str) -> Attribute | None:
        """The attribute of this name; any path below `data` is one, declared or not."""
        known = self._known.get(name)
        if known is not None:
            return known
        root, *keys = name.split(".")
        if root == Root.DATA.value and keys and all(keys):
            return Attribute(name, Family.ANY, Root.DATA, tuple(keys))
        return None

    def hint(self, name: str) -> str:
        """What a person who wrote an unknown name may have meant."""
        close = get_close_matches(name, self._known, n=1)
        if close:
            return f"did you mean {close[0]}?"
        return "use a field of the item such as subject, or ext.…, contact.… or data.…"


BAD: Final = object()
"""Stands for a value that cannot be read as its family."""


def read_instant(value: Any, zone: tzinfo = UTC) -> Any:
    """Microseconds of a datetime or ISO 8601 text; None for None; BAD for anything else.

    Text without an offset (also a mere date, which is its midnight) is local time of the tenant's zone.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return BAD
    if not isinstance(value, datetime):
        return BAD
    return to_micros(value if value.tzinfo is not None else value.replace(tzinfo=zone))


def read_decimal(value: Any) -> Any:
    """An exact number (int or Decimal) of a JSON number or decimal text; None for None, else BAD."""
    kind = type(value)
    if value is None or kind is int or kind is Decimal:
        return value
    if kind is float:
        return Decimal(repr(value))
    if kind is str:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return BAD
        return number if number.is_finite() else BAD
    return BAD


def read(value: Any, family: Family, zone: tzinfo = UTC) -> Any:
    """The value in the form in which its family is compared, or BAD. None stays None."""
    if value is None:
        return None
    kind = type(value)
    match family:
        case Family.TEXT:
            good = kind is str
        case Family.INTEGER:
            good = kind is int
        case Family.NUMBER:
            good = kind is int or kind is float
        case Family.BOOLEAN:
            good = kind is bool
        case Family.LIST:
            good = kind is list or kind is tuple
        case Family.DECIMAL:
            return read_decimal(value)
        case Family.INSTANT:
            return read_instant(value, zone)
        case Family.ANY:
            good = True
    return value if good else BAD


def natural_family(value: Any) -> Family:
    """What a value is by itself, where nobody has declared it."""
    if isinstance(value, bool):
        return Family.BOOLEAN
    if isinstance(value, int | float):
        return Family.NUMBER
    if isinstance(value, str):
        return Family.TEXT
    if isinstance(value, date):
        return Family.INSTANT
    if isinstance(value, list | tuple):
        return Family.LIST
    return Family.ANY


def kind_of(value: Any) -> str:
    """The kind of a value in words, for error texts (never the value itself: it may be personal)."""
    return "an object" if isinstance(value, Mapping) else natural_family(value).value


def dig(source: Any, keys: tuple[str, ...]) -> Any:
    """The value at a path of nested objects; None where any part of the way is missing."""
    for key in keys:
        if not isinstance(source, dict):
            return None
        source = source.get(key)
    return source


def overlay(value: Any, read: Attribute, written: Attribute, attributes: dict[str, Any]) -> Any:
    """What an attribute reads after another one, above it, below it or itself, may have been set."""
    if written.name not in attributes:
        return value
    new = attributes[written.name]
    if len(read.keys) >= len(written.keys):
        return dig(new, read.keys[len(written.keys) :])
    result: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
    inner, *path = result, *written.keys[len(read.keys) :]
    for key in path[:-1]:
        below = inner.get(key)
        inner[key] = dict(below) if isinstance(below, dict) else {}
        inner = inner[key]
    inner[path[-1]] = new
    return result


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one path lies on the way to the other."""
    return all(a == b for a, b in zip(one, other, strict=False))
