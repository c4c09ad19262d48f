"""Builders: the whole API on real databases, with tenants, a key for each role, and a client that speaks HTTP to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from openiwd.api.app import Api, create_app
from openiwd.domain.agent import AgentProfile, AgentSkill, AgentState, Capacity
from openiwd.domain.network_address import read_networks
from openiwd.domain.privilege import Role, system
from openiwd.ports.control_store import AccessGroup, User
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.identity import new_id
from openiwd.processes.settings import SearchSettings
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases.decider import Decider
from openiwd.usecases.platform import TenantServices
from tests.factories.password import hashed
from tests.factories.tenant import RULES, stored_rules

PREFIX = "/iwd/v3"
PASSWORD = "correct horse battery"
SECRET_KEY = "a key for tests that nobody keeps secret"
LOOPBACK = read_networks(["127.0.0.0/8"], "tests")
"""Where the receivers of tests are."""
MakeDatabase = Callable[[], Awaitable[str]]
"""Makes an empty, migrated tenant database; its name."""


class World:
    """A process without sockets: wiring, app, client, and keys by name."""

    def __init__(self, wiring: Wiring, make_database: MakeDatabase) -> None:
        self.wiring = wiring
        self.platform = wiring.platform
        self.api: Api = create_app(wiring.platform, holidays=wiring.holidays, pools=wiring.pools.usage)
        self.keys: dict[str, str] = {}
        self._make_database = make_database
        self._loops: list[asyncio.Task[Any]] = []
        transport = httpx.ASGITransport(app=self.api, raise_app_exceptions=True)  # type: ignore[arg-type]
        self.http = httpx.AsyncClient(transport=transport, base_url="http://iwd", timeout=30)

    async def add_tenant(
        self, tenant_id: str = "t", *, rules: str | None = RULES, **fields: Any
    ) -> TenantServices:
        """A tenant with rules and an administrator's key named after it."""
        database = await self._make_database()
        await self.wiring.control.save_tenant(
            Tenant(id=tenant_id, name=tenant_id, database_name=database, **fields)
        )
        services = await self.platform.services(tenant_id)
        if rules is not None:
            async with services.runtime.store.writing() as tx:
                await tx.publish(stored_rules(rules, at=datetime.now(UTC)), expected=None)
        await self.add_key(tenant_id, Role.ADMINISTRATOR, tenant_id=tenant_id)
        return services

    async def add_key(
        self, name: str, role: Role | None = None, *, tenant_id: str | None = "t", **fields: Any
    ) -> str:
        secret, _ = await self.platform.identities.create_key(new_id(), tenant_id, name, role=role, **fields)
        self.keys[name] = secret
        return secret

    async def add_agent(self, agent_id: str, *, skills: dict[str, int] | None = None, **fields: Any) -> None:
        """An agent with a key of the same name."""
        levels = {"motor": 5} if skills is None else skills
        profile = AgentProfile(
            id=agent_id,
            name=agent_id.capitalize(),
            skills=[AgentSkill(s, level) for s, level in levels.items()],
            **{"capacity": Capacity(total=5), **fields},
        )
        await agent_use.save_profile(await self.services(), profile, system("test", "t"))
        await self.add_key(agent_id, Role.AGENT, agent_id=agent_id)

    async def add_user(self, login: str, role: Role, **fields: Any) -> None:
        user = User(
            id=new_id(), tenant_id="t", login=login, name=login.capitalize(), role=role.value,
            password_hash=(await hashed(PASSWORD))[PASSWORD], **fields,
        )  # fmt: skip
        await self.wiring.control.save_user(user, revision=None)

    async def add_access_group(self, group_id: str, **fields: Any) -> None:
        await self.wiring.control.save_access_group("t", AccessGroup(id=group_id, name=group_id, **fields))

    async def services(self, tenant_id: str = "t") -> TenantServices:
        return await self.platform.services(tenant_id)

    async def follow(self, *, decide: bool = False) -> TenantServices:
        """Starts the tail of the log, and the decider."""
        services = await self.services()
        await services.feed.start()
        self._loops.append(asyncio.create_task(services.feed.run()))
        if decide:
            services.decider = await Decider.take_over(services)
            self._loops.append(asyncio.create_task(services.decider.run()))
        return services

    async def ready(self, agent_id: str) -> None:
        await agent_use.set_state(
            await self.services(), agent_id, AgentState.READY, caller=system("test", "t"), session="s"
        )

    async def call(self, method: str, path: str, key: str | None = "t", **arguments: Any) -> httpx.Response:
        """One request; `key` names whose."""
        headers = {**({"x-api-key": self.keys.get(key, key)} if key else {}), **arguments.pop("headers", {})}
        url = path if path.startswith(("/iwd", "/livez", "/readyz")) else PREFIX + path
        return await self.http.request(method, url, headers=headers, **arguments)

    async def get(self, path: str, key: str | None = "t", **arguments: Any) -> httpx.Response:
        return await self.call("GET", path, key, **arguments)

    async def post(
        self, path: str, json: Any = None, key: str | None = "t", **arguments: Any
    ) -> httpx.Response:
        if json is not None:
            arguments["json"] = json
        return await self.call("POST", path, key, **arguments)

    async def item(self, capture_id: str = "c1", key: str = "t", **fields: Any) -> dict[str, Any]:
        """A new item, as GET answers it."""
        answer = await self.post("/items", raw(capture_id, **fields), key)
        assert answer.status_code == 201, answer.text
        shown = await self.get(f"/items/{answer.json()['id']}", key)
        assert shown.status_code == 200, shown.text
        return dict(shown.json())

    async def close(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.api.close()
        await self.http.aclose()
        await self.wiring.close()


def raw(capture_id: str, **fields: Any) -> dict[str, Any]:
    """A claim as JSON, unless told otherwise."""
    return {"captureId": capture_id, "data": {"kind": "claim", "line": "motor"}, **fields}


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer that must be one."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:300]
    document = dict(answer.json())
    assert document["status"] == status
    assert {"type", "title", "detail", "code"} <= document.keys()
    if code is not None:
        assert document["code"] == code, document
    return document


def events_in(answer: httpx.Response) -> list[dict[str, Any]]:
    """What the reporting feed has answered, one event a line."""
    assert answer.status_code == 200, answer.text
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


@asynccontextmanager
async def world(
    control_dsn: str,
    make_database: MakeDatabase,
    *,
    tenant: bool = True,
    search: SearchSettings | None = None,
) -> AsyncIterator[World]:
    wiring = Wiring(
        control_dsn, budget=20, secret_keys=[SECRET_KEY], outbound_allowed=LOOPBACK, search=search
    )
    made = World(wiring, make_database)
    try:
        if tenant:
            await made.add_tenant("t")
        yield made
    finally:
        await made.close()
