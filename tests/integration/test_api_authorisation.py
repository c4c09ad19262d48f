"""Who may what: every route with every role by real requests, logins, sessions, keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from openiwd.api.authorisation import ROUTES, Access, check_routes
from openiwd.domain.privilege import PRIVILEGES, ROLES, Role
from tests.factories.api import PASSWORD, World, problem, raw

NOBODY = UUID(int=0)
STREAMED = "GET /iwd/v3/stream"


def requests() -> Iterator[tuple[str, str, str]]:
    """(route, method, path that names nothing that exists)."""
    for route in ROUTES:
        method, template = route.split(" ")
        path = template
        while "{" in path:
            before, _, rest = path.partition("{")
            name, _, after = rest.partition("}")
            path = (
                f"{before}{'nothing' if name in ('name', 'file_name', 'queue_id', 'path') else NOBODY}{after}"
            )
        yield route, method, path


def lets_in(route: str, role: Role | None, *, agent: bool) -> bool:
    match ROUTES[route]:
        case Access.PUBLIC:
            return True
        case Access.CLOSED:
            return False
        case Access.CALLER:
            return role is not None
        case Access.AGENT:
            return role is not None and agent
        case privilege:
            return role is not None and privilege in ROLES[role]


async def test_every_route_with_every_role(api: World) -> None:
    callers: list[tuple[str | None, Role | None, bool]] = [(None, None, False)]
    for role in Role:
        agent = role is Role.AGENT
        await api.add_key(role.value, role, agent_id="ann" if agent else None)
        callers.append((role.value, role, agent))
    for route, method, path in requests():
        if route == STREAMED:
            continue
        for key, asking, agent in callers:
            answer = await api.call(
                method, path, key, **({"json": {}} if method in ("POST", "PUT", "PATCH") else {})
            )
            case = f"{route} as {key}: {answer.status_code} {answer.text[:200]}"
            if ROUTES[route] is Access.CLOSED:
                assert answer.status_code == 404, case
            elif lets_in(route, asking, agent=agent):
                assert answer.status_code not in (401, 500), case
                assert answer.status_code != 403 or answer.json()["code"] != "forbidden", case
            elif asking is None:
                problem(answer, 401, "unauthenticated")
                assert "www-authenticate" in answer.headers, case
            else:
                assert answer.status_code == 403, case
                assert answer.json()["code"] in ("forbidden", "noAgent"), case


async def test_the_stream_takes_the_right_to_read(api: World) -> None:
    problem(await api.get("/stream", None), 401)
    await api.add_key("nothing", privileges=["workitems.create"])
    problem(await api.get("/stream", "nothing"), 403)


def test_a_route_missing_from_the_table_stops_the_start() -> None:
    with pytest.raises(RuntimeError, match="GET /iwd/v3/secrets"):
        check_routes([*ROUTES, "GET /iwd/v3/secrets"])
    with pytest.raises(RuntimeError, match="not served"):
        check_routes(list(ROUTES)[1:])


def test_every_privilege_of_the_table_exists() -> None:
    assert {need for need in ROUTES.values() if isinstance(need, str)} <= PRIVILEGES


async def test_unknown_expired_and_inactive_keys_are_nobody(api: World) -> None:
    problem(await api.get("/users/me", "oiwd_nonsense"), 401)
    await api.add_key("old", Role.VIEWER, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    problem(await api.get("/users/me", "old"), 401)
    me = (await api.get("/users/me")).json()
    assert (me["tenant"], me["role"], me["privileges"]["workitems.delete"]) == ("t", "administrator", "all")
    assert api.keys["t"].startswith("oiwd_")


async def test_the_platforms_key_belongs_to_no_tenant(api: World) -> None:
    await api.add_key("platform", tenant_id=None, privileges=["tenants.view", "workitems.read"])
    assert (await api.get("/users/me", "platform")).json()["tenant"] is None
    problem(await api.get("/items/ext_c1", "platform"), 403, "tenantNeeded")


async def test_a_keys_privileges_can_be_narrowed_to_own_items(api: World) -> None:
    item = await api.item()
    await api.add_key("own", privileges=["workitems.read:own"], agent_id="ann")
    problem(await api.get(f"/items/{item['id']}", "own"), 404)


async def test_logging_in_and_out(api: World) -> None:
    await api.add_user("sue", Role.SUPERVISOR)
    problem(await api.post("/sessions", {"login": "sue", "password": "wrong"}, None), 401, "wrongLogin")
    problem(await api.post("/sessions", {"login": "nobody", "password": "wrong"}, None), 401, "wrongLogin")
    answer = await api.post("/sessions", {"login": "sue", "password": PASSWORD}, None)
    assert answer.status_code == 201, answer.text
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    token = answer.cookies["openiwd_session"]
    csrf = answer.json()["csrfToken"]
    assert (await api.get("/users/me", None)).json()["login"] == "sue"
    problem(await api.post("/items", raw("c1"), None), 403, "csrf")
    problem(await api.post("/items", raw("c1"), None, headers={"X-CSRF-Token": "x"}), 403, "csrf")
    problem(await api.post("/items/search", {}, None), 403, "csrf")
    created = await api.post("/items", raw("c1"), None, headers={"X-CSRF-Token": csrf})
    assert created.status_code == 201
    history = (await api.get(f"/items/{created.json()['id']}/history", None)).json()["events"]
    assert history[0]["actor"] == "user:sue"
    again = await api.post("/sessions", {"login": "sue", "password": PASSWORD}, None)
    assert again.cookies["openiwd_session"] != token
    old = {"cookie": f"openiwd_session={token}"}
    api.http.cookies.clear()
    problem(await api.get("/users/me", None, headers=old), 401)
    new = {"cookie": f"openiwd_session={again.cookies['openiwd_session']}"}
    assert (await api.get("/users/me", None, headers=new)).status_code == 200
    out = await api.call(
        "DELETE", "/sessions/current", None, headers={**new, "X-CSRF-Token": again.json()["csrfToken"]}
    )
    assert out.status_code == 204, out.text
    api.http.cookies.clear()
    problem(await api.get("/users/me", None, headers=new), 401)


async def test_ten_wrong_passwords_lock_the_login(api: World) -> None:
    await api.add_user("sue", Role.SUPERVISOR)
    for _ in range(10):
        problem(await api.post("/sessions", {"login": "sue", "password": "wrong"}, None), 401, "wrongLogin")
    locked = await api.post("/sessions", {"login": "sue", "password": PASSWORD}, None)
    problem(locked, 429, "lockedOut")
    assert 800 < int(locked.headers["retry-after"]) <= 901


async def test_addresses_and_methods_that_do_not_exist(api: World) -> None:
    problem(await api.get("/nothing"), 404, "notFound")
    not_allowed = await api.call("DELETE", "/items")
    problem(not_allowed, 405, "methodNotAllowed")
    problem(await api.get("/items/ext_%00"), 400, "invalidText")
    problem(await api.get("/items?captureId=%00"), 400, "invalidText")
    problem(await api.get("/items/ext_%ED%A0%80"), 404)
    problem(await api.get("/queues/claims/order?limit=0"), 400)
    problem(await api.get("/queues/claims/order?limit=x"), 400)
    problem(await api.get("/queues/claims/order?limit=99999999999999999999999"), 400)
    problem(await api.get("/jobs/nothing"), 404)
