"""The curve of a prioritization schema: points made into straight segments under a maximum, exactly.

Ages are integer microseconds, priorities Fractions. Knows neither clocks nor items.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import NamedTuple, assert_never


class Interpolation(StrEnum):
    """How the points of a schema are joined."""

    LINEAR = "linear"
    STEPS = "steps"


class Segment(NamedTuple):
    """A straight part of a curve: `start + slope * (age - from_age)`; the first one is flat, from ever."""

    from_age: int | None
    start: Fraction
    slope: Fraction


def segments_of(
    points: list[tuple[int, Fraction]],
    interpolation: Interpolation,
    slope_after: Fraction,
    maximum: Fraction | None,
) -> tuple[Segment, ...]:
    """The segments of a curve through points of ascending age; `slope_after` is per microsecond."""
    return _joined(_uncapped(points, interpolation, slope_after), maximum)


def _uncapped(
    points: list[tuple[int, Fraction]], interpolation: Interpolation, slope_after: Fraction
) -> list[Segment]:
    """The curve without its maximum; before the first point it is flat."""
    segments = [Segment(None, points[0][1], Fraction(0))]
    for (age, priority), following in zip(points, [*points[1:], None], strict=True):
        if following is None:
            slope = slope_after
        else:
            match interpolation:
                case Interpolation.LINEAR:
                    slope = (following[1] - priority) / (following[0] - age)
                case Interpolation.STEPS:
                    slope = Fraction(0)
                case _:
                    assert_never(interpolation)
        segments.append(Segment(age, priority, slope))
    return segments


def _joined(segments: list[Segment], maximum: Fraction | None) -> tuple[Segment, ...]:
    """The segments under the maximum, without bends at which nothing bends."""
    joined: list[Segment] = []
    for index, segment in enumerate(segments):
        end = segments[index + 1].from_age if index + 1 < len(segments) else None
        for part in [segment] if maximum is None else _capped(segment, end, maximum):
            if not joined or not _continues(joined[-1], part):
                joined.append(part)
    return tuple(joined)


def _capped(segment: Segment, end: int | None, maximum: Fraction) -> Iterator[Segment]:
    """One segment under the maximum. Where the two meet between two microseconds the later one is the bend:
    at whole ages, and there are no others, the curve is then exactly the lesser of line and maximum.
    """
    age, start, slope = segment
    if age is None or slope == 0:
        yield Segment(age, min(start, maximum), slope)
        return
    flat_first = start > maximum or (start == maximum and slope > 0)
    yield Segment(age, maximum, Fraction(0)) if flat_first else segment
    if flat_first == (slope > 0):
        return
    meeting = age + ceil((maximum - start) / slope)
    if end is None or meeting < end:
        yield (
            Segment(meeting, start + slope * (meeting - age), slope)
            if flat_first
            else Segment(meeting, maximum, Fraction(0))
        )


def _continues(before: Segment, after: Segment) -> bool:
    """Whether the second segment lies on the line of the first."""
    if before.from_age is None or after.from_age is None:
        return before.slope == after.slope and before.start == after.start
    return (
        before.slope == after.slope
        and before.start + before.slope * (after.from_age - before.from_age) == after.start
    )
