"""What the number in a cell of a workbook means by the cell's format: a number, a date, a time or a duration. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

FROM_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
FROM_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001 - see above
_NOT_OF_DATE: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|General', re.IGNORECASE)
_DATE_FORMATS: Final = frozenset([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)])
_DURATION_FORMAT: Final = 46
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"|\\.')
_LEAP_DAY: Final = 60
"""Workbooks count a 29 February 1900 that there never was: days before it are one further on."""
_MOST_DAYS: Final = 2_958_466
"""To the end of the year 9999."""


class Fault(str):
    """The text of a cell that has no value, and why."""

    __slots__ = ()


class Shown(Enum):
    """As what a format shows a number."""

    NUMBER = 0
    DATE = 1
    DURATION = 2


def shown_by_number(number: int) -> Shown:
    """By one of the formats that every workbook has."""
    if number == _DURATION_FORMAT:
        return Shown.DURATION
    return Shown.DATE if number in _DATE_FORMATS else Shown.NUMBER


def shown_by(code: str) -> Shown:
    """By a format of the workbook's own, such as `dd/mm/yyyy`, `[h]:mm` or `0.00`."""
    first = code.partition(";")[0]
    if _ELAPSED.search(_QUOTED.sub("", first)):
        return Shown.DURATION
    is_date = re.search(r"[ymdhs]", _NOT_OF_DATE.sub("", first), re.IGNORECASE) is not None
    return Shown.DATE if is_date else Shown.NUMBER


def value_of(number: float, shown: Shown, origin: datetime, text: str) -> Any:
    """The number, a date without a zone, or text: `12:00:00` for a time of day, `36:00:00` for a duration."""
    match shown:
        case Shown.NUMBER:
            return number
        case Shown.DATE | Shown.DURATION if abs(number) >= _MOST_DAYS:
            return Fault(f"{text[:40]} is no date")
        case Shown.DURATION:
            return _duration(number)
        case _:
            return _date(number, origin, text)


def _duration(days: float) -> str:
    seconds = round(abs(days) * 86_400)
    return f"{'-' if days < 0 else ''}{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _date(number: float, origin: datetime, text: str) -> Any:
    days = number
    if origin == FROM_1900:
        if number < 0 or _LEAP_DAY <= number < _LEAP_DAY + 1:
            return Fault(f"{text[:40]} is no date")
        days = number + 1 if 1 <= number < _LEAP_DAY else number
    try:
        at = origin + timedelta(days=days)
        rounded = (at + timedelta(microseconds=500_000)).replace(microsecond=0)
    except OverflowError:
        return Fault(f"{text[:40]} is no date")
    return rounded.time().isoformat() if 0 <= number < 1 else rounded
