"""Alternation: everything compared is measured in turns in one run; a ratio counts only if its turns agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from statistics import median

import msgspec

from benchmarks.result import Ratio, Row

ROUNDS = 5
AGREEMENT = 0.15


class Series(msgspec.Struct, frozen=True):
    """One thing's rates, a value per round."""

    name: str
    values: list[float]

    @property
    def median(self) -> float:
        return median(self.values)

    def row(self, unit: str) -> Row:
        return Row(self.name, self.median, unit)


async def alternate(
    measures: Mapping[str, Callable[[], Awaitable[float]]], rounds: int, *, say: Callable[[str], None] = print
) -> dict[str, Series]:
    """Measures all in turn, `rounds` times; every other round goes backwards, so that drift hits all alike."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for n in range(rounds):
        names = list(measures) if n % 2 == 0 else list(reversed(list(measures)))
        for name in names:
            found[name].append(await measures[name]())
        say(f"  round {n + 1}: " + ", ".join(f"{name} {values[-1]:,.0f}" for name, values in found.items()))
    return {name: Series(name, values) for name, values in found.items()}


def compare(name: str, ours: Series, theirs: Series, target: float) -> tuple[Ratio, Row]:
    """The median ratio of the rounds, and how far its rounds lie apart: beyond 15 % the ratio does not count."""
    each = [a / b for a, b in zip(ours.values, theirs.values, strict=True)]
    middle = median(each)
    spread = max(abs(r - middle) for r in each) / middle
    counts = len(each) >= ROUNDS and spread <= AGREEMENT
    return Ratio(name, middle, target, middle >= target and counts), Row(f"{name}: spread", 100 * spread, "%")


def at_most(name: str, ours: Series, target: float) -> tuple[Ratio, Row]:
    """A value that must not be above its target: reached only if every one of the rounds reaches it."""
    middle, highest = ours.median, max(ours.values)
    spread = max(abs(v - middle) for v in ours.values) / middle if middle else 0.0
    counts = len(ours.values) >= ROUNDS and highest <= target
    return Ratio(f"{name} (at most)", middle, target, counts), Row(f"{name}: spread", 100 * spread, "%")
