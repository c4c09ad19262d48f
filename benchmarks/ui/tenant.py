"""The tenant of the backlog's benchmarks as people see it: categories, due dates, items held and assigned."""

from __future__ import annotations

import asyncpg

from benchmarks.backlog.stored import Stored, prepare, tenant_of
from benchmarks.backlog.world import AGE_MINUTES, SIGNATURES
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.privilege import Role
from openiwd.processes.bootstrap import FirstUser, make_users
from openiwd.processes.wiring import Wiring

CHUNK = 250_000
AGENTS = 500
LOGIN, PASSWORD = "bench", "correct horse 24"
CATEGORIES = [f"Area {a}/Kind {k}/Case {c}" for a in range(4) for k in range(5) for c in range(10)]
_ITEMS = """
INSERT INTO item (id, revision, status, capture_point, capture_id, media_type, channel, category_id, category_path,
    queue_id, schema_id, business_value, priority_adjustment, priority_fixed, subject, ext, data, tags, overridden,
    received_at, created_at, anchor_at, due_at, queued_at, held_at, hold_reason, assigned_to, assigned_at,
    clock_id, clock_origin, requirement, rule_set_version, attached_data, submission_hash)
SELECT gen_random_uuid(), 1, w.status, 'bench', 'ui' || n, s.media_type, 'portal', 'rest',
    ($5::text[])[n * 31 % cardinality($5::text[]) + 1],
    s.queue_id, s.schema_id, (ARRAY[0, 0, 0, 10, 25])[n % 5 + 1], CASE WHEN n % 19 = 0 THEN 40 ELSE 0 END,
    CASE WHEN n % 101 = 0 THEN 640 END, 'Claim about water in the basement, case ' || n,
    jsonb_build_object('customerId', 'C' || n % 100000,
        'customerSegment', (ARRAY['private', 'business', 'vip'])[n % 3 + 1]),
    jsonb_build_object('product', s.queue_id, 'amount', n % 8000, 'city', 'Hamburg'), ARRAY['storm'], '{}',
    o.anchor, o.anchor, o.anchor, o.anchor + interval '9 days', o.anchor,
    CASE WHEN w.status = 'held' THEN o.anchor END, CASE WHEN w.status = 'held' THEN 'waitingForDocuments' END,
    CASE WHEN w.status = 'assigned' THEN 'agent' || lpad((n % $6::int)::text, 5, '0') END,
    CASE WHEN w.status = 'assigned' THEN o.anchor END,
    o.clock_id, o.origin, s.requirement, 1, '{}', '\\x00'
FROM generate_series($1::bigint, $2::bigint) n
JOIN bench_shape s ON s.shape = (n * 48271 % 2147483647) % $3::bigint
JOIN bench_origin o ON o.schema_id = s.schema_id AND o.age = (n * 69621 % 2147483647) % $4::bigint,
LATERAL (SELECT CASE WHEN n % 100 = 7 THEN 'held' WHEN n % 500 = 11 THEN 'assigned' ELSE 'queued' END AS status) w
"""


async def make_tenant(postgres: EmbeddedPostgres, items: int) -> Stored:
    """Rules, agents who are out (so that nothing is offered), one supervisor, and the items."""
    stored = await prepare(postgres, "ui", agents=AGENTS)
    wiring = Wiring(stored.control_dsn)
    user = FirstUser(login=LOGIN, password=PASSWORD, role=Role.SUPERVISOR.value, name="Bench")
    await make_users(wiring, tenant_of("ui"), [user])
    await wiring.close()
    connection = await asyncpg.connect(stored.dsn, server_settings={"synchronous_commit": "off"})
    await connection.execute("UPDATE agent SET states = '{}', logged_in_at = NULL")
    for start in range(1, items + 1, CHUNK):
        last = min(items, start + CHUNK - 1)
        await connection.execute(
            _ITEMS, start, last, SIGNATURES, AGE_MINUTES, CATEGORIES, AGENTS, timeout=3_600
        )
    await connection.execute("VACUUM ANALYZE item", timeout=3_600)
    await connection.execute("CHECKPOINT", timeout=3_600)
    await connection.close()
    return stored
