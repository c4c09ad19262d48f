"""Users, access groups, API keys and the audit over HTTP: nobody grants more than they have, no secret comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from msgspec.structs import replace

from openiwd.domain.privilege import PRIVILEGES, Role
from openiwd.usecases.user import hash_secret
from tests.factories.api import PASSWORD, World, problem

NEW = "another horse battery"


async def put(api: World, path: str, body: Any, key: str | None = "t", **more: Any) -> httpx.Response:
    return await api.call("PUT", path, key, json=body, **more)


async def delete(api: World, path: str, key: str = "t") -> httpx.Response:
    return await api.call("DELETE", path, key)


async def add(api: World, login: str, role: str, **fields: Any) -> dict[str, Any]:
    body = {"login": login, "name": login.capitalize(), "role": role, "password": PASSWORD, **fields}
    answer = await api.post("/users", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def log_in(api: World, login: str, password: str = PASSWORD) -> httpx.Response:
    api.http.cookies.clear()
    return await api.post("/sessions", {"login": login, "password": password}, None)


def editable(user: dict[str, Any]) -> dict[str, Any]:
    shown = ("id", "hasPassword", "secondFactorAt", "subject", "lockedUntil", "lastLoginAt", "revision")
    return {k: v for k, v in user.items() if k not in shown}


async def test_a_user_is_made_changed_and_deactivated(api: World) -> None:
    sue = await add(api, "sue", "supervisor", timeZone="Europe/Berlin")
    assert "password" not in str(sue).replace("hasPassword", "")
    assert (sue["hasPassword"], sue["revision"]) == (True, 1)
    assert (await log_in(api, "sue")).status_code == 201
    assert (await api.get("/users/me", None)).json()["role"] == "supervisor"
    path = f"/users/{sue['id']}"
    changed = await put(api, path, {**editable(sue), "role": "viewer"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["role"]) == (200, "viewer"), changed.text
    assert (await api.get("/users/me", None)).json()["role"] == "viewer", "at once, in the open session"
    problem(await put(api, path, editable(sue), headers={"If-Match": '"1"'}), 412)
    assert [u["login"] for u in (await api.get("/users")).json()["users"]] == ["sue"]
    assert (await delete(api, path)).status_code == 204
    problem(await api.get("/users/me", None), 401)
    problem(await log_in(api, "sue"), 401, "wrongLogin")
    assert (await api.get(path)).json()["active"] is False
    api.http.cookies.clear()
    entries = (await api.get("/audit")).json()["entries"]
    assert [e["action"] for e in entries] == ["deactivated", "updated", "created"]
    assert entries[1]["detail"]["before"]["role"] == "supervisor"
    assert "argon2" not in str(entries)


async def test_a_new_password_ends_the_sessions_and_unlocks(api: World) -> None:
    sue = await add(api, "sue", "supervisor")
    await log_in(api, "sue")
    path = f"/users/{sue['id']}/password"
    assert (await api.post(path, {"password": NEW})).status_code == 204
    problem(await api.get("/users/me", None), 401)
    problem(await log_in(api, "sue"), 401)
    assert (await log_in(api, "sue", NEW)).status_code == 201
    api.http.cookies.clear()
    assert problem(await api.post(path, {"password": "short"}), 400)["field"] == "password"
    assert NEW not in (await api.get("/audit")).text


async def test_users_change_their_own_language_zone_and_password(api: World) -> None:
    await add(api, "sue", "supervisor")
    await log_in(api, "sue")
    other = dict(api.http.cookies)
    token = (await log_in(api, "sue")).json()["csrfToken"]
    own = {"headers": {"X-CSRF-Token": token}}
    chosen = {"language": "de", "timeZone": "Europe/Vienna"}
    assert (await put(api, "/users/me", chosen, None, **own)).status_code == 200
    me = (await api.get("/users/me", None)).json()
    assert (me["language"], me["timeZone"], me["role"]) == ("de", "Europe/Vienna", "supervisor")
    wrong = await put(api, "/users/me", {"language": "german", "timeZone": "Mars"}, None, **own)
    assert {e["field"] for e in problem(wrong, 400)["errors"]} == {"language", "timeZone"}
    path = "/users/me/password"
    refused = await api.post(path, {"oldPassword": "no", "password": NEW}, None, **own)
    assert problem(refused, 400, "wrongPassword")["field"] == "oldPassword"
    short = await api.post(path, {"oldPassword": PASSWORD, "password": "short"}, None, **own)
    assert problem(short, 400)["field"] == "password"
    done = await api.post(path, {"oldPassword": PASSWORD, "password": NEW}, None, **own)
    assert done.status_code == 204, done.text
    assert (await api.get("/users/me", None)).status_code == 200, "the session goes on"
    api.http.cookies.clear()
    api.http.cookies.update(other)
    problem(await api.get("/users/me", None), 401)
    api.http.cookies.clear()
    problem(await log_in(api, "sue"), 401)
    assert (await log_in(api, "sue", NEW)).status_code == 201
    api.http.cookies.clear()
    told = await api.get("/audit")
    assert [e["action"] for e in told.json()["entries"]] == ["passwordChanged", "updated", "created"]
    assert NEW not in told.text
    problem(await put(api, "/users/me", chosen), 403, "noUser")


async def test_guessing_the_old_password_locks_the_login(api: World) -> None:
    await add(api, "sue", "supervisor")
    token = (await log_in(api, "sue")).json()["csrfToken"]
    own = {"headers": {"X-CSRF-Token": token}}
    for _ in range(10):
        body = {"oldPassword": "no", "password": NEW}
        problem(await api.post("/users/me/password", body, None, **own), 400, "wrongPassword")
    body = {"oldPassword": PASSWORD, "password": NEW}
    problem(await api.post("/users/me/password", body, None, **own), 429, "lockedOut")


async def test_the_audit_is_filtered(api: World) -> None:
    await add(api, "sue", "supervisor")
    await put(api, "/skills/motor", {"name": "Motor"})
    await put(api, "/skills/motor", {"name": "Motors"})

    async def found(query: str) -> list[str]:
        entries = (await api.get(f"/audit?{query}")).json()["entries"]
        return [f"{e['action']} {e['objectId']}" for e in entries]

    assert await found("kind=skill") == ["updated motor", "created motor"]
    assert await found("action=created") == ["created motor", "created sue"]
    assert await found("object=MOT") == ["updated motor", "created motor"]
    assert await found("object=%25") == [], "no pattern of the asker's"
    assert await found("actor=nobody") == []
    assert len(await found("actor=KEY:")) == 3
    assert await found("from=2999-01-01T00:00:00Z") == []
    assert len(await found("from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00%2B01:00")) == 3
    assert problem(await api.get("/audit?from=yesterday"), 400)["field"] == "from"


BAD_USERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"login": ""}, {"login"}),
    ({"role": "king"}, {"role"}),
    ({"accessGroups": ["x"], "agentId": "y"}, {"accessGroups[0]", "agentId"}),
    ({"timeZone": "Mars", "language": "klingon"}, {"timeZone", "language"}),
    ({"password": "short"}, {"password"}),
    ({"passwordHash": "x"}, {"passwordHash"}),
    ({"login": " sue"}, {"login"}),
]


async def test_a_bad_user_is_refused(api: World) -> None:
    for fields, named in BAD_USERS:
        body = {"login": "eve", "name": "Eve", "role": "viewer", "password": PASSWORD, **fields}
        told = problem(await api.post("/users", body), 400)
        assert named <= {told.get("field"), *(e.get("field") for e in told.get("errors", []))}, told
        assert (await api.get("/users")).json()["users"] == []


async def test_a_login_is_taken_once(api: World) -> None:
    await add(api, "sue", "viewer")
    body = {"login": "sue", "name": "Sue", "role": "viewer", "password": PASSWORD}
    assert problem(await api.post("/users", body), 409)["field"] == "login"


async def test_an_agent_has_one_login(api: World) -> None:
    await api.add_agent("ann")
    await add(api, "ann", "agent", agentId="ann")
    body = {"login": "ann2", "name": "Ann", "role": "agent", "agentId": "ann"}
    assert problem(await api.post("/users", body), 400)["field"] == "agentId"
    problem(await delete(api, "/agents/ann"), 409, "inUse")


async def test_the_last_administrator_stays(api: World) -> None:
    root = await add(api, "root", "administrator")
    path = f"/users/{root['id']}"
    problem(await delete(api, path), 409, "lastAdministrator")
    problem(await put(api, path, {**editable(root), "role": "viewer"}), 409, "lastAdministrator")
    problem(await put(api, path, {**editable(root), "active": False}), 409, "lastAdministrator")
    await add(api, "root2", "administrator")
    assert (await delete(api, path)).status_code == 204


async def test_limited_administrators_do_not_count_as_the_last_one(api: World) -> None:
    await put(api, "/access-groups/motor", {"name": "Motor", "categories": ["Claims/Motor"]})
    root = await add(api, "root", "administrator")
    near = await add(api, "near", "administrator", accessGroups=["motor"])
    path = f"/users/{root['id']}"
    problem(await delete(api, path), 409, "lastAdministrator")
    problem(await put(api, path, {**editable(root), "role": "viewer"}), 409, "lastAdministrator")
    limited = {**editable(root), "accessGroups": ["motor"]}
    told = problem(await put(api, path, limited), 409, "lastAdministrator")
    assert told["field"] == "accessGroups"
    assert (await delete(api, f"/users/{near['id']}")).status_code == 204, "the limited one may go"
    await add(api, "root2", "administrator")
    assert (await put(api, path, limited)).status_code == 200


async def test_nobody_grants_more_than_they_have(api: World) -> None:
    root = await add(api, "root", "administrator")
    await api.add_key(
        "clerk", privileges=["users.view", "users.update", "apiKeys.update", "workitems.read:own"]
    )
    told = problem(
        await api.post("/users", {"login": "eve", "name": "Eve", "role": "viewer"}, "clerk"),
        403,
        "notGrantable",
    )
    assert told["privileges"]
    problem(await api.post(f"/users/{root['id']}/password", {"password": NEW}, "clerk"), 403, "notGrantable")
    problem(await delete(api, f"/users/{root['id']}", "clerk"), 403, "notGrantable")
    problem(await put(api, f"/users/{root['id']}", editable(root), "clerk"), 403, "notGrantable")
    problem(await api.post("/api-keys", {"name": "k", "role": "administrator"}, "clerk"), 403, "notGrantable")
    problem(await api.post("/api-keys", {"name": "k", "privileges": ["workitems.read"]}, "clerk"), 403)
    made = await api.post("/api-keys", {"name": "k", "privileges": ["workitems.read:own"]}, "clerk")
    assert made.status_code == 201, made.text


async def test_access_groups_limit_what_their_members_reach(api: World) -> None:
    group = {"name": "Motor", "categories": ["Claims/Motor"], "queues": ["loans"]}
    made = await put(api, "/access-groups/motor", group)
    assert made.status_code == 201, made.text
    assert (await put(api, "/access-groups/motor", group)).status_code == 200
    assert (await api.get("/access-groups/motor")).json() == {"id": "motor", **group, "revision": 1}
    assert [g["id"] for g in (await api.get("/access-groups")).json()["accessGroups"]] == ["motor"]
    key = await api.post("/api-keys", {"name": "m", "role": "supervisor", "accessGroups": ["motor"]})
    api.keys["m"] = key.json()["secret"]
    motor = await api.item("motor")
    other = await api.item("property", data={"kind": "claim"})
    assert (await api.get(f"/items/{motor['id']}", "m")).status_code == 200
    problem(await api.get(f"/items/{other['id']}", "m"), 404)
    problem(await delete(api, "/access-groups/motor"), 409, "inUse")
    told = problem(
        await put(api, "/access-groups/x", {"name": "X", "categories": ["Nowhere"], "queues": ["none"]}), 400
    )
    assert [e["field"] for e in told["errors"]] == ["categories[0]", "queues[0]"]
    assert (await put(api, "/access-groups/motor", {**group, "categories": ["Claims"]})).status_code == 200
    assert (await api.get(f"/items/{other['id']}", "m")).status_code == 200, "at once"
    assert (await delete(api, f"/api-keys/{key.json()['key']['id']}")).status_code == 204
    assert (await delete(api, "/access-groups/motor")).status_code == 204
    problem(await api.get("/access-groups/motor"), 404)


async def test_the_second_of_two_who_edit_an_access_group_is_told(api: World) -> None:
    path, group = "/access-groups/motor", {"name": "Motor", "categories": ["Claims/Motor"], "queues": []}
    assert (await put(api, path, group)).headers["etag"] == '"1"'
    read = await api.get(path)
    assert read.headers["etag"] == '"1"'
    first = await put(api, path, {**group, "name": "Motor north"}, headers={"If-Match": '"1"'})
    assert (first.status_code, first.json()["revision"], first.headers["etag"]) == (200, 2, '"2"'), first.text
    problem(await put(api, path, {**group, "queues": ["loans"]}, headers={"If-Match": '"1"'}), 412)
    assert (await api.get(path)).json() == {"id": "motor", **group, "name": "Motor north", "revision": 2}
    again = await put(api, path, {**group, "name": "Motor north"}, headers={"If-Match": '"2"'})
    assert again.json()["revision"] == 2, "nothing changed"
    problem(await put(api, path, {**group, "name": "Motor north"}, headers={"If-Match": '"1"'}), 412)


async def test_who_is_limited_by_access_groups_makes_none_that_reach_further(api: World) -> None:
    await put(api, "/access-groups/motor", {"name": "Motor", "categories": ["Claims/Motor"]})
    await put(api, "/access-groups/all", {"name": "All", "categories": ["Claims", "Lending"]})
    body = {"name": "boss", "role": "administrator", "accessGroups": ["motor"]}
    api.keys["boss"] = (await api.post("/api-keys", body)).json()["secret"]
    viewer = {"login": "eve", "name": "Eve", "role": "viewer"}
    problem(await api.post("/users", viewer, "boss"), 403, "notGrantable")
    problem(await api.post("/users", {**viewer, "accessGroups": ["all"]}, "boss"), 403, "notGrantable")
    problem(await put(api, "/access-groups/motor", {"name": "M", "categories": ["Claims"]}, "boss"), 403)
    assert (await api.post("/users", {**viewer, "accessGroups": ["motor"]}, "boss")).status_code == 201


async def limited_administrator(api: World) -> None:
    """A key `boss` that reaches motor claims only; `foreign` is another access group."""
    await put(api, "/access-groups/motor", {"name": "Motor", "categories": ["Claims/Motor"]})
    await put(api, "/access-groups/foreign", {"name": "Foreign", "categories": ["Lending"]})
    body = {"name": "boss", "role": "administrator", "accessGroups": ["motor"]}
    api.keys["boss"] = (await api.post("/api-keys", body)).json()["secret"]


async def test_who_is_limited_takes_over_no_user_of_another_access_group(api: World) -> None:
    await limited_administrator(api)
    await api.add_agent("ann")
    foreign = await add(api, "eve", "supervisor", accessGroups=["foreign"])
    both = await add(api, "bob", "viewer", accessGroups=["motor", "foreign"])
    ann = await add(api, "ann", "agent", agentId="ann")
    for user in (foreign, both, ann):
        path = f"/users/{user['id']}"
        problem(await api.post(f"{path}/password", {"password": NEW}, "boss"), 403, "notGrantable")
        mine = {**editable(user), "role": "viewer", "accessGroups": ["motor"], "agentId": None}
        problem(await put(api, path, mine, "boss"), 403, "notGrantable")
        problem(await delete(api, path, "boss"), 403, "notGrantable")
        assert (await api.get(path)).json() == user
    near = await add(api, "sue", "supervisor", accessGroups=["motor"])
    done = await api.post(f"/users/{near['id']}/password", {"password": NEW}, "boss")
    assert done.status_code == 204, done.text


async def test_who_is_limited_makes_nobody_an_agent(api: World) -> None:
    await limited_administrator(api)
    await api.add_agent("ann")
    await api.add_agent("ben")
    body = {"login": "ann", "name": "Ann", "role": "agent", "agentId": "ann"}
    problem(await api.post("/users", body, "boss"), 403, "notGrantable")
    key = {"name": "ann2", "role": "agent", "agentId": "ann"}
    problem(await api.post("/api-keys", key, "boss"), 403, "notGrantable")
    boss = {"name": "ben2", "role": "administrator", "accessGroups": ["motor"], "agentId": "ben"}
    api.keys["ben2"] = (await api.post("/api-keys", boss)).json()["secret"]
    own = await api.post("/api-keys", {"name": "ben3", "role": "agent", "agentId": "ben"}, "ben2")
    assert own.status_code == 201, "what one is oneself"
    assert (await api.post("/users", body)).status_code == 201, "whom nothing limits"


async def test_who_is_limited_changes_no_other_access_group(api: World) -> None:
    await limited_administrator(api)
    before = (await api.get("/access-groups/foreign")).json()
    taken = {"name": "Mine", "categories": ["Claims/Motor"]}
    problem(await put(api, "/access-groups/foreign", taken, "boss"), 403, "notGrantable")
    problem(await delete(api, "/access-groups/foreign", "boss"), 403, "notGrantable")
    assert (await api.get("/access-groups/foreign")).json() == before
    assert (await put(api, "/access-groups/mine", taken, "boss")).status_code == 201
    assert (await delete(api, "/access-groups/mine", "boss")).status_code == 204


async def test_who_is_limited_revokes_no_key_that_can_more(api: World) -> None:
    await limited_administrator(api)
    await api.add_agent("ann")
    bodies: list[dict[str, Any]] = [
        {"name": "whole", "privileges": ["workitems.read"]},
        {"name": "foreign", "role": "viewer", "accessGroups": ["foreign"]},
        {"name": "agent", "role": "agent", "agentId": "ann"},
    ]
    for body in bodies:
        made = (await api.post("/api-keys", body)).json()["key"]
        problem(await delete(api, f"/api-keys/{made['id']}", "boss"), 403, "notGrantable")
        assert (await api.get(f"/api-keys/{made['id']}")).status_code == 200
    near = {"name": "near", "role": "viewer", "accessGroups": ["motor"]}
    made = (await api.post("/api-keys", near)).json()["key"]
    assert (await delete(api, f"/api-keys/{made['id']}", "boss")).status_code == 204


async def test_an_api_keys_secret_is_shown_once(api: World) -> None:
    body = {"name": "source", "privileges": ["workitems.create", "workitems.read"]}
    made = await api.post("/api-keys", body)
    assert made.status_code == 201, made.text
    secret, key = made.json()["secret"], made.json()["key"]
    assert made.headers["cache-control"] == "no-store"
    assert secret not in (await api.get("/api-keys")).text
    assert secret not in (await api.get(f"/api-keys/{key['id']}")).text
    assert secret not in (await api.get("/audit")).text
    assert (await api.get("/users/me", secret)).json()["privileges"] == {
        "workitems.create": "all",
        "workitems.read": "all",
    }
    problem(await api.get("/users", secret), 403)
    assert problem(await api.post("/api-keys", body), 409)["field"] == "name"
    assert (await delete(api, f"/api-keys/{key['id']}")).status_code == 204
    problem(await api.get("/users/me", secret), 401)
    problem(await delete(api, f"/api-keys/{key['id']}"), 404)
    problem(await api.get(f"/api-keys/{key['id']}"), 404)
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    bad = {"name": "x", "privileges": ["workitems.fly"], "role": "king", "expiresAt": past}
    told = problem(await api.post("/api-keys", bad), 400)
    assert {e["field"] for e in told["errors"]} == {"role", "privileges[0]", "expiresAt"}
    assert problem(await api.post("/api-keys", {"name": "x"}), 400)["field"] == "privileges"
    problem(
        await api.post("/api-keys", {"name": "x", "role": "viewer", "expiresAt": "2030-01-01T00:00:00"}), 400
    )


async def test_only_privileges_over_items_take_a_scope(api: World) -> None:
    for grant in ("users.view:own", "agents.state:group", "audit.view:own"):
        told = problem(await api.post("/api-keys", {"name": "x", "privileges": [grant]}), 400)
        assert told["field"] == "privileges[0]", told
    fine = ["workitems.read:own", "emails.send:own", "users.view:all"]
    assert (await api.post("/api-keys", {"name": "x", "privileges": fine})).status_code == 201


async def test_a_stored_grant_with_a_meaningless_scope_gives_nothing(api: World) -> None:
    _, key = await api.platform.identities.create_key(uuid4(), "t", "old", privileges=["users.view"])
    stored = replace(key, id=uuid4(), name="older", privileges=["users.update:own", "audit.view"])
    await api.wiring.control.save_api_key(stored, hash_secret("older"))
    assert (await api.get("/users/me", "older")).json()["privileges"] == {"audit.view": "all"}
    assert (await delete(api, f"/api-keys/{stored.id}")).status_code == 204


async def test_other_tenants_users_and_keys_are_out_of_reach(api: World) -> None:
    sue = await add(api, "sue", "viewer")
    await api.add_tenant("u")
    problem(await api.get(f"/users/{sue['id']}", "u"), 404)
    problem(await put(api, f"/users/{sue['id']}", editable(sue), "u"), 404)
    problem(await api.post(f"/users/{sue['id']}/password", {"password": NEW}, "u"), 404)
    keys = (await api.get("/api-keys")).json()["apiKeys"]
    problem(await delete(api, f"/api-keys/{keys[0]['id']}", "u"), 404)
    assert (await api.get("/audit", "u")).json()["entries"] == []


async def test_the_audit_is_read_page_by_page(api: World) -> None:
    for n in range(5):
        await put(api, f"/skills/s{n}", {"name": f"S{n}"})
    first = (await api.get("/audit?limit=3")).json()
    second = (await api.get(f"/audit?limit=3&before={first['nextBefore']}")).json()
    seen = [e["objectId"] for e in [*first["entries"], *second["entries"]]]
    assert (seen, second["nextBefore"]) == (["s4", "s3", "s2", "s1", "s0"], None)
    assert first["entries"][0]["actor"] == "key:t"
    problem(await api.get("/audit?limit=0"), 400)


async def test_the_table_of_privileges_is_shown(api: World) -> None:
    await api.add_key("ann", Role.AGENT, agent_id="ann")
    assert set((await api.get("/privileges", "ann")).json()["privileges"]) == PRIVILEGES
    roles = {r["role"]: r["privileges"] for r in (await api.get("/roles", "ann")).json()["roles"]}
    assert roles["agent"]["workitems.complete"] == "own"
    assert roles.keys() == set(Role)
