"""Growth: classification with ever more rules and ever more categories, and the exponent of the time per item."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import linear_regression, median

from benchmarks.result import Ratio, Row
from benchmarks.rules.ours import Case, classify_rate, prepared

RULES = (10, 50, 500)
CATEGORIES = (9, 49, 497)
HIGHEST_EXPONENT = 0.5
"""Asking each rule in turn would be 1; how many rules act on an item stays about the same here."""


async def _exponent(
    what: str, sizes: Sequence[int], make: Callable[[int], Case], *, rounds: int, seconds: float
) -> tuple[list[Row], Ratio]:
    cases = {size: make(size) for size in sizes}
    rates: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, case in cases.items():
            rates[size].append(await classify_rate(case, seconds))
    rows = [Row(f"b: items/s, {size} {what}", median(rates[size]), "items/s") for size in sizes]
    points = [(math.log(size), -math.log(median(rates[size]))) for size in sizes]
    exponent = linear_regression(*zip(*points, strict=True)).slope
    name = f"b: growth exponent over {what} (at most)"
    return rows, Ratio(name, exponent, HIGHEST_EXPONENT, exponent <= HIGHEST_EXPONENT)


async def measure(
    *, rules: int, categories: int, rounds: int, seconds: float
) -> tuple[list[Row], list[Ratio]]:
    over_rules, first = await _exponent(
        "rules", RULES, lambda n: prepared(n, categories), rounds=rounds, seconds=seconds
    )
    over_categories, second = await _exponent(
        "categories", CATEGORIES, lambda n: prepared(rules, n), rounds=rounds, seconds=seconds
    )
    return over_rules + over_categories, [first, second]
