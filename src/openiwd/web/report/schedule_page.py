"""Report schedules: their list with what came of each, and the editor. A report's page leads here with its prompts."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.domain.report_schedule import PLACEHOLDERS, FileForm, Past, ReportSchedule, Rhythm
from openiwd.usecases import live_object, report, report_schedule
from openiwd.usecases.live_object import Stored
from openiwd.usecases.report import Choices, Prompts
from openiwd.web.report.report_page import prompts_of
from openiwd.web.report.report_view import zone_times
from openiwd.web.report.schedule_view import PATH, href_of, line_of
from openiwd.web.shell.asking_page import Question, asking
from openiwd.web.shell.dialog_page import (
    delete_form,
    editor_of,
)
from openiwd.web.shell.form import Field
from openiwd.web.shell.page_form import act_in_page, require_free, saved, sent_again
from openiwd.web.shell.sent import Sent, as_, require
from openiwd.web.shell.visit import CurrentVisit, Visit

KIND: Final = report_schedule.KIND
NEEDED: Final = ("name", "report", "recipients", "mailbox", "time", "text")
CONDITIONS: Final = ("category", "queue", "capturePoint", "mediaType", "agent")


@get(PATH)
async def schedules_page(visit: CurrentVisit) -> Response[Any]:
    """All schedules, what came of the last time, and when each falls due next."""
    zone = visit.services.tenant.time_zone
    times = zone_times(visit.times, zone)
    found = [line_of(state, times) for state in await report_schedule.states(editor_of(visit))]
    return visit.page("report/schedules.html", active="reports", lines=found, zone=zone)


async def _choices(visit: Visit) -> Choices:
    """What conditions can be set to; nothing while there is no data mart."""
    try:
        return await report.choices(visit.services, visit.caller)
    except NotFoundError:
        return Choices()


def _conditions(visit: Visit, found: Choices, chosen: dict[str, str]) -> list[Field]:
    options = {
        "category": [(path, path) for path, _ in found.departments],
        "queue": [(i, name or i) for i, name in found.queues],
        "capturePoint": [(i, name or i) for i, name in found.capture_points],
        "mediaType": [(i, name or i) for i, name in found.media_types],
        "agent": [(i, name or i) for i, name in found.agents],
    }
    made = []
    for name in CONDITIONS:
        value, known = chosen.get(name, ""), sorted(options[name], key=lambda o: o[1].casefold())
        if value and value not in dict(known):
            known.append((value, value))
        made.append(
            Field(
                name,
                visit.t(f"report_schedule.{name}"),
                "select",
                value,
                [("", visit.t(f"report.every_{name}")), *known],
            )
        )
    return made


async def _fields(visit: Visit, s: ReportSchedule | None) -> list[Field]:
    t, asked = visit.t, prompts_of(visit)
    reports = [(r.id, t.named("report_title", r.id)) for r in report.allowed_reports(visit.caller)]
    chosen = s.report if s else visit.request.query_params.get("report", "")
    if s is not None and s.report not in dict(reports):
        reports.append((s.report, t.named("report_title", s.report)))
    boxes = [(m.id, f"{m.name} ({m.address})") for m in await report_schedule.senders(editor_of(visit))]
    if s is not None and s.mailbox not in dict(boxes):
        boxes.append((s.mailbox, t("report_schedule.mailbox_off", id=s.mailbox)))
    name = s.name if s else dict(reports).get(chosen, "")
    identity = [
        Field("name", t("people.name"), value=name, required=True, hint=t("report_schedule.name_hint"))
    ]
    if s is None:
        identity.append(Field("id", t("people.id"), required=True, hint=t("report_schedule.id_hint")))
    weekdays = [(str(n), t(f"weekday.{n}")) for n in range(1, 8)]
    return [
        *identity,
        Field("report", t("report_schedule.report"), "select", chosen, reports),
        Field(
            "period", t("report_schedule.period"), "select", (s.period if s else Past.YESTERDAY).value,
            [(p.value, t.named("report_past", p.value)) for p in Past],
        ),
        Field(
            "format", t("report_schedule.format"), "select", (s.format if s else FileForm.XLSX).value,
            [(f.value, f.value.upper()) for f in FileForm],
        ),
        *_conditions(visit, await _choices(visit), _chosen(s) if s else _asked(asked)),
        Field(
            "recipients", t("report_schedule.recipients"), "textarea", "\n".join(s.recipients) if s else "",
            required=True, rows=4, hint=t("report_schedule.recipients_hint"),
        ),
        Field("mailbox", t("report_schedule.mailbox"), "select", s.mailbox if s else "", boxes),
        Field(
            "text", t("report_schedule.text"), "textarea", s.text if s else t("report_schedule.default_text"),
            required=True, rows=6,
        ),
        Field(
            "rhythm", t("report_schedule.rhythm"), "select", (s.rhythm if s else Rhythm.DAILY).value,
            [(r.value, t.named("report_rhythm", r.value)) for r in Rhythm],
        ),
        Field("weekday", t("report_schedule.weekday"), "select", str(s.weekday if s else 1), weekdays),
        Field(
            "day", t("report_schedule.day"), "number", str(s.day if s else 1), hint=t("report_schedule.day_hint")
        ),
        Field(
            "time", t("report_schedule.time"), "time", s.time if s else "07:00", required=True,
            hint=t("report_schedule.time_hint", zone=visit.services.tenant.time_zone),
        ),
        Field(
            "active", t("report_schedule.active"), "checkbox", s.active if s else True,
            hint=t("report_schedule.active_hint"),
        ),
    ]  # fmt: skip


def _chosen(s: ReportSchedule) -> dict[str, str]:
    values = (s.category, s.queue, s.capture_point, s.media_type, s.agent)
    return {name: value for name, value in zip(CONDITIONS, values, strict=True) if value}


def _asked(asked: Prompts) -> dict[str, str]:
    values = (asked.category, asked.queue, asked.capture_point, asked.media_type, asked.agent)
    return {name: value for name, value in zip(CONDITIONS, values, strict=True) if value}


async def _page(
    visit: Visit, stored: Stored | None, fields: list[Field], error: OpenIwdError | None = None
) -> Response[Any]:
    by_name = {f.name: f for f in fields}
    return visit.page(
        "report/schedule_edit.html",
        active="reports",
        stored=stored,
        fields=by_name,
        conditions=[by_name[name] for name in CONDITIONS],
        placeholders=[f"{{{{{name}}}}}" for name in PLACEHOLDERS],
        action=href_of(stored.value.id) if stored else f"{PATH}/-/new",
        no_mailbox=not by_name["mailbox"].options,
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        status=422 if error is not None else 200,
    )


@get(f"{PATH}/-/new")
async def new_schedule(visit: CurrentVisit) -> Response[Any]:
    """An empty form, or one with what a report's page was asked."""
    visit.caller.require(KIND.update)
    return await _page(visit, None, await _fields(visit, None))


@get(f"{PATH}/{{schedule_id:str}}")
async def schedule_editor(visit: CurrentVisit, schedule_id: FromPath[str]) -> Response[Any]:
    """One schedule."""
    stored = await live_object.get(editor_of(visit), KIND, schedule_id)
    return await _page(visit, stored, await _fields(visit, stored.value))


def _value(sent: Sent, schedule_id: str) -> ReportSchedule:
    values: dict[str, Any] = {
        **{name: sent.text(name) for name in ("name", "report", "period", "format", "mailbox", "rhythm")},
        **{name: sent.optional(name) for name in CONDITIONS},
        "id": schedule_id,
        "recipients": [one for one in re.split(r"[\s,;]+", sent.text("recipients")) if one],
        "time": sent.text("time")[:5],
        "weekday": sent.number("weekday"),
        "day": sent.number("day"),
        "text": sent.raw("text").replace("\r\n", "\n").strip("\n"),
        "active": sent.flag("active"),
    }
    return as_(ReportSchedule, {name: value for name, value in values.items() if value is not None})


@post(f"{PATH}/-/new", status_code=200)
async def create_schedule(visit: CurrentVisit) -> Response[Any]:
    """Makes it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)

    async def make(sent: Sent) -> Response[Any]:
        require(visit, sent, [*NEEDED, "id"])
        schedule_id = sent.text("id")
        require_free(visit, schedule_id, (s.value.id for s in await live_object.objects(editor, KIND)))
        await report_schedule.put(editor, _value(sent, schedule_id), None)
        return saved(visit, href_of(schedule_id))

    return await act_in_page(visit, make, partial(_again, visit, None))


@post(f"{PATH}/{{schedule_id:str}}", status_code=200)
async def save_schedule(visit: CurrentVisit, schedule_id: FromPath[str]) -> Response[Any]:
    """Changes it."""
    visit.caller.require(KIND.update)
    editor = editor_of(visit)
    stored = await live_object.get(editor, KIND, schedule_id)

    async def save(sent: Sent) -> Response[Any]:
        require(visit, sent, NEEDED)
        await report_schedule.put(editor, _value(sent, schedule_id), sent.revision())
        return saved(visit, href_of(schedule_id))

    return await act_in_page(visit, save, partial(_again, visit, stored))


async def _again(visit: Visit, stored: Stored | None, sent: Sent, error: OpenIwdError) -> Response[Any]:
    fields = sent_again(await _fields(visit, stored.value if stored else None), sent, error)
    return await _page(visit, stored, [_offered(f) for f in fields], error)


def _offered(field: Field) -> Field:
    """What was chosen stays to be chosen, also where nothing offers it now."""
    if field.kind != "select" or not field.value or field.value in dict(field.options):
        return field
    return field._replace(options=[*field.options, (field.value, field.value)])


async def _delete(visit: Visit, schedule_id: str) -> Question:
    editor = editor_of(visit)
    value = (await live_object.get(editor, KIND, schedule_id)).value
    form = delete_form(visit, href_of(schedule_id), value.name, visit.t("report_schedule.delete_text"))
    return Question(form, lambda: live_object.delete(editor, KIND, schedule_id), PATH)


PAGES: Final[list[Any]] = [
    schedules_page,
    new_schedule,
    create_schedule,
    schedule_editor,
    save_schedule,
    *asking(f"{PATH}/{{schedule_id:str}}/delete", _delete),
]
