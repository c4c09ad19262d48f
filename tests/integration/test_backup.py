"""The drill: a tenant with a life is backed up, lives on, is lost, and is put back; it goes on from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from openiwd.adapters.postgres.dump import BackupError
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.errors import ConflictError
from openiwd.processes import backup as backup_process
from openiwd.processes.mart import MartLoop
from openiwd.processes.wiring import Wiring, mart_database
from openiwd.usecases.mart_run import Chain, MartSource
from tests.factories.api import SECRET_KEY, World, events_in
from tests.factories.platform import PLATFORM, Platform, platform
from tests.servers.postgres import PostgresServer


def nothing(_: str) -> None:
    """Nobody watches."""


@pytest.fixture
async def tenants(api: World, postgres_server: PostgresServer) -> AsyncIterator[Platform]:
    async with platform(api, postgres_server) as made:
        yield made


async def value(dsn: str, sql: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


async def run_mart(api: World, server: PostgresServer, tenant_id: str, key: str) -> Any:
    tenant = await api.wiring.control.tenant(tenant_id)
    assert tenant is not None
    transport = httpx.ASGITransport(app=api.api)  # type: ignore[arg-type]
    feed = HttpReportingFeed("http://iwd", key, transport=transport)
    source = MartSource(tenant_id=tenant_id, time_zone="UTC", feed=feed)
    loop = MartLoop(api.wiring.mart(tenant), source, server.dsn, mart_database(tenant))
    try:
        return await loop.run(Chain.INTRADAY)
    finally:
        await loop.stop()


async def test_a_restored_tenant_goes_on_from_its_backup(
    api: World, tenants: Platform, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    made = await tenants.create("acme")
    tenant_id = tenants.id("acme")
    dsn = postgres_server.dsn(f"iwd-{tenant_id}")
    for n in range(3):
        assert (await api.post("/items", {"captureId": f"c{n}"}, "acme")).status_code == 201
    hook = {"id": "h", "name": "h", "url": "http://127.0.0.1:9/", "events": ["created"]}
    assert (await api.call("PUT", "/webhooks/h", "acme", json=hook)).status_code in (200, 201)
    await _plan_delivery(dsn)
    await run_mart(api, postgres_server, tenant_id, made["martKey"])
    taken = await backup_process.backup(api.wiring, tmp_path / "b", [tenant_id], progress=nothing)
    assert [t.id for t in taken.tenants] == [tenant_id]
    assert taken.tenants[0].mart is not None
    assert backup_process.read_manifest(tmp_path / "b") == taken

    lost = (await api.post("/items", {"captureId": "after"}, "acme")).json()
    await run_mart(api, postgres_server, tenant_id, made["martKey"])
    head = (await api.get("/reporting/events", made["martKey"])).headers["x-openiwd-next"]
    epoch = await value(dsn, "SELECT epoch FROM decider")

    put = await backup_process.restore(
        api.wiring, tmp_path / "b", [tenant_id], progress=nothing, keep_old=False
    )
    assert put == [tenant_id]
    assert await tenants.state("acme") == "ready"
    assert (await api.get(f"/items/{lost['id']}", "acme")).status_code == 404
    assert (await api.get("/items/ext_c2", "acme")).status_code == 200
    assert (await api.get("/users/me", made["apiKey"])).status_code == 200, "keys go on opening"

    again = await api.post("/items", {"captureId": "again"}, "acme")
    assert again.status_code == 201, again.text
    assert await value(dsn, "SELECT count(DISTINCT number) FROM item") == 4
    assert await value(dsn, "SELECT epoch FROM decider") > epoch, "whoever decided before is fenced off"
    assert await value(dsn, "SELECT state FROM webhook_delivery") == "parked", "not sent twice by itself"
    events = events_in(await api.get(f"/reporting/events?after={head}", made["martKey"]))
    assert [e["type"] for e in events][-1] == "created"
    assert {e["cursor"].split(".")[0] for e in events} == {"2"}
    result = await run_mart(api, postgres_server, tenant_id, made["martKey"])
    assert result.verdict.balanced, result.verdict.detail
    mart_dsn = postgres_server.dsn(f"iwddm-{tenant_id}")
    items = "SELECT string_agg(capture_id, ',' ORDER BY capture_id) FROM task_fact"
    assert await value(mart_dsn, items) == "again,c0,c1,c2"
    entries = (await api.get(f"/provisioning/audit?tenant={tenant_id}", PLATFORM)).json()["entries"]
    assert {"restore begun", "restored"} <= {e["action"] for e in entries}


async def _plan_delivery(dsn: str) -> None:
    """As the sending process plans one; whether it goes out before the backup nobody knows."""
    await value(
        dsn,
        "INSERT INTO webhook_delivery"
        " (id, webhook_id, generation, pos, subject, event_type, event_at, planned_at, next_at)"
        " VALUES (gen_random_uuid(), 'h', 1, 1, 'x', 'created', now(), now(), now())",
    )


async def test_a_tenant_that_is_gone_comes_back_with_users_keys_and_secrets(
    api: World, tenants: Platform, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    made = await tenants.create("acme")
    tenant_id = tenants.id("acme")
    await api.post("/items", {"captureId": "c"}, "acme")
    await backup_process.backup(api.wiring, tmp_path / "b", [tenant_id], progress=nothing, marts=False)
    gone = await api.call("DELETE", f"/provisioning/{tenant_id}?confirm={tenant_id}&graceDays=0", PLATFORM)
    assert gone.status_code == 204
    await backup_process.restore(api.wiring, tmp_path / "b", [], progress=nothing)
    assert (await api.get("/items/ext_c", made["apiKey"])).status_code == 200
    login = {**made["administrator"], "tenant": tenant_id}
    assert (await api.post("/sessions", login, None)).status_code == 201
    api.http.cookies.clear()


async def test_a_restore_that_was_cut_off_is_repeated_and_the_tenant_open_as_before(
    api: World, tenants: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenants.create("acme")
    tenant_id = tenants.id("acme")
    await api.post("/items", {"captureId": "c"}, "acme")
    await backup_process.backup(api.wiring, tmp_path / "b", [tenant_id], progress=nothing, marts=False)
    with monkeypatch.context() as patch:

        async def killed(*_: object, **__: object) -> None:
            raise RuntimeError("killed")

        patch.setattr(backup_process, "_exchange", killed)
        with pytest.raises(RuntimeError):
            await backup_process.restore(api.wiring, tmp_path / "b", [tenant_id], progress=nothing)
    assert await tenants.state("acme") == "suspended"
    await backup_process.restore(api.wiring, tmp_path / "b", [tenant_id], progress=nothing, keep_old=False)
    assert await tenants.state("acme") == "ready"
    assert (await api.get("/items/ext_c", "acme")).status_code == 200


async def test_a_damaged_backup_is_refused_before_anything_is_touched(
    api: World, tenants: Platform, tmp_path: Path
) -> None:
    await tenants.create("acme")
    tenant_id, folder = tenants.id("acme"), tmp_path / "b"
    await backup_process.backup(api.wiring, folder, [tenant_id], progress=nothing, marts=False)
    with pytest.raises(ConflictError):
        await backup_process.backup(api.wiring, folder, [tenant_id], progress=nothing)
    dump = folder / f"{tenant_id}.dump"
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(BackupError, match="changed"):
        await backup_process.restore(api.wiring, folder, [tenant_id], progress=nothing)
    (folder / "manifest.json").unlink()
    with pytest.raises(BackupError, match="cut off"):
        await backup_process.restore(api.wiring, folder, [tenant_id], progress=nothing)
    assert await tenants.state("acme") == "ready"


async def test_the_whole_installation_comes_back_on_an_empty_server(
    api: World, tenants: Platform, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """The control database under another name stands for another server; the tenant's database is gone."""
    made = await tenants.create("acme")
    tenant_id = tenants.id("acme")
    await api.post("/items", {"captureId": "c"}, "acme")
    await backup_process.backup(api.wiring, tmp_path / "b", [], progress=nothing, marts=False)
    await api.wiring.pools.drop(tenant_id)
    await postgres_server.drop_database(f"iwd-{tenant_id}")
    name = f"control-{tenant_id}"
    control = postgres_server.dsn(name)
    wiring = Wiring(control, budget=4, secret_keys=[SECRET_KEY])
    try:
        await backup_process.restore_control(control, tmp_path / "b", nothing)
        put = await backup_process.restore(
            wiring, tmp_path / "b", [tenant_id], progress=nothing, keep_old=False
        )
        assert put == [tenant_id]
        caller = await wiring.platform.identities.caller_of_key(made["apiKey"])
        assert caller is not None
        services = await wiring.platform.services(tenant_id)
        async with services.runtime.store.reading() as reading:
            assert len(await reading.items_by_capture_id("c")) == 1
        with pytest.raises(ConflictError):
            await backup_process.restore_control(control, tmp_path / "b", nothing)
    finally:
        await wiring.close()
        await postgres_server.drop_database(name)
