"""Acts on many items: what will be touched, then a bulk run with its progress and what it refused."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.usecases import bulk
from openiwd.usecases.bulk import BulkJob, BulkRequest
from openiwd.web.item.act_page import act_of, fields_of, read_request
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import subject_of
from openiwd.web.shell.form import Form
from openiwd.web.shell.rendering import trigger
from openiwd.web.shell.visit import CurrentVisit, Visit

LISTED = 8


class Failure(NamedTuple):
    id: str
    subject: str
    text: str


class Progress(NamedTuple):
    id: str
    title: str
    text: str
    counts: str
    total: int
    finished: int
    done: bool
    failures: list[Failure]


def _ids(text: str) -> list[UUID]:
    try:
        return [UUID(part) for part in text.split(",") if part]
    except ValueError as error:
        raise InvalidInputError(
            "the selection is not readable", field="ids", hint="select the items again"
        ) from error


async def _form(visit: Visit, name: str, ids: list[UUID]) -> Form:
    t, action = visit.t, act_of(name)
    shown = await shown_by(visit)
    counted = await bulk.dry_run(visit.services, visit.caller, BulkRequest(action=name, ids=ids, agent="-"))
    told = [t("bulk.will_change", n=counted.would_change)]
    told += [
        t("bulk.not_possible", n=n, status=t.named("status", s)) for s, n in counted.not_possible.items()
    ]
    if counted.forbidden:
        told.append(t("bulk.forbidden", n=counted.forbidden))
    return Form(
        action="/bulk",
        title=t("bulk.title", act=t(f"act_name.{name}"), n=len(ids)),
        text=" ".join(told),
        fields=await fields_of(visit, action, shown, None),
        submit=t("bulk.submit", act=t(f"act_name.{name}"), n=counted.would_change),
        note=t("bulk.unchanged"),
        danger=name == "cancel",
        hidden=[("action", name), ("ids", ",".join(str(i) for i in ids))],
    )


@post("/bulk/dialog", status_code=200)
async def bulk_dialog(visit: CurrentVisit) -> Response[Any]:
    """What the act will touch (the selection comes in the body: it can be long)."""
    sent = await visit.request.form()
    form = await _form(visit, str(sent.get("action") or ""), _ids(str(sent.get("ids") or "")))
    return visit.page("components/dialog.html", form=form, error=None)


@post("/bulk", status_code=200)
async def start_bulk(visit: CurrentVisit) -> Response[Any]:
    """Starts the run and shows its progress."""
    sent = dict(await visit.request.form())
    name, ids = str(sent.pop("action", "")), _ids(str(sent.pop("ids", "")))
    act_of(name)
    try:
        request = await read_request(visit, sent)
        values = {f: getattr(request, f) for f in request.__struct_fields__}
        job_id = await bulk.create(visit.services, visit.caller, BulkRequest(action=name, ids=ids, **values))
    except OpenIwdError as error:
        return visit.page(
            "components/dialog.html", status=422, form=await _form(visit, name, ids), error=error
        )
    visit.start_bulk(visit.services, job_id)
    return await _progress(visit, job_id)


@get("/bulk/{job_id:uuid}")
async def bulk_progress(visit: CurrentVisit, job_id: FromPath[UUID]) -> Response[Any]:
    """How far the run is."""
    return await _progress(visit, job_id)


async def _progress(visit: Visit, job_id: UUID) -> Response[Any]:
    run = await bulk.get(visit.services, visit.caller, job_id)
    done = run.status != "running"
    failures = await _failures(visit, run) if done and run.failed else []
    t = visit.t
    finished = run.done + run.failed
    progress = Progress(
        id=str(run.id),
        title=t("bulk.progress", act=t(f"act_name.{run.action}"), n=run.total),
        text=t("bulk.done") if done else t("bulk.running"),
        counts=t(
            "bulk.failed_counts" if run.failed else "bulk.counts",
            done=run.done,
            total=run.total,
            failed=run.failed,
        ),
        total=run.total,
        finished=finished,
        done=done,
        failures=failures,
    )
    headers = trigger(bulkDone={"failed": run.failed}) if done else None
    return visit.page("queue/bulk_progress.html", bulk=progress, headers=headers)


async def _failures(visit: Visit, run: BulkJob) -> list[Failure]:
    """The first items that refused, with their reasons."""
    results = await bulk.results(visit.services, visit.caller, run.id, 0, 1_000)
    refused = [r for r in results if r.outcome == "error"][:LISTED]
    async with visit.services.runtime.store.reading() as reading:
        items = await reading.items_by_number([r.item_number for r in refused])
    found = []
    for result in refused:
        item = items.get(result.item_number)
        detail = result.detail if isinstance(result.detail, dict) else {}
        name = subject_of(item, visit.t) if item is not None else str(result.item_number)
        found.append(Failure(str(item.id) if item is not None else "", name, str(detail.get("detail") or "")))
    return found


PAGES: Final[list[Any]] = [bulk_dialog, start_bulk, bulk_progress]
