"""The segments of a rule set's schemas as groups of items lie on them: lines in whole numbers, each on its own scale.

One scale for all segments of a schema would be the product of durations that have nothing in common, and leave 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import gcd
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import distinct
from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER
from openiwd.domain.schema import Exact, Schema

FIXED: Final = -1
"""The phase of items with a fixed priority, or without a schema that is known: a flat line on no clock."""
FITS: Final = float(1 << 62)
"""Levels below this fit their column."""
_NARROW: Final = 1 << 60
Numbers = NDArray[np.int64]
Indices = NDArray[np.integer[Any]]


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
            common = gcd(unit, schema.rates[phase], schema.bases[phase])
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

    @property
    def slope(self) -> Fraction:
        """Priority per microsecond of the clock."""
        return Fraction(self.rate, self.scale)

    @property
    def is_narrow(self) -> bool:
        """Whether its numbers leave room for levels of 64 bits."""
        return max(abs(self.rate), abs(self.base), self.scale) < _NARROW


def parts_of(constant: Exact, schema: Schema) -> int:
    """A constant in parts of the value weight's denominator."""
    # That denominator covers the constant's, so the division leaves no rest.
    return constant.numerator * (schema.value_weight.denominator // constant.denominator)


class GroupLines:
    """All lines of a rule set by number, a schema's in order of their phases; their numbers as columns too.

    What is not narrow has zeros in the columns. `bend` is NEVER where a line does not end.
    """

    __slots__ = ("_first", "base", "bend", "clock", "clocks", "is_narrow", "lines", "rate", "unit")

    def __init__(self, schemas: Mapping[str, Schema], whole: int) -> None:
        self.lines = [GroupLine(0, None, FIXED, whole)]
        self._first: dict[str, int] = {}
        clocks: dict[str, int] = {}
        self.clocks: list[Clock] = []
        of = [-1]
        for schema in schemas.values():
            self._first[schema.id] = len(self.lines) + 1
            if schema.clock.id not in clocks:
                clocks[schema.clock.id] = len(self.clocks)
                self.clocks.append(schema.clock)
            for phase in range(FIXED, len(schema.bends) + 1):
                self.lines.append(GroupLine(len(self.lines), schema, phase, whole))
                of.append(clocks[schema.clock.id])
        self.clock = np.array(of, np.int64)
        self.is_narrow = np.array([line.is_narrow for line in self.lines])
        narrow = [line if line.is_narrow else self.lines[0] for line in self.lines]
        self.rate = np.array([line.rate for line in narrow], np.int64)
        self.base = np.array([line.base for line in narrow], np.int64)
        self.unit = np.array([line.unit for line in narrow], np.int64)
        self.bend = np.array([NEVER if line.bend is None else line.bend for line in self.lines], np.int64)

    def line(self, schema: Schema | None, phase: int) -> GroupLine:
        return self.lines[0 if schema is None else self._first[schema.id] + phase]

    def by_clock(self, lines: Indices) -> Iterator[tuple[Clock, NDArray[np.intp]]]:
        """The clocks of these lines, each with the places that are on it; those without a schema are left out."""
        numbers = self.clock[lines]
        for number in distinct(numbers).tolist():
            if number >= 0:
                yield self.clocks[number], np.flatnonzero(numbers == number)

    def fit(self, lines: Indices, levels: Numbers, since: Numbers) -> NDArray[np.bool_]:
        """Whether `parts_many` stays within 64 bits for these."""
        reach = np.abs(since) * np.abs(self.rate[lines]).astype(np.float64)
        return self.is_narrow[lines] & (reach + np.abs(self.base[lines]) + np.abs(levels) < FITS)

    def parts_many(self, lines: Indices, levels: Numbers, since: Numbers) -> Numbers:
        """As `GroupLine.parts`, of many that `fit`."""
        return (self.rate[lines] * since - self.base[lines] - levels) // self.unit[lines]

    def levels_many(
        self, lines: Indices, parts: Numbers, since: Numbers
    ) -> tuple[Numbers, NDArray[np.bool_]]:
        """As `GroupLine.level`, of many, and which of them are within 64 bits; the others are nothing."""
        rates, bases, units = self.rate[lines], self.base[lines], self.unit[lines]
        reach = np.abs(since) * np.abs(rates).astype(np.float64)
        reach += np.abs(bases) + np.abs(parts) * units.astype(np.float64)
        return rates * since - bases - units * parts, self.is_narrow[lines] & (reach < FITS)
