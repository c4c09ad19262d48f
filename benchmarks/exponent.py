"""Growth: the exponent of the time per operation over the size, and the shares of a series of times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import linear_regression


def exponent(seconds_by_size: Mapping[int, float]) -> float:
    """The slope of log(time) over log(size): 0 is constant, 1 linear."""
    points = [(math.log(size), math.log(max(seconds, 1e-9))) for size, seconds in seconds_by_size.items()]
    if len(points) < 2:
        return 0.0
    return linear_regression(*zip(*points, strict=True)).slope


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
