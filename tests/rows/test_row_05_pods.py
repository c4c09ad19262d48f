"""IWD service → IWD pods: requests are spread, pods end and begin under load without a failed request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.faults.installation import (
    PREFIX,
    READY_SECONDS,
    Process,
    Site,
    make_ready,
    new_item,
    offers_of,
    until,
)
from tests.rows.pods import DRAIN, IDLE, LONG_SECONDS, PAUSE_SECONDS, Load, drained
from tests.servers.nginx import Gateway, gateway
from tests.servers.shared import free_port

pytestmark = [pytest.mark.pods, pytest.mark.timeout(900)]  # processes start slowly on a busy machine


def requests_of(process: Process) -> int:
    text = httpx.get(f"{process.metrics_url}/metrics", timeout=20, trust_env=False).text
    counts = (
        line for line in text.splitlines() if line.startswith("iwd_http_request_duration_seconds_count")
    )
    return sum(int(float(line.rpartition(" ")[2])) for line in counts if "/items" in line)


async def test_pods_are_replaced_under_load_without_a_failed_request(site: Site, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    pods = [site.start("serve", environment=DRAIN, port=port) for port in ports]
    with gateway(tmp_path / "nginx", [pod.url for pod in pods], IDLE) as outside:
        load = Load(outside, site.keys["admin"])
        running = asyncio.create_task(load.run())
        stream = asyncio.create_task(follow(outside, site.keys["admin"], load))
        first, second = pods
        await load.goes_on()
        assert 503 in await drained(first), "not ready before it ends"
        new = await asyncio.to_thread(site.start, "serve", environment=DRAIN, port=ports[0])
        await load.goes_on()
        assert 503 in await drained(second), "nor the second"
        await load.goes_on()
        assert requests_of(new) > 0, "one goes on alone"
        load.stop()
        await running
        told, connections = await asyncio.wait_for(stream, LONG_SECONDS)
    assert load.wrong == [], outside.log()[-3_000:]
    assert len(load.created) > 15
    assert connections >= 2, "streams were told to come again"
    assert told == set(load.created), "and missed nothing, on another pod"


async def follow(outside: Gateway, key: str, load: Load) -> tuple[set[str], int]:
    """Like a page: takes the stream up again where it ended, until all that was created has been told."""
    told: set[str] = set()
    connections, last, retries = 0, "1.0", 0  # from the beginning of the log
    async with httpx.AsyncClient(
        base_url=outside.url, headers={"x-api-key": key}, verify=outside.context, timeout=30, trust_env=False
    ) as http:
        while not (load.has_ended and told >= set(load.created)):
            headers = {"last-event-id": last}
            await asyncio.sleep(PAUSE_SECONDS)
            async with http.stream("GET", f"{PREFIX}/stream?topics=items", headers=headers) as answer:
                assert answer.status_code == 200
                connections += 1
                async for line in answer.aiter_lines():
                    if line.startswith("id: "):
                        last = line[4:]
                    elif line.startswith("retry: "):
                        retries += 1
                    elif line.startswith("data: ") and '"event":"created"' in line:
                        told.add(line.partition('"id":"')[2].partition('"')[0])
                    if load.has_ended and told >= set(load.created):
                        break
    assert retries > connections, "those that ended in good order were told when to come again"
    return told, connections


async def test_of_two_that_distribute_the_second_takes_over(site: Site, tmp_path: Path) -> None:
    """The short case; tests/faults/test_takeover.py has what can go wrong."""
    served = site.start("serve", "--no-decide")
    deciding, standby = site.start("distribute"), site.start("distribute")
    first, second = (
        (deciding, standby) if until_one_decides(deciding, standby) is deciding else (standby, deciding)
    )
    with gateway(tmp_path / "nginx", [served.url]) as outside:
        first.kill()
        await asyncio.to_thread(until, "the second decides", second.decides, LONG_SECONDS)
        served.open_stream(site.keys["ann"])
        make_ready(served, site.keys["ann"])
        with httpx.Client(
            base_url=outside.url + PREFIX, headers={"x-api-key": site.keys["admin"]}, verify=outside.context,
            timeout=30, trust_env=False,
        ) as http:  # fmt: skip
            item = new_item(http, "c1")
        offers = await asyncio.to_thread(
            until, "an offer", lambda: offers_of(served, site.keys["ann"]), LONG_SECONDS
        )
        assert offers[0]["item"]["id"] == item


def until_one_decides(*processes: Process) -> Process:
    return until("one decides", lambda: next((p for p in processes if p.decides()), None), READY_SECONDS)
