"""Items as documents of the index, and the mapping of these: what can be found by term, prefix and range, exactly.

A document has what searches ask for, no more: rows are read from the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec

from openiwd.adapters.search.word import words_of
from openiwd.domain.attribute import AttributeConfig, AttributeType
from openiwd.domain.instant import to_micros
from openiwd.domain.item_field import INSTANTS, INTEGERS, TEXTS
from openiwd.domain.work_item import WorkItem
from openiwd.ports.search_index import Fields

VERSION: Final = 1
"""Of the form of documents; a change makes new indexes."""
LONGEST: Final = 2_500
"""Characters kept of a text; what is asked for is shorter (see `filter_query`)."""
MOST_DECLARED: Final = 400
STEP: Final = "\x1e"
"""Between the keys of a path; keys may hold dots."""
IS: Final = "\x1f"
"""Between a path and a value."""
UNKEPT: Final = frozenset({"description"})
"""Texts that are found by word only."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_LIKE_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
KEYWORDS: Final = (*sorted(set(TEXTS.values()) - UNKEPT), "id", "contact_id", "tags")
LONGS: Final = (*sorted([*INTEGERS.values(), *INSTANTS.values()]), "number")
TIMES: Final = tuple(INSTANTS.values())
_NUMBERS: Final = tuple(INTEGERS.values())


def fields_of(attributes: Sequence[AttributeConfig]) -> Fields:
    """What is declared as number or date, by name."""
    usable = [a for a in attributes if len(a.name) <= 200 and _NAME.fullmatch(a.name)][:MOST_DECLARED]
    kinds = (AttributeType.INTEGER, AttributeType.DECIMAL)
    return Fields(
        numbers=tuple(sorted({a.name for a in usable if a.type in kinds})),
        dates=tuple(sorted({a.name for a in usable if a.type is AttributeType.DATE})),
    )


def form_of(fields: Fields) -> str:
    """Short, and another one for another mapping."""
    return blake2b(msgspec.json.encode([VERSION, fields]), digest_size=6).hexdigest()


def number_field(name: str) -> str:
    return f"number~{name.replace('.', '~')}"


def date_field(name: str) -> str:
    return f"date~{name.replace('.', '~')}"


def mapping(fields: Fields) -> dict[str, Any]:
    """Strict: a field that nobody has thought of is an error, not a guess."""
    keyword, number = {"type": "keyword"}, {"type": "long"}
    properties: dict[str, Any] = {
        **dict.fromkeys(KEYWORDS, keyword),
        **dict.fromkeys(LONGS, number),
        "late": {"type": "boolean"},
        **{name: {**keyword, "doc_values": False} for name in ("words", "perhaps", "leaf", "set", "odd")},
        **{number_field(name): {"type": "double"} for name in fields.numbers},
        **{date_field(name): number for name in fields.dates},
        "place": {"type": "object", "enabled": False},
    }
    return {"dynamic": "strict", "properties": properties}


def document(item: WorkItem, fields: Fields) -> dict[str, Any]:
    """The document of an item; a field without value is left out."""
    found: dict[str, Any] = {"number": item.number, "id": str(item.id), "tags": item.tags}
    if item.contact_id is not None:
        found["contact_id"] = str(item.contact_id)
    for name in KEYWORDS:
        if name not in found and (text := getattr(item, name)) is not None:
            found[name] = str(text)[:LONGEST]
    for name in _NUMBERS:
        if (number := getattr(item, name)) is not None:
            found[name] = number
    for name in TIMES:
        if (at := getattr(item, name)) is not None:
            found[name] = to_micros(at)
    if item.completed_at is not None and item.due_at is not None:
        found["late"] = item.completed_at > item.due_at
    contact = item.contact or {}
    surely, perhaps = words_of((item.subject, item.description, item.capture_id, contact.get("name")))
    found["words"], found["perhaps"] = sorted(surely), sorted(perhaps)
    _insides(item, found)
    _declared(item.data, fields, found)
    return found


def _insides(item: WorkItem, found: dict[str, Any]) -> None:
    """Every value inside the item's JSON: by equality, and whether it is there."""
    leaves: set[str] = set()
    present: set[str] = set()
    for root, values in (("ext", item.ext), ("data", item.data), ("contact", item.contact or {})):
        for path, value in _walk((root,), values):
            place = STEP.join(path)
            if value not in (None, "", []):
                present.add(place)
            if isinstance(value, list) and root == "contact":
                leaves.update(f"{place}{STEP}{IS}{coded(v)}" for v in value if isinstance(v, str))
            elif value is not None and not isinstance(value, dict | list):
                leaves.add(f"{place}{IS}{coded(value)}")
    found["leaf"], found["set"] = sorted(leaves), sorted(present)


def _walk(path: tuple[str, ...], values: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        below = (*path, key)
        yield below, value
        if isinstance(value, dict):
            yield from _walk(below, value)


def coded(value: str | bool | float | Decimal) -> str:
    """Text that is equal for equal JSON values only; of long text its beginning."""
    match value:
        case bool():
            return "b1" if value else "b0"
        case str():
            return f"s{value[:LONGEST]}"
        case _:
            number = Decimal(repr(value) if isinstance(value, float) else value).normalize()
            return f"n{number or 0}"


def _declared(data: dict[str, Any], fields: Fields, found: dict[str, Any]) -> None:
    odd: list[str] = []
    for name in fields.numbers:
        value = _at(data, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        try:
            found[number_field(name)] = float(value)
        except OverflowError:
            odd.append(name)
    for name in fields.dates:
        value = _at(data, name)
        if isinstance(value, str) and _LIKE_DATE.match(value):
            at = _read_date(value)
            if at is None:
                odd.append(name)
            else:
                found[date_field(name)] = at
    found["odd"] = odd


def _at(data: Any, name: str) -> Any:
    for key in name.split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _read_date(text: str) -> int | None:
    """Only where there is one way to read it; the database's sessions are in UTC."""
    if not _DATE.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
        return to_micros(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
