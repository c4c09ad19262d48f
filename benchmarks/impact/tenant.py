"""A tenant with very many open items: some come in by intake, PostgreSQL makes the others of them, a bit different."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import asyncpg
import msgspec

from benchmarks.intake.items import CHANNELS, PRODUCTS, REGIONS, SEGMENTS, rule_set
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres
from openiwd.domain.privilege import system
from openiwd.domain.work_item import ItemSubmission
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import ensure_tenant, prepare_databases
from openiwd.processes.database import database_dsn
from openiwd.processes.wiring import Wiring
from openiwd.usecases.intake import Intake
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.rule_set import publish

TENANT: Final = Tenant(id="impact", name="impact", database_name="bench-impact")
CALLER: Final = system("benchmark", "impact")
BASE: Final = 10_000
"""Items that come in by intake."""
FILLER: Final = "Water in the basement after the storm, two rooms, photos attached. " * 8
_COPY: Final = """
INSERT INTO item ({columns}, submission_hash)
SELECT {values}, submission_hash FROM item, generate_series($1::int, $2::int) AS n WHERE number <= $3::bigint
"""
_OTHER: Final = {
    "id": "gen_random_uuid()",
    "capture_id": "capture_id || '.' || n",
    "created_at": "created_at - n * interval '7.123457 seconds'",
    "anchor_at": "anchor_at - n * interval '7.123457 seconds'",
    "clock_origin": "clock_origin - CASE WHEN clock_id = 'wall' THEN n * 7123457 ELSE 0 END",
    "data": "data || jsonb_build_object('amount', (data ->> 'amount')::numeric + n * 0.000001)",
}
"""What differs from copy to copy: nothing that any rule sees, as amounts stay between the same constants."""


def document() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(rule_set())
    return found


def changed(name: str) -> dict[str, Any]:
    """The rules after a change."""
    raw = deepcopy(document())
    match name:
        case "a queue":
            raw["categories"][0]["queue"] = "home_b"
        case "a threshold":
            raw["rules"][20]["when"]["all"][2]["value"] = 3_333
        case "an SLA":
            raw["schemas"][1]["sla"] = "9h"
        case "a curve":
            raw["schemas"][0]["points"][1]["priority"] = 900
        case "a calendar":
            raw["calendars"][0]["weekly"]["friday"] = ["08:00-12:00"]
        case _:
            raise ValueError(name)
    return raw


CHANGES: Final = ("a queue", "a threshold", "an SLA", "a curve", "a calendar")


def _submission(rnd: Random, n: int, now: datetime) -> ItemSubmission:
    raw = {
        "captureId": f"i{n}",
        "channel": rnd.choice(CHANNELS),
        "subject": f"Case {n}: {rnd.choice(PRODUCTS)}",
        "description": FILLER,
        "createdDateTime": (now - timedelta(seconds=rnd.randint(0, 864_000))).isoformat(),
        "ext": {"customerId": f"C{n}", "customerSegment": rnd.choice(SEGMENTS)},
        "data": {
            "product": rnd.choice(PRODUCTS),
            "region": rnd.choice(REGIONS),
            "amount": round(rnd.uniform(0, 9_000), 2),
            "policy": f"P-{n}",
        },
    }
    return msgspec.convert(raw, ItemSubmission)


async def make(postgres: EmbeddedPostgres, items: int) -> tuple[Wiring, TenantServices]:
    """The tenant with so many open items (a multiple of BASE)."""
    control = await prepare_databases(postgres.dsn(), TENANT, "bench-control-impact")
    wiring = Wiring(control)
    await ensure_tenant(wiring, TENANT)
    services = await wiring.platform.services(TENANT.id)
    await publish(services, wiring.holidays, rule_set(), CALLER)
    rnd, now = Random(1), datetime.now(UTC)
    base = min(BASE, items)
    for start in range(0, base, 1_000):
        some = [_submission(rnd, n, now) for n in range(start, min(start + 1_000, base))]
        await Intake(services.runtime).submit_all(some, CALLER)
    dsn = database_dsn(control, TENANT.database_name)
    connection = await asyncpg.connect(dsn, server_settings={"synchronous_commit": "off"})
    columns = [
        r["attname"]
        for r in await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'item'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        if r["attname"] not in ("number", "submission_hash")
    ]
    copy = _COPY.format(columns=", ".join(columns), values=", ".join(_OTHER.get(c, c) for c in columns))
    for first in range(1, items // base, 10):
        await connection.execute(copy, first, min(first + 9, items // base - 1), base, timeout=3_600)
    await connection.execute("VACUUM ANALYZE item", timeout=3_600)
    await connection.close()
    return wiring, services
