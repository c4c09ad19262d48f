"""The Date header with the offset that it states, in whatever way: a zone that is passed over shifts the instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_ISO: Final = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[T ]\s?(\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?", re.ASCII
)
_COMMENT: Final = re.compile(r"\([^()]*\)")
_FRACTION: Final = re.compile(r"(:\d\d)[.,]\d{1,9}(?=\s|$)")
_LEAP: Final = re.compile(r"(:\d\d):60\b")
_OFFSET: Final = re.compile(r"(?<=[\s\d])(?:[A-Z]{1,5})?([+-])(\d{1,2}):?(\d\d)?(?:\s+[A-Z]{2,5})?\s*$")
_NAMED: Final = re.compile(r"\s\"?([A-Za-z]{2,5})\"?\s*$")
_HALF_DAY: Final = re.compile(r"\b(\d{1,2}):(\d\d)((?::\d\d)?)\s?([AaPp])\.?\s?[Mm]\b\.?")
_ZONES: Final = {
    "WET": "+0000",
    "WEST": "+0100",
    "BST": "+0100",
    "CET": "+0100",
    "MEZ": "+0100",
    "CEST": "+0200",
    "MESZ": "+0200",
    "EET": "+0200",
    "SAST": "+0200",
    "EEST": "+0300",
    "MSK": "+0300",
    "HKT": "+0800",
    "SGT": "+0800",
    "AWST": "+0800",
    "JST": "+0900",
    "KST": "+0900",
    "AEST": "+1000",
    "AEDT": "+1100",
    "NZST": "+1200",
    "NZDT": "+1300",
    "AKST": "-0900",
    "AKDT": "-0800",
    "HST": "-1000",
    "BRT": "-0300",
}
"""Names that the standard does not know and programs write all the same; none that stands for two zones."""


def read_date(value: str) -> datetime | None:
    """The instant of a Date header; None where it is none or absurd."""
    found = stated_date(value)
    try:
        found = None if found is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and 1970 <= found.year <= 2200 else None


def stated_date(value: str) -> datetime | None:
    """The date of a Date header with the offset that it states; without one it counts as UTC."""
    try:
        iso = _ISO.fullmatch(_COMMENT.sub("", value).rstrip())
        found = parsedate_to_datetime(_mended(value)) if iso is None else _iso(iso)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, IndexError, AttributeError):
        return None


def _iso(match: re.Match[str]) -> datetime:
    zone = match[3] or "+00:00"
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{'+00:00' if zone.isalpha() else zone}")


def _mended(value: str) -> str:
    """As the standard has it: `+01:00`, `GMT+1`, `CET`, `5:00 PM` and fractions of seconds are not in it."""
    text = _FRACTION.sub(r"\1", _COMMENT.sub("", value[:200]).rstrip())
    text = _HALF_DAY.sub(_whole_day, _LEAP.sub(r"\1:59", text))
    offset = _OFFSET.search(text)
    if offset is not None and ":" in text[: offset.start()]:
        hours = offset[2] if len(offset[2]) == 2 or offset[3] else f"0{offset[2]}"
        return f"{text[: offset.start()]} {offset[1]}{hours:0>2}{offset[3] or '00'}"
    named = _NAMED.search(text)
    if named is not None and named[1].upper() in _ZONES:
        return f"{text[: named.start()]} {_ZONES[named[1].upper()]}"
    return text


def _whole_day(match: re.Match[str]) -> str:
    hour = int(match[1]) % 12 + (12 if match[4] in "Pp" else 0) if int(match[1]) <= 12 else int(match[1])
    return f"{hour:02}:{match[2]}{match[3]}"
