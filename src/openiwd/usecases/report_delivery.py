"""Sends the reports that fall due: each time one email in the outbound queue, whole, in one transaction.

The email's id follows from schedule and instant: however often it is begun, and by whom, there is one.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from openiwd.domain.email.address import Address, domain_of, normal
from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.email.message import EmailKind
from openiwd.domain.email.outbound import Composition, OutboundFile, SendingState, compose
from openiwd.domain.email.standard_response import fill
from openiwd.domain.email.token import message_id_for
from openiwd.domain.errors import ConflictError, OpenIwdError
from openiwd.domain.privilege import system
from openiwd.domain.report import Preset
from openiwd.domain.report_schedule import (
    LastRun,
    Outcome,
    ReportSchedule,
    days_of,
    days_text,
    due_now,
    email_id_of,
    is_to_wait,
    next_look,
)
from openiwd.ports.email import StoredEmail
from openiwd.usecases import report, report_file
from openiwd.usecases.email_writing import require_size, stored_outbound
from openiwd.usecases.export import MEDIA_TYPES, ExportFormat
from openiwd.usecases.mailbox import find
from openiwd.usecases.report import Prompts, ReportResult
from openiwd.usecases.report_schedule import all_schedules, zone_of

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

MAX_DETAIL: Final = 500


class Made(NamedTuple):
    """An email that is to go out, whole."""

    email: StoredEmail
    raw: bytes


async def run_due(services: TenantServices) -> int:
    """Runs every schedule that is due, or is to be tried again; how many. What fails for one stops no other."""
    async with services.runtime.store.reading() as reading:
        schedules = await all_schedules(reading)
        runs = await reading.report_runs() if schedules else {}
    now, zone, count = services.runtime.now(), zone_of(services), 0
    for schedule in schedules:
        last = runs.get(schedule.id)
        due = due_now(schedule, zone, now, last)
        if due is not None:
            await _run(services, schedule, due, now)
            count += 1
        elif last is None or last.next_at != next_look(schedule, zone, now, last):
            await _store(services, schedule, last or LastRun(schedule_id=schedule.id), now)
    return count


async def _run(services: TenantServices, schedule: ReportSchedule, due: datetime, now: datetime) -> None:
    run = LastRun(schedule_id=schedule.id, due_at=due, at=now, outcome=Outcome.QUEUED)
    made: Made | None = None
    try:
        made = await _made(services, schedule, due, now)
    except OpenIwdError as error:
        run = replace(run, outcome=Outcome.FAILED, detail=error.message[:MAX_DETAIL])
    else:
        if made is None:
            run = replace(run, outcome=Outcome.WAITING)
        else:
            run = replace(run, email_id=made.email.id)
    await _store(services, schedule, run, now, made)


async def _store(
    services: TenantServices, schedule: ReportSchedule, run: LastRun, now: datetime, made: Made | None = None
) -> None:
    """The email and what came of the schedule, together. An email that is there already is not written again."""
    run = replace(run, next_at=next_look(schedule, zone_of(services), now, run))
    async with services.runtime.store.writing() as tx:
        if made is not None and await tx.email(made.email.id) is None:
            await tx.keep_email_content(made.email.sha256, made.raw)
            await tx.add_email(made.email)
        await tx.save_report_run(run)


async def _made(
    services: TenantServices, schedule: ReportSchedule, due: datetime, now: datetime
) -> Made | None:
    """The email of this schedule and instant; None while the data mart may still learn what it is about."""
    runtime = services.runtime
    async with runtime.store.reading() as reading:
        mailbox = await find(reading, schedule.mailbox)
    if not mailbox.enabled or not mailbox.sends:
        raise ConflictError(f"the mailbox '{mailbox.id}' sends nothing", code="mailboxOff", field="mailbox")
    first, last = days_of(schedule.period, due.astimezone(zone_of(services)).date())
    prompts = Prompts(
        preset=Preset.CUSTOM, first=first, last=last, category=schedule.category, queue=schedule.queue,
        capture_point=schedule.capture_point, media_type=schedule.media_type, agent=schedule.agent,
    )  # fmt: skip
    caller = system("reports", services.tenant.id)
    result = await report.run(services, caller, schedule.report, prompts, limit=report.MAX_PAGE)
    if is_to_wait(result.end, due, result.data_as_of, now):
        return None
    days = days_text(first, last)
    form = ExportFormat(schedule.format.value)
    content = await asyncio.to_thread(report_file.as_file, result, form)
    file = OutboundFile(
        file_name=f"{schedule.report}-{days.replace(' – ', '--')}.{form.value}",
        content_type=MEDIA_TYPES[form] + ("; charset=utf-8" if form is ExportFormat.CSV else ""),
        content=content,
    )
    email_id = email_id_of(schedule.id, due)
    values = _values(schedule, result, days)
    composition = await _composition(services, schedule, mailbox, email_id, days, values, file)
    raw = await asyncio.to_thread(compose, composition)
    require_size(raw, mailbox)
    email = await stored_outbound(
        runtime, caller.actor, composition, mailbox.id, raw, email_id, SendingState.QUEUED
    )
    return Made(email, raw)


def _values(schedule: ReportSchedule, result: ReportResult, days: str) -> dict[str, str | None]:
    as_of, zone = result.data_as_of, ZoneInfo(result.time_zone)
    return {
        "report.name": schedule.name,
        "report.period": days,
        "report.dataAsOf": None if as_of is None else as_of.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z"),
        "report.rows": str(len(result.work or result.lines)),
    }


async def _composition(
    services: TenantServices,
    schedule: ReportSchedule,
    mailbox: Mailbox,
    email_id: UUID,
    days: str,
    values: dict[str, str | None],
    file: OutboundFile,
) -> Composition:
    runtime, address = services.runtime, normal(mailbox.address)
    key = await services.email_tools.mark_key(runtime)
    return Composition(
        kind=EmailKind.OUTBOUND_REPORT,
        message_id=message_id_for(email_id, domain_of(address), key),
        date=runtime.now().replace(microsecond=0),
        sender=Address(mailbox.display_name or mailbox.name, address),
        to=[Address("", normal(a)) for a in schedule.recipients],
        subject=f"{schedule.name}: {days}",
        text=fill(schedule.text, values).text,
        files=[file],
    )
