"""Filter trees as queries of the index, with the meaning that they have in the database.

What the index cannot tell, or what is not well formed, can be
anything here: the database decides, or refuses it by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil, floor
from typing import Any, Final

from openiwd.adapters.search.document import (
    IS,
    KEYWORDS,
    STEP,
    coded,
    date_field,
    number_field,
)
from openiwd.adapters.search.reach import ALWAYS, UNKNOWN, Query, Reach, either, every, exactly, negated
from openiwd.domain.attribute import BAD, Attribute, Family, Root, Vocabulary, read_instant
from openiwd.domain.condition import NEGATIVE, PRESENCE, Operator
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import parse_duration, parse_now, to_micros
from openiwd.domain.item_field import INSTANTS, INTEGERS, TEXTS
from openiwd.ports.search_index import Fields

MAX_DEPTH: Final = 20
LONGEST: Final = 2_000
"""Characters of a text that is asked for; documents keep more of theirs."""
_MOST: Final = 2**63 - 1
_BOUNDS: Final = {
    Operator.LT: "lt",
    Operator.LE: "lte",
    Operator.GT: "gt",
    Operator.GE: "gte",
    Operator.BEFORE: "lt",
    Operator.AFTER: "gt",
}
_WIDER: Final = {"lt": "lte", "gt": "gte"}
_NARROWER: Final = {"lte": "lt", "gte": "gt"}
_VOCABULARY: Final = Vocabulary()
_UUIDS: Final = {"id": "id", "contactId": "contact_id"}


class FilterQuery:
    """Compiles filter trees as of an instant, for an index with these declared attributes."""

    def __init__(self, now: datetime, fields: Fields) -> None:
        self._now = to_micros(now)
        self._fields = fields

    def node(self, node: Any, depth: int = 1) -> Reach:
        """What a tree matches."""
        if not isinstance(node, Mapping) or depth > MAX_DEPTH:
            return UNKNOWN
        branches = [key for key in ("all", "any", "not") if node.get(key) is not None]
        if not branches:
            return self._condition(node)
        key = branches[0]
        if len(branches) > 1 or len(node) > 1:
            return UNKNOWN
        if key == "not":
            return negated(self.node(node[key], depth + 1))
        if not isinstance(node[key], list):
            return UNKNOWN
        parts = [self.node(part, depth + 1) for part in node[key]]
        return every(parts) if key == "all" else either(parts)

    def _condition(self, node: Mapping[str, Any]) -> Reach:
        name, value = node.get("attribute"), node.get("value")
        try:
            operator = Operator(str(node.get("operator")))
        except ValueError:
            return UNKNOWN
        if not isinstance(name, str) or (node.get("ignoreCase") and operator not in PRESENCE):
            return UNKNOWN
        reach = self._told(name, operator, value)
        return negated(reach) if operator in NEGATIVE else reach

    def _told(self, name: str, operator: Operator, value: Any) -> Reach:
        """Of `ne` and `notIn` what `eq` and `in` match."""
        match name:
            case "overdue":
                return self._overdue(operator, value)
            case "tags":
                return _tags(operator, value)
            case _ if name in TEXTS or name in _UUIDS:
                return _text((TEXTS | _UUIDS)[name], operator, value, is_uuid=name in _UUIDS)
            case _ if name in INTEGERS:
                return _integer(INTEGERS[name], operator, value)
            case _ if name in INSTANTS:
                return self._instant(INSTANTS[name], operator, value)
            case _:
                attribute = _VOCABULARY.resolve(name)
                is_inside = attribute is not None and attribute.root not in (Root.ITEM, Root.NOW)
                return self._inside(attribute, operator, value) if attribute and is_inside else UNKNOWN

    def _overdue(self, operator: Operator, value: Any) -> Reach:
        if operator in PRESENCE:
            return ALWAYS if operator is Operator.IS_SET else negated(ALWAYS)
        if operator not in (Operator.EQ, Operator.NE) or not isinstance(value, bool):
            return UNKNOWN
        running: Query = {
            "bool": {
                "filter": [{"range": {"due_at": {"lt": self._now}}}],
                "must_not": [{"exists": {"field": "completed_at"}}],
            }
        }
        late = exactly({"bool": {"should": [{"term": {"late": True}}, running]}})
        return late if value else negated(late)

    def _instant(self, field: str, operator: Operator, value: Any) -> Reach:
        match operator:
            case Operator.IS_SET | Operator.IS_NOT_SET:
                return _present(field, operator)
            case Operator.EQ | Operator.NE:
                return _terms(field, [self._moment(value)])
            case Operator.IN | Operator.NOT_IN:
                return _terms(field, [self._moment(v) for v in value] if isinstance(value, list) else [])
            case _:
                limits = self._limits(operator, value)
                return UNKNOWN if limits is None else exactly({"range": {field: limits}})

    def _limits(self, operator: Operator, value: Any) -> dict[str, int] | None:
        """The bounds of an operator that compares instants."""
        limits: dict[str, int | None]
        match operator:
            case Operator.BETWEEN if isinstance(value, list) and len(value) == 2:
                limits = {"gte": self._moment(value[0]), "lte": self._moment(value[1])}
            case Operator.OLDER_THAN if isinstance(value, str):
                try:
                    limits = {"lt": self._now - parse_duration(value, "value")}
                except InvalidInputError:
                    return None
            case _ if operator in _BOUNDS:
                limits = {_BOUNDS[operator]: self._moment(value)}
            case _:
                return None
        found = {k: v for k, v in limits.items() if v is not None and abs(v) < _MOST}
        return found if len(found) == len(limits) else None

    def _moment(self, value: Any) -> int | None:
        if not isinstance(value, str):
            return None
        try:
            offset = parse_now(value)
        except InvalidInputError:
            return None
        if offset is not None:
            return self._now + offset
        instant = read_instant(value)
        return None if instant is BAD else instant

    def _inside(self, attribute: Attribute, operator: Operator, value: Any) -> Reach:
        """A value inside the item's JSON."""
        if attribute.family is Family.INSTANT or any(k.lstrip("-").isdigit() for k in attribute.keys):
            return UNKNOWN  # the database reads the text as a date; or looks into lists
        place = STEP.join((attribute.root.value, *attribute.keys))
        is_text = attribute.family is Family.TEXT
        match operator:
            case Operator.IS_SET | Operator.IS_NOT_SET:
                reach = exactly({"term": {"set": place}})
                return reach if operator is Operator.IS_SET else negated(reach)
            case Operator.EQ | Operator.NE:
                return _leaves(place, [value], is_text=is_text)
            case Operator.IN | Operator.NOT_IN:
                return _leaves(place, value if isinstance(value, list) else [], is_text=is_text)
            case Operator.STARTS_WITH if _is_short(value):
                return exactly({"prefix": {"leaf": f"{place}{IS}{coded(value)}"}})
            case Operator.CONTAINS if attribute.root is Root.CONTACT and not is_text and _is_short(value):
                inside = exactly({"term": {"leaf": f"{place}{STEP}{IS}{coded(value)}"}})
                return Reach(inside.upper, inside.lower)
            case _:
                return UNKNOWN if is_text else self._declared(attribute, operator, value)

    def _declared(self, attribute: Attribute, operator: Operator, value: Any) -> Reach:
        """Comparisons, of what the tenant has declared as number or date."""
        if attribute.root is not Root.DATA:
            return UNKNOWN
        name = ".".join(attribute.keys)
        odd: Query = {"term": {"odd": name}}
        if name in self._fields.dates:
            limits = self._limits(operator, value)
            if limits is None:
                return UNKNOWN
            found = {"range": {date_field(name): limits}}
            return Reach({"bool": {"should": [found, odd]}}, found)
        bounds = _numbers(operator, value) if name in self._fields.numbers else None
        if bounds is None:
            return UNKNOWN
        # The index rounds: at the very bound it cannot tell.
        wide = {"range": {number_field(name): {_WIDER.get(k, k): v for k, v in bounds.items()}}}
        narrow = {"range": {number_field(name): {_NARROWER.get(k, k): v for k, v in bounds.items()}}}
        return Reach({"bool": {"should": [wide, odd]}}, narrow)


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\x00" not in value


def _present(field: str, operator: Operator) -> Reach:
    reach = exactly({"exists": {"field": field}})
    return reach if operator is Operator.IS_SET else negated(reach)


def _terms(field: str, values: list[Any]) -> Reach:
    """Equal to one of these; None among them cannot be told."""
    if not values or None in values:
        return UNKNOWN
    return exactly({"terms": {field: values}} if len(values) > 1 else {"term": {field: values[0]}})


def _leaves(place: str, values: list[Any], *, is_text: bool) -> Reach:
    kinds = str if is_text else (str, bool, int, float)
    if not all(isinstance(v, kinds) for v in values):
        return UNKNOWN
    if any(isinstance(v, str) and (len(v) > LONGEST or "\x00" in v) for v in values):
        return UNKNOWN
    return _terms("leaf", [f"{place}{IS}{coded(v)}" for v in values])


def _text(field: str, operator: Operator, value: Any, *, is_uuid: bool) -> Reach:
    if field not in KEYWORDS:
        return UNKNOWN
    values = value if isinstance(value, list) else [value]
    if operator in PRESENCE:
        filled = [{"exists": {"field": field}}]
        reach = exactly({"bool": {"filter": filled, "must_not": [{"term": {field: ""}}]}})
        return reach if operator is Operator.IS_SET else negated(reach)
    if not all(isinstance(v, str) and len(v) <= LONGEST and "\x00" not in v for v in values):
        return UNKNOWN
    match operator:
        case Operator.EQ | Operator.NE if not isinstance(value, list):
            return _terms(field, [value.lower()] if is_uuid else [value])
        case Operator.IN | Operator.NOT_IN if isinstance(value, list):
            return _terms(field, [v.lower() for v in values] if is_uuid else values)
        case Operator.STARTS_WITH if _is_short(value) and not is_uuid:
            return exactly({"prefix": {field: value}})
        case _:
            return UNKNOWN


def _tags(operator: Operator, value: Any) -> Reach:
    if operator in PRESENCE:
        return _present("tags", operator)
    return _terms("tags", [value]) if operator is Operator.CONTAINS and _is_short(value) else UNKNOWN


def _integer(field: str, operator: Operator, value: Any) -> Reach:
    match operator:
        case Operator.IS_SET | Operator.IS_NOT_SET:
            return _present(field, operator)
        case Operator.EQ | Operator.NE | Operator.IN | Operator.NOT_IN:
            values = value if isinstance(value, list) else [value]
            is_list = operator in (Operator.IN, Operator.NOT_IN)
            good = all(type(v) is int and abs(v) < _MOST for v in values) and is_list is isinstance(
                value, list
            )
            return _terms(field, values) if good else UNKNOWN
        case _:
            bounds = _numbers(operator, value)
            return UNKNOWN if bounds is None else exactly({"range": {field: _whole(bounds)}})


def _numbers(operator: Operator, value: Any) -> dict[str, Any] | None:
    """The bounds of an operator that compares numbers."""
    if operator is Operator.BETWEEN:
        low, high = value if isinstance(value, list) and len(value) == 2 else (None, None)
        bounds: dict[str, Any] = {"gte": low, "lte": high}
    elif operator in _BOUNDS and operator not in (Operator.BEFORE, Operator.AFTER):
        bounds = {_BOUNDS[operator]: value}
    else:
        return None
    good = all(type(v) in (int, float) and abs(v) < 2.0**62 for v in bounds.values())
    return bounds if good else None


def _whole(bounds: dict[str, Any]) -> dict[str, int]:
    """The same for whole numbers."""
    found: dict[str, int] = {}
    for key, value in bounds.items():
        number = Decimal(value)
        match key:
            case "gt":
                found["gte"] = floor(number) + 1
            case "gte":
                found["gte"] = ceil(number)
            case "lt":
                found["lte"] = ceil(number) - 1
            case _:
                found["lte"] = floor(number)
    return found
