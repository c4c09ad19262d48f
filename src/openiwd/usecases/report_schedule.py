"""Report schedules as people keep them: live objects with what came of them and when they fall due. Sends nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.email.mailbox import Mailbox
from openiwd.domain.errors import ConflictError, InvalidInputError
from openiwd.domain.report_schedule import (
    MAX_SCHEDULES,
    LastRun,
    ReportSchedule,
    check_schedule,
    next_due,
    timing,
)
from openiwd.ports.tenant_store import Reading
from openiwd.usecases import live_object
from openiwd.usecases.configuration import Editor
from openiwd.usecases.live_object import LiveKind, Stored
from openiwd.usecases.mailbox import all_mailboxes
from openiwd.usecases.report import required_report

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

KIND: Final = LiveKind(
    stored="report_schedule",
    noun="report schedule",
    type=ReportSchedule,
    view="reports.schedule",
    update="reports.schedule",
)


class ScheduleState(Struct, kw_only=True, rename="camel"):
    """A schedule, when it falls due next, and what came of the last time."""

    schedule: ReportSchedule
    revision: int
    next_due_at: datetime | None
    last: LastRun | None


def zone_of(services: TenantServices) -> ZoneInfo:
    """The zone of a tenant's schedules."""
    return ZoneInfo(services.tenant.time_zone)


async def states(editor: Editor) -> list[ScheduleState]:
    """All schedules by name."""
    found = await live_object.objects(editor, KIND)
    async with editor.services.runtime.store.reading() as reading:
        runs = await reading.report_runs()
    now, zone = editor.services.runtime.now(), zone_of(editor.services)
    shown = [
        ScheduleState(
            schedule=one.value,
            revision=one.revision,
            next_due_at=next_due(one.value, zone, now),
            last=None if (run := runs.get(one.value.id)) is None or run.due_at is None else run,
        )
        for one in found
    ]
    return sorted(shown, key=lambda s: (s.schedule.name.casefold(), s.schedule.id))


async def put(editor: Editor, schedule: ReportSchedule, revision: int | None) -> tuple[Stored, bool]:
    """Creates or replaces a schedule of a report that the caller may see; whether it is new."""
    editor.caller.require(KIND.update)
    check_schedule(schedule)
    required_report(editor.caller, schedule.report)
    found = {s.value.id: s.value for s in await live_object.objects(editor, KIND)}
    before = found.get(schedule.id)
    if before is None and len(found) >= MAX_SCHEDULES:
        raise ConflictError(
            f"a tenant has at most {MAX_SCHEDULES} report schedules", code="tooMany", field="id"
        )
    if schedule.active and not any(m.id == schedule.mailbox for m in await senders(editor)):
        raise InvalidInputError(
            f"there is no mailbox '{schedule.mailbox[:64]}' that sends",
            field="mailbox",
            hint="choose another one",
        )
    unchanged = before is not None and timing(before) == timing(schedule)
    since = before.since if before is not None and unchanged else editor.services.runtime.now()
    return await live_object.put(editor, KIND, replace(schedule, since=since), revision)


async def senders(editor: Editor) -> list[Mailbox]:
    """The mailboxes that can send reports."""
    editor.caller.require(KIND.update)
    async with editor.services.runtime.store.reading() as reading:
        found = await all_mailboxes(reading)
    return [m for m in found.values() if m.enabled and m.sends]


async def all_schedules(reading: Reading) -> list[ReportSchedule]:
    """For those who run them."""
    return [_schedule(raw) for raw in await reading.objects(KIND.stored)]


def _schedule(raw: dict[str, Any]) -> ReportSchedule:
    return msgspec.convert({k: v for k, v in raw.items() if k != "revision"}, ReportSchedule)
