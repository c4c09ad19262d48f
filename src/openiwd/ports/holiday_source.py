"""Where public holidays and time-zone transitions come from when a calendar is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from openiwd.domain.calendar import CalendarConfig, FrozenCalendar


class HolidaySource(Protocol):
    """Resolves what a calendar names (zone, country, region) to plain dates and offsets.

    Asked only while a rule set is checked or published, never while ages are computed. The answers may change
    with the library's version; what has been frozen does not. A first call may take up to a second of CPU.
    """

    def freeze(
        self, config: CalendarConfig, first_year: int, last_year: int, path: str = "calendar"
    ) -> FrozenCalendar:
        """The calendar with everything resolved. Raises RuleSetError, with the path of what is wrong."""
        ...

    def holidays(
        self, country: str, region: str | None, first_year: int, last_year: int
    ) -> Mapping[date, str]:
        """Public holidays of a country or region with their names. Raises RuleSetError for an unknown one."""
        ...

    def countries(self) -> Mapping[str, Sequence[str]]:
        """Every country that can be named, with its regions."""
        ...

    def time_zones(self) -> Sequence[str]:
        """Every IANA time zone that can be named, sorted."""
        ...
