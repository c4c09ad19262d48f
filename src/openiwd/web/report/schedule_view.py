"""Report schedules as shown: when, to whom, and what came of the last time. View models only."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote

from openiwd.domain.email.outbound import SendingState
from openiwd.domain.report_schedule import LastRun, Outcome, ReportSchedule, Rhythm
from openiwd.usecases.report_schedule import ScheduleState
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/reports/schedules"
SHOWN_RECIPIENTS: Final = 2
_ON_ITS_WAY: Final = (SendingState.QUEUED, SendingState.SENDING, SendingState.HANDING_OVER)


class Last(NamedTuple):
    text: str
    css: str
    icon: str
    detail: str
    at: Moment | None


class ScheduleLine(NamedTuple):
    id: str
    name: str
    href: str
    report: str
    when: str
    what: str
    recipients: list[str]
    more: int
    everybody: str
    active: bool
    next: Moment | None
    last: Last | None


def href_of(schedule_id: str) -> str:
    return f"{PATH}/{quote(schedule_id, safe='')}"


def line_of(state: ScheduleState, times: TimeText) -> ScheduleLine:
    """`times` are those of the tenant's zone: a schedule speaks of its local time."""
    s, t = state.schedule, times.t
    return ScheduleLine(
        id=s.id,
        name=s.name,
        href=href_of(s.id),
        report=t.named("report_title", s.report),
        when=when(s, t),
        what=f"{t.named('report_past', s.period)}, {s.format.value.upper()}",
        recipients=s.recipients[:SHOWN_RECIPIENTS],
        more=len(s.recipients[SHOWN_RECIPIENTS:]),
        everybody=", ".join(s.recipients),
        active=s.active,
        next=times.moment(state.next_due_at),
        last=None if state.last is None else last_of(state.last, times),
    )


def when(schedule: ReportSchedule, t: Catalogue) -> str:
    """Its rhythm in words."""
    match schedule.rhythm:
        case Rhythm.DAILY:
            return t("report_schedule.when_daily", time=schedule.time)
        case Rhythm.WEEKLY:
            day = t(f"weekday.{schedule.weekday}")
            return t("report_schedule.when_weekly", day=day, time=schedule.time)
        case Rhythm.MONTHLY:
            return t("report_schedule.when_monthly", day=str(schedule.day), time=schedule.time)


def last_of(last: LastRun, times: TimeText) -> Last:
    """What came of it, as far as is known by now: the email's own state says more than that it was handed over."""
    t, state = times.t, last.email_state
    name, css, icon, detail = "handed_over", "", "send", last.detail or ""
    if last.outcome is Outcome.WAITING:
        name, css, icon = "waiting", "warn", "clock"
        detail = t("report_last.waiting_hint")
    elif last.outcome is Outcome.FAILED:
        name, css, icon = "failed", "bad", "alert"
    elif state == SendingState.SENT:
        name, css, icon = "sent", "ok", "check"
    elif state in _ON_ITS_WAY:
        name, icon = "on_its_way", "send"
        detail = last.email_error or ""
    elif state is not None:
        name, css, icon = (
            ("unknown", "warn", "alert") if state == SendingState.UNKNOWN else ("unsent", "bad", "alert")
        )
        detail = last.email_error or ""
    return Last(t(f"report_last.{name}"), css, icon, detail, times.moment(last.at))
