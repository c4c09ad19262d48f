"""Ages and durations as people type them in editors, and back. Pure.

`6`, `6:30` are hours and minutes, `2d 6:00` has days before them, `90m` or `1d6h30m` are parts, `-2:00` lies before.
"""

from __future__ import annotations

import re
from typing import Final

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import DAY, HOUR, MINUTE, format_duration, parse_duration

_HOURS: Final = re.compile(r"\d{1,5}", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d{1,4})\s*d\s*)?(\d{1,5}):([0-5]\d)", re.ASCII)


def parse_age(text: str, field: str = "age") -> int:
    """Microseconds; InvalidInputError for what is no age."""
    plain = text.strip().replace("−", "-").replace(",", ".")
    sign = -1 if plain.startswith("-") else 1
    plain = plain.removeprefix("-").strip()
    if _HOURS.fullmatch(plain):
        return sign * int(plain) * HOUR
    clock = _CLOCK.fullmatch(plain)
    if clock is not None:
        return sign * (int(clock[1] or 0) * DAY + int(clock[2]) * HOUR + int(clock[3]) * MINUTE)
    try:
        return sign * parse_duration(re.sub(r"\s+", "", plain), field)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"'{text[:40]}' is not an age", field=field, hint="write for example 6:30, 90m, 2d or 2d 6:00"
        ) from error


def age_text(micros: int, *, days: bool) -> str:
    """`6:30`; from two days on `2d 6:00` where a day has 24 hours on the clock."""
    sign, whole = ("−" if micros < 0 else ""), abs(micros)
    if whole % MINUTE:
        return sign + format_duration(whole)
    count, rest = divmod(whole, DAY) if days and whole >= 2 * DAY else (0, whole)
    clock = f"{rest // HOUR}:{rest % HOUR // MINUTE:02d}"
    if not count:
        return sign + clock
    return f"{sign}{count}d {clock}" if rest else f"{sign}{count}d"


def spelled(micros: int, before: str | int | None) -> str | int:
    """A duration as the rule set writes it; what has not changed keeps its spelling, so that it is no difference."""
    if before is not None and parse_duration(before) == micros:
        return before
    return format_duration(micros)
