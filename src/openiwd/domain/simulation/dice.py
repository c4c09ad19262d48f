"""Chance as the simulation needs it, handed in by the caller: the domain makes none of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Dice(Protocol):
    """A seeded source of numbers; the standard library's `Random` is one."""

    def random(self) -> float:
        """From 0 up to, not including, 1."""
        ...

    def randint(self, a: int, b: int, /) -> int:
        """From a to b, both included."""
        ...

    def choice(self, seq: Sequence[T], /) -> T: ...

    def sample(self, population: Sequence[T], k: int, /) -> list[T]: ...

    def expovariate(self, lambd: float, /) -> float: ...

    def lognormvariate(self, mu: float, sigma: float, /) -> float: ...


class Bag(Protocol):
    """Gives each part of the simulation dice of its own: what one part rolls moves no other part."""

    def __call__(self, part: str, /) -> Dice: ...
