"""Instants and durations as exact integers: microseconds since 1970-01-01 UTC, and microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NewType

from openiwd.domain.errors import InvalidInputError

Micros = NewType("Micros", int)
"""An instant: microseconds since 1970-01-01T00:00:00Z. Also used for durations in microseconds."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_ONE = timedelta(microseconds=1)
_UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_DURATION = re.compile(r"(-?)((?:\d{1,12}(?:\.\d{1,9})?[dhms])+)", re.ASCII)
_NOW = re.compile(r"\s*now\s*(?:([+-])\s*(\S+)\s*)?")
_PART = re.compile(r"(\d+)(?:\.(\d+))?([dhms])")


def to_micros(instant: datetime) -> Micros:
    """The exact microseconds of an aware datetime."""
    return Micros((instant - EPOCH) // _ONE)


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=micros)


def parse_duration(text: str | int, field: str = "duration") -> Micros:
    """Reads `90s`, `1h30m`, `2d`, `1.5h`, `-4h`; a bare number is seconds. A day is 24 hours."""
    if isinstance(text, int):
        return Micros(text * SECOND)
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise InvalidInputError(
            f"'{text}' is not a duration", field=field, hint="write for example 90s, 30m, 1h30m or 2d"
        )
    total = 0
    for whole, fraction, unit in _PART.findall(match[2]):
        size = _UNITS[unit]
        total += int(whole) * size
        if fraction:
            total += int(fraction) * size // 10 ** len(fraction)
    return Micros(-total if match[1] else total)


def parse_now(text: str) -> Micros | None:
    """How far `now`, `now+2h` or `now-1d` lies from the present; None for any other text."""
    match = _NOW.fullmatch(text)
    if match is None:
        return None
    try:
        offset = parse_duration(match[2]) if match[2] else Micros(0)
    except InvalidInputError:
        return None
    return Micros(-offset) if match[1] == "-" else offset


def format_duration(micros: int) -> str:
    """The shortest text that `parse_duration` reads back to the same value."""
    if micros == 0:
        return "0s"
    rest, parts = abs(micros), []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if rest:
        seconds = parts.pop()[:-1] if parts and parts[-1].endswith("s") else "0"
        parts.append(f"{seconds}.{rest:06d}".rstrip("0") + "s")
    return ("-" if micros < 0 else "") + "".join(parts)
