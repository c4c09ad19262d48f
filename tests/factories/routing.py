"""Builders: a tenant with queues that GWS routes, and one conversation with a contract server, step by step."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from openiwd.domain.gws import GwsSettings
from openiwd.usecases.decider import Decider
from openiwd.usecases.integration import unsealed
from openiwd.usecases.integration_settings import stored_settings
from openiwd.usecases.picture import Picture
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.routing import Routing
from openiwd.usecases.routing_record import ROUTER
from tests.factories.api import World
from tests.servers.gws import Gws

RULES = """
name: Routed
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 100}], valueWeight: 1}]
queues:
  - {id: outside, name: Outside, routingTarget: gws, delivery: both, limit: 2, segmentBy: ext.customerSegment,
     attachedData: {campaign: spring}}
  - {id: own, name: Own, delivery: both}
categories:
  - {id: o, name: O, schema: s, queue: own, when: {attribute: data.kind, operator: eq, value: own}}
  - {id: c, name: C, schema: s, queue: outside, when: {attribute: data.kind, operator: ne, value: own}}
"""


async def turned(once: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Turns until one says that it was the last."""
    async with asyncio.timeout(seconds):
        while not await once():
            pass


class Conversation:
    """The loop of a process in the hands of a test: each turn plans and advances once."""

    def __init__(self, api: World, services: TenantServices, gws: Gws) -> None:
        self.api = api
        self.services = services
        self.gws = gws
        self.counted: list[str] = []
        self.routing: Routing

    @classmethod
    async def begin(cls, api: World, gws: Gws, rules: str = RULES, **settings: Any) -> Conversation:
        services = await api.add_tenant("t", rules=rules)
        made = cls(api, services, gws)
        await made.configure(**settings)
        services.picture = await Picture.load(services)
        made.routing = await made.take_over()
        return made

    async def configure(self, **settings: Any) -> None:
        answer = await self.api.call("PUT", "/integrations/gws", json=self.gws.settings_body(**settings))
        assert answer.status_code == 200, answer.text

    async def settings(self) -> GwsSettings:
        async with self.services.runtime.store.reading() as reading:
            stored = await stored_settings(reading)
        assert stored is not None
        return unsealed(self.api.platform, "t", stored[0])

    async def take_over(self) -> Routing:
        settings = await self.settings()
        async with self.services.runtime.store.writing() as tx:
            epoch = await tx.take_over_router(ROUTER.value)
        router = self.api.platform.connect_router(settings)
        return Routing(self.services, router, settings, epoch, random.random, self.counted.append)

    async def decider(self) -> Decider:
        return await Decider.take_over(self.services, self.services.picture)

    async def turn(self) -> None:
        """One round of the loop; the pause is that of polling."""
        await self.routing.plan()
        await self.routing.advance()
        await asyncio.sleep(0.04)

    async def turn_until(self, condition: Callable[[], object], seconds: float = 40.0) -> None:
        async def once() -> object:
            await self.turn()
            return condition()

        await turned(once, seconds)

    async def new(self, capture_id: str, value: int = 0, segment: str | None = None, **fields: Any) -> str:
        ext = {} if segment is None else {"customerSegment": segment}
        body = {"captureId": capture_id, "businessValue": value, "ext": ext, "data": {"kind": "x"}, **fields}
        answer = await self.api.post("/items", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def item(self, item_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/items/{item_id}")).json())

    async def act(self, item_id: str, act: str, **body: Any) -> None:
        answer = await self.api.post(f"/items/{item_id}/{act}", body)
        assert answer.status_code == 200, answer.text

    async def submissions(self) -> list[dict[str, Any]]:
        return list((await self.api.get("/integrations/gws/submissions?limit=500")).json()["submissions"])

    async def open_submissions(self) -> list[dict[str, Any]]:
        return [s for s in await self.submissions() if s["state"] != "ended"]

    async def no_submission_is_open(self) -> None:
        """Turns until that is so."""

        async def once() -> bool:
            await self.turn()
            return not await self.open_submissions()

        await turned(once, 40)

    async def status(self, item_id: str, status: str) -> None:
        """Turns until the item has it."""

        async def once() -> bool:
            await self.turn()
            return bool((await self.item(item_id))["status"] == status)

        await turned(once, 40)
