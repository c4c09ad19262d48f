"""The segments of a rule set's schemas as groups of items lie on them: lines in whole numbers, each on its own scale.

One scale for all segments of a schema would be the product of durations that have nothing in common, and leave 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.calendar import Clock
from openiwd.domain.schema import Exact, Schema

FIXED: Final = -1
"""The phase of items with a fixed priority, or without a schema that is known: a flat line on no clock."""
FITS: Final = float(1 << 62)
"""Levels below this fit their column."""
_SMALL_SCALE: Final = 1 << 40
_SMALL_RATE: Final = 1 << 18
"""So much per microsecond stays within 64 bits for half a year."""
_NARROW: Final = 1 << 60
Numbers = NDArray[np.int64]


class GroupLine:
    """A segment (`phase`) of a schema: priority = (base + rate * age + unit * parts) / scale.

    An item's `parts` are what business value and adjustment add, in parts of the value weight's denominator.
    `factor` brings the scale to the backlog's one scale; the segment ends at the age `bend`. Compared by identity.
    """

    __slots__ = (
        "base", "bend", "clock", "factor", "number", "phase", "rate", "scale", "schema", "schema_id", "unit",
    )  # fmt: skip

    def __init__(self, number: int, schema: Schema | None, phase: int, whole: int) -> None:
        self.number = number
        self.schema = schema
        self.schema_id = "" if schema is None else schema.id
        self.phase = phase
        self.bend: int | None = None
        self.rate, self.base, self.scale, self.unit = 0, 0, 1, 1
        if schema is not None and phase != FIXED:
            unit = schema.scale // schema.value_weight.denominator
            common = 1 if _is_small(schema) else gcd(unit, schema.rates[phase], schema.bases[phase])
            self.rate, self.base = schema.rates[phase] // common, schema.bases[phase] // common
            self.scale, self.unit = schema.scale // common, unit // common
            if phase < len(schema.bends):
                self.bend = schema.bends[phase]
        self.clock: Clock | None = None if schema is None or not self.rate else schema.clock
        self.factor = whole // self.scale

    def level(self, parts: int, since: int) -> int:
        """The (negated) intercept of an item that was at the age 0 so long `since` the backlog's beginning."""
        return self.rate * since - self.base - self.unit * parts

    def parts(self, level: int, since: int) -> int:
        """From a level back to the parts of the item's constant."""
        return (self.rate * since - self.base - level) // self.unit

    def levels_on(
        self, target: GroupLine, levels: Numbers, since: Numbers
    ) -> tuple[Numbers, NDArray[np.bool_]]:
        """The levels of items of this line on another line of the schema; and which of them are right: those for which
        64 bits are enough. Both lines are narrow.
        """
        rate, base = target.rate - self.rate, self.base - target.base
        if self.unit == target.unit and _most(since) * abs(rate) + abs(base) + _most(levels) < FITS:
            return levels + rate * since + base, np.ones(len(levels), dtype=bool)
        reach = _most(since) * abs(self.rate) + abs(self.base) + _most(levels)
        if reach < FITS:
            fit = np.ones(len(levels), dtype=bool)
        else:
            fit = np.abs(since.astype(np.float64)) * abs(self.rate) + abs(self.base) + np.abs(levels) < FITS
        parts = (self.rate * since - self.base - levels) // self.unit
        found, fit_too = target.levels(parts, since)
        return found, fit & fit_too

    def levels(self, parts: Numbers, since: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """As `level`, of many; and which of them are right. The line is narrow."""
        rate, unit, base = abs(self.rate), self.unit, abs(self.base)
        reach = _most(since) * rate + base + _most(parts) * unit
        if reach < FITS:
            fit = np.ones(len(since), dtype=bool)
        else:
            fit = (
                np.abs(since.astype(np.float64)) * rate + base + np.abs(parts.astype(np.float64)) * unit
                < FITS
            )
        return self.rate * since - self.base - self.unit * parts, fit

    @property
    def slope(self) -> Fraction:
        """Priority per microsecond of the clock."""
        return Fraction(self.rate, self.scale)

    @property
    def is_narrow(self) -> bool:
        """Whether its numbers leave room for levels of 64 bits."""
        return max(abs(self.rate), abs(self.base), self.scale) < _NARROW


def _is_small(schema: Schema) -> bool:
    """Whether one scale does for all segments, and leaves ample room for levels: levels need not be divided then."""
    return schema.scale < _SMALL_SCALE and max(map(abs, schema.rates)) < _SMALL_RATE


def parts_of(constant: Exact, schema: Schema) -> int:
    """A constant in parts of the value weight's denominator."""
    # That denominator covers the constant's, so the division leaves no rest.
    return constant.numerator * (schema.value_weight.denominator // constant.denominator)


def _most(values: Numbers) -> float:
    return max(float(values.max()), -float(values.min()))


class GroupLines:
    """All lines of a rule set by number, a schema's in order of their phases."""

    __slots__ = ("_first", "lines")

    def __init__(self, schemas: Mapping[str, Schema], whole: int) -> None:
        self.lines = [GroupLine(0, None, FIXED, whole)]
        self._first: dict[str, int] = {}
        for schema in schemas.values():
            self._first[schema.id] = len(self.lines) + 1
            for phase in range(FIXED, len(schema.bends) + 1):
                self.lines.append(GroupLine(len(self.lines), schema, phase, whole))

    def line(self, schema: Schema | None, phase: int) -> GroupLine:
        return self.lines[0 if schema is None else self._first[schema.id] + phase]
