"""Row 8: IWD → PostgreSQL. Items and configuration travel into one database per tenant, and nowhere else; the server is
lost and comes back under running processes; Debian's is taken, by `openiwd migrate`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.domain.agent import Capacity
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import prepare_databases
from tests.factories.api import World
from tests.factories.platform import PLATFORM, platform
from tests.faults.breakable import over_tcp
from tests.faults.installation import READY_SECONDS, TENANT, Process, Site, new_item, prepare, until
from tests.rows.conftest import RULES
from tests.servers.postgres import PostgresServer

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine

DATABASE = "iwd-t"


def inside(process: Process, path: str) -> httpx.Response:
    return httpx.get(f"{process.metrics_url}{path}", timeout=60, trust_env=False)


def taken(http: httpx.Client) -> dict[str, Any] | None:
    answer = http.post("/items", json={"captureId": "meanwhile", "category": "C"})
    return dict(answer.json()) if answer.status_code in (200, 201) else None


def both(http: httpx.Client) -> list[dict[str, Any]] | None:
    items = list(http.get("/queues/q/order").json().get("items", []))
    return items if len(items) == 2 else None


async def test_loss_and_return_of_the_server(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    tenant = Tenant(id=TENANT, name="T", database_name=DATABASE)
    control = await prepare_databases(over_tcp(own_postgres.dsn()), tenant)
    keys = await prepare(control, DATABASE, RULES, {"ann": Capacity(1)})
    site = Site(control, over_tcp(own_postgres.dsn()).replace("/postgres", f"/{DATABASE}"), keys, tmp_path)
    try:
        served = site.start("serve")
        until("it decides", served.decides, READY_SECONDS)
        with served.client(keys["admin"]) as http:
            first = new_item(http, "before")
            assert own_postgres.pid is not None
            os.kill(own_postgres.pid, signal.SIGKILL)
            await own_postgres.wait_ended()

            lost = http.post("/items", json={"captureId": "meanwhile", "category": "C"})
            assert lost.status_code == 503, lost.text
            assert int(lost.headers["retry-after"]) >= 1
            assert lost.headers["content-type"] == "application/problem+json"
            ready = inside(served, "/readyz")
            assert ready.status_code == 503
            assert ready.json()["dependencies"]["controlDatabase"]["status"] == "unavailable"
            assert inside(served, "/livez").status_code == 200
            told = inside(served, "/metrics")
            assert told.status_code == 200, "monitoring sees what is wrong"
            assert f'iwd_tenant_database_up{{tenant="{TENANT}"}} 0.0' in told.text

            await own_postgres.start()
            until("it is ready by itself", lambda: inside(served, "/readyz").status_code == 200, 60)
            again = until("the same again is taken", lambda: taken(http), 60)
            until("it decides again", served.decides, READY_SECONDS)
            order = until("both wait", lambda: both(http), 60)
            assert [one["item"]["id"] for one in order] == [first, again["id"]]
    finally:
        site.kill_all()


def openiwd(dsn: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openiwd", *command],
        env={**os.environ, "OPENIWD_DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def test_debians_postgresql_from_nothing(postgres_15: PostgresServer, tmp_path: Path) -> None:
    control = postgres_15.dsn("openiwd")
    made = openiwd(control, "migrate", "--create")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "control: applied: 0001" in made.stdout
    await postgres_15.create_database(name=DATABASE)
    connection = await asyncpg.connect(control)
    await connection.execute(
        "INSERT INTO tenant (id, name, database_name) VALUES ($1, 'T', $2)", TENANT, DATABASE
    )
    await connection.close()
    behind = openiwd(control, "migrate", "--check")
    assert behind.returncode == 1
    assert f"tenant {TENANT}: pending: 0001" in behind.stdout
    assert openiwd(control, "migrate").returncode == 0
    assert openiwd(control, "migrate", "--check").stdout.count("up to date") == 2

    keys = await prepare(control, DATABASE, RULES, {"ann": Capacity(1)})
    site = Site(control, postgres_15.dsn(DATABASE), keys, tmp_path)
    try:
        served = site.start("serve")
        until("it decides", served.decides, READY_SECONDS)
        with served.client(keys["admin"]) as http:
            item = new_item(http, "c1")
            assert http.get(f"/items/{item}").json()["status"] == "queued"
    finally:
        site.kill_all()


async def values(server: PostgresServer, database: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(server.dsn(database))
    try:
        return [record[0] for record in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_each_tenant_has_a_database_with_its_items_and_configuration(
    api: World, postgres_server: PostgresServer
) -> None:
    async with platform(api, postgres_server) as tenants:
        for name in ("north", "south"):
            await tenants.create(name)
            sent = await api.post("/items", {"captureId": f"{name}-1", "subject": f"for {name}"}, name)
            assert sent.status_code == 201, sent.text
            skill = await api.call("PUT", f"/skills/{name}", name, json={"id": name, "name": name.title()})
            assert skill.status_code in (200, 201), skill.text
        for name in ("north", "south"):
            database = f"iwd-{tenants.id(name)}"
            shown = (await api.get(f"/provisioning/{tenants.id(name)}", PLATFORM)).json()
            assert shown["database"] == database
            items = await values(postgres_server, database, "SELECT capture_id FROM item")
            assert items == [f"{name}-1"]
            assert await values(postgres_server, database, "SELECT id FROM skill") == [name]
            events = await values(postgres_server, database, "SELECT type FROM event ORDER BY pos")
            assert events.count("created") == 1
            sessions = await values(
                postgres_server, database,
                "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'openiwd%'",
            )  # fmt: skip
            assert sessions == ["openiwd"]
