"""Reports sent by email: which one, to whom, and when it falls due in a zone's local time. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID, uuid5

from msgspec import Meta, Struct

from openiwd.domain.email.address import is_address, normal
from openiwd.domain.email.standard_response import placeholders
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.report import BY_ID
from openiwd.domain.work_item import check_text

MAX_SCHEDULES: Final = 100
RETRY_FOR: Final = timedelta(hours=6)
"""For so long after it fell due a report that could not be made is tried again."""
RETRY_PAUSE: Final = timedelta(minutes=5)
WAIT_FOR_DATA: Final = timedelta(hours=1)
"""For so long the data mart may lag behind; then the report goes out and says up to when it knows."""
PLACEHOLDERS: Final = ("report.name", "report.period", "report.dataAsOf", "report.rows")
DEFAULT_TEXT: Final = "{{report.name}}, {{report.period}}. Data as of {{report.dataAsOf}}."
_LOOKED_AT: Final = 62
"""Days in which every rhythm falls due at least once."""
_NAMESPACE: Final = UUID("5a0d1f0e-7d0b-5f4e-9a53-2f1d1c6f8b11")
Choice = Annotated[str, Meta(max_length=1_000)] | None


class Rhythm(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Past(StrEnum):
    """Which days a report is about, seen from the day on which it falls due."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    LAST_WEEK = "lastWeek"
    """From Monday to Sunday, before the present week."""
    LAST_MONTH = "lastMonth"


class FileForm(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


class ReportSchedule(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A report that goes out by email again and again."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    """Also the subject of its emails, followed by the days that they are about."""
    report: Annotated[str, Meta(min_length=1, max_length=60)]
    period: Past = Past.YESTERDAY
    category: Choice = None
    queue: Choice = None
    capture_point: Choice = None
    media_type: Choice = None
    agent: Choice = None
    format: FileForm = FileForm.XLSX
    recipients: Annotated[list[Annotated[str, Meta(max_length=320)]], Meta(min_length=1, max_length=50)]
    mailbox: Annotated[str, Meta(min_length=1, max_length=64)]
    """The id of the mailbox that sends it."""
    rhythm: Rhythm = Rhythm.DAILY
    time: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    """Local time of the tenant's zone, such as 07:30."""
    weekday: Annotated[int, Meta(ge=1, le=7)] = 1
    """Of a weekly one; 1 is Monday."""
    day: Annotated[int, Meta(ge=1, le=31)] = 1
    """Of a monthly one; in a shorter month its last day."""
    text: Annotated[str, Meta(min_length=1, max_length=20_000)] = DEFAULT_TEXT
    """What the email says; it may have placeholders."""
    active: bool = True
    since: datetime | None = None
    """Set by OpenIWD: nothing that fell due before is sent."""


class Outcome(StrEnum):
    """What came of the last time."""

    QUEUED = "queued"
    """Handed to the email service."""
    WAITING = "waiting"
    """The data mart does not know the whole period yet."""
    FAILED = "failed"


class LastRun(Struct, kw_only=True, rename="camel"):
    """The last time that a schedule fell due, and what came of it."""

    schedule_id: str
    next_at: datetime | None = None
    due_at: datetime | None = None
    at: datetime | None = None
    outcome: Outcome | None = None
    detail: str | None = None
    email_id: UUID | None = None
    email_state: str | None = None
    """How far the email is; None where it is gone by now."""
    email_error: str | None = None


def check_schedule(schedule: ReportSchedule) -> None:
    """InvalidInputError naming what is wrong."""
    check_text(schedule.name, "name")
    check_text(schedule.text, "text")
    if schedule.report not in BY_ID:
        raise InvalidInputError(
            f"there is no report '{schedule.report[:60]}'", field="report", hint=", ".join(BY_ID)
        )
    for address in schedule.recipients:
        if not is_address(address) or not address.isascii():
            raise InvalidInputError(
                f"'{address[:100]}' is no email address", field="recipients", hint="one address per line"
            )
    if len({normal(a) for a in schedule.recipients}) < len(schedule.recipients):
        raise InvalidInputError("an address is named twice", field="recipients", hint="once is enough")
    unknown = [name for name in placeholders(schedule.text) if name not in PLACEHOLDERS]
    if unknown:
        raise InvalidInputError(
            f"nothing is known by the name {{{{{unknown[0]}}}}}",
            field="text",
            code="unknownPlaceholder",
            hint=f"use {', '.join(PLACEHOLDERS)}",
        )


def timing(schedule: ReportSchedule) -> tuple[object, ...]:
    """All that decides when it falls due."""
    s = schedule
    return s.active, s.rhythm, s.time, s.weekday, s.day


def _falls_on(schedule: ReportSchedule, day: date) -> bool:
    match schedule.rhythm:
        case Rhythm.DAILY:
            return True
        case Rhythm.WEEKLY:
            return day.isoweekday() == schedule.weekday
        case Rhythm.MONTHLY:
            return day.day == min(schedule.day, calendar.monthrange(day.year, day.month)[1])


def due_on(schedule: ReportSchedule, day: date, zone: tzinfo) -> datetime:
    """The instant of its local time on a day: the first one where a clock is put back, as much later as the clock is
    put forward where the day does not have it.
    """
    local = datetime.combine(day, time.fromisoformat(schedule.time), zone)
    return local.astimezone(UTC)


def next_due(schedule: ReportSchedule, zone: tzinfo, after: datetime) -> datetime | None:
    """When it falls due next, later than an instant; None where it is not active."""
    if not schedule.active:
        return None
    today = after.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in range(-1, _LOOKED_AT))
    instants = (due_on(schedule, day, zone) for day in days if _falls_on(schedule, day))
    return next(at for at in instants if at > after)


def latest_due(schedule: ReportSchedule, zone: tzinfo, now: datetime) -> datetime | None:
    """When it fell due last, at or before now and after it was set so; None where it has not yet."""
    if not schedule.active or schedule.since is None:
        return None
    today = now.astimezone(zone).date()
    for back in range(-1, _LOOKED_AT):
        day = today - timedelta(days=back)
        if not _falls_on(schedule, day):
            continue
        due = due_on(schedule, day, zone)
        if due <= now:
            return due if due > schedule.since else None
    return None


def due_now(schedule: ReportSchedule, zone: tzinfo, now: datetime, last: LastRun | None) -> datetime | None:
    """The instant that is to be run now. Of several that were missed only the last one is; what failed is tried again
    from time to time, until it is too late for it.
    """
    due = latest_due(schedule, zone, now)
    if due is None or last is None or last.due_at is None or last.due_at < due:
        return due
    if last.due_at > due or last.at is None or now - last.at < RETRY_PAUSE:
        return None
    return due if _is_unfinished(last, due, now) else None


def _is_unfinished(last: LastRun, due: datetime, at: datetime) -> bool:
    if last.due_at != due:
        return False
    return last.outcome is Outcome.WAITING or (last.outcome is Outcome.FAILED and at - due <= RETRY_FOR)


def days_of(period: Past, due_day: date) -> tuple[date, date]:
    """The first and the last day that a report is about which falls due on this day."""
    match period:
        case Past.TODAY:
            return due_day, due_day
        case Past.YESTERDAY:
            return due_day - timedelta(days=1), due_day - timedelta(days=1)
        case Past.LAST_WEEK:
            monday = due_day - timedelta(days=due_day.weekday() + 7)
            return monday, monday + timedelta(days=6)
        case Past.LAST_MONTH:
            last = due_day.replace(day=1) - timedelta(days=1)
            return last.replace(day=1), last


def is_to_wait(end: datetime, due: datetime, data_as_of: datetime | None, now: datetime) -> bool:
    """Whether the data mart may still learn of the period, and it is early enough to wait for it."""
    wanted = min(end, due)
    return (data_as_of is None or data_as_of < wanted) and now - due < WAIT_FOR_DATA


def email_id_of(schedule_id: str, due: datetime) -> UUID:
    """The id of the email of this schedule and instant: however often it is made, there is one."""
    return uuid5(_NAMESPACE, f"{schedule_id} {due.astimezone(UTC).isoformat()}")


def days_text(first: date, last: date) -> str:
    """The days as every language writes them: 2026-11-25, or 2026-11-16 – 2026-11-22."""
    return first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"


def next_look(schedule: ReportSchedule, zone: tzinfo, now: datetime, last: LastRun | None) -> datetime | None:
    """When somebody must look at it again at the latest: it falls due, or is tried again. None: not by itself."""
    coming, due = next_due(schedule, zone, now), latest_due(schedule, zone, now)
    if coming is None or due is None or last is None or last.at is None:
        return coming
    again = last.at + RETRY_PAUSE
    return min(coming, again) if _is_unfinished(last, due, again) else coming
