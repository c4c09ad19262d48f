"""SQL for the order of a past instant: for each schema the stays that hold it, with their exact priority then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.adapters.postgres.search_arguments import Arguments
from openiwd.domain.past_order import OpenTimes, PastCurve, PastCurves
from openiwd.domain.queue_stay import LONGEST, SHORTEST

STAY_SQL: Final = named_sql("queue_stay")
_SPANS: Final = list(range(SHORTEST, LONGEST + 1))
_ORDER: Final = "whole DESC, rest DESC, business_value DESC, anchor, item_id"


def stays_at(at: datetime, queues: Sequence[str], schema_id: str, arguments: Arguments) -> str:
    """The stays of these queues on one schema that hold the instant."""
    return STAY_SQL["stays_at"].format(
        queues=arguments.add(list(queues), "text[]"),
        schema=arguments.add(schema_id, "text"),
        at=arguments.add(at, "timestamptz"),
        spans=arguments.add(_SPANS, "smallint[]"),
        lows=arguments.add([at - _twice(span) for span in _SPANS], "timestamptz[]"),
    )


def _twice(span: int) -> timedelta:
    return min(timedelta(microseconds=2 ** (span + 1)), timedelta(days=400 * 365))


def order_sql(
    at: datetime,
    places: Mapping[str, Sequence[str]],
    curves: PastCurves,
    limit: int,
    offset: int,
    arguments: Arguments,
) -> str:
    """A part of the order. `places`: the queues of each schema that has any stay there.

    Each schema gives its best alone, so that no more than those are put in one order.
    """
    known = {curve.schema_id: curve for curve in curves.curves}
    number = "bigint" if curves.is_small else "numeric"
    last = arguments.add(limit + offset, "int")
    parts = [
        f"(SELECT item_id, item_number, business_value, anchor, whole, rest FROM ("
        f"{_ranked(stays_at(at, queues, schema_id, arguments), known.get(schema_id), curves.scale, number, arguments)}"
        f") AS ranked ORDER BY {_ORDER} LIMIT {last})"
        for schema_id, queues in places.items()
    ]
    page = f"LIMIT {arguments.add(limit, 'int')} OFFSET {arguments.add(offset, 'int')}"
    return (
        "SELECT item_id, item_number, whole::numeric AS whole, rest::numeric AS rest"
        f" FROM ({' UNION ALL '.join(parts)}) AS best"
        f" ORDER BY {_ORDER} {page}"
    )


def _ranked(stays: str, curve: PastCurve | None, scale: int, number: str, arguments: Arguments) -> str:
    """The stays with their priority as `whole` and `rest`; without a schema it is the adjustment.

    OFFSET 0 keeps the steps apart: merged into one, each would be computed as often as the next one names it. The age
    on the wall clock costs less than a step of its own.
    """
    columns = "item_id, item_number, business_value, anchor"
    if curve is None:
        plain = f"coalesce(priority_fixed, priority_adjustment)::{number} AS whole, 0::{number} AS rest"
        return f"SELECT {columns}, {plain} FROM ({stays}) AS stay"
    kept = f"{columns}, priority_adjustment, priority_fixed"
    age, source = _age(curve, arguments), f"({stays}) AS stay"
    if curve.open_times is not None:
        source = f"(SELECT {kept}, {age} AS age FROM {source} OFFSET 0) AS aged"
        age = "age"
    level, weighed = _level(curve, age, scale, number, arguments)
    lifted = f"SELECT {kept}, {level} AS level, {weighed} AS weighed FROM {source} OFFSET 0"
    unit = arguments.add(scale, number)
    part = f"((level % {unit} + {unit}) % {unit})"
    return (
        f"SELECT {columns},"
        f" coalesce(priority_fixed::{number}, priority_adjustment + weighed + (level - {part}) / {unit}) AS whole,"
        f" CASE WHEN priority_fixed IS NULL THEN {part} ELSE 0 END AS rest FROM ({lifted}) AS lifted"
    )


def _age(curve: PastCurve, arguments: Arguments) -> str:
    """Time on the schema's clock since the anchor, without pauses."""
    ran = _wall if curve.open_times is None else _OpenClock(curve.open_times, arguments)
    paused = (
        "CASE WHEN pauses IS NULL THEN 0 ELSE (SELECT sum(CASE WHEN n % 2 = 0 THEN ran ELSE -ran END)::bigint"
        f" FROM (SELECT {ran('t')} AS ran, n FROM unnest(pauses) WITH ORDINALITY AS u(t, n)) AS pause) END"
    )
    return f"({arguments.add(curve.elapsed, 'bigint')} - {ran('anchor')} - {paused})"


def _wall(instant: str) -> str:
    return instant


class _OpenClock:
    """How long a calendar has run at an instant, in SQL."""

    def __init__(self, times: OpenTimes, arguments: Arguments) -> None:
        self._starts = arguments.add(list(times.starts), "bigint[]")
        self._ends = arguments.add(list(times.ends), "bigint[]")
        self._shifts = arguments.add(list(times.shifts), "bigint[]")

    def __call__(self, instant: str) -> str:
        place = f"width_bucket({instant}, {self._starts})"
        return f"(least({instant}, ({self._ends})[{place}]) + ({self._shifts})[{place}])"


def _level(curve: PastCurve, age: str, scale: int, number: str, arguments: Arguments) -> tuple[str, str]:
    """The curve at an age in units of 1/scale, with what the value's weight leaves over; the weight's whole part."""
    if len(curve.bases) == 1:
        base, rate = arguments.add(curve.bases[0], number), arguments.add(curve.rates[0], number)
    else:
        place = f"width_bucket({age}, {arguments.add(list(curve.bends), 'bigint[]')}) + 1"
        base = f"({arguments.add(list(curve.bases), f'{number}[]')})[{place}]"
        rate = f"({arguments.add(list(curve.rates), f'{number}[]')})[{place}]"
    level, (above, below) = f"{base} + {rate} * {age}", curve.weight
    if above == 0:
        return level, f"0::{number}"
    value = f"{arguments.add(above, number)} * business_value"
    if below == 1:
        return level, value
    parts = arguments.add(below, number)
    left = f"((({value}) % {parts} + {parts}) % {parts})"
    return f"{level} + {left} * {arguments.add(scale // below, number)}", f"({value} - {left}) / {parts}"
