"""The ranges of priorities in which reports count. Pure."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Final

PRIORITY_BOUNDS: Final = (0, 200, 400, 600, 800, 1_000)
PRIORITY_RANGES: Final = (
    f"below {PRIORITY_BOUNDS[0]}",
    *(f"{low} to {high}" for low, high in pairwise(PRIORITY_BOUNDS)),
    f"{PRIORITY_BOUNDS[-1]} and more",
)
"""A range holds its first number and not its second one."""


def range_of(priority: Fraction) -> str:
    """The range in which a priority lies."""
    return PRIORITY_RANGES[sum(priority >= bound for bound in PRIORITY_BOUNDS)]
