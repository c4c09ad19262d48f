"""One tenant never sees or touches another's: every route with the other's ids, streams, webhooks, feed, sessions."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from openiwd.api.authorisation import PREFIX, ROUTES, Access
from openiwd.domain.privilege import Role
from tests.factories.api import PASSWORD, World, problem

MARK = "confidential-of-t"
"""In ids, which whoever asks for them gets back."""
CONTENT = "for the eyes of t only"
NOT_ASKED = frozenset({"GET /iwd/v3/stream"})
"""It has no end; it has a test of its own."""


async def fill(api: World) -> dict[str, str]:
    """Something of every kind in the tenant `t`, each marked; the ids by the names that routes have for them."""
    await api.add_agent("ann")
    await api.add_user("sue", Role.SUPERVISOR)
    item = await api.item("c-of-t", subject=CONTENT, contact={"customerId": "c-1", "name": CONTENT})
    note = await api.post(f"/items/{item['id']}/notes", {"text": CONTENT})
    assert note.status_code == 201, note.text
    file = await api.post(
        f"/items/{item['id']}/attachments",
        headers={"content-type": "text/plain", "x-file-name": f"{MARK}.txt"}, content=CONTENT.encode(),
    )  # fmt: skip
    put = await api.call("PUT", f"/skills/{MARK}", json={"id": MARK, "name": CONTENT})
    assert put.status_code in (200, 201), put.text
    view = await api.post("/views", {"name": CONTENT, "shared": True})
    draft = await api.post("/rulesets/drafts", {"name": CONTENT})
    keys = (await api.get("/api-keys")).json()["apiKeys"]
    users = (await api.get("/users")).json()["users"]
    contacts = (await api.get("/contacts")).json()["contacts"]
    return {
        "item_id": str(item["id"]),
        "attachment_id": str(file.json().get("id", UUID(int=0))),
        "object_id": MARK,
        "view_id": str(view.json().get("id", UUID(int=0))),
        "draft_id": str(draft.json().get("id", UUID(int=0))),
        "key_id": keys[0]["id"],
        "user_id": users[0]["id"],
        "contact_id": contacts[0]["id"],
        "agent_id": "ann",
        "version": "1",
        "other": "1",
        "queue_id": "claims",
        "group_id": MARK,
        "table_id": MARK,
        "category_id": "motor",
        "tenant": "t",
        "ccid": "t",
    }


def path_of(route: str, ids: dict[str, str]) -> tuple[str, str]:
    method, template = route.split(" ")
    path = template.removeprefix(PREFIX) if template.startswith(PREFIX) else template
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        path = f"{before}{ids.get(name.partition(':')[0], str(UUID(int=7)))}{after}"
    return method, path


async def digest(dsn: str, *, tenant: str | None = None) -> dict[str, str]:
    """A hash of each table's rows; of the control database those of one tenant, without when keys were last used."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = [
            r["name"]
            for r in await connection.fetch(
                "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
            )
        ]
        found = {}
        for table in tables:
            row = "to_jsonb(x) - 'last_used_at' - 'last_seen_at'"
            where = f"WHERE x.tenant_id = '{tenant}'" if tenant is not None else ""
            if tenant is not None and table not in (
                "app_user",
                "api_key",
                "access_group",
                "session",
                "audit",
            ):
                continue
            rows = await connection.fetch(f"SELECT ({row})::text AS text FROM {table} x {where} ORDER BY 1")
            found[table] = hashlib.sha256("\n".join(r["text"] for r in rows).encode()).hexdigest()
        return found
    finally:
        await connection.close()


async def test_no_route_reaches_another_tenant(api: World) -> None:
    ids = await fill(api)
    await api.add_tenant("z")
    await api.add_key("agent-of-z", Role.AGENT, tenant_id="z", agent_id="zed")
    dsn_of = api.wiring._dsn_of
    before = await digest(dsn_of("t")), await digest(api.wiring.control_dsn, tenant="t")
    told = []
    for route in ROUTES:
        if ROUTES[route] is Access.CLOSED or route in NOT_ASKED:
            continue
        method, path = path_of(route, ids)
        for key in ("z",) if method != "GET" else ("z", "agent-of-z"):
            body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
            answer = await api.call(method, path, key, **body)
            assert answer.status_code != 500, (route, answer.text)
            if CONTENT in answer.text:
                told.append((route, key, answer.text[:200]))
            if "item_id}" in route and method == "GET":
                assert answer.status_code in (403, 404), (route, answer.status_code)
    assert told == []
    after = await digest(dsn_of("t")), await digest(api.wiring.control_dsn, tenant="t")
    assert after == before


async def test_a_search_and_an_export_find_ones_own_only(api: World) -> None:
    await fill(api)
    await api.add_tenant("z")
    found = await api.post("/items/search", {"text": CONTENT}, "z")
    assert CONTENT not in found.text
    for page in ("/items/export?format=ndjson", "/reporting/events?personal=true", "/audit", "/contacts"):
        assert CONTENT not in (await api.get(page, "z")).text, page
    assert CONTENT in (await api.get("/contacts", "t")).text


async def test_a_session_is_good_in_its_own_tenant_only(api: World) -> None:
    ids = await fill(api)
    await api.add_tenant("z")
    problem(await api.post("/sessions", {"login": "sue", "password": PASSWORD, "tenant": "z"}, None), 401)
    opened = await api.post("/sessions", {"login": "sue", "password": PASSWORD, "tenant": "t"}, None)
    assert opened.status_code == 201
    headers = {"X-CSRF-Token": opened.json()["csrfToken"]}
    assert (await api.get(f"/items/{ids['item_id']}", None)).status_code == 200
    other = await api.item("c-of-z", key="z")
    problem(await api.get(f"/items/{other['id']}", None), 404)
    problem(await api.post(f"/items/{other['id']}/hold", {"reason": "other"}, None, headers=headers), 404)
    api.http.cookies.clear()


async def test_a_stream_tells_of_its_own_tenant_only(api: World) -> None:
    services = await api.add_tenant("z")
    await api.follow()
    await services.feed.start()
    running = asyncio.create_task(services.feed.run())
    try:
        batches = services.feed.subscribe()
        coming = asyncio.ensure_future(anext(batches))
        await api.item("c-of-t", subject=CONTENT)
        await (await api.services()).feed.catch_up()
        own = await api.item("c-of-z", key="z")
        events = await asyncio.wait_for(coming, 20)
        assert {str(e.item_id) for e in events if e.item_id is not None} == {own["id"]}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_webhook_hears_of_its_own_tenant_only(api: World) -> None:
    await api.add_tenant("z")
    hook = {"id": "z", "name": "z", "url": "http://127.0.0.1:9/", "events": ["created"]}
    made = await api.call("PUT", "/webhooks/z", "z", json=hook)
    assert made.status_code in (200, 201), made.text
    await api.item("c-of-t")
    problem(await api.get("/webhooks/z", "t"), 404)
    problem(await api.call("DELETE", "/webhooks/z", "t"), 404)
    assert (await api.get("/webhooks/z", "z")).status_code == 200
    for tenant, expected in (("t", 0), ("z", 1)):
        async with (await api.services(tenant)).runtime.store.reading() as reading:
            assert len(await reading.webhook_states()) <= expected


@pytest.mark.parametrize("key", ["oiwd_nonsense", None])
async def test_without_a_key_there_is_no_tenant(api: World, key: str | None) -> None:
    ids = await fill(api)
    problem(await api.get(f"/items/{ids['item_id']}", key), 401)
