"""Lays the hours of a calendar out as open intervals of instants. Pure numpy arithmetic on microseconds.

Local times are counted as if they were UTC and mapped to instants by a zone's frozen transitions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY, MINUTE, SECOND

Spans = tuple[tuple[int, int], ...]
"""Open spans of one local day as (start, end) in minutes after midnight; end is at most 1440."""

Times = NDArray[np.int64]

WEEK: Final = 7 * DAY
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday


class Intervals:
    """Disjoint open intervals in ascending order with the open time before each."""

    __slots__ = ("before", "ends", "starts", "total")

    def __init__(self, starts: Times, ends: Times) -> None:
        before = np.zeros(len(starts) + 1, dtype=np.int64)
        np.cumsum(ends - starts, out=before[1:])
        self.starts = array("q", starts.tobytes())
        self.ends = array("q", ends.tobytes())
        self.before = array("q", before.tobytes())
        self.total: int = self.before[-1]

    def elapsed(self, t: int) -> int:
        index = bisect_right(self.starts, t) - 1
        if index < 0:
            return 0
        end = self.ends[index]
        return self.before[index] + (t if t < end else end) - self.starts[index]  # noqa: FURB136 - hot

    def reached(self, elapsed: int) -> int:
        """The earliest instant with this much open time before it; 0 < elapsed <= total."""
        index = bisect_left(self.before, elapsed) - 1
        return self.starts[index] + elapsed - self.before[index]

    def elapsed_many(self, times: Times) -> Times:
        """As `elapsed`, of many instants."""
        starts, ends, before = (_viewed(own) for own in (self.starts, self.ends, self.before))
        index = _counted(starts, times, "right") - 1
        found: Times = before[index] + np.minimum(times, ends[index]) - starts[index]
        found[index < 0] = 0
        return found

    def reached_many(self, elapsed: Times) -> Times:
        """As `reached`, of many amounts."""
        starts, before = _viewed(self.starts), _viewed(self.before)
        index = _counted(before, elapsed, "left") - 1
        found: Times = starts[index] + elapsed - before[index]
        return found

    def is_open(self, t: int) -> bool:
        index = bisect_right(self.starts, t) - 1
        return index >= 0 and t < self.ends[index]

    def next_boundary(self, t: int) -> int | None:
        index = bisect_right(self.starts, t)
        if index > 0 and t < self.ends[index - 1]:
            return self.ends[index - 1]
        return self.starts[index] if index < len(self.starts) else None


def _counted(bounds: Times, values: Times, side: Literal["left", "right"]) -> NDArray[np.intp]:
    """As `searchsorted`, looking only where the values lie: many of one time lie between few bounds."""
    if not len(values):
        return np.zeros(0, np.intp)
    first, last = np.searchsorted(bounds, (values.min(), values.max()), side=side).tolist()
    found: NDArray[np.intp] = np.searchsorted(bounds[first:last], values, side=side) + first
    return found


def _viewed(own: array[int]) -> Times:
    return np.frombuffer(own, dtype=np.int64)


class Zone:
    """Maps local times to instants by the frozen transitions (all in microseconds)."""

    __slots__ = ("_from", "_high", "_low", "_offsets", "_until")

    def __init__(self, transitions: Sequence[tuple[int, int]]) -> None:
        if not transitions:
            raise RuleSetError(
                "the calendar has no offset", field="transitions", hint="freeze the calendar again"
            )
        table = np.array(transitions, dtype=np.int64) * SECOND
        far = np.int64(2**62)
        self._offsets: Times = table[:, 1].copy()
        self._from: Times = np.concatenate(([-far], table[1:, 0]))
        self._until: Times = np.concatenate((table[1:, 0], [far]))
        # Running extremes keep the searches exact even where two transitions lie closer than their shift.
        self._high: Times = np.maximum.accumulate(self._until + self._offsets)
        self._low: Times = np.minimum.accumulate((self._from + self._offsets)[::-1])[::-1]

    def starts(self, local: Times) -> Times:
        """The first instants whose local time is not before the given ones."""
        phase = np.searchsorted(self._high, local, side="right")
        instants: Times = np.maximum(self._from[phase], local - self._offsets[phase])
        return instants

    def ends(self, local: Times) -> Times:
        """The instants after the last ones whose local time is before the given ones."""
        phase = np.searchsorted(self._low, local, side="left") - 1
        instants: Times = np.minimum(self._until[phase], local - self._offsets[phase])
        return instants

    def offset_at(self, t: int) -> int:
        return int(self._offsets[np.searchsorted(self._from, t, side="right") - 1])


def local_intervals(
    weekly: Sequence[Spans], dates: Mapping[date, Spans], first_day: int, last_day: int
) -> tuple[Times, Times]:
    """Local start and end of every span from one day to another (days since the epoch, inclusive)."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    special = np.array([day.toordinal() - EPOCH_ORDINAL for day in dates], dtype=np.int64)
    weekday = np.where(np.isin(days, special), -1, (days + _EPOCH_WEEKDAY) % 7)
    starts: list[Times] = []
    ends: list[Times] = []
    for index, spans in enumerate(weekly):
        midnights = days[weekday == index] * DAY
        starts += [midnights + start * MINUTE for start, _ in spans]
        ends += [midnights + end * MINUTE for _, end in spans]
    for midnight, spans in zip(special * DAY, dates.values(), strict=True):
        starts += [np.array([midnight + start * MINUTE]) for start, _ in spans]
        ends += [np.array([midnight + end * MINUTE]) for _, end in spans]
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *starts]), np.concatenate([none, *ends])


def merged(starts: Times, ends: Times, low: int, high: int) -> Intervals:
    """The union of the intervals inside [low, high)."""
    starts, ends = np.maximum(starts, low), np.minimum(ends, high)
    some = starts < ends
    starts, ends = starts[some], ends[some]
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    opens = np.ones(len(starts), dtype=bool)
    opens[1:] = starts[1:] > reach[:-1]
    closes = np.append(opens[1:], np.ones(min(1, len(starts)), dtype=bool))
    return Intervals(starts[opens], reach[closes])


def week_from(weekly: Sequence[Spans], local: int) -> Intervals:
    """The open intervals of the week that begins at a local time, counted from its beginning."""
    day = local // DAY
    starts, ends = local_intervals(weekly, {}, day - 1, day + 8)
    return merged(starts - local, ends - local, 0, WEEK)
