"""What a durable offer costs: processor time of PostgreSQL and of this process, and the rate. Compares nothing.

`statement`: the claim statement alone, on claims made beforehand. `decider`: chosen, recorded, claimed and kept in the
picture by a decider whose agents are all free and can do everything, so that choosing is as cheap as it gets.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from benchmarks.processes import cpu_seconds, data_folder
from benchmarks.result import Result, Row, write
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.migrate import migrate_tenant
from openiwd.adapters.postgres.pools import TenantPools
from openiwd.adapters.postgres.tenant_store import PostgresTenantStore
from openiwd.domain.grant import GrantWriter
from openiwd.domain.offer import GrantKind
from openiwd.domain.rule_set import parse_document
from openiwd.ports.tenant_store import Claim, Grant, PublishedRuleSet, Tenant
from openiwd.processes.database import database_dsn, ensure_database
from openiwd.processes.identity import new_id
from openiwd.usecases.decider import CLAIM_CHUNK, Decider
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import compile_published, read_source
from openiwd.usecases.tenant_runtime import TenantRuntime

TENANT = Tenant(id="claims", name="Claims", database_name="bench-claims")
RULES = """
name: Claims
schemas: [{id: normal, name: Normal, points: [{age: 0h, priority: 100}, {age: 8h, priority: 500}]}]
queues: [{id: all, name: All}]
categories: [{id: rest, name: Rest, when: {attribute: channel, operator: eq, value: web}, schema: normal, queue: all}]
"""
ITEMS = """
INSERT INTO item (
    id, revision, status, capture_point, capture_id, media_type, channel, category_id, category_path, queue_id,
    schema_id, business_value, priority_adjustment, subject, description, ext, data, tags, overridden, received_at,
    created_at, due_at, anchor_at, queued_at, requirement, rule_set_version, attached_data, submission_hash
)
SELECT md5(n::text)::uuid, 1, 'queued', 'bench', md5(n::text), 'workitem', 'web', 'rest', 'Rest', 'all', 'normal',
    CASE WHEN $2 THEN 0 ELSE n * 7919 % 1000 END, 0, 'Claim about insurance, water in the basement',
    repeat('The policy holder asks for a call back. ', 10), '{"customerId": "C012345", "customerSegment": "gold"}',
    ('{"product": "motor", "region": "north", "policy": "P-1234567", "city": "Hamburg", "amount": ' || n || '}')::jsonb,
    '{storm}', '{}', now(), now(), now() + interval '8 hours', now(), now(), '{}', 1, '{}', '\\x00'
FROM generate_series(1, $1::int) AS n
"""
AGENTS = """
INSERT INTO agent (id, profile, states, session, logged_in_at)
SELECT 'agent' || n, jsonb_build_object('id', 'agent' || n, 'name', 'Agent'), '{"*": {"state": "ready"}}', 's', now()
FROM generate_series(1, $1::int) AS n
"""


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Cost:
    """From its making on: what each side has spent."""

    def __init__(self, postgres_pid: int) -> None:
        self._pid = postgres_pid
        self._start = self._read()

    def _read(self) -> tuple[float, float, float]:
        return cpu_seconds(self._pid), time.process_time(), time.perf_counter()

    def rows(self, name: str, count: int) -> list[Row]:
        server, own, wall = (now - then for now, then in zip(self._read(), self._start, strict=True))
        return [
            Row(f"{name}: PostgreSQL, CPU per offer", server / count * 1e6, "us"),
            Row(f"{name}: this process, CPU per offer", own / count * 1e6, "us"),
            Row(f"{name}: offers", count / wall, "/s"),
        ]


async def filled(
    postgres: EmbeddedPostgres, items: int, agents: int, *, in_line: bool
) -> tuple[str, Connection]:
    """A tenant's database with items in the order of their priority (`in_line`), or in none; and idle agents."""
    await ensure_database(postgres.dsn(), TENANT.database_name)
    dsn = database_dsn(postgres.dsn(), TENANT.database_name)
    await migrate_tenant(dsn)
    connection = await open_connection(dsn)
    await connection.execute(ITEMS, items, in_line)
    await connection.execute(AGENTS, agents)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    return dsn, connection


async def statement(store: PostgresTenantStore, connection: Connection, pid: int, claims: int) -> list[Row]:
    epoch, now = await store.take_over(uuid4()), datetime.now(UTC)
    order = "SELECT number FROM item ORDER BY business_value DESC, number LIMIT $1"
    writer, grant = GrantWriter(GrantKind.PUSH, now), Grant("push", now, "system:distribution")
    made = []
    for record in await connection.fetch(order, claims):
        agent, offer = f"agent{record['number']}", new_id()
        body = writer.offered(agent, offer, 30_000_000, 500)
        made.append(Claim(record["number"], 1, agent, offer, None, 30_000_000, b"x" * 150, body))
    cost = Cost(pid)
    for start in range(0, claims, CLAIM_CHUNK):
        await store.claim(epoch, grant, made[start : start + CLAIM_CHUNK])
    return cost.rows("statement", claims)


async def decider(store: PostgresTenantStore, connection: Connection, pid: int) -> list[Row]:
    document = parse_document(read_source(RULES))
    rules = PublishedRuleSet(
        version=1, document=document_values(document), calendars={}, source=RULES, comment=None,
        published_at=datetime.now(UTC), published_by="bench",
    )  # fmt: skip
    async with store.writing() as tx:
        await tx.publish(rules, expected=None)
    services = TenantServices(TenantRuntime(store, RealClock(), new_id, compile_published), uuid4())
    await services.feed.start()
    deciding = await Decider.take_over(services)
    before = await connection.fetchval("SELECT count(*) FROM offer")
    cost = Cost(pid)
    await deciding.push()
    offers = await connection.fetchval("SELECT count(*) FROM offer") - before
    size = await connection.fetchrow(
        "SELECT avg(length(decision)) AS mean, max(length(decision)) AS most FROM offer WHERE decision <> $1",
        b"x" * 150,
    )
    assert size is not None
    return [
        *cost.rows("decider", offers),
        Row("decider: mean size of a record", float(size["mean"]), "B"),
        Row("decider: largest record", float(size["most"]), "B"),
    ]


def document_values(document: object) -> dict[str, object]:
    values: dict[str, object] = msgspec.to_builtins(document)
    return values


async def main(items: int, agents: int, *, in_line: bool) -> None:
    with data_folder() as folder:
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            dsn, connection = await filled(postgres, items, agents, in_line=in_line)
            pools = TenantPools(lambda _: dsn, budget=4)
            assert postgres.pid is not None
            store = PostgresTenantStore(TENANT, pools)
            rows = await statement(store, connection, postgres.pid, items // 4)
            rows += await decider(store, connection, postgres.pid)
            await connection.close()
            await pools.close()
        finally:
            await postgres.stop()
    write(Result("claim", rows, []), keep=False)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m benchmarks.claim", description=__doc__)
    options.add_argument("--items", type=int, default=40_000)
    options.add_argument("--agents", type=int, default=5_000)
    options.add_argument(
        "--in-line", action="store_true", help="items lie on disk in the order of their priority"
    )
    chosen = options.parse_args()
    asyncio.run(main(chosen.items, chosen.agents, in_line=chosen.in_line))
