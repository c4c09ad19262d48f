"""Business calendars: which instants are open, and how much open time lies between two of them.

Pure and exact: microseconds as ints; the zone's UTC transitions and the expanded holidays are frozen data,
so an upgrade of a time-zone or holiday library changes no past or live age. Reads no zone file, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from itertools import pairwise
from typing import Final, Protocol

import msgspec
import numpy as np

from openiwd.domain.errors import RuleSetError
from openiwd.domain.instant import DAY
from openiwd.domain.open_time import (
    EPOCH_ORDINAL,
    WEEK,
    Spans,
    Times,
    Zone,
    local_intervals,
    merged,
    week_from,
)

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WALL_CLOCK_ID: Final = "wall"
YEARS_BACK: Final = 15
YEARS_AHEAD: Final = 25

_DAY_MINUTES: Final = 24 * 60
_SPAN: Final = re.compile(r"\s*([01]\d|2[0-4]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)\s*")


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

    `weekly` has the spans of Monday to Sunday; `dates` the days that differ; `names` what those are called;
    `transitions` are (UTC second, offset in seconds from then on), the first in force before the horizon,
    which goes from the start of `first_year` to the end of `last_year`, local time.
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
    for (_, end, _), (start, _, index) in pairwise(spans):
        if start < end:
            raise RuleSetError(
                f"'{hours[index]}' overlaps another span of the day",
                field=f"{field}[{index}]",
                hint="join the two spans",
            )
    return tuple((start, end) for start, end, _ in spans)


def span_text(span: tuple[int, int]) -> str:
    """A span of minutes as it is written: `08:00-12:00`."""
    start, end = span
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


def check_calendar(config: CalendarConfig, path: str = "calendar") -> None:
    """Raises RuleSetError with the path of the first thing wrong; country and zone are not looked up."""
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
    """The identity of what decides time: calendars that run alike share it, whatever their names."""
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

    def elapsed_many(self, times: Times) -> Times:
        """As `elapsed`, of many instants."""
        ...

    def instants_at(self, elapsed: Times) -> Times:
        """As `instant_at`, of many amounts of open time."""
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

    def offset_at(self, t: int) -> int:
        """What local time is ahead of UTC at `t`."""
        ...

    def instant_of(self, local: int) -> int:
        """The first instant at which local time has reached this one (counted as if it were UTC)."""
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

    def elapsed_many(self, times: Times) -> Times:
        return times

    def instants_at(self, elapsed: Times) -> Times:
        return elapsed

    def between(self, a: int, b: int) -> int:
        return b - a

    def add(self, a: int, n: int) -> int:
        return a + n

    def is_open(self, t: int) -> bool:  # noqa: ARG002 - open whatever the instant
        return True

    def offset_at(self, t: int) -> int:  # noqa: ARG002 - UTC
        return 0

    def instant_of(self, local: int) -> int:
        return local

    def next_change(self, t: int) -> int | None:  # noqa: ARG002 - never changes
        return None


WALL: Final = WallClock()


class Calendar:
    """The clock of a frozen calendar.

    Inside the horizon every open interval is laid out once; beyond it the weekly hours repeat for ever with
    the offset in force at that end of the horizon, without holidays. A span keeps its meaning on the wall
    clock: it opens at the first instant whose local time is not before its start and closes after the last
    one before its end. So a start inside a skipped hour opens when the hour has been skipped, and a span with
    both ends in a repeated hour is open from the first occurrence of its start to the second of its end.
    """

    __slots__ = (
        "_after",
        "_always",
        "_before",
        "_first",
        "_inside",
        "_last",
        "_weekly_total",
        "_zone",
        "frozen",
        "id",
    )

    def __init__(self, frozen: FrozenCalendar) -> None:
        self.frozen = frozen
        self.id = content_hash(frozen)
        zone = self._zone = Zone(frozen.transitions)
        first_day = date(frozen.first_year, 1, 1).toordinal() - EPOCH_ORDINAL
        last_day = date(frozen.last_year, 12, 31).toordinal() - EPOCH_ORDINAL
        edges = zone.starts(np.array([first_day, last_day + 1], dtype=np.int64) * DAY)
        self._first: int = int(edges[0])
        self._last: int = int(edges[1])
        starts, ends = local_intervals(frozen.weekly, frozen.dates, first_day, last_day)
        self._inside = merged(zone.starts(starts), zone.ends(ends), self._first, self._last)
        self._before = week_from(frozen.weekly, self._first + zone.offset_at(self._first))
        self._after = week_from(frozen.weekly, self._last + zone.offset_at(self._last))
        self._weekly_total = self._before.total
        if self._weekly_total == 0:
            raise RuleSetError("the calendar has no open time", field="weekly", hint="give a weekday a span")
        self._always = self._weekly_total == WEEK

    def elapsed(self, t: int) -> int:
        if t < self._first:
            weeks, rest = divmod(t - self._first, WEEK)
            return weeks * self._weekly_total + self._before.elapsed(rest)
        if t < self._last:
            return self._inside.elapsed(t)
        weeks, rest = divmod(t - self._last, WEEK)
        return self._inside.total + weeks * self._weekly_total + self._after.elapsed(rest)

    def instant_at(self, elapsed: int) -> int:
        if elapsed <= 0:
            weeks, rest = divmod(elapsed - 1, self._weekly_total)
            return self._first + weeks * WEEK + self._before.reached(rest + 1)
        if elapsed <= self._inside.total:
            return self._inside.reached(elapsed)
        weeks, rest = divmod(elapsed - self._inside.total - 1, self._weekly_total)
        return self._last + weeks * WEEK + self._after.reached(rest + 1)

    def elapsed_many(self, times: Times) -> Times:
        inside = (times >= self._first) & (times < self._last)
        if inside.all():
            return self._inside.elapsed_many(times)
        found = np.zeros(len(times), np.int64)
        found[inside] = self._inside.elapsed_many(times[inside])
        found[~inside] = [self.elapsed(t) for t in times[~inside].tolist()]
        return found

    def instants_at(self, elapsed: Times) -> Times:
        inside = (elapsed > 0) & (elapsed <= self._inside.total)
        if inside.all():
            return self._inside.reached_many(elapsed)
        found = np.zeros(len(elapsed), np.int64)
        found[inside] = self._inside.reached_many(elapsed[inside])
        found[~inside] = [self.instant_at(one) for one in elapsed[~inside].tolist()]
        return found

    def between(self, a: int, b: int) -> int:
        return self.elapsed(b) - self.elapsed(a)

    def add(self, a: int, n: int) -> int:
        return self.instant_at(self.elapsed(a) + n) if n else a

    def is_open(self, t: int) -> bool:
        if t < self._first:
            return self._before.is_open((t - self._first) % WEEK)
        if t < self._last:
            return self._inside.is_open(t)
        return self._after.is_open((t - self._last) % WEEK)

    def offset_at(self, t: int) -> int:
        return self._zone.offset_at(t)

    def instant_of(self, local: int) -> int:
        return int(self._zone.starts(np.array([local], dtype=np.int64))[0])

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
        rest = (t - edge) % WEEK
        boundary = week.next_boundary(rest)
        return t - rest + (WEEK if boundary is None else boundary)
