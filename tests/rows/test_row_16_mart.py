"""Row 16: IWD Data Mart → mart database. Aggregated events are written into one mart database per tenant."""

from __future__ import annotations

import asyncpg

from tests.rows.conftest import FedMart


async def test_events_become_facts_and_sums_in_the_tenants_own_mart(fed_mart: FedMart) -> None:
    api = fed_mart.api
    for n in range(4):
        await api.item(f"c{n}")
    done = await api.item("done")
    assert (await api.post(f"/items/{done['id']}/cancel", {"reason": "x"})).status_code == 200
    await fed_mart.run()
    tenant = (await api.services()).tenant
    assert fed_mart.database == f"{tenant.database_name}-iwddm"
    connection = await asyncpg.connect(fed_mart.dsn)
    try:
        facts = await connection.fetch("SELECT status, count(*) AS n FROM task_fact GROUP BY 1 ORDER BY 1")
        runs = await connection.fetch("SELECT status, rows FROM etl_audit WHERE parent IS NULL")
        views = await connection.fetchval("SELECT count(*) FROM pg_views WHERE viewname LIKE 'iwd\\_agg\\_%'")
    finally:
        await connection.close()
    assert {r["status"]: r["n"] for r in facts} == {"queued": 4, "canceled": 1}
    assert len(runs) == 1
    assert views > 5
