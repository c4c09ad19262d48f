"""Filter trees as SQL conditions, with the meaning that criteria have: a missing value makes a condition false, except
`isNotSet`, `ne` and `notIn`. Values become parameters; a value of the wrong type is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import re2

from openiwd.adapters.postgres.live_writing import json_value
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.search_attribute import PRIORITY, Searched, searched
from openiwd.domain.attribute import BAD, NUMERIC, Family, read, read_instant
from openiwd.domain.condition import NEGATIVE, ORDER, PRESENCE, TEMPORAL, Operator
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import from_micros, parse_duration, parse_now

MAX_DEPTH: Final = 20
MAX_CONDITIONS: Final = 200
MAX_LIST: Final = 1_000
MAX_PATTERN: Final = 500

_EQUAL: Final = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN})
_RANGE: Final = ORDER | {Operator.BETWEEN}
_TEXTUAL: Final = frozenset({Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.MATCHES})
_TIMES: Final = TEMPORAL - {Operator.WITHIN_BUSINESS_TIME}
_ALLOWED: Final[dict[Family, frozenset[Operator]]] = {
    Family.TEXT: PRESENCE | _EQUAL | _TEXTUAL,
    Family.INTEGER: PRESENCE | _EQUAL | _RANGE,
    Family.DECIMAL: PRESENCE | _EQUAL | _RANGE,
    Family.BOOLEAN: PRESENCE | {Operator.EQ, Operator.NE},
    Family.INSTANT: PRESENCE | _EQUAL | _RANGE | _TIMES,
    Family.LIST: PRESENCE | {Operator.CONTAINS},
    Family.ANY: PRESENCE | _EQUAL | _RANGE | _TEXTUAL | _TIMES,
}
_SYMBOLS: Final = {
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
    Operator.BEFORE: "<",
    Operator.AFTER: ">",
}
_CONDITION_KEYS: Final = frozenset({"attribute", "operator", "value", "ignoreCase"})


class FilterSql:
    """Compiles one filter tree; `uses_priority` tells afterwards whether it asks for the priority."""

    def __init__(self, arguments: Arguments, now: datetime) -> None:
        self._arguments = arguments
        self._now_value = now
        self._now_sql: str | None = None
        self._conditions = 0
        self.uses_priority = False

    def now(self) -> str:
        """SQL for the present: a parameter, only if something asks for it."""
        if self._now_sql is None:
            self._now_sql = self._arguments.add(self._now_value, "timestamptz")
        return self._now_sql

    def node(self, node: Any, path: str = "filter", depth: int = 1, *, exact: bool = False) -> str:
        """`exact`: the answer must be true or false and never null, as under `not`."""
        if depth > MAX_DEPTH:
            raise InvalidInputError(
                f"the filter is deeper than {MAX_DEPTH} levels", field=path, hint="flatten it"
            )
        if not isinstance(node, Mapping):
            raise InvalidInputError(
                "a filter node is an object", field=path, hint="use all, any, not, or attribute and operator"
            )
        branches = [key for key in ("all", "any", "not") if node.get(key) is not None]
        if not branches:
            return self._condition(node, path, exact=exact)
        if len(branches) > 1 or len(node) > 1:
            raise InvalidInputError(
                "a filter node has one of all, any, not", field=path, hint="nest the others inside"
            )
        key = branches[0]
        if key == "not":
            return f"NOT {self.node(node[key], f'{path}.not', depth + 1, exact=True)}"
        if not isinstance(node[key], list):
            raise InvalidInputError(f"{key} holds a list", field=f"{path}.{key}", hint="write [ … ]")
        parts = [
            self.node(part, f"{path}.{key}[{n}]", depth + 1, exact=exact) for n, part in enumerate(node[key])
        ]
        if not parts:
            return "true" if key == "all" else "false"
        return "(" + (" AND " if key == "all" else " OR ").join(parts) + ")"

    def _condition(self, node: Mapping[str, Any], path: str, *, exact: bool) -> str:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidInputError(f"the filter has more than {MAX_CONDITIONS} conditions", field="filter")
        unknown = set(node) - _CONDITION_KEYS
        if unknown:
            raise InvalidInputError(
                f"a condition has no '{min(unknown)}'",
                field=f"{path}.{min(unknown)}",
                hint="use attribute, operator, value, ignoreCase",
            )
        name = node.get("attribute")
        if not isinstance(name, str):
            raise InvalidInputError("a condition names an attribute", field=f"{path}.attribute")
        one = searched(name, self._arguments, self.now, f"{path}.attribute")
        self.uses_priority |= name == PRIORITY
        operator = _operator(node, one, path)
        if operator in PRESENCE:
            return _presence(one, operator)
        leaf = _Leaf(self, one, operator, node.get("value"), f"{path}.value", bool(node.get("ignoreCase")))
        sql = leaf.sql()
        if operator in NEGATIVE:
            return f"coalesce({sql}, true)"
        return f"coalesce({sql}, false)" if exact else f"({sql})"

    def add(self, value: Any, sql_type: str) -> str:
        return self._arguments.add(value, sql_type)

    @property
    def now_value(self) -> datetime:
        return self._now_value


def _operator(node: Mapping[str, Any], one: Searched, path: str) -> Operator:
    """The operator, if the attribute knows it."""
    allowed = _ALLOWED[one.family]
    hint = f"{one.name} knows {', '.join(o.value for o in Operator if o in allowed)}"
    try:
        operator = Operator(str(node.get("operator")))
    except ValueError:
        raise InvalidInputError(
            f"there is no operator '{str(node.get('operator'))[:40]}'",
            field=f"{path}.operator",
            hint=hint,
            code="unknownOperator",
        ) from None
    if operator not in allowed:
        raise InvalidInputError(
            f"{one.name} cannot be searched by {operator.value}",
            field=f"{path}.operator",
            hint=hint,
            code="unknownOperator",
        )
    return operator


def _presence(one: Searched, operator: Operator) -> str:
    empty = {Family.TEXT: "''", Family.LIST: "'{}'"}.get(one.family)
    if one.family is Family.ANY:
        sql = f"({one.sql} IS NOT NULL AND {one.sql} NOT IN ('\"\"', '[]'))"
    elif empty is None or one.sql_type == "uuid":
        sql = f"({one.sql} IS NOT NULL)"
    else:
        sql = f"({one.sql} IS NOT NULL AND {one.sql} <> {empty})"
    return sql if operator is Operator.IS_SET else f"(NOT {sql})"


class _Leaf:
    """One condition with a value."""

    def __init__(
        self, tree: FilterSql, one: Searched, operator: Operator, value: Any, path: str, fold: bool
    ) -> None:
        self._tree, self._one, self._operator = tree, one, operator
        self._value, self._path, self._fold = value, path, fold

    def sql(self) -> str:
        match self._operator:
            case Operator.EQ | Operator.NE:
                return self._equal(self._value)
            case Operator.IN | Operator.NOT_IN:
                return self._among()
            case Operator.BETWEEN:
                low, high = self._list(exactly=2)
                self._operator = Operator.GE
                left = self._compared(low, f"{self._path}[0]")
                self._operator = Operator.LE
                return f"{left} AND {self._compared(high, f'{self._path}[1]')}"
            case Operator.LT | Operator.LE | Operator.GT | Operator.GE | Operator.BEFORE | Operator.AFTER:
                return self._compared(self._value, self._path)
            case Operator.OLDER_THAN:
                age = parse_duration(_text(self._value, self._path), self._path)
                limit = self._tree.add(_shifted(self._tree.now_value, -age, self._path), "timestamptz")
                return f"{self._instant()} < {limit}"
            case Operator.CONTAINS:
                return self._contains()
            case _:
                return self._textual()

    def _equal(self, value: Any) -> str:
        one = self._one
        negated = "<>" if self._operator is Operator.NE else "="
        if self._fold and isinstance(value, str):
            folded = self._tree.add(_text(value, self._path), "text")
            return f"lower({self._as_text()}) {negated} lower({folded})"
        if one.family is Family.ANY:
            return f"{one.sql} {negated} {self._tree.add(json_value(value), 'jsonb')}"
        return f"{one.sql} {negated} {self._tree.add(self._typed(value, self._path), one.sql_type)}"

    def _among(self) -> str:
        one, values = self._one, self._list()
        negated = "NOT " if self._operator is Operator.NOT_IN else ""
        if self._fold:
            folded = [_text(v, f"{self._path}[{n}]").lower() for n, v in enumerate(values)]
            return f"{negated}lower({self._as_text()}) = ANY({self._tree.add(folded, 'text[]')})"
        if one.family is Family.ANY:
            place = self._tree.add([json_value(v) for v in values], "jsonb[]")
        else:
            typed = [self._typed(v, f"{self._path}[{n}]") for n, v in enumerate(values)]
            place = self._tree.add(typed, f"{one.sql_type}[]")
        return f"{negated}{one.sql} = ANY({place})"

    def _compared(self, value: Any, path: str) -> str:
        symbol = _SYMBOLS[self._operator]
        one = self._one
        if one.family is Family.INSTANT or (one.family is Family.ANY and not isinstance(value, int | float)):
            instant = self._tree.add(self._moment(value, path), "timestamptz")
            return f"{self._instant()} {symbol} {instant}"
        if one.family is Family.ANY:
            number = f"CASE jsonb_typeof({one.sql}) WHEN 'number' THEN ({one.sql} #>> '{{}}')::numeric END"
            return f"{number} {symbol} {self._tree.add(_number(value, path), 'numeric')}"
        return f"{one.sql} {symbol} {self._tree.add(_number(value, path), 'numeric')}"

    def _contains(self) -> str:
        one = self._one
        if one.family is Family.LIST:
            return f"{one.sql} @> ARRAY[{self._tree.add(_text(self._value, self._path), 'text')}]"
        if one.family is Family.TEXT:
            return self._textual()
        element = f"{one.sql} @> {self._tree.add(json_value([self._value]), 'jsonb')}"
        inside = self._textual() if isinstance(self._value, str) else "false"
        return f"CASE jsonb_typeof({one.sql}) WHEN 'string' THEN {inside} WHEN 'array' THEN {element} ELSE false END"

    def _textual(self) -> str:
        text, wanted = self._as_text(), _text(self._value, self._path)
        if self._operator is Operator.MATCHES:
            return f"{text} {'~*' if self._fold else '~'} {self._tree.add(self._pattern(wanted), 'text')}"
        place = self._tree.add(wanted, "text")
        if self._fold:
            text, place = f"lower({text})", f"lower({place})"
        match self._operator:
            case Operator.STARTS_WITH:
                return f"starts_with({text}, {place})"
            case Operator.ENDS_WITH:
                return f"right({text}, length({place})) = {place}"
            case _:
                return f"strpos({text}, {place}) > 0"

    def _pattern(self, pattern: str) -> str:
        """Only what the linear-time engine of the rules accepts as well."""
        if len(pattern) > MAX_PATTERN:
            raise InvalidInputError(
                f"a pattern has at most {MAX_PATTERN} characters", field=self._path, hint="shorten it"
            )
        try:
            re2.compile(pattern)
        except re2.error as error:
            raise InvalidInputError(
                "this is not a regular expression", field=self._path, hint="RE2 syntax, for example ^A-\\d+$"
            ) from error
        return pattern

    def _as_text(self) -> str:
        if self._one.family is not Family.ANY:
            return self._one.sql
        return f"CASE jsonb_typeof({self._one.sql}) WHEN 'string' THEN {self._one.sql} #>> '{{}}' END"

    def _instant(self) -> str:
        return self._one.sql if self._one.family is Family.INSTANT else f"to_instant({self._as_text()})"

    def _list(self, exactly: int | None = None) -> list[Any]:
        value = self._value
        if (
            not isinstance(value, list)
            or len(value) > MAX_LIST
            or (exactly is not None and len(value) != exactly)
        ):
            what = f"{exactly} values" if exactly else f"at most {MAX_LIST} values"
            raise InvalidInputError(
                f"{self._operator.value} needs a list of {what}", field=self._path, hint="write [ … ]"
            )
        return value

    def _typed(self, value: Any, path: str) -> Any:
        """The value as the driver wants it for this attribute."""
        one = self._one
        if one.sql_type == "uuid":
            try:
                return UUID(_text(value, path))
            except ValueError:
                raise InvalidInputError(f"{one.name} is a UUID", field=path) from None
        if one.family is Family.INSTANT:
            return self._moment(value, path)
        if one.family in NUMERIC:
            return _number(value, path, whole=one.family is Family.INTEGER)
        if one.family is Family.BOOLEAN and not isinstance(value, bool):
            raise InvalidInputError(f"{one.name} is true or false", field=path)
        return value if one.family is Family.BOOLEAN else _text(value, path)

    def _moment(self, value: Any, path: str) -> datetime:
        """A date, or `now`, `now+2h`, `now-1d` as of the search's instant."""
        offset = parse_now(value) if isinstance(value, str) else None
        return _instant(value, path) if offset is None else _shifted(self._tree.now_value, offset, path)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise InvalidInputError("this needs text", field=path, hint="write it in quotes")
    return value


def _number(value: Any, path: str, *, whole: bool = False) -> Any:
    family = Family.INTEGER if whole else Family.DECIMAL
    number: Any = BAD if isinstance(value, bool | str) else read(value, family)
    if number is BAD or number is None or (whole and not -(2**63) <= number < 2**63):
        raise InvalidInputError(f"this needs {family.value}", field=path, hint="write it without quotes")
    return number


def _instant(value: Any, path: str) -> datetime:
    instant: Any = read_instant(value) if isinstance(value, str) else BAD
    if instant is BAD:
        raise InvalidInputError(
            "this needs a date", field=path, hint="write for example 2026-03-02T09:00:00Z, now or now+2h"
        )
    return from_micros(instant)


def _shifted(now: datetime, by: int, path: str) -> datetime:
    try:
        return now + (from_micros(by) - from_micros(0))
    except OverflowError:
        raise InvalidInputError("this duration is too long", field=path) from None
