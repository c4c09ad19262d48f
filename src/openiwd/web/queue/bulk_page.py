"""Acts on many items: what will be touched, then a bulk run with its progress, its end and what it refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import MultiDict
from litestar.params import FromPath, FromQuery

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.domain.work_item import WorkItem
from openiwd.usecases import bulk
from openiwd.usecases.bulk import BulkRequest, DryRun
from openiwd.usecases.search import SearchRequest
from openiwd.web.item.act_page import act_of, fields_of, read_request
from openiwd.web.item.directory import shown_by
from openiwd.web.item.row_view import subject_of
from openiwd.web.queue.bulk_view import Failure, Progress, job_line, progress_of, told
from openiwd.web.queue.modify_form import ModifyField, modify_fields, read_modify
from openiwd.web.queue.queue_filter import QueueFilter, read_filter
from openiwd.web.queue.vocabulary import vocabulary
from openiwd.web.shell.form import Field, with_errors
from openiwd.web.shell.rendering import trigger
from openiwd.web.shell.said import said
from openiwd.web.shell.visit import CurrentVisit, Visit

LISTED: Final = 8
PAGE: Final = 100
UPDATE: Final = "update"
K = TypeVar("K", UUID, int)


class Selection(NamedTuple):
    """What is selected: items by id, or all that a list's address finds but for some."""

    ids: tuple[UUID, ...] = ()
    query: str | None = None
    exclude: tuple[UUID, ...] = ()

    @property
    def chosen(self) -> QueueFilter:
        """What the list's address asks for."""
        return read_filter(MultiDict(parse_qsl((self.query or "").removeprefix("?"))))

    def request(self, action: str, **values: Any) -> BulkRequest:
        if self.query is None:
            return BulkRequest(action=action, ids=list(self.ids), **values)
        query = self.chosen.query(limit=1, cursor=None, count=False)
        search = SearchRequest(filter=query.filter, text=query.text, category=query.category)
        return BulkRequest(action=action, search=search, exclude=list(self.exclude), **values)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        if self.query is None:
            return [("ids", ",".join(map(str, self.ids)))]
        return [("query", self.query), ("exclude", ",".join(map(str, self.exclude)))]


def _ids(text: str) -> tuple[UUID, ...]:
    try:
        return tuple(UUID(part) for part in text.split(",") if part)
    except ValueError as error:
        raise InvalidInputError(
            "the selection is not readable", field="ids", hint="select the items again"
        ) from error


def read_selection(sent: dict[str, Any]) -> Selection:
    """Takes what names the items out of a form."""
    query, ids = sent.pop("query", None), _ids(str(sent.pop("ids", "") or ""))
    exclude = _ids(str(sent.pop("exclude", "") or ""))
    return Selection(ids) if query is None else Selection((), str(query), exclude)


def _act(name: str) -> str:
    """A bulk act by name; NotFoundError for what is none."""
    return name if name == UPDATE else act_of(name).value


def _readable(visit: Visit, items: Mapping[K, WorkItem]) -> dict[K, WorkItem]:
    """What may be shown: an item may have left the visitor's reach since the run took it up."""
    scope = visit.caller.privileges.get("workitems.read")
    return {k: i for k, i in items.items() if scope is not None and visit.caller.covers(scope, i)}


async def _refused(visit: Visit, counted: DryRun) -> list[Failure]:
    async with visit.services.runtime.store.reading() as reading:
        items = _readable(visit, await reading.items_by_id(counted.refused))
    t = visit.t
    return [
        Failure(str(i.id), subject_of(i, t), t.named("status", i.status.value))
        for key in counted.refused
        if (i := items.get(key)) is not None
    ]


async def _dialog(
    visit: Visit, name: str, selection: Selection, sent: dict[str, Any], error: OpenIwdError | None = None
) -> Response[Any]:
    """What will change and what cannot, and what the act needs to know; what was typed stays."""
    t, shown = visit.t, await shown_by(visit)
    given: dict[str, Any] = {"item": {}} if name == UPDATE else {"agent": "-"} if name == "assign" else {}
    counted = await bulk.dry_run(visit.services, visit.caller, selection.request(name, **given))
    fields: list[Field] = []
    modify: list[ModifyField] = []
    if name == UPDATE:
        modify = modify_fields(vocabulary(shown), sent, error, t)
    else:
        fields = await fields_of(visit, act_of(name), shown, None)
        if sent:
            fields = [f._replace(value=str(sent.get(f.name) or f.value)) for f in fields]
        if error is not None:
            fields = with_errors(fields, error)
    return visit.page(
        "queue/bulk_dialog.html",
        status=200 if error is None else 422,
        act=name,
        title=t("bulk.title", act=act_name(visit, name), n=counted.total),
        preview=told(counted, t),
        refused=await _refused(visit, counted),
        more_refused=counted.total - counted.would_change - len(counted.refused),
        fields=fields,
        modify=modify,
        submit=t("bulk.submit", act=act_name(visit, name), n=counted.would_change),
        possible=counted.would_change > 0,
        undoable=name in bulk.UNDONE_BY,
        danger=name == "cancel",
        hidden=[("action", name), *selection.hidden],
        error=error,
    )


def act_name(visit: Visit, name: str) -> str:
    key = f"act_name.{name}"
    return visit.t(key) if visit.t.has(key) else visit.t(f"uq.act_name.{name}")


@post("/bulk/dialog", status_code=200)
async def bulk_dialog(visit: CurrentVisit) -> Response[Any]:
    """What the act will touch (the selection comes in the body: it can be long)."""
    sent = dict(await visit.request.form())
    return await _dialog(visit, _act(str(sent.pop("action", ""))), read_selection(sent), {})


@post("/bulk", status_code=200)
async def start_bulk(visit: CurrentVisit) -> Response[Any]:
    """Starts the run and shows its progress."""
    form = await visit.request.form()
    sent = dict(form)
    name, selection = _act(str(sent.pop("action", ""))), read_selection(sent)
    try:
        if name == UPDATE:
            ticked = [str(v) for v in form.getall("tick", [])]
            sent["tick"] = ticked
            change = read_modify(vocabulary(await shown_by(visit)), ticked, sent, visit)
            request = selection.request(UPDATE, item=change)
        else:
            asked = await read_request(visit, sent)
            request = selection.request(name, **{f: getattr(asked, f) for f in asked.__struct_fields__})
        job_id = await bulk.create(visit.services, visit.caller, request)
    except OpenIwdError as error:
        return await _dialog(visit, name, selection, sent, error)
    visit.start_bulk(visit.services, job_id)
    return await _progress(visit, job_id)


@get("/bulk")
async def bulk_runs(visit: CurrentVisit) -> Response[Any]:
    """The last runs."""
    jobs = await bulk.recent(visit.services, visit.caller)
    lines = [job_line(job, act_name(visit, job.action), visit) for job in jobs]
    return visit.page("queue/bulk_runs.html", active="queue", jobs=lines)


@get("/bulk/{job_id:uuid}")
async def bulk_progress(
    visit: CurrentVisit, job_id: FromPath[UUID], after: FromQuery[int] = 0
) -> Response[Any]:
    """How far the run is; as a page of its own all that it refused."""
    if visit.is_htmx:
        return await _progress(visit, job_id)
    job = await bulk.get(visit.services, visit.caller, job_id)
    found = await bulk.results(visit.services, visit.caller, job_id, after, PAGE, "error")
    return visit.page(
        "queue/bulk_run.html",
        active="queue",
        job=job_line(job, act_name(visit, job.action), visit),
        failures=await _failures(visit, found),
        next_after=found[-1].ordinal if len(found) == PAGE else None,
    )


@post("/bulk/{job_id:uuid}/cancel", status_code=200)
async def cancel_bulk(visit: CurrentVisit, job_id: FromPath[UUID]) -> Response[Any]:
    """Stops the run after what it is at; what is done stays done."""
    job = await bulk.get(visit.services, visit.caller, job_id)
    if job.status == "running":
        await bulk.cancel(visit.services, visit.caller, job_id)
    return await _progress(visit, job_id)


@post("/bulk/{job_id:uuid}/undo", status_code=200)
async def undo_bulk(visit: CurrentVisit, job_id: FromPath[UUID]) -> Response[Any]:
    """Takes back what the run has done, by a run of its own."""
    undoing = await bulk.undo(visit.services, visit.caller, job_id)
    visit.start_bulk(visit.services, undoing)
    return await _progress(visit, undoing)


async def _progress(visit: Visit, job_id: UUID) -> Response[Any]:
    run = await bulk.get(visit.services, visit.caller, job_id)
    done = run.status != "running"
    failures: list[Failure] = []
    if done and run.failed:
        refused = await bulk.results(visit.services, visit.caller, run.id, 0, LISTED, "error")
        failures = await _failures(visit, refused)
    may_undo = visit.caller.may(f"workitems.{bulk.UNDONE_BY.get(run.action, '-')}")
    progress: Progress = progress_of(run, act_name(visit, run.action), failures, visit.t, may_undo=may_undo)
    headers = trigger(bulkDone={"failed": run.failed}) if done else None
    return visit.page("queue/bulk_progress.html", bulk=progress, headers=headers)


async def _failures(visit: Visit, refused: list[bulk.BulkResult]) -> list[Failure]:
    """Items that refused, with their reasons."""
    async with visit.services.runtime.store.reading() as reading:
        items = _readable(visit, await reading.items_by_number([r.item_number for r in refused]))
    found = []
    for result in refused:
        item = items.get(result.item_number)
        detail = result.detail if isinstance(result.detail, dict) else {}
        name = subject_of(item, visit.t) if item is not None else str(result.item_number)
        found.append(
            Failure(str(item.id) if item is not None else "", name, said(detail.get("detail") or "", visit.t))
        )
    return found


PAGES: Final[list[Any]] = [bulk_dialog, start_bulk, bulk_runs, bulk_progress, cancel_bulk, undo_bulk]
