"""Row 6: a whole process beside a real search server that is lost and comes back under load: slower, never wrong."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from openiwd.processes.background import Background
from openiwd.processes.settings import SearchSettings
from tests.factories.api import World, raw, world
from tests.factories.tenant import RULES
from tests.faults.proxy import Proxy
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.search import SearchServerUrl
from tests.servers.shared import free_port
from tests.servers.until import until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def proxy(opensearch_url: SearchServerUrl) -> AsyncIterator[Proxy]:
    made = Proxy(urlsplit(opensearch_url.url).port or 0)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def api(postgres_server: PostgresServer, control_database: str, proxy: Proxy) -> AsyncIterator[World]:
    """A process that serves, decides and keeps the index."""
    made: list[str] = []

    async def make_database() -> str:
        made.append(await postgres_server.create_database(TEMPLATE_TENANT))
        return made[-1]

    prefix = f"t{uuid.uuid4().hex[:12]}"
    search = SearchSettings(urls=(f"http://127.0.0.1:{proxy.port}",), prefix=prefix)
    async with world(control_database, make_database, search=search) as built:
        background = Background(built.platform, "test", "http://here", decides=True, sends=True)
        await background.start()
        yield built
        await background.stop()
        indexed = (await built.services()).indexed
        assert indexed is not None
        await indexed.index.drop()
    for name in made:
        await postgres_server.drop_database(name)


async def searched(api: World) -> httpx.Response:
    answer = await api.post("/items/search", {"text": "stolen", "sort": ["captureId"], "limit": 1_000})
    assert answer.status_code == 200, answer.text
    return answer


async def answered_by(api: World, source: str, health: str) -> bool:
    told = (await searched(api)).json()
    return bool((told["source"], told["searchIndex"]) == (source, health))


async def test_the_server_is_lost_and_comes_back_under_load(api: World, proxy: Proxy) -> None:
    acknowledged: list[str] = []
    is_over = asyncio.Event()

    async def submit() -> None:
        while not is_over.is_set():
            name = f"s{len(acknowledged):05}"
            answer = await api.post("/items", raw(name, subject="Stolen"))
            assert answer.status_code == 201
            acknowledged.append(name)

    async def search() -> None:
        """Everything that was acknowledged before the search is found, in order, whatever has become of the index."""
        while not is_over.is_set():
            known = list(acknowledged)
            told = (await searched(api)).json()
            found = [item["captureId"] for item in told["items"]]
            assert found[: len(known)] == known[:1_000]
            assert told["count"] >= len(known)

    real = proxy.target
    async with asyncio.TaskGroup() as group:
        group.create_task(submit())
        group.create_task(search())
        try:
            await until(lambda: answered_by(api, "index", "ready"), seconds=60)
            proxy.target = free_port()
            proxy.reset()
            await until(lambda: answered_by(api, "database", "away"), seconds=60)
            ready = await api.get("/readyz", None)
            assert (ready.status_code, ready.json()["dependencies"]["search"]["status"]) == (200, "degraded")
            seen = len(acknowledged)
            await until(lambda: len(acknowledged) > seen + 5, seconds=60)
            proxy.target = real
            await until(lambda: answered_by(api, "index", "ready"), seconds=60)
        finally:
            is_over.set()
    metrics = (await api.get("/metrics")).text
    assert 'iwd_searches_total{outcome="away",tenant="t"}' in metrics
    assert 'iwd_search_failures_total{tenant="t"}' in metrics
    services = await api.services()
    assert services.indexed is not None
    state = await services.indexed.index.state()
    assert state is not None
    assert state.fields.numbers == ()


async def test_who_does_not_search_is_told_as_well(api: World, proxy: Proxy) -> None:
    """The process looks after the index by itself, and these looks count as no searches."""

    async def is_told(health: str) -> bool:
        told = (await api.post("/items/search", {"limit": 1})).json()
        return bool((told["source"], told["searchIndex"]) == ("database", health))

    async def is_up(value: float) -> bool:
        return f'iwd_search_index_up{{tenant="t"}} {value}' in (await api.get("/metrics")).text

    real = proxy.target
    await until(lambda: is_told("ready"), seconds=60)
    await until(lambda: is_up(1.0), seconds=60)
    proxy.target = free_port()
    proxy.reset()
    await until(lambda: is_told("away"), seconds=60)
    await until(lambda: is_up(0.0), seconds=60)
    proxy.target = real
    await until(lambda: is_told("ready"), seconds=60)
    await until(lambda: is_up(1.0), seconds=60)
    services = await api.services()
    assert services.indexed is not None
    assert services.indexed.answers.total() == 0


async def test_other_declared_attributes_make_another_index(api: World) -> None:
    await until(lambda: answered_by(api, "index", "ready"), seconds=60)
    services = await api.services()
    assert services.indexed is not None
    first = await services.indexed.index.state()
    answer = await api.post("/items", raw("c1", subject="Stolen"))
    assert answer.status_code == 201
    made = await api.post(
        "/rulesets",
        content=RULES + "attributes: [{name: worth, type: integer}]\n",
        headers={"content-type": "application/yaml"},
    )
    assert made.status_code in (200, 201), made.text

    async def has_another() -> bool:
        state = await services.indexed.index.state() if services.indexed else None
        return state is not None and state != first and state.fields.numbers == ("worth",)

    await until(has_another, seconds=60)
    await until(lambda: answered_by(api, "index", "ready"), seconds=60)
    assert [i["captureId"] for i in (await searched(api)).json()["items"]] == ["c1"]
