"""Bulk runs: one action on many items, in the background, with a result for each."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from openiwd.api.authorisation import PREFIX
from openiwd.api.call import CurrentCall
from openiwd.api.idempotency import made_id, once
from openiwd.api.process import process_of
from openiwd.api.raw import Answer, json_answer
from openiwd.usecases import bulk
from openiwd.usecases.bulk import BulkJob, BulkRequest, BulkResult, DryRun
from openiwd.usecases.platform import Platform, TenantServices


class BulkJobs(Struct):
    jobs: list[BulkJob]


class BulkResults(Struct, rename="camel"):
    """A page of results; go on with `?after=` the last ordinal."""

    results: list[BulkResult]
    next_after: int | None


class BulkRunsOfTenants:
    """The bulk runs of all tenants in this process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def start(self, services: TenantServices, job_id: UUID) -> None:
        """Begins a stored run, or lines it up."""
        services.bulk_runs.start(job_id)

    async def resume(self) -> int:
        """Goes on with what was unfinished when the process ended; how many runs."""
        return sum([await services.bulk_runs.resume() for services in self._platform.opened])

    async def close(self) -> None:
        """Ends what runs beside requests; bulk runs go on at the next start."""
        for services in self._platform.opened:
            await services.bulk_runs.close()
            await services.impact_runs.close()


@post("/items/bulk", tags=["bulk"], operation_id="startBulk", status_code=202)
async def start_bulk(
    call: CurrentCall, data: JSONBody[BulkRequest], request: Request[Any, Any, State]
) -> Response[BulkJob | DryRun]:
    """Starts one action on the items of a search or on named ones: 202 with the run's address in `Location`.

    With `dryRun`, answers 200 with how many items would change and which could not; nothing is written.
    """
    if data.dry_run:
        return Response(await bulk.dry_run(call.services, call.caller, data), status_code=200)

    body = await request.body()
    wanted = made_id(call, "POST bulk", body)

    async def run() -> Answer:
        if wanted is not None and await bulk.is_there(call.services, wanted):
            job_id = wanted  # begun by the first request, or by whoever finds it stranded
        else:
            job_id = await bulk.create(call.services, call.caller, data, wanted)
            process_of(request).start_bulk(call.services, job_id)
        job = await bulk.get(call.services, call.caller, job_id)
        return json_answer(202, job, {"location": f"{PREFIX}/jobs/{job_id}"})

    done = await once(call, "POST bulk", body, run)
    return Response(
        msgspec.json.decode(done.body, type=BulkJob), status_code=done.status, headers=done.headers
    )


@get("/jobs", tags=["bulk"], operation_id="listBulk")
async def list_bulk(call: CurrentCall) -> BulkJobs:
    """The last bulk runs, newest first."""
    return BulkJobs(await bulk.recent(call.services, call.caller))


@get("/jobs/{job_id:uuid}", tags=["bulk"], operation_id="getBulk")
async def get_bulk(call: CurrentCall, job_id: FromPath[UUID]) -> BulkJob:
    """A bulk run and how far it is."""
    return await bulk.get(call.services, call.caller, job_id)


@get("/jobs/{job_id:uuid}/results", tags=["bulk"], operation_id="getBulkResults")
async def get_bulk_results(
    call: CurrentCall,
    job_id: FromPath[UUID],
    after: Annotated[int, QueryParameter(name="after", ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=5_000)] = 1_000,
    outcome: Annotated[
        str | None,
        QueryParameter(name="outcome", max_length=20, description="done, unchanged or error; none = all."),
    ] = None,
) -> BulkResults:
    """What became of each item so far, in order."""
    found = await bulk.results(call.services, call.caller, job_id, after, limit, outcome)
    return BulkResults(found, found[-1].ordinal if len(found) == limit else None)


@delete("/jobs/{job_id:uuid}", tags=["bulk"], operation_id="cancelBulk", status_code=204)
async def cancel_bulk(call: CurrentCall, job_id: FromPath[UUID]) -> None:
    """Stops a bulk run after its present chunk; what is done stays done."""
    await bulk.cancel(call.services, call.caller, job_id)


@post("/jobs/{job_id:uuid}/undo", tags=["bulk"], operation_id="undoBulk", status_code=202)
async def undo_bulk(
    call: CurrentCall, job_id: FromPath[UUID], request: Request[Any, Any, State]
) -> Response[BulkJob]:
    """Takes back what a hold has done by a new run that resumes the same items: 202 with that run."""
    undoing = await bulk.undo(call.services, call.caller, job_id)
    process_of(request).start_bulk(call.services, undoing)
    job = await bulk.get(call.services, call.caller, undoing)
    return Response(job, status_code=202, headers={"location": f"{PREFIX}/jobs/{undoing}"})


HANDLERS: Final = [start_bulk, list_bulk, get_bulk, get_bulk_results, cancel_bulk, undo_bulk]
