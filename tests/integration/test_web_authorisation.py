"""Every page and act of the UI with every role, of the own and of another tenant, by real requests in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from openiwd.api.app import create_app
from openiwd.domain.privilege import PRIVILEGES, ROLES, Role
from openiwd.ports.control_store import User
from openiwd.web import authorisation
from openiwd.web.app import create_web
from openiwd.web.authorisation import AGENT, PUBLIC, ROUTES, VISITOR, Need
from tests.factories.api import World

NOTHING = str(UUID(int=7))
STEPS = {"view_id", "alarm_id", "user_id", "key_id", "error_id", "delivery_id", "offer_id", "job_id"}
UUIDS = STEPS | {"draft", "run", "session_id", "item_id", "email_id", "move_id"}


def served(web: Any) -> dict[str, Any]:
    assert isinstance(web, Litestar)
    return {
        f"{method} {route.path_format}": handler
        for route in web.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method not in ("OPTIONS", "HEAD")
    }


class Pages:
    """The UI in this process, with a session of each role in tenant `t` and one of an administrator of tenant `u`."""

    def __init__(self, api: World) -> None:
        self.api = api
        self.web = create_web()
        app: Any = create_app(api.platform, holidays=api.wiring.holidays, web=lambda: self.web)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, raise_app_exceptions=True), base_url="http://iwd"
        )
        self.sessions: dict[str, tuple[str, str]] = {}

    async def add_session(self, name: str, role: Role, tenant_id: str, agent_id: str | None = None) -> None:
        user = User(
            id=uuid4(), tenant_id=tenant_id, login=name, name=name, role=role.value, agent_id=agent_id,
            password_hash="none that anything fits",
        )  # fmt: skip
        await self.api.wiring.control.save_user(user, revision=None)
        token, session = await self.api.platform.identities.open_session(user)
        self.sessions[name] = (token, session.csrf_token)

    async def ask(self, route: str, who: str | None, path: str | None = None, **more: Any) -> httpx.Response:
        method, template = route.split(" ")
        self.http.cookies.clear()
        headers = {}
        if who is not None:
            token, csrf = self.sessions[who]
            headers = {"cookie": f"openiwd_session={token}", "x-csrf-token": csrf}
        return await self.http.request(method, path or path_of(template), headers=headers, **more)


def path_of(template: str) -> str:
    """With names of nothing that exists."""
    path = template
    while "{" in path:
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        value = NOTHING if name in UUIDS else "7" if name in ("version", "place") else "nothing"
        path = f"{before}{value}{after}"
    return path


@pytest.fixture
async def pages(api: World) -> AsyncIterator[Pages]:
    await api.add_agent("ann")
    made = Pages(api)
    for role in Role:
        await made.add_session(role.value, role, "t", "ann" if role is Role.AGENT else None)
    await api.add_tenant("u")
    await made.add_session("stranger", Role.ADMINISTRATOR, "u")
    yield made
    await made.http.aclose()


def lets_in(need: Need, role: Role) -> bool:
    if need.supervising and role is Role.AGENT:
        return False
    if need.agent and role is not Role.AGENT:
        return False
    return all(privilege in ROLES[role] for privilege in need.privileges)


def test_the_table_names_privileges_that_exist_and_is_closed() -> None:
    for route, need in ROUTES.items():
        assert set(need.privileges) <= PRIVILEGES, route
        assert need.privileges or need in (PUBLIC, VISITOR, AGENT), f"{route} takes nothing"
    public = {route for route, need in ROUTES.items() if need.is_public}
    assert all(r.split(" ")[1].startswith(("/login", "/static/")) for r in public)


async def test_every_page_with_every_role(pages: Pages) -> None:
    assert served(pages.web).keys() == ROUTES.keys(), "the table of web/authorisation.py and what is served"
    wrong = []
    for route, need in ROUTES.items():
        if need.is_public:
            continue
        answer = await pages.ask(route, None)
        if (answer.status_code, answer.headers.get("location", "").split("?")[0]) != (303, "/login"):
            wrong.append(f"{route} for nobody: {answer.status_code}")
        for role in Role:
            if route == "POST /logout":
                continue
            answer = await pages.ask(route, role.value)
            refused = answer.status_code == 403
            shows = route.startswith("GET ") and "{" not in route
            if shows and lets_in(need, role) and refused:
                wrong.append(f"{route} as {role}: refused, by more than the table says")
            if not lets_in(need, role) and not refused:
                wrong.append(f"{route} as {role}: {answer.status_code}, to be refused")
            if answer.status_code >= 500 and answer.status_code != 503:
                wrong.append(f"{route} as {role}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


async def test_a_route_that_is_not_listed_lets_nobody_in(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(authorisation.ROUTES, "GET /dashboards")
    assert (await pages.ask("GET /dashboards", "administrator")).status_code == 404


async def test_nothing_of_another_tenant_is_reached(pages: Pages) -> None:
    api = pages.api
    item = await api.item("secret-item", subject="Nobody else's business")
    hook = await api.call("PUT", "/webhooks/hook", json={"name": "Hook", "url": "https://x.example/"})
    assert hook.status_code == 201, hook.text
    user = await api.wiring.control.user("t", "viewer")
    assert user is not None
    key = (await api.get("/api-keys")).json()["apiKeys"][0]
    ids = {
        "item_id": item["id"], "webhook_id": "hook", "user_id": str(user.id), "key_id": key["id"],
        "agent_id": "ann", "queue_id": "claims",
    }  # fmt: skip
    wrong = []
    for route in ROUTES:
        template = route.split(" ")[1]
        named = [name for name in ids if f"{{{name}}}" in template]
        if not named:
            continue
        path = path_of(template.replace(f"{{{named[0]}}}", ids[named[0]]))
        answer = await pages.ask(route, "stranger", path)
        if "Nobody else" in answer.text or (answer.status_code < 300 and "/workspace" not in path):
            wrong.append(f"{path}: {answer.status_code}")
    assert wrong == []
    assert (await api.get(f"/items/{item['id']}")).json()["revision"] == item["revision"]


async def test_a_change_needs_the_sessions_token_whatever_the_route(pages: Pages) -> None:
    token, _ = pages.sessions["administrator"]
    wrong = []
    for route, need in ROUTES.items():
        if not route.startswith("POST ") or need.is_public or need.agent:
            continue
        path = path_of(route.split(" ")[1])
        answer = await pages.http.post(path, headers={"cookie": f"openiwd_session={token}"})
        if answer.status_code != 403:
            wrong.append(f"{route}: {answer.status_code}")
    assert wrong == []
