"""Tenants by the platform's key: made once whatever happens in between, shut, brought back, removed; all audited."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from openiwd.domain.privilege import Role, system
from openiwd.processes.bootstrap import migrate_databases
from openiwd.usecases import tenant as tenant_use
from openiwd.usecases import tenant_access
from tests.factories.api import World, problem, raw
from tests.factories.platform import PLATFORM, Platform, platform
from tests.servers.postgres import PostgresServer


@pytest.fixture
async def platform_of(api: World, postgres_server: PostgresServer) -> AsyncIterator[Platform]:
    async with platform(api, postgres_server) as made:
        yield made


async def databases(server: PostgresServer) -> set[str]:
    connection = await asyncpg.connect(server.dsn())
    try:
        return {r["datname"] for r in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def test_a_tenant_is_made_with_all_it_needs(api: World, platform_of: Platform) -> None:
    made = await platform_of.create("acme", tenant={"ccid": f"cc-{platform_of.id('acme')}"})
    tenant_id = platform_of.id("acme")
    assert (made["created"], made["tenant"]["state"]) == (True, "ready")
    assert f"iwd-{tenant_id}" in await databases(platform_of.server)
    created = await api.post("/items", {"captureId": "c1"}, "acme")
    assert created.status_code == 201, created.text
    login = {**made["administrator"], "tenant": tenant_id}
    assert (await api.post("/sessions", login, None)).status_code == 201
    api.http.cookies.clear()
    mart = await api.get("/reporting/events", made["martKey"])
    assert mart.status_code == 200
    problem(await api.get("/users", made["martKey"]), 403)
    shown = (await api.get(f"/provisioning/cc-{tenant_id}", PLATFORM)).json()
    assert (shown["id"], shown["usage"]["openItems"], shown["usage"]["users"]) == (tenant_id, 1, 1)
    assert shown["usage"]["databaseBytes"] > 1_000_000
    assert tenant_id in {t["id"] for t in (await api.get("/provisioning", PLATFORM)).json()["tenants"]}


async def test_making_it_again_says_what_is_there(api: World, platform_of: Platform) -> None:
    made = await platform_of.create("acme")
    again = await api.post("/provisioning", platform_of.body("acme"), PLATFORM)
    assert again.status_code == 200
    assert again.json()["created"] is False
    assert {again.json().get(k) for k in ("apiKey", "martKey", "administrator")} == {None}
    other = platform_of.body("acme", tenant={"name": "Another"})
    assert problem(await api.post("/provisioning", other, PLATFORM), 409)["differing"] == ["name"]
    assert (await api.get("/users/me", made["apiKey"])).status_code == 200


@pytest.mark.parametrize("step", ["prepare", "_publish_starter", "administrator", "_key", "save_outside"])
async def test_a_create_that_was_cut_off_is_carried_on(
    api: World, platform_of: Platform, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The process dies in the midst of a step: what follows it has not happened."""
    owner = api.platform.tenants
    assert owner is not None

    class KilledError(Exception):
        pass

    async def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        places = {"prepare": owner.databases, "administrator": tenant_access, "_key": tenant_access}
        patch.setattr(places.get(step, tenant_use), step, killed)
        cut_off = await api.post("/provisioning", platform_of.body("acme"), PLATFORM)
        assert cut_off.status_code == 500
    assert await platform_of.state("acme") == "creating"
    assert (await api.get("/provisioning", PLATFORM)).status_code == 200
    made = await platform_of.create("acme")
    assert await platform_of.state("acme") == "ready"
    assert (await api.get("/users/me", made["apiKey"])).status_code == 200
    users = (await api.get("/users", "acme")).json()["users"]
    assert [u["login"] for u in users] == ["admin"]
    keys = (await api.get("/api-keys", "acme")).json()["apiKeys"]
    assert sorted(k["name"] for k in keys) == ["data mart", "first key"]


async def test_a_database_made_just_before_the_end_is_taken_up(api: World, platform_of: Platform) -> None:
    """Killed between CREATE DATABASE and all that follows: an empty database without a mark."""
    await platform_of.server.create_database(name=f"iwd-{platform_of.id('acme')}")
    assert (await platform_of.create("acme"))["created"]


async def test_anothers_database_is_never_taken(api: World, platform_of: Platform) -> None:
    await platform_of.create("acme")
    theirs = platform_of.body("zeta", iwd={"db": {"database": f"iwd-{platform_of.id('acme')}"}}, adopt=True)
    problem(await api.post("/provisioning", theirs, PLATFORM), 409, "duplicate")
    full = f"iwd-{platform_of.id('full')}"
    await platform_of.server.create_database("template_tenant", name=full)
    problem(await api.post("/provisioning", platform_of.body("full"), PLATFORM), 409, "databaseTaken")
    adopted = await api.post("/provisioning", platform_of.body("full", adopt=True), PLATFORM)
    assert adopted.status_code == 201, adopted.text


async def test_who_is_suspended_is_let_in_nowhere_until_resumed(api: World, platform_of: Platform) -> None:
    made = await platform_of.create("acme")
    tenant_id = platform_of.id("acme")
    login = {**made["administrator"], "tenant": tenant_id}
    opened = await api.post("/sessions", login, None)
    cookie = {"cookie": f"openiwd_session={opened.cookies['openiwd_session']}"}
    api.http.cookies.clear()
    item = (await api.post("/items", {"captureId": "c1"}, "acme")).json()
    for _ in range(2):
        shut = await api.post(f"/provisioning/{tenant_id}/suspend", {"reason": "unpaid"}, PLATFORM)
        assert (shut.status_code, shut.json()["state"], shut.json()["reason"]) == (200, "suspended", "unpaid")
    problem(await api.get("/users/me", "acme"), 403, "tenantSuspended")
    problem(await api.post("/items", {"captureId": "c2"}, "acme"), 403, "tenantSuspended")
    problem(await api.get("/users/me", None, headers=cookie), 401)
    problem(await api.post("/sessions", login, None), 403, "tenantSuspended")
    assert (await api.get("/users/me", "t")).status_code == 200, "others notice nothing"
    for _ in range(2):
        assert (await api.post(f"/provisioning/{tenant_id}/resume", None, PLATFORM)).status_code == 200
    assert (await api.get(f"/items/{item['id']}", "acme")).json()["captureId"] == "c1"


async def test_deleting_is_confirmed_can_be_taken_back_and_is_thorough(
    api: World, platform_of: Platform
) -> None:
    await platform_of.create("acme")
    tenant_id = platform_of.id("acme")
    path = f"/provisioning/{tenant_id}"
    problem(await api.call("DELETE", path, PLATFORM), 400, "notConfirmed")
    problem(await api.call("DELETE", f"{path}?confirm=acme", PLATFORM), 400, "notConfirmed")
    ordered = await api.call("DELETE", f"{path}?confirm={tenant_id}", PLATFORM)
    assert (ordered.status_code, ordered.json()["state"]) == (200, "deleting")
    assert ordered.json()["deleteAfter"] is not None
    problem(await api.post("/provisioning", platform_of.body("acme"), PLATFORM), 409, "tenantDeleting")
    assert (await api.post(f"{path}/resume", None, PLATFORM)).json()["state"] == "ready"
    assert (await api.get("/users/me", "acme")).status_code == 200
    gone = await api.call("DELETE", f"{path}?confirm={tenant_id}&graceDays=0", PLATFORM)
    assert gone.status_code == 204, gone.text
    assert f"iwd-{tenant_id}" not in await databases(platform_of.server)
    problem(await api.get("/users/me", "acme"), 401)
    problem(await api.get(path, PLATFORM), 404)
    entries = (await api.get(f"/provisioning/audit?tenant={tenant_id}", PLATFORM)).json()["entries"]
    assert [e["action"] for e in reversed(entries)] == [
        "ordered", "created", "deletion ordered", "resumed", "deletion ordered", "deleted",
    ]  # fmt: skip
    assert {e["actor"] for e in entries} == {"key:platform"}
    made = await platform_of.create("acme")
    assert (await api.get("/audit", made["apiKey"])).json()["entries"] == []


async def test_a_removal_that_was_cut_off_is_finished_by_the_next_one(
    api: World, platform_of: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform_of.create("acme")
    tenant_id, owner = platform_of.id("acme"), api.platform.tenants
    assert owner is not None
    with monkeypatch.context() as patch:

        async def killed(*_: object) -> None:
            raise RuntimeError("killed")

        patch.setattr(owner.store, "forget", killed)
        path = f"/provisioning/{tenant_id}?confirm={tenant_id}&graceDays=0"
        assert (await api.call("DELETE", path, PLATFORM)).status_code == 500
    assert await platform_of.state("acme") == "deleting"
    assert await tenant_use.purge(owner, system("retention")) == [tenant_id]
    problem(await api.get(f"/provisioning/{tenant_id}", PLATFORM), 404)


async def test_changes_keep_what_is_not_named_and_tell_no_secret(api: World, platform_of: Platform) -> None:
    tenant_id = platform_of.id("acme")
    await platform_of.create(
        "acme",
        tenant={
            "timeZone": "Europe/Berlin",
            "apiKey": "nexus-secret-key",
            "gws": {
                "gwsUrl": "http://gws",
                "data": {"authUrl": "http://auth", "authredircetUrl": "http://back"},
                "secret": {"clientId": "iwd", "clientSecret": "very-secret-value"},
            },
        },
    )
    shown = (await api.get(f"/provisioning/{tenant_id}", PLATFORM)).json()
    assert shown["outside"] == {
        "gwsUrl": "http://gws", "authUrl": "http://auth", "authRedirectUrl": "http://back",
    }  # fmt: skip
    assert shown["hasSecrets"] is True
    changed = await api.call(
        "PUT", "/provisioning", PLATFORM,
        json={"tenant": {"id": tenant_id, "name": "Acme Ltd", "limits": {"users": 2}}},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    told = changed.json()["tenant"]
    assert (told["name"], told["timeZone"], told["limits"]["users"]) == ("Acme Ltd", "Europe/Berlin", 2)
    connection = await asyncpg.connect(api.wiring.control_dsn)
    try:
        rows = await connection.fetch(
            "SELECT t::text FROM provisioning t UNION ALL SELECT a::text FROM audit a"
        )
    finally:
        await connection.close()
    assert not [r for r in rows if "secret" in r[0].lower() and "very" in r[0]]
    owner = api.platform.tenants
    assert owner is not None
    sealed = await owner.store.sealed(tenant_id)
    assert sealed is not None
    assert "very-secret-value" in api.platform.secrets.open(sealed, f"tenant:{tenant_id}")


async def test_limits_of_a_tenant_are_its_own(api: World, platform_of: Platform) -> None:
    await platform_of.create("acme", tenant={"limits": {"requestsPerSecond": 2, "users": 1, "apiKeys": 2}})
    new_user = {"login": "x", "name": "X", "role": "viewer"}
    problem(await api.post("/users", new_user, "acme"), 409, "limitReached")
    problem(await api.post("/api-keys", {"name": "x", "role": "viewer"}, "acme"), 409, "limitReached")
    answers = [await api.get("/users/me", "acme") for _ in range(12)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert problem(refused[0], 429, "rateLimited")["policy"] == "tenant"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert (await api.get("/users/me", "t")).status_code == 200


async def test_keys_of_tenants_never_reach_tenants(api: World, platform_of: Platform) -> None:
    await api.add_key("greedy", privileges=["tenants.view", "tenants.update"])
    for method, path in (
        ("GET", "/provisioning"), ("GET", "/provisioning/t"), ("GET", "/provisioning/audit"),
        ("DELETE", "/provisioning/t?confirm=t&graceDays=0"), ("POST", "/provisioning/t/resume"),
    ):  # fmt: skip
        for key in ("greedy", "t"):
            problem(await api.call(method, path, key), 403)
    problem(await api.post("/provisioning", platform_of.body("acme"), "greedy"), 403)
    problem(await api.post("/items", raw("c1"), PLATFORM), 403)
    await api.add_key("reader", tenant_id=None, privileges=["tenants.view"])
    assert (await api.get("/provisioning", "reader")).status_code == 200
    problem(await api.post("/provisioning", platform_of.body("acme"), "reader"), 403)


async def test_an_administrator_who_lost_the_password_gets_another(api: World, platform_of: Platform) -> None:
    made = await platform_of.create("acme")
    tenant_id = platform_of.id("acme")
    reset = await api.post(f"/provisioning/{tenant_id}/administrator", {}, PLATFORM)
    assert reset.status_code == 200
    assert reset.json()["password"] != made["administrator"]["password"]
    old = {**made["administrator"], "tenant": tenant_id}
    problem(await api.post("/sessions", old, None), 401)
    assert (await api.post("/sessions", {**reset.json(), "tenant": tenant_id}, None)).status_code == 201
    users = (await api.get("/users", "acme")).json()["users"]
    assert [u["role"] for u in users] == [Role.ADMINISTRATOR.value]


async def set_schema(dsn: str, revision: str) -> str:
    """What the database says of its schema from now on; what it said."""
    connection = await asyncpg.connect(dsn)
    try:
        before: str = await connection.fetchval("SELECT version_num FROM alembic_version")
        await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    finally:
        await connection.close()
    return before


async def test_a_tenant_that_is_behind_is_refused_alone(api: World, platform_of: Platform) -> None:
    for name in ("late", "current"):
        await platform_of.create(name)
    late = await api.wiring.control.tenant(platform_of.id("late"))
    assert late is not None
    dsn = platform_of.server.dsn(late.database_name)
    newest = await set_schema(dsn, "0001")
    # What the second migration makes is there already: it fails, as one does that is in somebody's way.
    await migrate_databases(api.wiring, [late])
    api.platform.close(late.id)  # as a start finds it
    for _ in range(2):
        refused = await api.get("/items/ext_c1", "late")
        assert problem(refused, 503)["code"] == "tenantBehind"
        assert int(refused.headers["retry-after"]) >= 1
    assert (await api.post("/items", {"captureId": "c1"}, "current")).status_code == 201
    await set_schema(dsn, newest)
    assert (await api.post("/items", {"captureId": "c1"}, "late")).status_code == 201, "once it is mended"
