"""The list of capture points, and the editor of one with a live sample beside its mapping."""

from __future__ import annotations

from typing import Any, Final, get_args
from zoneinfo import available_timezones

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.api.decoding import of_validation
from openiwd.domain.capture.point import CapturePoint, FileSource, RestSource, Source, kind_of_source
from openiwd.domain.capture.target import TARGETS
from openiwd.domain.errors import NotFoundError, OpenIwdError
from openiwd.usecases import capture_point, capture_sample, capture_status
from openiwd.usecases.capture_point import StoredPoint
from openiwd.web.capture.point_form import (
    DEFAULT,
    EMPTY_LINE,
    LINE,
    NUMBERS,
    MappingLine,
    Pair,
    body_sent,
    choices,
    is_list,
    lines_of,
    said,
    settings_of,
)
from openiwd.web.capture.point_view import PATH, errors_href, href_of, point_line, state_of
from openiwd.web.capture.sample_view import sample_lines
from openiwd.web.configuration.navigation import show
from openiwd.web.shell.dialog_page import done, editor_of, refuse_dialog, show_dialog
from openiwd.web.shell.form import Field, Form, with_errors
from openiwd.web.shell.page_form import act_in_page, require_free, saved
from openiwd.web.shell.said import said as in_words
from openiwd.web.shell.sent import Sent, sent_by
from openiwd.web.shell.visit import CurrentVisit, Visit

SECTION: Final = "capture_points"
ZONES: Final = sorted(z for z in available_timezones() if "/" in z or z == "UTC")
SOURCES: Final[dict[str, type[Source]]] = {kind_of_source(s): s for s in get_args(Source)}
LARGE: Final = 2 * 1024 * 1024
DATES: Final = ("iso", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y", "epochSeconds", "epochMilliseconds", "excel")


@get(PATH)
async def points_page(visit: CurrentVisit) -> Response[Any]:
    """All capture points with how each works now."""
    editor = editor_of(visit)
    found = await capture_point.points(editor)
    statuses = {s.id: s for s in await capture_status.statuses(editor)}
    lines = [
        point_line(p, statuses[p.point.id], visit.t, visit.times) for p in found if p.point.id in statuses
    ]
    return show(
        visit,
        "capture/points.html",
        SECTION,
        lines=sorted(lines, key=lambda line: line.name.casefold()),
        kinds=[(kind, visit.t.named("capture_kind", kind)) for kind in SOURCES],
        can_edit=visit.caller.may("capturePoints.update"),
    )


async def _editor_page(
    visit: Visit,
    stored: StoredPoint | None,
    point: CapturePoint,
    *,
    sent: Sent | None = None,
    error: OpenIwdError | None = None,
) -> Response[Any]:
    t = visit.t
    fields = _fields(visit, point)
    lines = lines_of(point.mapping)
    defaults = [Pair(name, said(value)) for name, value in point.defaults.items()]
    message = point.mapping.message
    picks = [Pair(value, kind.value) for value, kind in message.values.items()]
    if sent is not None and error is not None:
        told = faults(error)
        fields = {f.name: f for f in with_errors([_typed(f, sent) for f in fields.values()], error)}
        lines = [
            MappingLine(**_as_line(row), error=_told_of(told, f"mapping.fields[{n}]"))
            for n, row in enumerate(sent.rows(*(f"map_{name}" for name in LINE)))
        ]
        defaults = [
            Pair(r["default_to"], r["default_value"], _told_of(told, f"defaults.{r['default_to']}"))
            for r in sent.rows(*DEFAULT)
        ]
        picks = [
            Pair(r["choice_value"], r["choice_message"]) for r in sent.rows("choice_value", "choice_message")
        ]
    status = await capture_status.status(editor_of(visit), stored.point.id) if stored is not None else None
    return show(
        visit,
        "capture/point.html",
        SECTION,
        stored=stored,
        point=point,
        action=href_of(stored.point.id) if stored is not None else f"{PATH}/-/new?kind={point.kind}",
        sample_action=f"{href_of(stored.point.id) if stored is not None else f'{PATH}/-'}/sample?kind={point.kind}",
        errors_href=errors_href(point.id),
        kinds=[(kind, t.named("capture_kind", kind)) for kind in SOURCES],
        f=fields,
        settings=[f for name, f in fields.items() if name.startswith("source.")],
        lines=lines,
        empty_line=EMPTY_LINE,
        defaults=defaults,
        picks=picks,
        choices=choices(t),
        targets=sorted(TARGETS),
        forms=[*DATES, *NUMBERS],
        zones=ZONES,
        how=status,
        state=state_of(status, t) if status is not None else None,
        last=visit.times.moment(status.reader.last_record_at) if status is not None else None,
        error=error,
        saved=visit.request.query_params.get("saved") == "1" and error is None,
        can_edit=visit.caller.may("capturePoints.update"),
        status=422 if error is not None else 200,
    )


def faults(error: OpenIwdError) -> dict[str, str]:
    """What is wrong, by the path of the field."""
    told = {str(error.field): error.message}
    return told | {str(e.get("field")): str(e.get("message")) for e in error.details.get("errors") or ()}


def _told_of(told: dict[str, str], prefix: str) -> str:
    return next((m for name, m in told.items() if name == prefix or name.startswith(f"{prefix}.")), "")


def _as_line(row: dict[str, str]) -> dict[str, Any]:
    return {
        "to": row["map_to"],
        "source": row["map_from"],
        "constant": row["map_constant"],
        "form": row["map_form"],
        "values": row["map_values"],
        "default": row["map_default"],
        "required": row["map_required"] == "yes",
    }


def _fields(visit: Visit, point: CapturePoint) -> dict[str, Field]:
    t, pick = visit.t, choices(visit.t)
    notify, message = point.notify, point.mapping.message
    said_by = message.from_ if isinstance(message.from_, str) else ""
    kinds, paths = [k.value for k in notify.kinds], "\n".join(notify.categories)

    def select(name: str, label: str, value: str, options: str) -> Field:
        return Field(name, t(label), "select", value=value, options=pick[options])

    def check(name: str, word: str, *, value: bool) -> Field:
        return Field(name, t(f"capture.{word}"), "checkbox", value=value, hint=t(f"capture.{word}_hint"))

    zone_hint, paths_hint = t("capture.zone_hint"), t("capture.notify_categories_hint")
    fields = [
        Field("id", t("people.id"), value=point.id, required=True, hint=t("capture.id_hint")),
        Field("name", t("people.name"), value=point.name, required=True),
        Field("description", t("named.description"), "textarea", value=point.description),
        check("enabled", "enabled", value=point.enabled),
        Field("timeZone", t("people.time_zone"), value=point.time_zone, suggestions="zones", hint=zone_hint),
        select("onDuplicate", "capture.on_duplicate", point.on_duplicate.value, "duplicates"),
        select("unmapped", "capture.unmapped", point.mapping.unmapped.value, "unmapped"),
        Field("message_from", t("capture.message_from"), value=said_by, hint=t("capture.message_from_hint")),
        select("message_otherwise", "capture.message_otherwise", message.otherwise.value, "messages"),
        Field("kinds", t("capture.notify_kinds"), "choices", value=kinds, options=pick["kinds"]),
        Field("categories", t("capture.notify_categories"), "textarea", value=paths, hint=paths_hint),
        check("own", "notify_own", value=notify.own),
        *settings_of(point.source, t),
    ]
    return {f.name: f for f in fields}


def _typed(field: Field, sent: Sent) -> Field:
    if field.kind == "password":
        return field
    if field.kind == "checkbox":
        return field._replace(value=sent.flag(field.name))
    if field.kind == "choices":
        return field._replace(value=sent.texts(field.name))
    return field._replace(value=sent.raw(field.name))


def _empty(visit: Visit, kind: str) -> CapturePoint:
    """What a new capture point of a kind begins with."""
    source = SOURCES.get(kind, RestSource)
    zone = visit.services.tenant.time_zone
    made: Source = FileSource(folder="_") if source is FileSource else _blank(source)
    if isinstance(made, FileSource):
        made.folder = ""
    return CapturePoint(id="", name="", source=made, time_zone=zone)


def _blank(source: type[Source]) -> Source:
    """A source with its defaults, and empty texts where there are none."""
    needed: dict[str, Any] = {
        f.name: [] if is_list(source, f.name) else "" for f in msgspec.structs.fields(source) if f.required
    }
    return source(**needed)


@get(f"{PATH}/-/new")
async def new_point(visit: CurrentVisit) -> Response[Any]:
    """An empty capture point of a kind."""
    visit.caller.require("capturePoints.update")
    return await _editor_page(visit, None, _empty(visit, visit.request.query_params.get("kind", "file")))


@get(f"{PATH}/{{point_id:str}}")
async def point_page(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """A capture point; who may not edit it reads it."""
    stored = await capture_point.get(editor_of(visit), point_id)
    return await _editor_page(visit, stored, stored.point)


@post([f"{PATH}/-/new", f"{PATH}/{{point_id:str}}"], status_code=200)
async def save_point(visit: CurrentVisit, point_id: FromPath[str] = "") -> Response[Any]:
    """Stores it, live at once; or says at each field what is wrong."""
    visit.caller.require("capturePoints.update")
    editor = editor_of(visit)
    stored = await capture_point.get(editor, point_id) if point_id else None
    start = (
        stored.point if stored is not None else _empty(visit, visit.request.query_params.get("kind", "file"))
    )

    async def save(sent: Sent) -> Response[Any]:
        point = _sent_point(sent, stored, start, sent.text("id"))
        if stored is None:
            require_free(visit, point.id, (p.point.id for p in await capture_point.points(editor)))
        await capture_point.put(editor, point, sent.revision() if stored is not None else None)
        return saved(visit, href_of(point.id))

    async def again(sent: Sent, error: OpenIwdError) -> Response[Any]:
        return await _editor_page(visit, stored, start, sent=sent, error=error)

    return await act_in_page(visit, save, again)


def _sent_point(sent: Sent, stored: StoredPoint | None, start: CapturePoint, new_id: str) -> CapturePoint:
    before = stored.point if stored is not None else None
    body = body_sent(sent, before, start.source, before.id if before is not None else new_id)
    try:
        return msgspec.convert(body, CapturePoint)
    except msgspec.ValidationError as error:
        raise of_validation(str(error), CapturePoint) from error


@post([f"{PATH}/-/sample", f"{PATH}/{{point_id:str}}/sample"], status_code=200, request_max_body_size=LARGE)
async def try_sample(visit: CurrentVisit, point_id: FromPath[str] = "") -> Response[Any]:
    """What the pasted records would become under the mapping as it stands in the page."""
    visit.caller.require("capturePoints.view")
    sent, editor = await sent_by(visit), editor_of(visit)
    stored = await capture_point.get(editor, point_id) if point_id else None
    start = (
        stored.point if stored is not None else _empty(visit, visit.request.query_params.get("kind", "file"))
    )
    upload = sent.file("file")
    content = await upload or sent.raw("sample").encode("utf-8", "replace")
    name = getattr((await visit.request.form()).get("file"), "filename", "") or ""
    error: OpenIwdError | None = None
    lines = []
    if content.strip():
        try:
            # Without a connection, a folder or a name yet, its records can be tried all the same.
            body = body_sent(sent, stored.point if stored else None, start.source, point_id or "sample")
            point = msgspec.convert(
                {**body, "name": body["name"] or "sample", "source": _for_sample(body["source"])},
                CapturePoint,
            )
            lines = sample_lines(
                await capture_sample.sample(editor, point, content, name), visit.t, visit.times
            )
        except msgspec.ValidationError as wrong:
            error = of_validation(str(wrong), CapturePoint)
        except OpenIwdError as wrong:
            error = wrong
    return visit.page("capture/sample.html", lines=lines, error=error, asked=bool(content.strip()))


_NOT_YET: Final[dict[str, dict[str, Any]]] = {
    "file": {"folder": "sample"},
    "database": {"url": "sqlite:///sample.db", "captureQuery": "SELECT 1", "updateQuery": "SELECT 1"},
    "kafka": {"servers": ["sample:9092"], "inboundTopic": "sample"},
    "amqp": {"url": "amqp://sample", "inboundQueue": "sample"},
}
"""What a source of each kind has to have, and a sample does not ask."""


def _for_sample(source: dict[str, Any]) -> dict[str, Any]:
    """The source with something in the place of what is not filled in yet."""
    return {**_NOT_YET.get(source["kind"], {}), **{k: v for k, v in source.items() if v not in ("", [])}}


def _delete_form(visit: Visit, stored: StoredPoint, uses: list[dict[str, Any]], errors: int) -> Form:
    t = visit.t
    return Form(
        action=f"{href_of(stored.point.id)}/delete",
        title=t("named.delete_title", name=stored.point.name),
        text=t("named.in_use") if uses else t("capture.delete_text", n=errors),
        fields=[],
        submit=t("form.delete"),
        danger=True,
        blocked=bool(uses),
        lines=[in_words(u["message"], t) for u in uses],
    )


@get(f"{PATH}/{{point_id:str}}/delete")
async def delete_dialog(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """What goes with it, or stands against it."""
    visit.caller.require("capturePoints.update")
    editor = editor_of(visit)
    stored = await capture_point.get(editor, point_id)
    status = await capture_status.status(editor, point_id)
    return show_dialog(
        visit, _delete_form(visit, stored, await capture_point.uses(editor, point_id), status.open_errors)
    )


@post(f"{PATH}/{{point_id:str}}/delete", status_code=200)
async def delete_point(visit: CurrentVisit, point_id: FromPath[str]) -> Response[Any]:
    """Removes a capture point that no open item came from."""
    editor = editor_of(visit)
    stored = await capture_point.get(editor, point_id)
    try:
        await capture_point.delete(editor, point_id)
    except NotFoundError:
        raise
    except OpenIwdError as error:
        return refuse_dialog(visit, _delete_form(visit, stored, [], 0), await sent_by(visit), error)
    return done(visit, "", to=PATH)


PAGES: Final[list[Any]] = [
    points_page,
    new_point,
    point_page,
    save_point,
    try_sample,
    delete_dialog,
    delete_point,
]
