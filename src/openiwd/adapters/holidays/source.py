"""Holiday source: the `holidays` library and the zones of `zoneinfo`. Touches only their data files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays as library
from holidays.registry import EntityLoader

from openiwd.domain.calendar import CalendarConfig, FrozenCalendar, check_calendar, freeze
from openiwd.domain.errors import RuleSetError

_SCAN = 12 * 3600


class LibraryHolidaySource:
    """Implements `openiwd.ports.holiday_source.HolidaySource`."""

    def freeze(
        self, config: CalendarConfig, first_year: int, last_year: int, path: str = "calendar"
    ) -> FrozenCalendar:
        check_calendar(config, path)
        try:
            transitions = _transitions(config.time_zone, first_year, last_year)
        except KeyError as error:
            raise RuleSetError(
                f"'{config.time_zone}' is not a time zone",
                field=f"{path}.timeZone",
                hint="name an IANA zone such as Europe/Berlin",
            ) from error
        closed: Mapping[date, str] = {}
        if config.holidays is not None:
            closed = self.holidays(
                config.holidays.country, config.holidays.region, first_year, last_year, f"{path}.holidays"
            )
        return freeze(config, closed, transitions, first_year, last_year, path)

    def holidays(
        self, country: str, region: str | None, first_year: int, last_year: int, path: str = "holidays"
    ) -> Mapping[date, str]:
        regions = _regions(country)
        if regions is None:
            raise RuleSetError(
                f"no holidays are known for the country '{country}'",
                field=f"{path}.country",
                hint="name an ISO 3166 code such as DE",
            )
        if region is not None and region not in regions:
            raise RuleSetError(
                f"no holidays are known for the region '{region}' of {country}",
                field=f"{path}.region",
                hint=f"name one of {', '.join(regions)}" if regions else "leave the region out",
            )
        return _holidays(country, region, first_year, last_year)

    def countries(self) -> Mapping[str, Sequence[str]]:
        return _countries()

    def time_zones(self) -> Sequence[str]:
        return _time_zones()


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, Sequence[str]]:
    return {
        country: tuple(regions) for country, regions in sorted(library.list_supported_countries().items())
    }


@lru_cache(maxsize=64)
def _regions(country: str) -> tuple[str, ...] | None:
    """The regions of one country. Asked one by one: loading all countries takes a second."""
    if country not in EntityLoader.get_country_codes():
        return None
    return tuple(getattr(library, country).subdivisions)


@lru_cache(maxsize=1)
def _time_zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


@lru_cache(maxsize=64)
def _holidays(country: str, region: str | None, first_year: int, last_year: int) -> Mapping[date, str]:
    years = range(first_year, last_year + 1)
    found = library.country_holidays(country, subdiv=region, years=years)
    return dict(sorted(found.items()))


@lru_cache(maxsize=64)
def _transitions(name: str, first_year: int, last_year: int) -> tuple[tuple[int, int], ...]:
    """(UTC second, offset from then on); the first is the offset in force a day before the first year."""
    if name not in _time_zones():
        raise KeyError(name)
    zone = ZoneInfo(name)
    start = int(datetime(first_year - 1, 12, 30, tzinfo=UTC).timestamp())
    end = int(datetime(last_year + 1, 1, 3, tzinfo=UTC).timestamp())
    offset = _offset(zone, start)
    found = [(start, offset)]
    for probe in range(start + _SCAN, end + 1, _SCAN):
        if (after := _offset(zone, probe)) != offset:
            found.append((_first_second(zone, probe - _SCAN, probe, offset), after))
            offset = after
    return tuple(found)


def _first_second(zone: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second in (low, high] at which the offset is no longer `before`."""
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    shift = datetime.fromtimestamp(second, zone).utcoffset()
    return 0 if shift is None else shift.days * 86400 + shift.seconds
