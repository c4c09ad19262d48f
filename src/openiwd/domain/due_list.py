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

from openiwd.domain.backlog_columns import Columns, Slots, distinct, stretches

Times = NDArray[np.int64]

NEVER: Final = 1 << 62
_SPAN_BITS: Final = 32
"""Entries lie by spans of 2^32 microseconds (71 minutes) until the span is near; only then are they sorted."""
_SPARE: Final = 1_000
_LATE: Final = 8
"""Entries that came late are at most this part of those that are near, and some to spare."""


class DueList:
    """An entry says that its slot may be due then. When a slot is due, `due_of` knows, and `due_many` of many; entries
    that are no longer true are passed over when their time comes, and thrown out when they are more than the true.

    What is near was reckoned when its span was opened: as long as the slot bears the mark, that is still true. The
    mark of a slot that is not near means nothing.
    """

    __slots__ = (
        "_columns", "_due_many", "_due_of", "_entries", "_far", "_far_spans", "_live", "_mark", "_near_at",
        "_near_from", "_near_slots", "_near_until", "late", "soonest",
    )  # fmt: skip

    def __init__(
        self,
        columns: Columns,
        mark: int,
        due_many: Callable[[Slots], Times],
        due_of: Callable[[int], int | None],
    ) -> None:
        self._columns = columns
        self._mark = mark
        self._due_many = due_many
        self._due_of = due_of
        self._live = 0
        self._far: dict[int, array[int]] = {}
        self._far_spans: list[int] = []
        self._forget_near()
        self._entries = 0
        self.soonest = NEVER

    def _forget_near(self) -> None:
        self._near_at: Times = np.zeros(0, np.int64)
        self._near_slots: Slots = np.zeros(0, np.uint32)
        self._near_from = 0
        self._near_until = -NEVER
        self.late: list[tuple[int, int]] = []
        """What came when its span was near already, as a heap: few, as each takes many times the memory."""

    def add(self, at: int | None, slot: int) -> None:
        if at is None:
            return
        self._live += 1
        self._entries += 1
        self.soonest = min(self.soonest, at)
        if at < self._near_until:
            heappush(self.late, (at, slot))
            if len(self.late) > _SPARE + (len(self._near_at) - self._near_from) // _LATE:
                self._close_span()
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
        if np.count_nonzero(near) > _SPARE:
            self._close_span()
        elif near.any():
            for at, slot in zip(due[near].tolist(), slots[near].tolist(), strict=True):
                self.add(at, slot)
            due, slots = due[~near], slots[~near]
        self._live += len(slots)
        self._entries += len(slots)
        self._put_far(due >> _SPAN_BITS, slots)

    def _put_far(self, spans: Times, slots: Slots) -> None:
        if (spans[1:] < spans[:-1]).any():
            order = np.argsort(spans, kind="stable")
            spans, slots = spans[order], slots[order]
        for start, end in stretches(spans):
            span = int(spans[start])
            if span not in self._far:
                self._far[span] = array("I")
                heappush(self._far_spans, span)
            self._far[span].frombytes(slots[start:end].tobytes())

    def discard(self, slot: int) -> None:
        """A slot is no longer due when it was; its entry stays until its time or the next tidying."""
        self._live -= 1
        self._columns.set_mark(slot, self._mark, on=False)

    def discard_many(self, slots: Slots) -> None:
        """As `discard`, of distinct slots that all were due at some time."""
        self._live -= len(slots)
        self._columns.set_marks(slots, self._mark, on=False)

    @property
    def is_untidy(self) -> bool:
        """Whether most entries are no longer true: the owner then calls `tidy`."""
        return self._entries > 2 * self._live + _SPARE

    def tidy(self, slots: Slots) -> None:
        """Begins anew with these slots, which are all that there are."""
        self._columns.set_marks(self._near_slots[self._near_from :], self._mark, on=False)
        self._forget_near()
        self._far, self._far_spans = {}, []
        self._live = self._entries = 0
        self.soonest = NEVER
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
            if self._columns.mark_at[int(self._near_slots[self._near_from])] & self._mark:
                break
            self._near_from += 1
            self._entries -= 1
        while self.late and self._due_of(self.late[0][1]) != self.late[0][0]:
            heappop(self.late)
            self._entries -= 1
        late = self.late[0][0] if self.late else None
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
                near = self._near_slots[self._near_from : end]
                parts.append(near[self._columns.marked(near, self._mark)])
                self._entries -= end - self._near_from
                self._near_from = end
            if self.late and self.late[0][0] <= now:
                parts.append(self._take_late(now, parts))
            if self._near_from < len(self._near_at) or not self._far_spans:
                break
            if self._far_spans[0] << _SPAN_BITS > now:
                break
            self._open_span()
        self.soonest = self._soonest()
        taken = np.concatenate(parts) if parts else np.zeros(0, np.uint32)
        self._live -= len(taken)
        return taken

    def _take_late(self, now: int, taken: list[Slots]) -> Slots:
        """Those of which what came late is true, and which are not taken already."""
        late: list[tuple[int, int]] = []
        while self.late and self.late[0][0] <= now:
            late.append(heappop(self.late))
        self._entries -= len(late)
        entries = np.array(late, np.int64)
        slots = entries[:, 1].astype(np.uint32)
        slots = distinct(slots[self._due_many(slots) == entries[:, 0]])
        return slots[~np.isin(slots, np.concatenate(taken))] if taken else slots

    def _soonest(self) -> int:
        """No entry lies before this instant."""
        near = int(self._near_at[self._near_from]) if self._near_from < len(self._near_at) else NEVER
        late = self.late[0][0] if self.late else NEVER
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
        self._columns.set_marks(slots, self._mark, on=True)

    def _close_span(self) -> None:
        """Puts what is near back with what is far: much has come before its end, as when only one span was known."""
        slots, due = self._near_slots[self._near_from :], self._near_at[self._near_from :]
        true = self._columns.marked(slots, self._mark)
        self._columns.set_marks(slots[true], self._mark, on=False)
        late = np.array(self.late, np.int64).reshape(-1, 2)
        self._entries -= len(slots) - int(np.count_nonzero(true))
        self._forget_near()
        self._put_far(
            np.concatenate((due[true], late[:, 0])) >> _SPAN_BITS,
            np.concatenate((slots[true], late[:, 1].astype(np.uint32))),
        )
