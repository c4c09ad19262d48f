"""Prioritization schemas: an item's priority at an instant, and the line on which it moves until it bends.

Pure and exact: ages are integer microseconds on the schema's clock, priorities are ints or Fractions, never
floats. A priority is computed when it is asked for; nothing here stores or ages one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple, assert_never

import msgspec

from openiwd.domain.calendar import WALL_CLOCK_ID, Clock
from openiwd.domain.curve import Interpolation, Segment, segments_of
from openiwd.domain.errors import InvalidInputError, RuleSetError
from openiwd.domain.instant import DAY, HOUR, parse_duration

Exact = int | Fraction

MAX_POINTS: Final = 200
MAX_AGE: Final = 3660 * DAY
_MAX_NUMBER: Final = 10**9
_MAX_DECIMALS: Final = 9
_LATEST: Final = 253_402_300_799_999_999  # the last microsecond of the year 9999, the end of datetime


class Anchor(StrEnum):
    """The instant at which an item has the age 0."""

    CREATED = "created"
    SOURCE_CREATED = "sourceCreated"
    ACTIVATION = "activation"
    DUE = "due"


class PointConfig(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """One point of the curve: the age as a duration (bare number: seconds; may be negative), its priority."""

    age: str | int
    priority: int | Decimal


class SchemaConfig(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """A prioritization schema as a rule set writes it.

    `slope_after` is priority per hour after the last point; `maximum` caps the curve before business value
    and adjustment are added; without `sla` the schema makes no due date.
    """

    id: str
    name: str
    points: tuple[PointConfig, ...]
    clock: str = WALL_CLOCK_ID
    anchor: Anchor = Anchor.CREATED
    interpolation: Interpolation = Interpolation.LINEAR
    sla: str | int | None = None
    slope_after: int | Decimal = 0
    maximum: int | Decimal | None = None
    value_weight: int | Decimal = 0


class Standing(NamedTuple):
    """What one item contributes to its priority; independent of the present.

    Its age is `clock.elapsed(t) - origin`; `origin` is the clock at the anchor plus the time paused.
    `constant` is valueWeight * businessValue + adjustment, `fixed` replaces everything. While a hold stops
    the clock, `stopped` is the elapsed time at which it stands.
    """

    schema_id: str
    clock_id: str
    origin: int
    constant: Exact
    fixed: int | None = None
    stopped: int | None = None


class Line(NamedTuple):
    """Priority = intercept + slope * elapsed(t) on a clock, while elapsed(t) < until (None: always)."""

    intercept: Exact
    slope: Exact
    until: int | None


class ScaledLine(NamedTuple):
    """A `Line` times the schema's `scale`: whole numbers, for those who keep millions of them."""

    intercept: int
    slope: int
    until: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """A compiled schema: the curve as segments on a clock.

    `scale` is a number that makes every start, slope, value weight and extrapolation of the curve whole.
    """

    id: str
    clock: Clock
    anchor: Anchor
    sla: int | None
    value_weight: Fraction
    segments: tuple[Segment, ...]
    scale: int
    bends: tuple[int, ...]
    """The ages at which a next segment begins."""
    bases: tuple[int, ...]
    """Each segment's line at age 0, times `scale`."""
    rates: tuple[int, ...]
    """Each segment's slope, times `scale`."""

    def segment_at(self, age: int) -> int:
        """Which segment holds at this age; a bend belongs to the segment that begins there."""
        return bisect_right(self.bends, age)

    def curve(self, age: int) -> Fraction:
        """The curve at an age, with the maximum applied."""
        index = bisect_right(self.bends, age)
        return Fraction(self.bases[index] + self.rates[index] * age, self.scale)


def compile_schema(config: SchemaConfig, clock: Clock, path: str = "schema") -> Schema:
    """The schema on its clock. Raises RuleSetError with the path of what is wrong."""
    points = _points(config, path)
    slope_after = _number(config.slope_after, f"{path}.slopeAfter") / HOUR
    maximum = None if config.maximum is None else _number(config.maximum, f"{path}.maximum")
    if maximum is not None and maximum < min(priority for _, priority in points):
        raise RuleSetError(
            "the maximum lies below every point",
            field=f"{path}.maximum",
            hint="raise it, or lower the priorities of the points",
        )
    value_weight = _number(config.value_weight, f"{path}.valueWeight")
    segments = segments_of(points, config.interpolation, slope_after, maximum)
    bases = [segment.start - segment.slope * (segment.from_age or 0) for segment in segments]
    scale = lcm(
        value_weight.denominator,
        *(base.denominator for base in bases),
        *(segment.slope.denominator for segment in segments),
    )
    return Schema(
        id=config.id,
        clock=clock,
        anchor=config.anchor,
        sla=_sla(config, path),
        value_weight=value_weight,
        segments=segments,
        scale=scale,
        bends=tuple(segment.from_age for segment in segments if segment.from_age is not None),
        bases=tuple(int(base * scale) for base in bases),
        rates=tuple(int(segment.slope * scale) for segment in segments),
    )


def anchor_of(
    anchor: Anchor, created: int, source_created: int | None, activation: int | None, due: int | None
) -> int:
    """The instant of age 0; an anchor that the item does not have falls back to `created`."""
    match anchor:
        case Anchor.CREATED:
            found: int | None = created
        case Anchor.SOURCE_CREATED:
            found = source_created
        case Anchor.ACTIVATION:
            found = activation
        case Anchor.DUE:
            found = due
        case _:
            assert_never(anchor)
    return created if found is None else found


def due_at(schema: Schema, anchor: int) -> int | None:
    """The due date that the schema makes: anchor + SLA on its clock; None without an SLA.

    With anchor `due` there is no due date to begin from yet: give `created` (as `anchor_of` does without
    one); what comes out is then the item's anchor.
    """
    return None if schema.sla is None else min(schema.clock.add(anchor, schema.sla), _LATEST)


def paused_time(clock: Clock, pauses: Iterable[tuple[int, int]]) -> int:
    """How much of the clock's time the pauses took."""
    return sum(clock.between(start, end) for start, end in pauses)


def standing(
    schema: Schema,
    anchor: int,
    paused: int,
    business_value: int,
    adjustment: int,
    fixed: int | None = None,
    stopped_at: int | None = None,
) -> Standing:
    """An item's standing in a schema; `paused` is time on the schema's clock, `stopped_at` an instant."""
    constant = constant_of(schema, business_value, adjustment)
    return Standing(
        schema.id,
        schema.clock.id,
        schema.clock.elapsed(anchor) + paused,
        constant,
        fixed,
        None if stopped_at is None else schema.clock.elapsed(stopped_at),
    )


def constant_of(schema: Schema, business_value: int, adjustment: int) -> Exact:
    """What business value and adjustment add to an item's priority at any time."""
    weight = schema.value_weight
    if weight.denominator == 1:
        return weight.numerator * business_value + adjustment
    return _exact(weight.numerator * business_value + adjustment * weight.denominator, weight.denominator)


def priority_at(schema: Schema, item: Standing, now: int) -> Fraction:
    """The item's exact priority at an instant: curve(age) + constant, or the fixed priority."""
    if item.fixed is not None:
        return Fraction(item.fixed)
    elapsed = schema.clock.elapsed(now) if item.stopped is None else item.stopped
    line = scaled_line_at(schema, item, elapsed)
    return Fraction(line.intercept + line.slope * elapsed, schema.scale)


def line_at(schema: Schema, item: Standing, elapsed_now: int) -> Line:
    """The line on which the item's priority moves from this elapsed time until its next bend."""
    scaled = scaled_line_at(schema, item, elapsed_now)
    scale = schema.scale
    return Line(_exact(scaled.intercept, scale), _exact(scaled.slope, scale), scaled.until)


def scaled_line_at(schema: Schema, item: Standing, elapsed_now: int) -> ScaledLine:
    """As `line_at`, times `schema.scale`. Lines of schemas with different scales need them to be compared."""
    scale, origin, constant = schema.scale, item.origin, item.constant
    if item.fixed is not None:
        return ScaledLine(item.fixed * scale, 0, None)
    # The scale covers the value weight's denominator, so the division leaves no rest.
    level = constant.numerator * (scale // constant.denominator)
    if item.stopped is not None:
        age = item.stopped - origin
        index = bisect_right(schema.bends, age)
        return ScaledLine(schema.bases[index] + schema.rates[index] * age + level, 0, None)
    index = bisect_right(schema.bends, elapsed_now - origin)
    rate = schema.rates[index]
    until = origin + schema.bends[index] if index < len(schema.bends) else None
    return ScaledLine(schema.bases[index] - rate * origin + level, rate, until)


def next_bend_at(schema: Schema, item: Standing, now: int) -> int | None:
    """The next instant at which the item moves on to another line; None if it never will."""
    until = scaled_line_at(schema, item, schema.clock.elapsed(now)).until
    return None if until is None else schema.clock.instant_at(until)


def samples(
    schema: Schema, item: Standing, from_: int, to: int, limit: int = 500
) -> list[tuple[int, Fraction]]:
    """Points (instant, priority) whose straight joins draw the item's priority between two instants.

    Both ends, every bend (twice where the curve jumps: before and after) and each start and stop of the
    clock while the priority moves. `limit` bounds the starts and stops: where there are more, evenly spaced
    instants stand for them, exact in themselves.
    """
    clock, end = schema.clock, schema.clock.elapsed(to)
    drawn = [(from_, priority_at(schema, item, from_))]
    start, elapsed, budget = from_, clock.elapsed(from_), max(limit, 0)
    while elapsed < end:
        line = line_at(schema, item, elapsed)
        until = end if line.until is None else min(line.until, end)
        stop = to if line.until is None or end < line.until else clock.instant_at(until)
        drawn.append((start, _value(line, elapsed)))
        if line.slope:
            between = _changes(clock, start, stop, budget)
            budget -= len(between)
            drawn += [(instant, _value(line, clock.elapsed(instant))) for instant in between]
        drawn.append((stop, _value(line, until)))
        start, elapsed = stop, until
    drawn.append((to, priority_at(schema, item, to)))
    return [point for index, point in enumerate(drawn) if index == 0 or point != drawn[index - 1]]


def shown(priority: Exact) -> int | float:
    """A priority as the API shows it: two decimals, half to even, an int when whole."""
    return shown_ratio(priority.numerator, priority.denominator)


def shown_ratio(numerator: int, denominator: int) -> int | float:
    """As `shown`, of a ratio in whatever terms; the denominator is positive."""
    return of_hundredths(hundredths(numerator, denominator))


def hundredths(numerator: int, denominator: int) -> int:
    """A ratio as whole hundredths, half to even; the denominator is positive."""
    whole, rest = divmod(numerator * 100, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole & 1):
        return whole + 1
    return whole


def of_hundredths(count: int) -> int | float:
    """So many hundredths as a number, an int when whole."""
    return count / 100 if count % 100 else count // 100


def shown_priority(schema: Schema, item: Standing, now: int) -> int | float:
    """`shown` of the item's priority at an instant, in whole numbers all the way."""
    if item.fixed is not None:
        return item.fixed
    elapsed = schema.clock.elapsed(now) if item.stopped is None else item.stopped
    line = scaled_line_at(schema, item, elapsed)
    hundredths, rest = divmod(100 * (line.intercept + line.slope * elapsed), schema.scale)
    if 2 * rest > schema.scale or (2 * rest == schema.scale and hundredths % 2):
        hundredths += 1
    whole, part = divmod(hundredths, 100)
    return hundredths / 100 if part else whole


def _value(line: Line, elapsed: int) -> Fraction:
    return Fraction(line.intercept + line.slope * elapsed)


def _changes(clock: Clock, start: int, stop: int, limit: int) -> list[int]:
    """The clock's starts and stops strictly between two instants, or `limit` evenly spaced instants."""
    found: list[int] = []
    change = clock.next_change(start)
    while change is not None and change < stop:
        if len(found) == limit:
            return [start + (stop - start) * step // (limit + 1) for step in range(1, limit + 1)]
        found.append(change)
        change = clock.next_change(change)
    return found


def _exact(numerator: int, denominator: int) -> Exact:
    whole, rest = divmod(numerator, denominator)
    return Fraction(numerator, denominator) if rest else whole


def _number(value: int | Decimal, field: str) -> Fraction:
    """The exact value of a configured number; bounded, as a short text can name a number of any length."""
    decimal = Decimal(value)
    exponent = decimal.as_tuple().exponent
    if not isinstance(exponent, int):
        raise RuleSetError(f"'{value}' is not a number", field=field)
    if exponent < -_MAX_DECIMALS or decimal.adjusted() > _MAX_DECIMALS or abs(decimal) > _MAX_NUMBER:
        raise RuleSetError(
            "the number is out of range",
            field=field,
            hint=f"use at most {_MAX_DECIMALS} decimals, between -{_MAX_NUMBER} and {_MAX_NUMBER}",
        )
    return Fraction(decimal)


def _duration(text: str | int, field: str) -> int:
    try:
        age = parse_duration(text, field)
    except InvalidInputError as error:
        raise RuleSetError(error.message, field=field, hint=error.hint) from error
    if abs(age) > MAX_AGE:
        raise RuleSetError("the duration is too long", field=field, hint=f"use at most {MAX_AGE // DAY}d")
    return age


def _sla(config: SchemaConfig, path: str) -> int | None:
    if config.sla is None:
        return None
    sla = _duration(config.sla, f"{path}.sla")
    if sla <= 0:
        raise RuleSetError(
            "the SLA is not longer than 0", field=f"{path}.sla", hint="leave it out for no due date"
        )
    return sla


def _points(config: SchemaConfig, path: str) -> list[tuple[int, Fraction]]:
    if not 1 <= len(config.points) <= MAX_POINTS:
        raise RuleSetError(
            f"a schema has 1 to {MAX_POINTS} points, not {len(config.points)}", field=f"{path}.points"
        )
    points: list[tuple[int, Fraction]] = []
    for index, point in enumerate(config.points):
        field = f"{path}.points[{index}]"
        age = _duration(point.age, f"{field}.age")
        if points and age <= points[-1][0]:
            raise RuleSetError(
                f"the age '{point.age}' is not after the one before it",
                field=f"{field}.age",
                hint="write the points in ascending order of age",
            )
        points.append((age, _number(point.priority, f"{field}.priority")))
    return points
