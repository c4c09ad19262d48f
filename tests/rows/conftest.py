"""Fixtures of the rows: IWD behind a real socket, with a data mart that is fed through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn

from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.ports.mart import AgentDirectory
from openiwd.processes.mart import MartLoop
from openiwd.processes.wiring import mart_database
from openiwd.usecases.mart_run import Chain, MartSource
from tests.factories.api import World, world
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.until import until

BI_PASSWORD = "read only, for tests"


class FedMart:
    """A tenant's data mart, loaded over HTTP from IWD as its process does it."""

    def __init__(self, api: World, server: PostgresServer, url: str, database: str) -> None:
        self.api = api
        self.server = server
        self.url = url
        self.database = database
        self.directory: AgentDirectory | None = None
        self._loop: MartLoop | None = None

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.database)

    async def run(self) -> None:
        """One intraday run, which must balance."""
        if self._loop is None:
            key = await self.api.add_key(
                "mart", privileges=["reporting.read", "categories.view", "agents.view", "attributes.view"]
            )
            source = MartSource(
                tenant_id="t",
                time_zone="UTC",
                feed=HttpReportingFeed(self.url, key),
                directory=self.directory,
            )
            tenant = (await self.api.services()).tenant
            self._loop = MartLoop(
                self.api.wiring.mart(tenant), source, self.server.dsn, self.database,
                reader_password=BI_PASSWORD,
            )  # fmt: skip
        result = await self._loop.run(Chain.INTRADAY)
        assert result.verdict.balanced, result.verdict.detail

    async def close(self) -> None:
        if self._loop is not None:
            await self._loop.stop()


@pytest.fixture
async def iwd(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    made: list[str] = []

    async def make_database() -> str:
        made.append(await postgres_server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database) as built:
        yield built
    for name in made:
        await postgres_server.drop_database(name)


@pytest.fixture
async def fed_mart(iwd: World, postgres_server: PostgresServer) -> AsyncIterator[FedMart]:
    config = uvicorn.Config(
        iwd.api, port=0, lifespan="off", log_config=None, access_log=False, http="httptools"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    tenant = (await iwd.services()).tenant
    mart = FedMart(iwd, postgres_server, f"http://127.0.0.1:{port}", mart_database(tenant))
    yield mart
    await mart.close()
    await iwd.wiring.mart(tenant).close()
    server.should_exit = True
    server.force_exit = True
    await running
    await postgres_server.drop_database(mart.database)
