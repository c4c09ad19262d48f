"""Judging open items again after rules have gone live: stored with the publication, found and done as a bulk run.

`changed`: those that the two versions judge differently at the instant of looking; `all`: all open ones. The run
outlives its process: until all items are found it begins to look for them anew, then it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
import numpy as np

from openiwd.domain.errors import OpenIwdError
from openiwd.domain.privilege import Caller
from openiwd.domain.rule_effect import Comparison
from openiwd.domain.work_item import OPEN
from openiwd.ports.tenant_store import SearchQuery, Writing
from openiwd.usecases.bulk import BulkRequest, Publication, Stored
from openiwd.usecases.rule_set_effect import Walk
from openiwd.usecases.tenant_runtime import TenantRuntime

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

NONE: Final = "none"
CHANGED: Final = "changed"
ALL: Final = "all"
ACTION: Final = "reclassify"
ACTOR: Final = "system:rules"
STORED_AT_ONCE: Final = 20_000
"""Items of a run stored by one transaction: some tenths of a second."""
MOST: Final = 1 << 31


class RunEndedError(OpenIwdError):
    """The run was canceled while its items were looked for, or another process looks for them now."""

    code = "bulkEnded"


async def store(tx: Writing, job_id: UUID, caller: Caller, publication: Publication, now: Any) -> None:
    """Stores the run in the transaction that makes the rules live: neither is there without the other."""
    stored = Stored(
        request=BulkRequest(action=ACTION),
        caller=msgspec.structs.replace(caller, csrf_token=None),
        publication=publication,
    )
    row = {
        "id": job_id,
        "action": ACTION,
        "request": msgspec.to_builtins(stored),
        "actor": caller.actor,
        "dry_run": False,
        "created_at": now,
        "prepared": False,
    }
    await tx.create_bulk_job(row, [])


async def prepare(services: TenantServices, job_id: UUID, stored: Stored) -> bool:
    """Finds the items of a run that follows a publication; False when it is nothing for this process to go on with."""
    runtime, publication = services.runtime, stored.publication
    if publication is None:
        raise OpenIwdError("the run follows no publication", job=str(job_id))
    found = _Found(runtime, job_id)
    async with runtime.store.writing() as tx:
        await tx.begin_bulk_items(job_id, found.preparer)
    try:
        if publication.mode == ALL:
            await found.add(await _open(runtime))
        else:
            await _find(runtime, found, publication)
    except RunEndedError:
        return False
    async with runtime.store.writing() as tx:
        await tx.bulk_prepared(job_id, found.preparer)
    return True


class _Found:
    """The items found so far, on their way into the run."""

    def __init__(self, runtime: TenantRuntime, job_id: UUID) -> None:
        self._runtime = runtime
        self._job_id = job_id
        self.preparer = runtime.new_id()
        self._count = 0

    async def add(self, numbers: Sequence[int]) -> None:
        """Stores more of them. RunEndedError when the run is not ours any more."""
        for start in range(0, len(numbers), STORED_AT_ONCE):
            some = numbers[start : start + STORED_AT_ONCE]
            async with self._runtime.store.writing() as tx:
                if not await tx.add_bulk_items(self._job_id, self.preparer, self._count, some):
                    raise RunEndedError("the run is not ours")
            self._count += len(some)

    async def still_wanted(self, _: float) -> None:
        """RunEndedError when the run was canceled meanwhile."""
        async with self._runtime.store.reading() as reading:
            row = await reading.bulk_job(self._job_id)
        if row is None or row["status"] != "running":
            raise RunEndedError("the run has ended")


async def _open(runtime: TenantRuntime) -> list[int]:
    statuses = sorted(s.value for s in OPEN)
    query = SearchQuery(filter={"attribute": "status", "operator": "in", "value": statuses})
    async with runtime.store.reading() as reading:
        return await reading.matching_numbers(query, MOST - 1)


async def _find(runtime: TenantRuntime, found: _Found, publication: Publication) -> None:
    both = await comparison(runtime, publication.before, publication.version)
    walk = Walk(runtime.store, both, runtime.new_id().int)
    async for part in walk.parts(found.still_wanted):
        differing = np.array([*(way.differs for way in walk.ways), False])  # the last one: gone meanwhile
        await found.add(part.numbers[differing[part.ways]].tolist())


async def comparison(runtime: TenantRuntime, before: int, version: int) -> Comparison:
    """Two stored versions, as of now."""
    now = runtime.now()
    old, new = await runtime.compiled(before), await runtime.compiled(version)
    return Comparison(
        await runtime.context(ACTOR, now, rules=old), await runtime.context(ACTOR, now, rules=new)
    )
