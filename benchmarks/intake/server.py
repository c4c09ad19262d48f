"""The server under load, as `openiwd serve` runs it, or one of the variants that it is compared with.

Variants: `durable` is OpenIWD; `unwritten` is the same with a store that acknowledges without writing (the limit);
`naive` writes each request in a transaction of its own. Run as a process; prints where it listens.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, cast

import asyncpg
import msgspec
import uvloop

from benchmarks.intake.items import rule_set
from openiwd.adapters.postgres.item_writing import ItemWriting
from openiwd.adapters.postgres.rows import json_rows
from openiwd.domain import judging
from openiwd.domain.event import Event
from openiwd.domain.privilege import Caller, Role, system
from openiwd.domain.work_item import ItemNumber, ItemSubmission, WorkItem
from openiwd.ports.tenant_store import Tenant, TenantStore, Writing
from openiwd.ports.trial import LiveRules
from openiwd.processes.bootstrap import ensure_tenant, make_api_key
from openiwd.processes.database import database_dsn
from openiwd.processes.logs import configure_logs
from openiwd.processes.running import Part
from openiwd.processes.serve import Serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases.command import Done
from openiwd.usecases.intake import Intake
from openiwd.usecases.rule_set import publish
from openiwd.usecases.submission import submission_hash
from openiwd.usecases.tenant_runtime import TenantRuntime

Variant = Literal["durable", "deciding", "unwritten", "naive"]
POOL = 20


class Options(msgspec.Struct, frozen=True):
    variant: Variant
    control_dsn: str
    tenant: str


class Ready(msgspec.Struct, frozen=True):
    port: int
    api_key: str


def tenant_of(name: str) -> Tenant:
    """Nothing is offered: there are no agents, and distribution is measured elsewhere."""
    return Tenant(id=name, name=name, database_name=f"bench-{name}")


class _Unwritten:
    """A transaction that remembers nothing: numbers for items, and done."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._number = 0

    async def share_live_rules(self) -> LiveRules:
        return LiveRules(self._version, None)

    async def insert_items(self, items: Sequence[WorkItem], _: Sequence[bytes]) -> dict[Any, ItemNumber]:
        first = self._number
        self._number += len(items)
        return {item.id: ItemNumber(first + n) for n, item in enumerate(items, 1)}

    async def append_events(self, events: Sequence[Event]) -> int:
        return len(events)


class _UnwrittenStore:
    """Reads from the database (rules, lookup tables), writes nothing."""

    def __init__(self, store: TenantStore) -> None:
        self._store = store
        self.tenant = store.tenant
        self._writing = _Unwritten(1)

    def reading(self) -> Any:
        return self._store.reading()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        yield cast("Writing", self._writing)


class _UnwrittenWiring(Wiring):
    async def _runtime(self, tenant: Tenant) -> TenantRuntime:
        runtime = await super()._runtime(tenant)
        store = _UnwrittenStore(runtime.store)
        made = TenantRuntime(cast("TenantStore", store), runtime.clock, runtime.new_id, runtime._compile)  # noqa: SLF001
        made.committed = lambda: None  # type: ignore[method-assign]  # nothing to follow
        return made


class _NaiveIntake(Intake):
    """What one would write first: a pool, and per request one transaction with an item and its event."""

    def __init__(self, runtime: TenantRuntime, pool: Any) -> None:
        super().__init__(runtime)
        self._runtime = runtime
        self._pool = pool

    async def submit(
        self,
        submission: ItemSubmission,
        caller: Caller,
        *,
        on_duplicate_update: bool = False,
        also: object = None,
    ) -> Done:
        if on_duplicate_update or also is not None:
            raise NotImplementedError
        caller.require("workitems.create")
        ctx = await self._runtime.context(caller.actor)
        change = judging.create(submission, ctx, self._runtime.new_id())
        item, event = change.item, change.event
        async with self._pool.acquire() as connection, connection.transaction():
            numbers = await ItemWriting(connection).insert_items([item], [submission_hash(submission)])
            item.number = event.item_number = numbers[item.id]
            await connection.execute(_INSERT_EVENT, json_rows([event]))
        return Done(item=item, created=True)


_INSERT_EVENT = """
WITH added AS (
    SELECT u.*, nextval('bench_pos') AS pos FROM json_to_recordset($1::text::json) AS u(
        at timestamptz, type text, actor text, item_id uuid, item_number bigint, revision int, body json, personal json)
), personal AS (
    INSERT INTO event_personal (generation, pos, body) SELECT 1, pos, personal FROM added WHERE personal IS NOT NULL
)
INSERT INTO event (generation, pos, at, type, actor, item_id, item_number, revision, body)
SELECT 1, pos, at, type, actor, item_id, item_number, revision, body FROM added
"""


async def _serve(options: Options) -> None:
    configure_logs("warning")
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    wiring = (_UnwrittenWiring if options.variant == "unwritten" else Wiring)(options.control_dsn, budget=15)
    tenant = tenant_of(options.tenant)
    await ensure_tenant(wiring, tenant)
    services = await wiring.platform.services(tenant.id)
    pool = None
    if options.variant == "naive":
        dsn = database_dsn(options.control_dsn, tenant.database_name)
        pool = await asyncpg.create_pool(
            dsn, min_size=POOL, max_size=POOL, server_settings={"timezone": "UTC"}
        )
        await pool.execute("CREATE SEQUENCE IF NOT EXISTS bench_pos START 1000000")
        services.intake = _NaiveIntake(services.runtime, pool)
    api_key = await make_api_key(wiring, tenant.id, "bench", Role.ADMINISTRATOR)
    part = Part.ALL if options.variant == "deciding" else Part.SERVE
    serving = Serving(wiring, host="127.0.0.1", port=0, metrics_port=None, part=part)
    await serving.start()
    port = int(serving.url.rpartition(":")[2])
    sys.stdout.write(msgspec.json.encode(Ready(port, api_key)).decode() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await serving.stop()
    if pool is not None:
        await pool.close()


async def publish_rules(control_dsn: str, tenant: Tenant) -> None:
    """Makes the benchmark's rule set the live one of a tenant."""
    wiring = Wiring(control_dsn)
    await ensure_tenant(wiring, tenant)
    services = await wiring.platform.services(tenant.id)
    await publish(services, wiring.holidays, rule_set(), system("benchmark", tenant.id))
    await wiring.close()


if __name__ == "__main__":
    uvloop.run(_serve(msgspec.json.decode(sys.argv[1], type=Options)))
