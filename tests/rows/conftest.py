"""Fixtures of the tests by row of the systems that OpenIWD connects: the API on real databases, counterparts, a data
mart that is fed over a real socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.reporting_feed.http_feed import HttpReportingFeed
from openiwd.domain.agent import Capacity
from openiwd.ports.mart import AgentDirectory
from openiwd.processes.mart import MartLoop
from openiwd.processes.wiring import mart_database
from openiwd.usecases.mart_run import Chain, MartSource
from tests.factories.api import World, world
from tests.faults.installation import Site, prepare
from tests.servers.gws import Gws, gws_server
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.shared import free_port
from tests.servers.until import until

BI_PASSWORD = "read only, for tests"
RULES = """
name: Rows
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 2}], sla: 24h}]
queues: [{id: q, name: Q, delivery: both, offerTimeout: 10m}]
categories: [{id: c, name: C, schema: s, queue: q}]
"""


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
async def site(postgres_server: PostgresServer, control_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    """An installation of real processes, to be started by the test."""
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, {"ann": Capacity(2)})
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    made.kill_all()
    await postgres_server.drop_database(database)


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API without a tenant: tests bring their own."""
    async with _world(postgres_server, control_database, tenant=False) as built:
        yield built


@pytest.fixture
async def tenant_api(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[World]:
    """The API with the tenant `t`, and a key for its administrator."""
    async with _world(postgres_server, control_database, tenant=True) as built:
        yield built


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server to be lost, which keeps what it has acknowledged."""
    kept = {"synchronous_commit": "on", "full_page_writes": "on"}
    server = EmbeddedPostgres(tmp_path / "data", port=free_port(), durable=False, settings=kept)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def gws() -> Iterator[Gws]:
    with gws_server() as server:
        yield server


@pytest.fixture
async def fed_mart(tenant_api: World, postgres_server: PostgresServer) -> AsyncIterator[FedMart]:
    config = uvicorn.Config(
        tenant_api.api, port=0, lifespan="off", log_config=None, access_log=False, http="httptools"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    tenant = (await tenant_api.services()).tenant
    mart = FedMart(tenant_api, postgres_server, f"http://127.0.0.1:{port}", mart_database(tenant))
    yield mart
    await mart.close()
    await tenant_api.wiring.mart(tenant).close()
    server.should_exit = True
    server.force_exit = True
    await running
    await postgres_server.drop_database(mart.database)


@asynccontextmanager
async def _world(server: PostgresServer, control_database: str, *, tenant: bool) -> AsyncIterator[World]:
    made: list[str] = []

    async def make_database() -> str:
        made.append(await server.create_database(TEMPLATE_TENANT))
        return made[-1]

    async with world(control_database, make_database, tenant=tenant) as built:
        yield built
    for name in made:
        await server.drop_database(name)
