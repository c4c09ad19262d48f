"""Two processes read a table, a topic or a queue; the one that reads is killed in the middle, the other takes over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.factories.outside import Outside, Table, answers_of, postgres_source, queue, topic
from tests.faults.installation import READY_SECONDS, Site
from tests.servers.until import until

pytestmark = pytest.mark.timeout(300)
RECORDS = 3_000
KINDS = ("postgresql", "kafka", "amqp")
KEY = "a-key-for-tests-that-nobody-keeps-secret"


@asynccontextmanager
async def outside_of(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Outside]:
    if kind == "kafka":
        async with topic(request.getfixturevalue("kafka_servers")) as made:
            yield made
    elif kind == "amqp":
        async with queue(request.getfixturevalue("rabbitmq_url")) as made_queue:
            yield made_queue
    else:
        table = Table(*await postgres_source(request.getfixturevalue("postgres_server")), None)
        yield table
        table.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_killed_reader_is_followed_and_each_message_is_one_item(
    site: Site, request: pytest.FixtureRequest, kind: str
) -> None:
    async with outside_of(kind, request) as outside:
        await _run(site, outside)


async def _run(site: Site, outside: Outside) -> None:
    environment = {"OPENIWD_SECRET_KEY": KEY}
    server = site.start("serve", "--no-decide", environment=environment)
    with server.client(site.keys["admin"]) as http:
        body = {"name": "Outside", "source": outside.source}
        assert http.put("/capture-points/outside", json=body).status_code == 201
        first = site.start("capture", environment=environment)
        await until(
            lambda: http.get("/capture-points/outside/status").json()["running"], seconds=READY_SECONDS
        )
        second = site.start("capture", environment=environment)
        putting = asyncio.create_task(outside.put(*({"captureId": f"c{n}"} for n in range(RECORDS))))
        await _at_least(site, 100)
        first.process.kill()
        killed_at, taken = time.monotonic(), await _items(site)
        assert taken < RECORDS, "killed in the middle"
        await putting
        await _at_least(site, taken + 1)
        took = time.monotonic() - killed_at
        await _at_least(site, RECORDS)
        await until(lambda: _all_answered(outside), seconds=READY_SECONDS)
        assert second.process.poll() is None
    assert await _items(site) == RECORDS
    assert await site.value("SELECT count(*) FROM event WHERE type = 'created'") == RECORDS
    assert await site.value("SELECT count(*) FROM capture_error") == 0
    print(f"taken over after {took:.1f} s (the guarantee: 10 s)")  # noqa: T201 - the figure is asked for
    assert took < 30, "the lease is over after 5 s; a busy machine may take its time"


async def _items(site: Site) -> int:
    return int(await site.value("SELECT count(*) FROM item"))


async def _at_least(site: Site, count: int) -> None:
    async def there() -> Any:
        return await _items(site) >= count

    await until(there, seconds=READY_SECONDS)


async def _all_answered(outside: Outside) -> bool:
    """Each at least once: what was committed when the reader died may be answered again."""
    return len({capture_id for capture_id, _ in await answers_of(outside)}) == RECORDS
