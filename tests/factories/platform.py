"""Builders: tenants made by the platform's API, with databases of their own that go away with the test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.factories.api import World
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer

PLATFORM = "platform"


class Platform:
    """The platform's key at work on a world; ids are unique on the server that all tests share."""

    def __init__(self, api: World, server: PostgresServer) -> None:
        self.api = api
        self.server = server
        self._suffix = uuid.uuid4().hex[:8]
        self.made: set[str] = set()

    def id(self, name: str) -> str:
        tenant_id = f"{name}-{self._suffix}"
        self.made.add(tenant_id)
        return tenant_id

    def body(self, name: str, **more: Any) -> dict[str, Any]:
        tenant = {"id": self.id(name), "name": name.title(), **more.pop("tenant", {})}
        return {"tenant": tenant, **more}

    async def create(self, name: str, **more: Any) -> dict[str, Any]:
        """Makes the tenant; its administrator's key is known to the world by the plain name."""
        answer = await self.api.post("/provisioning", self.body(name, **more), PLATFORM)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        self.api.keys[name] = made["apiKey"]
        return made

    async def state(self, name: str) -> str:
        answer = await self.api.get(f"/provisioning/{self.id(name)}", PLATFORM)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["state"])


@asynccontextmanager
async def platform(api: World, server: PostgresServer) -> AsyncIterator[Platform]:
    await api.add_key(PLATFORM, tenant_id=None, privileges=["tenants.view", "tenants.update"])
    # Copied rather than migrated: what is tested here is not the migrations.
    api.wiring.server_databases.template = TEMPLATE_TENANT
    made = Platform(api, server)
    yield made
    await api.wiring.pools.close()
    for tenant_id in made.made:
        for name in (f"iwd-{tenant_id}", f"iwddm-{tenant_id}"):
            await server.drop_database(name)
