"""Slots by the instant at which something is due for them, at four bytes an entry. Pure.

What is still true of an entry, only its owner knows.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import Slots, distinct, stretches

Times = NDArray[np.int64]

NEVER: Final = 1 << 62
_SPAN_BITS: Final = 32
"""Entries lie by spans of 2^32 microseconds (71 minutes) until the span is near; only then are they sorted."""
_SPARE: Final = 1_000


class DueList:
    """An entry says that its slot may be due then. When a slot is due, `due_of` knows, and `due_many` of many; entries
    that are no longer true are passed over when their time comes, and thrown out when they are more than the true.
    """

    __slots__ = (
        "_due_many", "_due_of", "_entries", "_far", "_far_spans", "_late", "_live", "_near_at", "_near_from",
        "_near_slots", "_near_until", "soonest",
    )  # fmt: skip

    def __init__(self, due_many: Callable[[Slots], Times], due_of: Callable[[int], int | None]) -> None:
        self._due_many = due_many
        self._due_of = due_of
        self._live = 0
        self._entries = 0
        self._clear()

    def _clear(self) -> None:
        self._entries = 0
        self._far: dict[int, array[int]] = {}
        self._far_spans: list[int] = []
        self._near_at: Times = np.zeros(0, np.int64)
        self._near_slots: Slots = np.zeros(0, np.uint32)
        self._near_from = 0
        self._near_until = -NEVER
        self._late: list[tuple[int, int]] = []
        self.soonest = NEVER

    def add(self, at: int | None, slot: int) -> None:
        if at is None:
            return
        self._live += 1
        self._entries += 1
        self.soonest = min(self.soonest, at)
        if at < self._near_until:
            heappush(self._late, (at, slot))
            return
        span = at >> _SPAN_BITS
        slots = self._far.get(span)
        if slots is None:
            slots = self._far[span] = array("I")
            heappush(self._far_spans, span)
        slots.append(slot)

    def add_many(self, due: Times, slots: Slots) -> None:
        """Slots with their instants, NEVER for none."""
        some = due < NEVER
        due, slots = due[some], slots[some]
        if not len(due):
            return
        self.soonest = min(self.soonest, int(due.min()))
        near = due < self._near_until
        for at, slot in zip(due[near].tolist(), slots[near].tolist(), strict=True):
            self.add(at, slot)
        due, slots = due[~near], slots[~near]
        self._live += len(slots)
        self._entries += len(slots)
        spans = due >> _SPAN_BITS
        order = np.argsort(spans, kind="stable")
        spans, slots = spans[order], slots[order]
        for start, end in stretches(spans):
            span = int(spans[start])
            if span not in self._far:
                self._far[span] = array("I")
                heappush(self._far_spans, span)
            self._far[span].frombytes(slots[start:end].tobytes())

    def discard(self, count: int = 1) -> None:
        """So many slots are no longer due when they were; their entries stay until their time or the next tidying."""
        self._live -= count

    @property
    def is_untidy(self) -> bool:
        """Whether most entries are no longer true: the owner then calls `tidy`."""
        return self._entries > 2 * self._live + _SPARE

    def tidy(self, slots: Slots) -> None:
        """Begins anew with these slots, which are all that there are."""
        self._clear()
        self._live = 0
        self.add_many(self._due_many(slots), slots)

    def next(self) -> int | None:
        """The next instant at which a slot is due."""
        while True:
            near = self._next_near()
            if near is not None:
                return near
            if not self._far_spans:
                return None
            self._open_span()

    def _next_near(self) -> int | None:
        while self._near_from < len(self._near_at):
            at = int(self._near_at[self._near_from])
            if self._due_of(int(self._near_slots[self._near_from])) == at:
                break
            self._near_from += 1
            self._entries -= 1
        while self._late and self._due_of(self._late[0][1]) != self._late[0][0]:
            heappop(self._late)
            self._entries -= 1
        late = self._late[0][0] if self._late else None
        if self._near_from == len(self._near_at):
            return late
        near = int(self._near_at[self._near_from])
        return near if late is None else min(near, late)

    def take(self, now: int) -> Slots:
        """All slots due at `now` or before, each once; their entries are gone. None is before `soonest`."""
        parts: list[Slots] = []
        while True:
            end = int(np.searchsorted(self._near_at, now, side="right"))
            if end > self._near_from:
                parts.append(self._near_slots[self._near_from : end])
                self._entries -= end - self._near_from
                self._near_from = end
            late = array("I")
            while self._late and self._late[0][0] <= now:
                late.append(heappop(self._late)[1])
            if late:
                self._entries -= len(late)
                parts.append(np.frombuffer(late, dtype=np.uint32))
            if self._near_from < len(self._near_at) or not self._far_spans:
                break
            if self._far_spans[0] << _SPAN_BITS > now:
                break
            self._open_span()
        self.soonest = self._soonest()
        if not parts:
            return np.zeros(0, np.uint32)
        slots = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if len(slots) > 1:
            slots = distinct(slots)
        due = self._due_many(slots)
        taken = slots[due <= now]
        self._live -= len(taken)
        return taken

    def _soonest(self) -> int:
        """No entry lies before this instant."""
        near = int(self._near_at[self._near_from]) if self._near_from < len(self._near_at) else NEVER
        late = self._late[0][0] if self._late else NEVER
        far = self._far_spans[0] << _SPAN_BITS if self._far_spans else NEVER
        return min(near, late, far)

    def _open_span(self) -> None:
        """Sorts the next span by its exact instants; the near one is used up."""
        span = heappop(self._far_spans)
        entries = self._far.pop(span)
        slots = distinct(np.frombuffer(entries, dtype=np.uint32))
        due = self._due_many(slots)
        true = (due >> _SPAN_BITS) == span
        slots, due = slots[true], due[true]
        order = np.argsort(due, kind="stable")
        self._entries += len(slots) - len(entries)
        self._near_at, self._near_slots, self._near_from = due[order], slots[order], 0
        self._near_until = (span + 1) << _SPAN_BITS
