"""The order of a search: sort keys, the exact priority as of an instant, and cursors that go on after a row.

Priorities are compared as whole numbers: the curve's lines of all schemas, times one common scale. A cursor keeps the
sort values of the last row and the instant of the first page, so that pages fit together while items change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Context, Decimal
from fractions import Fraction
from math import lcm
from typing import Any, Final, NamedTuple

from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.adapters.postgres.search_attribute import PRIORITY, searched
from openiwd.domain.attribute import Family
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import to_micros
from openiwd.domain.schema import Schema
from openiwd.domain.search_mark import Mark, decode_mark, fingerprint_of
from openiwd.ports.tenant_store import SearchQuery

MAX_KEYS: Final = 8
_MOST: Final = 2**63
"""No age is greater, nor is a whole number of an item than the next one."""
_INT: Final = 2**31
_DIGITS: Final = Context(prec=60)
_AGE: Final = "(coalesce(item.clock_frozen, s.elapsed) - item.clock_origin)"
_ROOM: Final = 1e-13
"""Of the terms' size: what adding up a few of them in floating point can be wrong by is a hundredth of that."""


class Key(NamedTuple):
    """One sort key; nulls come last either way."""

    name: str
    sql: str
    sql_type: str
    descending: bool
    nullable: bool

    @property
    def order(self) -> str:
        nulls = " NULLS LAST" if self.nullable and self.descending else ""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}{nulls}"


_SCALED: Final = Key(PRIORITY, "p.scaled", "numeric", descending=True, nullable=True)
_TIES: Final = (
    _SCALED,
    Key("businessValue", "item.business_value", "bigint", descending=True, nullable=False),
    Key("anchor", "item.anchor_at", "timestamptz", descending=False, nullable=True),
    Key("id", "item.id", "uuid", descending=False, nullable=False),
)


def sort_keys(sort: list[str], arguments: Arguments, now: Callable[[], str]) -> list[Key]:
    """The keys asked for, then those that break ties everywhere: priority, business value, older anchor, id."""
    if len(sort) > MAX_KEYS:
        raise InvalidInputError(f"a sort has at most {MAX_KEYS} keys", field="sort")
    keys: list[Key] = []
    for n, text in enumerate(sort):
        name, descending = text.removeprefix("-"), text.startswith("-")
        if any(key.name == name for key in keys):
            raise InvalidInputError(f"'{name[:60]}' is named twice", field=f"sort[{n}]")
        if name == PRIORITY:
            keys.append(_SCALED._replace(descending=descending))
            continue
        one = searched(name, arguments, now, f"sort[{n}]")
        if one.family in (Family.ANY, Family.LIST):
            raise InvalidInputError(
                f"items cannot be sorted by '{name[:60]}'", field=f"sort[{n}]", hint="use a field of the item"
            )
        keys.append(Key(name, one.sql, one.sql_type, descending, one.nullable))
    named = {key.name for key in keys}
    return [*keys, *(key for key in _TIES if key.name not in named)]


class Curves(NamedTuple):
    """The curves of all schemas as columns, on one scale: ages are in microseconds of the schema's clock."""

    scale: int
    reach: int
    """What no sum of sizes of a priority's terms exceeds, whatever the item."""
    schema_ids: list[str]
    elapsed: list[int]
    bends: list[str]
    """Arrays as their text, as an array of arrays would have to have equal ones."""
    bases: list[str]
    rates: list[str]
    weights: list[int]


def curves(schemas: dict[str, Schema], now: datetime) -> Curves:
    """One row per schema."""
    scale = lcm(1, *(schema.scale for schema in schemas.values()))
    at = to_micros(now)
    rows: list[tuple[Any, ...]] = []
    reach = scale * _INT
    for schema in schemas.values():
        times = scale // schema.scale
        bases, rates = [base * times for base in schema.bases], [rate * times for rate in schema.rates]
        weight = int(schema.value_weight * scale)
        reach = max(reach, max(map(abs, bases)) + max(map(abs, rates)) * _MOST + (abs(weight) + scale) * _INT)
        rows.append(
            (schema.id, schema.clock.elapsed(at), _array(schema.bends), _array(bases), _array(rates), weight)
        )
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(6)]
    return Curves(scale, reach, *columns)


def _array(values: Sequence[int]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def priority_join(schemas: dict[str, Schema], now: datetime, arguments: Arguments) -> tuple[str, int]:
    """SQL that gives each `item` its priority as `p.scaled` (times `p.scale`), and that scale.

    Fixed priority, else curve(age) + weight * businessValue + adjustment; null for final items and for items without
    a schema. While a hold stops the clock, the age stands still.
    """
    known = curves(schemas, now)
    factor = arguments.add(known.scale, "numeric")
    return (
        f"{_curve_join(known, 'numeric', arguments)}"
        " CROSS JOIN LATERAL (SELECT CASE WHEN item.status NOT IN ('completed', 'canceled', 'rejected')"
        f" THEN {_priority(factor)} END AS scaled, {factor} AS scale) AS p"
    ), known.scale


def _curve_join(known: Curves, kind: str, arguments: Arguments) -> str:
    """The schema of each item that has one and no fixed priority. MATERIALIZED: arrays are read once."""
    types = ("text", "bigint", "text", "text", "text", kind)
    places = ", ".join(arguments.add(c, f"{t}[]") for c, t in zip(known[2:], types, strict=True))
    return (
        "LEFT JOIN (WITH known AS MATERIALIZED (SELECT schema_id, elapsed, bends::bigint[] AS bends,"
        f" bases::{kind}[] AS bases, rates::{kind}[] AS rates, weight"
        f" FROM unnest({places}) AS told(schema_id, elapsed, bends, bases, rates, weight)) SELECT * FROM known) AS s"
        " ON s.schema_id = item.schema_id AND item.priority_fixed IS NULL"
    )


def _priority(factor: str) -> str:
    """The priority times `factor`, of the kind of number that the curves were joined with."""
    part = f"[width_bucket({_AGE}, s.bends) + 1]"
    return (
        f"coalesce(item.priority_fixed * {factor}, s.bases{part} + s.rates{part} * {_AGE}"
        f" + s.weight * item.business_value + {factor} * item.priority_adjustment)"
    )


class Weighed(NamedTuple):
    """Items with about their priorities, from an index alone."""

    value: str
    """The priority times the common scale, in floating point: exact numbers cost ten times as much."""
    source: str
    """Whose items are named `item`, with what `priority_join` reads but the id."""
    room: float
    """By how much a value can be wrong, and a good deal more."""
    scale: int


def weighed(schemas: dict[str, Schema], now: datetime, arguments: Arguments) -> Weighed:
    known = curves(schemas, now)
    factor = arguments.add(float(known.scale), "float8")
    source = f"item {_curve_join(known, 'float8', arguments)}"
    return Weighed(_priority(factor), source, _ROOM * float(known.reach), known.scale)


def perhaps_above(
    schemas: dict[str, Schema], now: datetime, bound: Fraction, condition: str, arguments: Arguments
) -> str:
    """Open items that may have more than this priority, as a source named `item` of what `priority_join` reads.

    Exact numbers are left to the few that this finds.
    """
    one = weighed(schemas, now, arguments)
    limit = float(bound * one.scale)
    above = arguments.add(limit - one.room - _ROOM * abs(limit), "float8")
    return (
        "(SELECT item.number, item.status, item.schema_id, item.clock_origin, item.clock_frozen, item.business_value,"
        f" item.priority_fixed, item.priority_adjustment FROM {one.source} WHERE {condition}"
        f" AND {one.value} >= {above} OFFSET 0) AS item"
    )


def fingerprint(query: SearchQuery) -> str:
    """What a cursor belongs to: a change of filter or sort begins anew."""
    return fingerprint_of([query.filter, query.text, query.sort, query.category])


def decode_cursor(query: SearchQuery) -> Mark | None:
    """The query's cursor. Raises InvalidInputError for one of another search, or no cursor at all."""
    if query.cursor is None:
        return None
    cursor = decode_mark(query.cursor)
    if cursor is None or cursor.search != fingerprint(query):
        raise InvalidInputError(
            "this cursor does not belong to this search", field="cursor", hint="begin again without a cursor"
        )
    return cursor


def after(keys: list[Key], cursor: Mark, scale: int, arguments: Arguments) -> str:
    """The condition that a row comes after the cursor's."""
    if len(cursor.values) != len(keys):
        raise InvalidInputError("this cursor does not belong to this search", field="cursor")
    branches: list[str] = []
    equal: list[str] = []
    for key, text in zip(keys, cursor.values, strict=True):
        if text is None:
            # Nothing comes after null, and all after it is null as well.
            equal.append(f"{key.sql} IS NULL")
            continue
        place = _place(key, text, cursor, scale, arguments)
        beyond = f"{key.sql} {'<' if key.descending else '>'} {place}"
        if key.nullable:
            beyond = f"({beyond} OR {key.sql} IS NULL)"
        branches.append("(" + " AND ".join([*equal, beyond]) + ")")
        equal.append(f"{key.sql} = {place}")
    return "(" + " OR ".join(branches) + ")"


def before(keys: list[Key], bound: Sequence[str | None], arguments: Arguments) -> str:
    """The condition that a row comes before this place of the first keys, none of which is the priority."""
    branches: list[str] = []
    equal: list[str] = []
    for key, text in zip(keys, bound, strict=False):
        if text is None:
            branches.append("(" + " AND ".join([*equal, f"{key.sql} IS NOT NULL"]) + ")")
            equal.append(f"{key.sql} IS NULL")
            continue
        place = f"{arguments.add(text, 'text')}::{key.sql_type}"
        branches.append(
            "(" + " AND ".join([*equal, f"{key.sql} {'>' if key.descending else '<'} {place}"]) + ")"
        )
        equal.append(f"{key.sql} = {place}")
    return "(" + " OR ".join(branches) + ")"


def _place(key: Key, text: str, cursor: Mark, scale: int, arguments: Arguments) -> str:
    try:
        if key.name == PRIORITY:
            return arguments.add(_rescaled(text, cursor.scale, scale), "numeric")
    except (ArithmeticError, ValueError):
        raise InvalidInputError("this cursor does not belong to this search", field="cursor") from None
    return f"{arguments.add(text, 'text')}::{key.sql_type}"


def _rescaled(text: str, was: int, scale: int) -> Decimal:
    """A priority of the cursor on the present scale, which changes when schemas are published between two pages."""
    value = Fraction(text) * scale / was
    return _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
