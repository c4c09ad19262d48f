"""Bulk runs: one action on many items, found by a search or named; what it would do, and what has become of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
)
from openiwd.domain.judging import Reclassify
from openiwd.domain.lifecycle import Action, allowed
from openiwd.domain.privilege import Caller, Scope, system
from openiwd.domain.transition import tag
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.ports.tenant_store import SearchQuery
from openiwd.usecases.command import PRIVILEGE, Command
from openiwd.usecases.item_action import ActionRequest, check_agents, command_of, named_agents
from openiwd.usecases.search import SearchRequest, prepared

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

SAMPLE: Final = 20
MAX_ITEMS: Final = 1_000_000
MAX_NAMED: Final = 10_000
MAX_EXCLUDED: Final = 1_000
"""So many items can be left out of a search within the search itself."""
ACTIONS: Final = (
    "update",
    "reclassify",
    "tag",
    "hold",
    "resume",
    "cancel",
    "complete",
    "reopen",
    "restart",
    "activate",
    "assign",
    "transfer",
    "return",
    "delete",
)
UNDONE_BY: Final = {"hold": "resume"}
LAST_CHUNK: Final = timedelta(minutes=1)
"""A run that is stopped may still end the chunk that it is at."""


class BulkRequest(ActionRequest, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One action on the items of a search, or on items named by id."""

    action: str
    search: SearchRequest | None = None
    ids: list[UUID] = msgspec.field(default_factory=list)
    include: list[UUID] = msgspec.field(default_factory=list)
    """Items besides those of the search."""
    exclude: list[UUID] = msgspec.field(default_factory=list)
    dry_run: bool = False
    add_tags: list[str] = msgspec.field(default_factory=list)
    remove_tags: list[str] = msgspec.field(default_factory=list)


class DryRun(Struct, kw_only=True, rename="camel"):
    """What a bulk run would do now."""

    action: str
    total: int
    would_change: int
    not_possible: dict[str, int]
    """Items whose status does not allow the action, by status."""
    forbidden: int
    assigned: int
    """Of those that would change, how many an agent has in hand."""
    sample: list[UUID]
    refused: list[UUID]
    """The first of those that cannot be changed."""


class BulkJob(Struct, kw_only=True, rename="camel"):
    """A bulk run and how far it is."""

    id: UUID
    action: str
    actor: str
    status: str
    """`running`, `done`, `canceled` or `failed`."""
    prepared: bool = True
    """False while the items that it concerns are still being looked for: `total` grows."""
    total: int
    done: int
    """Items worked through, `failed` ones among them."""
    failed: int
    created_at: datetime
    finished_at: datetime | None = None
    error: str | None = None


class BulkResult(Struct, kw_only=True, rename="camel"):
    ordinal: int
    item_number: int
    outcome: str
    """`done`, `unchanged` or `error`."""
    detail: Any = None


class Publication(Struct, kw_only=True):
    """The change of rules that a run follows; `mode` is changed or all."""

    before: int
    version: int
    mode: str


class Stored(Struct, kw_only=True):
    """What a run needs after a restart."""

    request: BulkRequest
    caller: Caller
    publication: Publication | None = None
    """Open items are judged again because of it; OpenIWD's own doing."""

    def command(self, item_id: UUID) -> Command:
        """What is done to one item."""
        if self.publication is not None:
            return Command(action=Action.CLASSIFY, caller=system("rules"), item_id=item_id, internal=True)
        return command_for(self.request, self.caller, item_id)


def action_of(name: str) -> Action:
    """The lifecycle's name of a bulk action."""
    match name:
        case "reclassify" | "update" | "tag":
            return Action.UPDATE
        case _ if name in ACTIONS:
            return Action(name)
        case _:
            raise InvalidInputError(
                f"there is no bulk action '{name[:40]}'",
                field="action",
                hint=f"use one of: {', '.join(ACTIONS)}",
            )


def _privilege(request: BulkRequest) -> str:
    """What the action on one item takes."""
    return "workitems.note" if request.action == "tag" else PRIVILEGE[action_of(request.action)]


def _check(request: BulkRequest, caller: Caller) -> None:
    caller.require("workitems.bulk")
    caller.require(_privilege(request))
    if request.search is None and not request.ids and not request.include:
        raise InvalidInputError("the bulk run names no items", field="search", hint="give a search, or ids")
    if max(len(request.ids), len(request.include), len(request.exclude)) > MAX_NAMED:
        raise TooLargeError(f"more than {MAX_NAMED} ids", field="ids", hint="use a search")
    if request.action == "update" and request.item is None:
        raise InvalidInputError(
            "an update needs what changes", field="item", hint="give the fields to change"
        )
    if request.action == "tag" and not request.add_tags and not request.remove_tags:
        raise InvalidInputError("no tags are named", field="addTags", hint="give addTags or removeTags")
    if request.action == "assign" and request.agent is None:
        raise InvalidInputError("an agent is needed", field="agent", hint="name the agent's id")


async def _concerned(
    services: TenantServices, caller: Caller, request: BulkRequest
) -> AsyncIterator[list[WorkItem]]:
    """The items concerned as they are now, in chunks, each item once; what the caller may not read is as if unknown."""
    found = 0
    may_name = caller.privileges.get("workitems.read") or caller.require(_privilege(request))
    excluded = set(request.exclude)
    named = [i for i in (*request.ids, *request.include) if i not in excluded]
    seen = set(named)
    async with services.runtime.store.reading() as reading:
        if named:
            known = (await reading.items_by_id(named)).values()
            items = sorted((i for i in known if caller.covers(may_name, i)), key=lambda i: i.number)
            found += len(items)
            yield items
    if request.search is None:
        return
    query, _ = await prepared(services, caller, request.search.query())
    async with services.runtime.store.reading() as reading:
        async for chunk in reading.scan(query, 1_000):
            items = [i for i in chunk if i.id not in excluded and i.id not in seen]
            found += len(items)
            if found > MAX_ITEMS:
                raise TooLargeError(
                    f"more than {MAX_ITEMS} items match", field="search", hint="narrow the search"
                )
            yield items


async def dry_run(services: TenantServices, caller: Caller, request: BulkRequest) -> DryRun:
    """How many items the run would change, and which cannot be changed; nothing is written."""
    _check(request, caller)
    privilege = _privilege(request)
    scope = caller.require(privilege)
    if caller.restriction(privilege) == caller.restriction("workitems.search"):
        query = await _one_search(services, caller, request)
        if query is not None:
            return await _counted(services, query, request)
    result = _nothing(request)
    async for items in _concerned(services, caller, request):
        for item in items:
            _foresee(result, item, request, may=caller.covers(scope, item))
    return result


def _nothing(request: BulkRequest) -> DryRun:
    return DryRun(
        action=request.action,
        total=0,
        would_change=0,
        not_possible={},
        forbidden=0,
        assigned=0,
        sample=[],
        refused=[],
    )


async def _one_search(services: TenantServices, caller: Caller, request: BulkRequest) -> SearchQuery | None:
    """The items concerned as one search, where they can be told so: the database then counts and lists them itself."""
    if request.search is None or request.ids or request.include or len(request.exclude) > MAX_EXCLUDED:
        return None
    query, _ = await prepared(services, caller, request.search.query())
    if not request.exclude:
        return query
    parts = [{"attribute": "id", "operator": "notIn", "value": [str(i) for i in request.exclude]}]
    return replace(query, filter={"all": [query.filter or {"all": []}, *parts]})


async def _counted(services: TenantServices, query: SearchQuery, request: BulkRequest) -> DryRun:
    """What a run over one search would do; everything in it may be changed by the caller."""
    result = _nothing(request)
    can = {s.value for s in Status if request.action == "tag" or allowed(action_of(request.action), s)}
    async with services.runtime.store.reading() as reading:
        counts = await reading.matching_by_status(query)
        for wanted, sample in ((can, result.sample), ({s.value for s in Status} - can, result.refused)):
            if wanted & set(counts):
                of_status = {"attribute": "status", "operator": "in", "value": sorted(wanted)}
                part = replace(query, filter={"all": [query.filter or {"all": []}, of_status]})
                numbers = await reading.matching_numbers(part, SAMPLE)
                sample += [item.id for item in (await reading.items_by_number(numbers)).values()]
    result.total = sum(counts.values())
    result.would_change = sum(n for status, n in counts.items() if status in can)
    result.assigned = counts.get(Status.ASSIGNED.value, 0) if Status.ASSIGNED.value in can else 0
    result.not_possible = {status: n for status, n in counts.items() if status not in can}
    return result


def _foresee(result: DryRun, item: WorkItem, request: BulkRequest, *, may: bool) -> None:
    """Counts what would become of one item."""
    result.total += 1
    if may and (request.action == "tag" or allowed(action_of(request.action), item.status)):
        result.would_change += 1
        result.assigned += item.status is Status.ASSIGNED
        if len(result.sample) < SAMPLE:
            result.sample.append(item.id)
        return
    if not may:
        result.forbidden += 1
    else:
        result.not_possible[item.status.value] = result.not_possible.get(item.status.value, 0) + 1
    if len(result.refused) < SAMPLE:
        result.refused.append(item.id)


async def _numbers(services: TenantServices, caller: Caller, request: BulkRequest) -> list[int]:
    query = await _one_search(services, caller, request)
    if query is None:
        return [i.number async for items in _concerned(services, caller, request) for i in items]
    async with services.runtime.store.reading() as reading:
        numbers = await reading.matching_numbers(query, MAX_ITEMS + 1)
    if len(numbers) > MAX_ITEMS:
        raise TooLargeError(f"more than {MAX_ITEMS} items match", field="search", hint="narrow the search")
    return numbers


async def is_there(services: TenantServices, job_id: UUID) -> bool:
    async with services.runtime.store.reading() as reading:
        return await reading.bulk_job(job_id) is not None


async def create(
    services: TenantServices, caller: Caller, request: BulkRequest, job_id: UUID | None = None
) -> UUID:
    """Stores the run with the items that it concerns; it is to be started then.

    With an id of the caller's own, ConflictError if a run of this id is there.
    """
    _check(request, caller)
    runtime = services.runtime
    await check_agents(runtime, named_agents([command_for(request, caller, UUID(int=0))]))
    numbers = await _numbers(services, caller, request)
    job_id = job_id or runtime.new_id()
    stored = Stored(request=request, caller=replace(caller, csrf_token=None))
    row = {
        "id": job_id,
        "action": request.action,
        "request": msgspec.to_builtins(stored),
        "actor": caller.actor,
        "dry_run": False,
        "created_at": runtime.now(),
    }
    async with runtime.store.writing() as tx:
        if not await tx.create_bulk_job(row, sorted(numbers)):
            raise ConflictError("this run is there already", code="startedAlready", field="id")
    return job_id


def command_for(request: BulkRequest, caller: Caller, item_id: UUID) -> Command:
    if request.action == "tag":
        add, remove = tuple(request.add_tags), tuple(request.remove_tags)
        return Command(
            action=Action.UPDATE,
            caller=caller,
            item_id=item_id,
            privilege="workitems.note",
            custom=lambda item, ctx: tag(item, ctx, add=add, remove=remove),
        )
    command = command_of(action_of(request.action), request, caller, item_id=item_id)
    if request.action == "reclassify":
        command.update, command.reclassify = ItemUpdate(), Reclassify.ALWAYS
    return command


# Reading and stopping ------------------------------------------------------------------------------------------------


def _only_of(caller: Caller) -> str | None:
    """Whose runs the caller sees: a run tells of all its items, so a limited reach sees its own runs only."""
    return None if caller.require("workitems.bulk") is Scope.ALL else caller.actor


async def get(services: TenantServices, caller: Caller, job_id: UUID) -> BulkJob:
    """A bulk run and how far it is; NotFoundError for one that is somebody else's business."""
    only = _only_of(caller)
    async with services.runtime.store.reading() as reading:
        row = await reading.bulk_job(job_id)
    if row is None or only not in (None, row["actor"]):
        raise NotFoundError(f"there is no bulk run {job_id}", field="id", hint="check the id")
    return msgspec.convert(row, BulkJob)


async def recent(services: TenantServices, caller: Caller, limit: int = 50) -> list[BulkJob]:
    """The last bulk runs that the caller may see, newest first."""
    only = _only_of(caller)
    async with services.runtime.store.reading() as reading:
        return msgspec.convert(await reading.bulk_jobs(limit, only), list[BulkJob])


async def results(
    services: TenantServices,
    caller: Caller,
    job_id: UUID,
    after: int,
    limit: int,
    outcome: str | None = None,
) -> list[BulkResult]:
    """What became of each item so far; of one kind only where it is named."""
    await get(services, caller, job_id)
    async with services.runtime.store.reading() as reading:
        rows = await reading.bulk_results(job_id, after, limit, outcome)
    return msgspec.convert([r for r in rows if r.get("outcome") is not None], list[BulkResult])


async def cancel(services: TenantServices, caller: Caller, job_id: UUID) -> None:
    """Stops a run after its present chunk; what is done stays done."""
    job = await get(services, caller, job_id)
    if job.status != "running":
        raise ConflictError(f"the bulk run is {job.status}", code="bulkEnded", field="id")
    async with services.runtime.store.writing() as tx:
        await tx.finish_bulk_job(job_id, "canceled", None, services.runtime.now())


async def undo(services: TenantServices, caller: Caller, job_id: UUID) -> UUID:
    """A new run that takes back what a hold has done: it resumes the items that are held by the run, not later on."""
    job = await get(services, caller, job_id)
    if job.action not in UNDONE_BY:
        raise ConflictError(f"{job.action} cannot be taken back as a whole", code="notUndoable", field="id")
    if job.status == "running":
        raise ConflictError(
            "the bulk run is not over yet", code="bulkRunning", field="id", hint="cancel it first"
        )
    done = await results(services, caller, job_id, -1, MAX_NAMED + 1, "done")
    if len(done) > MAX_NAMED:
        raise TooLargeError(
            f"more than {MAX_NAMED} items", field="id", hint="search for them and resume those"
        )
    async with services.runtime.store.reading() as reading:
        items = await reading.items_by_number([r.item_number for r in done])
    ids: list[UUID] = [i.id for i in items.values() if _held_by(job, i)]
    if not ids:
        raise ConflictError(
            "none of its items is held by this run any more", code="nothingToUndo", field="id"
        )
    return await create(services, caller, BulkRequest(action=UNDONE_BY[job.action], ids=ids))


def _held_by(job: BulkJob, item: WorkItem) -> bool:
    """Whether the item is still in the hold of this run, rather than in a later one."""
    if item.status is not Status.HELD or item.held_at is None or job.finished_at is None:
        return False
    end = job.finished_at + (LAST_CHUNK if job.status == "canceled" else timedelta(0))
    return job.created_at <= item.held_at <= end
