"""Business calendars: which instants are open, and how much open time lies between two of them.

Pure and exact: microseconds as ints; the zone's UTC transitions and the expanded holidays are frozen data,
so an upgrade of a time-zone or holiday library changes no past or live age. Reads no zone file, no clock.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY, MINUTE, SECOND

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WALL_CLOCK_ID: Final = "wall"
YEARS_BACK: Final = 15
YEARS_AHEAD: Final = 25

Spans = tuple[tuple[int, int], ...]
"""Open spans of one local day as (start, end) in minutes after midnight; end is at most 1440."""

_WEEK: Final = 7 * DAY
_DAY_MINUTES: Final = 24 * 60
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday
_SPAN: Final = re.compile(r"\s*([01]\d|2[0-4]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)\s*")

_Times = NDArray[np.int64]


class HolidayRegion(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """Public holidays to close on: an ISO 3166 country and, where it has some, one of its regions."""

    country: str
    region: str | None = None


class CalendarException(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """One local date with hours of its own; no hours means closed. It stands before a holiday."""

    date: date
    hours: tuple[str, ...]
    name: str = ""


class WeeklyHours(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """Open spans (`08:00-12:00`, `22:00-24:00`) of each weekday in local time; an absent day is closed."""

    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()


class CalendarConfig(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, omit_defaults=True
):
    """A business calendar as a rule set writes it."""

    id: str
    name: str
    time_zone: str
    weekly: WeeklyHours
    holidays: HolidayRegion | None = None
    exceptions: tuple[CalendarException, ...] = ()


class FrozenCalendar(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """A calendar with everything resolved that decides time; stored with the published rule set.

    `weekly` has the spans of Monday to Sunday; `dates` the days that differ; `names` what those days are called;
    `transitions` are (UTC second, offset in seconds from then on), the first one in force before the horizon;
    the horizon goes from the start of `first_year` to the end of `last_year`, local time.
    """

    id: str
    name: str
    time_zone: str
    weekly: tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans]
    dates: dict[date, Spans]
    names: dict[date, str]
    transitions: tuple[tuple[int, int], ...]
    first_year: int
    last_year: int


def spans_of(hours: Sequence[str], field: str) -> Spans:
    """The sorted spans of one day's hours; touching spans stay apart here, they are merged when evaluated.

    Raises RuleSetError for a text that is no span, an end before its start, or an overlap.
    """
    spans: list[tuple[int, int, int]] = []
    for index, text in enumerate(hours):
        path = f"{field}[{index}]"
        match = _SPAN.fullmatch(text)
        if match is None:
            raise RuleSetError(
                f"'{text}' is not a span of time", field=path, hint="write for example 08:00-12:00"
            )
        start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if end > _DAY_MINUTES or start >= _DAY_MINUTES:
            raise RuleSetError(f"'{text}' goes beyond 24:00", field=path, hint="a day ends at 24:00")
        if end <= start:
            raise RuleSetError(
                f"'{text}' does not end after its start",
                field=path,
                hint="write a span over midnight as one to 24:00 and one from 00:00 on the next day",
            )
        spans.append((start, end, index))
    spans.sort()
    for (_, end, _), (start, _, index) in zip(spans, spans[1:], strict=False):
        if start < end:
            raise RuleSetError(
                f"'{hours[index]}' overlaps another span of the day",
                field=f"{field}[{index}]",
                hint="join the two spans",
            )
    return tuple((start, end) for start, end, _ in spans)


def check_calendar(config: CalendarConfig, path: str = "calendar") -> None:
    """Raises RuleSetError with the path of the first thing that is wrong; country and zone are not looked up."""
    weekly = [spans_of(getattr(config.weekly, day), f"{path}.weekly.{day}") for day in WEEKDAYS]
    if not any(weekly):
        raise RuleSetError(
            "the calendar has no open time",
            field=f"{path}.weekly",
            hint="give at least one weekday a span such as 08:00-17:00",
        )
    seen: set[date] = set()
    for index, exception in enumerate(config.exceptions):
        field = f"{path}.exceptions[{index}]"
        spans_of(exception.hours, f"{field}.hours")
        if exception.date in seen:
            raise RuleSetError(
                f"{exception.date} has two exceptions",
                field=f"{field}.date",
                hint="put all hours of a date into one exception",
            )
        seen.add(exception.date)


def freeze(
    config: CalendarConfig,
    holidays: Mapping[date, str],
    transitions: Iterable[tuple[int, int]],
    first_year: int,
    last_year: int,
    path: str = "calendar",
) -> FrozenCalendar:
    """Resolves a calendar for the years of its horizon; deterministic in its arguments.

    `transitions` must begin with the offset in force before `first_year`. An exception after the horizon is
    refused (it would silently do nothing); one before it is left out. Raises RuleSetError.
    """
    check_calendar(config, path)
    dates: dict[date, Spans] = {}
    names: dict[date, str] = {}
    for day, name in holidays.items():
        if first_year <= day.year <= last_year:
            dates[day], names[day] = (), name
    for index, exception in enumerate(config.exceptions):
        field = f"{path}.exceptions[{index}]"
        if exception.date.year > last_year:
            raise RuleSetError(
                f"{exception.date} lies after {last_year}, the last year of the calendar",
                field=f"{field}.date",
                hint=f"name a date up to {last_year}-12-31",
            )
        if exception.date.year >= first_year:
            dates[exception.date] = spans_of(exception.hours, f"{field}.hours")
            names[exception.date] = exception.name or names.get(exception.date, "")
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (
        spans_of(getattr(config.weekly, day), f"{path}.weekly.{day}") for day in WEEKDAYS
    )
    return FrozenCalendar(
        id=config.id,
        name=config.name,
        time_zone=config.time_zone,
        weekly=(monday, tuesday, wednesday, thursday, friday, saturday, sunday),
        dates=dict(sorted(dates.items())),
        names={day: name for day, name in sorted(names.items()) if name},
        transitions=tuple(sorted(transitions)),
        first_year=first_year,
        last_year=last_year,
    )


def content_hash(frozen: FrozenCalendar) -> str:
    """The identity of what decides time: two calendars that run alike have the same, whatever they are called."""
    content = (
        frozen.weekly,
        sorted(frozen.dates.items()),
        frozen.transitions,
        frozen.first_year,
        frozen.last_year,
    )
    return blake2b(msgspec.json.encode(content), digest_size=16).hexdigest()


class Clock(Protocol):
    """A clock that may stand still: it maps instants to elapsed open time, exactly, in microseconds.

    `elapsed` counts from a fixed origin of the clock's own and may be negative; only differences, and
    comparisons on the same `id`, mean something.
    """

    @property
    def id(self) -> str:
        """`wall`, or the content hash of the calendar."""
        ...

    def elapsed(self, t: int) -> int:
        """Open time from the clock's origin to `t`; never falls as `t` grows."""
        ...

    def instant_at(self, elapsed: int) -> int:
        """The earliest instant at which `elapsed()` reaches this value."""
        ...

    def between(self, a: int, b: int) -> int:
        """Open time from `a` to `b`; negative when `b` lies before `a`."""
        ...

    def add(self, a: int, n: int) -> int:
        """The instant at which something that began at `a` reaches the age `n`.

        `a` itself for 0, else the earliest instant `b` with `between(a, b) == n`, negative ages too.
        """
        ...

    def is_open(self, t: int) -> bool:
        """Whether the clock runs at `t`; a span includes its start and not its end."""
        ...

    def next_change(self, t: int) -> int | None:
        """The first instant after `t` at which the clock starts or stops; None if it never does."""
        ...


class WallClock:
    """Time that never stands still."""

    __slots__ = ()
    id = WALL_CLOCK_ID

    def elapsed(self, t: int) -> int:
        return t

    def instant_at(self, elapsed: int) -> int:
        return elapsed

    def between(self, a: int, b: int) -> int:
        return b - a

    def add(self, a: int, n: int) -> int:
        return a + n

    def is_open(self, t: int) -> bool:  # noqa: ARG002 - open whatever the instant
        return True

    def next_change(self, t: int) -> None:  # noqa: ARG002 - never changes
        return None


WALL: Final = WallClock()


class _Intervals:
    """Disjoint open intervals in ascending order with the open time before each."""

    __slots__ = ("before", "ends", "starts", "total")

    def __init__(self, starts: _Times, ends: _Times) -> None:
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
        return self.before[index] + (t if t < end else end) - self.starts[index]

    def reached(self, elapsed: int) -> int:
        """The earliest instant with this much open time before it; 0 < elapsed <= total."""
        index = bisect_left(self.before, elapsed) - 1
        return self.starts[index] + elapsed - self.before[index]

    def is_open(self, t: int) -> bool:
        index = bisect_right(self.starts, t) - 1
        return index >= 0 and t < self.ends[index]

    def next_boundary(self, t: int) -> int | None:
        index = bisect_right(self.starts, t)
        if index > 0 and t < self.ends[index - 1]:
            return self.ends[index - 1]
        return self.starts[index] if index < len(self.starts) else None


class Calendar:
    """The clock of a frozen calendar.

    Inside the horizon every open interval is laid out once; beyond it the weekly hours repeat for ever with the
    offset in force at that end of the horizon, without holidays. A span keeps its meaning on the wall clock: it
    opens at the first instant whose local time is not before its start and closes at the last one before its end
    (so a start inside a skipped hour opens when the hour has been skipped, and a span with both ends in a
    repeated hour is open from the first occurrence of its start to the second of its end).
    """

    __slots__ = (
        "_after",
        "_always",
        "_before",
        "_first",
        "_inside",
        "_last",
        "_weekly_total",
        "frozen",
        "id",
    )

    def __init__(self, frozen: FrozenCalendar) -> None:
        self.frozen = frozen
        self.id = content_hash(frozen)
        zone = _Zone(frozen.transitions)
        first_day = date(frozen.first_year, 1, 1).toordinal() - _EPOCH_ORDINAL
        last_day = date(frozen.last_year, 12, 31).toordinal() - _EPOCH_ORDINAL
        edges = zone.starts(np.array([first_day, last_day + 1], dtype=np.int64) * DAY)
        self._first: int = int(edges[0])
        self._last: int = int(edges[1])
        starts, ends = _local_intervals(frozen.weekly, frozen.dates, first_day, last_day)
        self._inside = _merged(zone.starts(starts), zone.ends(ends), self._first, self._last)
        self._before = _week_from(frozen.weekly, self._first + zone.offset_at(self._first))
        self._after = _week_from(frozen.weekly, self._last + zone.offset_at(self._last))
        self._weekly_total = self._before.total
        if self._weekly_total == 0:
            raise RuleSetError("the calendar has no open time", field="weekly", hint="give a weekday a span")
        self._always = self._weekly_total == _WEEK

    def elapsed(self, t: int) -> int:
        if t < self._first:
            weeks, rest = divmod(t - self._first, _WEEK)
            return weeks * self._weekly_total + self._before.elapsed(rest)
        if t < self._last:
            return self._inside.elapsed(t)
        weeks, rest = divmod(t - self._last, _WEEK)
        return self._inside.total + weeks * self._weekly_total + self._after.elapsed(rest)

    def instant_at(self, elapsed: int) -> int:
        if elapsed <= 0:
            weeks, rest = divmod(elapsed - 1, self._weekly_total)
            return self._first + weeks * _WEEK + self._before.reached(rest + 1)
        if elapsed <= self._inside.total:
            return self._inside.reached(elapsed)
        weeks, rest = divmod(elapsed - self._inside.total - 1, self._weekly_total)
        return self._last + weeks * _WEEK + self._after.reached(rest + 1)

    def between(self, a: int, b: int) -> int:
        return self.elapsed(b) - self.elapsed(a)

    def add(self, a: int, n: int) -> int:
        return self.instant_at(self.elapsed(a) + n) if n else a

    def is_open(self, t: int) -> bool:
        if t < self._first:
            return self._before.is_open((t - self._first) % _WEEK)
        if t < self._last:
            return self._inside.is_open(t)
        return self._after.is_open((t - self._last) % _WEEK)

    def next_change(self, t: int) -> int | None:
        state = self.is_open(t)
        boundary = self._next_boundary(t)
        while boundary is not None and self.is_open(boundary) is state:
            boundary = self._next_boundary(boundary)
        return boundary

    def _next_boundary(self, t: int) -> int | None:
        """The next start or end, or a seam of the layout where nothing need change."""
        if self._first <= t < self._last:
            inside = self._inside.next_boundary(t)
            return self._last if inside is None else inside
        if self._always:
            return self._first if t < self._first else None
        edge, week = (self._first, self._before) if t < self._first else (self._last, self._after)
        rest = (t - edge) % _WEEK
        boundary = week.next_boundary(rest)
        return t - rest + (_WEEK if boundary is None else boundary)


class _Zone:
    """Maps local times to instants by the frozen transitions (µs; local times counted as if they were UTC)."""

    __slots__ = ("_from", "_high", "_low", "_offsets", "_until")

    def __init__(self, transitions: Sequence[tuple[int, int]]) -> None:
        if not transitions:
            raise RuleSetError(
                "the calendar has no offset", field="transitions", hint="freeze the calendar again"
            )
        table = np.array(transitions, dtype=np.int64) * SECOND
        far = np.int64(2**62)
        self._offsets: _Times = table[:, 1].copy()
        self._from: _Times = np.concatenate(([-far], table[1:, 0]))
        self._until: _Times = np.concatenate((table[1:, 0], [far]))
        # Running extremes keep the searches exact even where two transitions lie closer than their shift.
        self._high: _Times = np.maximum.accumulate(self._until + self._offsets)
        self._low: _Times = np.minimum.accumulate((self._from + self._offsets)[::-1])[::-1]

    def starts(self, local: _Times) -> _Times:
        """The first instants whose local time is not before the given ones."""
        phase = np.searchsorted(self._high, local, side="right")
        return np.maximum(self._from[phase], local - self._offsets[phase])

    def ends(self, local: _Times) -> _Times:
        """The instants after the last ones whose local time is before the given ones."""
        phase = np.searchsorted(self._low, local, side="left") - 1
        return np.minimum(self._until[phase], local - self._offsets[phase])

    def offset_at(self, t: int) -> int:
        return int(self._offsets[np.searchsorted(self._from, t, side="right") - 1])


def _local_intervals(
    weekly: Sequence[Spans], dates: Mapping[date, Spans], first_day: int, last_day: int
) -> tuple[_Times, _Times]:
    """Start and end, in local time, of every span from one day to another (days since the epoch, inclusive)."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    special = np.array([day.toordinal() - _EPOCH_ORDINAL for day in dates], dtype=np.int64)
    weekday = np.where(np.isin(days, special), -1, (days + _EPOCH_WEEKDAY) % 7)
    starts: list[_Times] = []
    ends: list[_Times] = []
    for index, spans in enumerate(weekly):
        midnights = days[weekday == index] * DAY
        starts += [midnights + start * MINUTE for start, _ in spans]
        ends += [midnights + end * MINUTE for _, end in spans]
    for midnight, spans in zip(special * DAY, dates.values(), strict=True):
        starts += [np.array([midnight + start * MINUTE]) for start, _ in spans]
        ends += [np.array([midnight + end * MINUTE]) for _, end in spans]
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *starts]), np.concatenate([none, *ends])


def _merged(starts: _Times, ends: _Times, low: int, high: int) -> _Intervals:
    """The union of the intervals inside [low, high)."""
    starts, ends = np.maximum(starts, low), np.minimum(ends, high)
    some = starts < ends
    starts, ends = starts[some], ends[some]
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    opens = np.ones(len(starts), dtype=bool)
    opens[1:] = starts[1:] > reach[:-1]
    closes = np.append(opens[1:], np.ones(min(1, len(starts)), dtype=bool))
    return _Intervals(starts[opens], reach[closes])


def _week_from(weekly: Sequence[Spans], local: int) -> _Intervals:
    """The open intervals of the week that begins at a local time, counted from its beginning."""
    day = local // DAY
    starts, ends = _local_intervals(weekly, {}, day - 1, day + 8)
    return _merged(starts - local, ends - local, 0, _WEEK)
