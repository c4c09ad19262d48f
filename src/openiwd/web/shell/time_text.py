"""Instants and durations in words, in the reader's zone and language. Pure; the present is always given."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openiwd.web.shell.catalogue import Catalogue

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400


class Moment(NamedTuple):
    """An instant as shown: short text, exact text for hovering, machine-readable text."""

    text: str
    exact: str
    iso: str


def zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


class TimeText:
    """How one reader sees time."""

    def __init__(self, t: Catalogue, zone_name: str, now: datetime) -> None:
        self.t = t
        self.zone = zone(zone_name)
        self.now = now
        self._today = now.astimezone(self.zone)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def duration(self, seconds: float) -> str:
        """The two largest units: `2 h 09 m`, `38 m`, `1 d 2 h`, with a minus sign before negative ones."""
        whole = int(abs(seconds))
        sign = "−" if seconds <= -MINUTE else ""
        if whole < MINUTE:
            return self.t("duration.seconds", s=str(whole)) if whole else self.t("duration.now")
        if whole < HOUR:
            return sign + self.t("duration.minutes", m=str(whole // MINUTE))
        if whole < DAY:
            return sign + self.t("duration.hours", h=str(whole // HOUR), m=f"{whole % HOUR // MINUTE:02d}")
        return sign + self.t("duration.days", d=str(whole // DAY), h=str(whole % DAY // HOUR))

    def round_duration(self, seconds: float) -> str:
        """As `duration`, without a second unit that is zero: for axes and settings."""
        whole = int(abs(seconds))
        sign = "−" if seconds < 0 else ""
        if whole and whole % DAY == 0:
            return sign + self.t("duration.days_only", d=str(whole // DAY))
        if whole < DAY and whole and whole % HOUR == 0:
            return sign + self.t("duration.hours_only", h=str(whole // HOUR))
        return self.duration(seconds)

    def whole_duration(self, seconds: int) -> str:
        """All of it, to the second, without units that are zero: `1 d 6 h 30 m`. For what somebody has set."""
        parts, rest = [], abs(seconds)
        for unit, size in (("days_only", DAY), ("hours_only", HOUR), ("minutes", MINUTE), ("seconds", 1)):
            count, rest = divmod(rest, size)
            if count:
                parts.append(self.t(f"duration.{unit}", **{unit[0]: str(count)}))
        return ("−" if seconds < 0 else "") + (" ".join(parts) or self.t("duration.now"))

    def since(self, at: datetime) -> str:
        """How long ago (or ahead, negative) an instant lies."""
        return self.duration((self.now - at).total_seconds())

    def clock(self, at: datetime) -> str:
        """`14:03` today, `Mon 14:03` within the week, `23 Nov 14:03` this year, else with the year."""
        return self._clock(self.local(at))

    def _clock(self, local: datetime) -> str:
        today = self._today
        hour = local.isoformat()[11:16]
        days = abs((local.date() - today.date()).days)
        if days == 0:
            return hour
        if days < 7:
            return f"{self.weekday(local)} {hour}"
        if local.year == today.year:
            return f"{self.date(local)} {hour}"
        return f"{self.date(local)} {local.year}"

    def moment(self, at: datetime | None) -> Moment | None:
        """An instant short, with its exact form."""
        if at is None:
            return None
        local = self.local(at)
        text = self._clock(local)
        if local.date() == self._today.date():
            text = self.t("time.today", time=text)
        return Moment(text, _exact(local), at.astimezone(UTC).isoformat())

    def ago(self, at: datetime | None) -> Moment | None:
        """An instant relative to now, with its exact form."""
        if at is None:
            return None
        seconds = (self.now - at).total_seconds()
        text = self.t("time.ago" if seconds >= 0 else "time.in", span=self.duration(abs(seconds)))
        return Moment(text, self.exact(at), at.astimezone(UTC).isoformat())

    def exact(self, at: datetime) -> str:
        return _exact(self.local(at))

    def weekday(self, local: datetime) -> str:
        return self.t(f"weekday.{local.isoweekday()}")

    def date(self, local: datetime) -> str:
        return self.t("time.date", day=str(local.day), month=self.t(f"month.{local.month}"))


def _exact(local: datetime) -> str:
    # A list has hundreds of these: the standard form is made at a fraction of what a pattern costs.
    return f"{local.isoformat(' ', 'seconds')[:19]} {local.tzname() or ''}".rstrip()
