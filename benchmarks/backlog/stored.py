"""The same tenant in PostgreSQL: the real schema and a published rule set, rows made by the server itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from benchmarks.backlog.world import (
    AGE_MINUTES,
    SCHEMAS,
    SIGNATURES,
    agent,
    compiled,
    document,
    profile_json,
    queue_id,
    shapes,
)
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.instant import MINUTE, from_micros, to_micros
from openiwd.domain.privilege import system
from openiwd.domain.schema import standing
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import ensure_tenant, prepare_databases
from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases.rule_set import publish

CHUNK = 500_000
_encode = msgspec.json.Encoder().encode

_SHAPE = """
CREATE UNLOGGED TABLE bench_shape (shape int PRIMARY KEY, queue_id text, media_type text, schema_id text,
    segmented boolean, requirement jsonb);
CREATE UNLOGGED TABLE bench_origin (schema_id text, age int, anchor timestamptz, clock_id text, origin bigint,
    PRIMARY KEY (schema_id, age))
"""
_ITEMS = """
INSERT INTO item (id, revision, status, capture_point, capture_id, media_type, channel, category_id, category_path,
    queue_id, schema_id, business_value, priority_adjustment, priority_fixed, subject, contact, ext, data, tags,
    overridden, received_at, created_at, anchor_at, queued_at, clock_id, clock_origin, requirement, segment,
    rule_set_version, attached_data, submission_hash)
SELECT gen_random_uuid(), 1, 'queued', 'bench', 'fill' || n, s.media_type, 'portal', 'rest', 'rest',
    s.queue_id, s.schema_id, (ARRAY[0, 0, 0, 10, 25])[n % 5 + 1], CASE WHEN n % 19 = 0 THEN 40 ELSE 0 END,
    CASE WHEN n % 101 = 0 THEN 640 END, 'Claim about water in the basement', NULL,
    jsonb_build_object('customerId', 'C' || n % 100000, 'customerSegment', g.segment),
    jsonb_build_object('product', s.queue_id, 'amount', n % 8000, 'city', 'Hamburg'), ARRAY['storm'], '{}',
    o.anchor, o.anchor, o.anchor, o.anchor, o.clock_id, o.origin, s.requirement,
    CASE WHEN s.segmented THEN g.segment END, 1, '{}', '\\x00'
FROM generate_series($1::bigint, $2::bigint) n
JOIN bench_shape s ON s.shape = (n * 48271 % 2147483647) % $3::bigint
JOIN bench_origin o ON o.schema_id = s.schema_id AND o.age = (n * 69621 % 2147483647) % $4::bigint,
LATERAL (SELECT (ARRAY['private', 'business', 'vip'])[n % 3 + 1] AS segment) g
"""


class Stored(msgspec.Struct, frozen=True):
    """A tenant and where it lies."""

    tenant: str
    control_dsn: str
    dsn: str


def tenant_of(name: str) -> Tenant:
    return Tenant(id=name, name=name, database_name=f"bench-{name}")


async def prepare(
    postgres: EmbeddedPostgres, name: str, *, agents: int, one_at_a_time: bool = False
) -> Stored:
    """Databases, rules and ready agents; no items yet."""
    tenant = tenant_of(name)
    control = await prepare_databases(postgres.dsn(), tenant, f"bench-control-{name}")
    wiring = Wiring(control)
    await ensure_tenant(wiring, tenant)
    services = await wiring.platform.services(tenant.id)
    source = _encode(document(one_at_a_time=one_at_a_time)).decode()
    await publish(services, wiring.holidays, source, system("benchmark", tenant.id))
    await wiring.close()
    stored = Stored(name, control, database_dsn(control, tenant.database_name))
    connection = await asyncpg.connect(stored.dsn)
    await _add_agents(connection, agents, one_at_a_time=one_at_a_time)
    await connection.execute(_SHAPE)
    await connection.copy_records_to_table("bench_shape", records=_shape_rows())
    await connection.copy_records_to_table("bench_origin", records=_origin_rows())
    await connection.close()
    return stored


async def add_items(stored: Stored, first: int, stop: int) -> None:
    """Queued items by INSERT … SELECT, `first` to `stop` - 1, in chunks."""
    connection = await asyncpg.connect(stored.dsn, server_settings={"synchronous_commit": "off"})
    for start in range(first, stop, CHUNK):
        last = min(stop, start + CHUNK) - 1
        await connection.execute(_ITEMS, start, last, SIGNATURES, AGE_MINUTES, timeout=3_600)
    await connection.execute("VACUUM ANALYZE item", timeout=3_600)
    await connection.execute("CHECKPOINT", timeout=3_600)
    await connection.close()


async def _add_agents(connection: Any, count: int, *, one_at_a_time: bool) -> None:
    now = datetime.now(UTC)
    states = _encode({"*": {"state": "ready", "since": now}}).decode()
    rows = [
        (one.id, profile_json(one, one_at_a_time=one_at_a_time), states, now)
        for one in map(agent, range(count))
    ]
    await connection.executemany(
        "INSERT INTO agent (id, profile, states, logged_in_at) VALUES ($1, $2, $3, $4)", rows
    )


def _shape_rows() -> list[tuple[Any, ...]]:
    return [
        (n, queue_id(s.queue), s.media_type, s.schema_id, s.queue >= 10, _encode(s.requirement).decode())
        for n, s in enumerate(shapes())
    ]


def _origin_rows() -> list[tuple[Any, ...]]:
    rules = compiled()
    now = to_micros(datetime.now(UTC).replace(second=0, microsecond=0))
    found = []
    for name in SCHEMAS:
        schema = rules.schemas[name]
        for age in range(AGE_MINUTES):
            at = now - age * MINUTE
            origin = standing(schema, at, 0, 0, 0).origin
            found.append((name, age, from_micros(at), schema.clock.id, origin))
    return found
