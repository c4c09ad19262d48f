"""A clock that is asked about again only when it starts or stops. Pure; says what the clock says that it keeps."""

from __future__ import annotations

from openiwd.domain.calendar import Clock
from openiwd.domain.due_list import NEVER, Times


class KeptClock:
    """For questions about instants that mostly go forward."""

    __slots__ = ("_clock", "_open", "_since", "_until", "id")

    def __init__(self, clock: Clock) -> None:
        self.id = clock.id
        self._clock = clock
        self._since, self._until, self._open = 0, 0, False

    def _look(self, t: int) -> None:
        if not self._since <= t < self._until:
            until = self._clock.next_change(t)
            self._since, self._until, self._open = (
                t,
                NEVER if until is None else until,
                self._clock.is_open(t),
            )

    def is_open(self, t: int) -> bool:
        self._look(t)
        return self._open

    def next_change(self, t: int) -> int | None:
        self._look(t)
        return None if self._until == NEVER else self._until

    def elapsed(self, t: int) -> int:
        return self._clock.elapsed(t)

    def instant_at(self, elapsed: int) -> int:
        return self._clock.instant_at(elapsed)

    def elapsed_many(self, times: Times) -> Times:
        return self._clock.elapsed_many(times)

    def instants_at(self, elapsed: Times) -> Times:
        return self._clock.instants_at(elapsed)

    def between(self, a: int, b: int) -> int:
        return self._clock.between(a, b)

    def add(self, a: int, n: int) -> int:
        return self._clock.add(a, n)

    def offset_at(self, t: int) -> int:
        return self._clock.offset_at(t)

    def instant_of(self, local: int) -> int:
        return self._clock.instant_of(local)
