"""The order of a past instant: each schema of then as numbers that a database can compute exact priorities with. Pure.

A priority is a whole number and a rest in units of 1/`scale`, so that whole numbers of eight bytes mostly do.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import lcm
from typing import Final, NamedTuple

from openiwd.domain.calendar import WALL, Clock
from openiwd.domain.instant import to_micros
from openiwd.domain.schema import Schema

YEARS: Final = 11
"""Dates of an item lie within ten years of its tenant's clock."""
_REACH: Final = timedelta(days=366 * YEARS)
_LONGEST: Final = 2 * 366 * YEARS * 86_400_000_000
_LEAST: Final = -(2**62)
_FITS: Final = 2**61


class OpenTimes(NamedTuple):
    """A clock as columns: from `starts[k]` to `starts[k+1]` it has run `min(t, ends[k]) + shifts[k]`."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    shifts: tuple[int, ...]


class PastCurve(NamedTuple):
    """A schema at an instant. `bases` and `rates` give the curve times the common scale, one pair per straight part."""

    schema_id: str
    elapsed: int
    open_times: OpenTimes | None
    """None: wall time."""
    bends: tuple[int, ...]
    bases: tuple[int, ...]
    rates: tuple[int, ...]
    weight: tuple[int, int]
    """The value weight as a ratio in lowest terms."""


class PastCurves(NamedTuple):
    """All schemas of one rule-set version at an instant; `is_small`: numbers of eight bytes do."""

    curves: tuple[PastCurve, ...]
    scale: int
    is_small: bool


def past_curves(schemas: Iterable[Schema], at: datetime) -> PastCurves:
    """The schemas as of an instant, on one scale."""
    found = list(schemas)
    now, scale = to_micros(at), lcm(1, *(schema.scale for schema in found))
    clocks = {schema.clock.id: schema.clock for schema in found if schema.clock.id != WALL.id}
    open_at = {key: _kept_times(clock, at.year) for key, clock in clocks.items()}
    curves = tuple(_curve(schema, now, scale, open_at.get(schema.clock.id)) for schema in found)
    is_small = scale < _FITS and all(
        max(map(abs, c.bases)) + max(map(abs, c.rates)) * _LONGEST < _FITS
        and abs(c.weight[0]) * 2**31 < _FITS
        for c in curves
    )
    return PastCurves(curves, scale, is_small)


def _curve(schema: Schema, now: int, scale: int, times_open: OpenTimes | None) -> PastCurve:
    times, weight = scale // schema.scale, schema.value_weight
    return PastCurve(
        schema.id,
        schema.clock.elapsed(now),
        times_open,
        schema.bends,
        tuple(base * times for base in schema.bases),
        tuple(rate * times for rate in schema.rates),
        (weight.numerator, weight.denominator),
    )


_KEPT: Final[dict[tuple[str, int], OpenTimes]] = {}
_MOST_KEPT: Final = 64


def _kept_times(clock: Clock, year: int) -> OpenTimes:
    """Calendars that run alike share an id; laying one out takes some ten milliseconds."""
    key = (clock.id, year)
    found = _KEPT.get(key)
    if found is None:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        found = _KEPT[key] = open_times(clock, year)
    return found


def open_times(clock: Clock, year: int) -> OpenTimes:
    """When the clock runs in the years around one: all that anchors and pauses of items of that year can name."""
    start = to_micros(datetime.fromisoformat(f"{year:04}-07-01T00:00:00+00:00") - _REACH)
    end = start + _LONGEST
    starts, ends, shifts = [_LEAST], [_LEAST], [clock.elapsed(start) - _LEAST]
    at: int | None = start
    while at is not None and at < end:
        following = clock.next_change(at)
        if clock.is_open(at):
            starts.append(at)
            ends.append(2**62 if following is None else following)
            shifts.append(clock.elapsed(at) - at)
        at = following
    return OpenTimes(tuple(starts), tuple(ends), tuple(shifts))
