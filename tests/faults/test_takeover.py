"""Two serving processes on one database: the deciding one is killed, or frozen longer than its lease."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest

from openiwd.domain.agent import AgentProfile, Capacity
from openiwd.domain.privilege import Role, system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.background import LEASE_SECONDS
from openiwd.processes.identity import new_id
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from tests.factories.tenant import stored_rules
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer

PREFIX = "/iwd/v3"
READY_SECONDS = 60.0
TAKEOVER_SECONDS = 20.0
"""Generous: the machine may be busy. The lease itself is over after LEASE_SECONDS."""
RULES = """
name: Takeover
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 2}]}]
queues: [{id: q, name: Q, delivery: both, offerTimeout: 10m}]
categories: [{id: c, name: C, schema: s, queue: q}]
"""
T = TypeVar("T")


class Served:
    """One `openiwd serve`."""

    def __init__(self, dsn: str, folder: Path, name: str) -> None:
        self.log = (folder / f"{name}.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "openiwd", "serve", "--port", "0", "--metrics-port", "0", "--json"],
            env={**os.environ, "OPENIWD_DATABASE_URL": dsn, "OPENIWD_CONNECTION_BUDGET": "10"},
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (folder / f"{name}.log").read_text()
        self.url: str = json.loads(line)["url"]
        self.streams: list[threading.Thread] = []

    def client(self, key: str) -> httpx.Client:
        return httpx.Client(base_url=self.url + PREFIX, headers={"x-api-key": key}, timeout=20)

    def open_stream(self, key: str) -> None:
        """The agent's workspace: a stream held open until the process ends."""
        opened = threading.Event()

        def hold() -> None:
            with suppress(httpx.HTTPError), self.client(key) as http, http.stream("GET", "/stream") as answer:
                for _ in answer.iter_bytes():
                    opened.set()

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        self.streams.append(thread)
        assert opened.wait(20)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(20)
        for thread in self.streams:
            thread.join(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()


class Site:
    """The database that the processes share, and the keys."""

    def __init__(self, dsn: str, tenant_dsn: str, keys: dict[str, str], folder: Path) -> None:
        self._dsn = dsn
        self._tenant_dsn = tenant_dsn
        self._folder = folder
        self.keys = keys
        self.running: list[Served] = []

    def serve(self) -> Served:
        served = Served(self._dsn, self._folder, f"serve{len(self.running)}")
        self.running.append(served)
        return served

    async def value(self, sql: str, *arguments: object) -> Any:
        connection = await asyncpg.connect(self._tenant_dsn)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()


@pytest.fixture
async def site(postgres_server: PostgresServer, control_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    wiring = Wiring(control_database)
    await wiring.control.save_tenant(Tenant(id="t", name="T", database_name=database))
    services = await wiring.platform.services("t")
    async with services.runtime.store.writing() as tx:
        await tx.publish(stored_rules(RULES), expected=None)
    keys = {}
    for agent_id in ("near", "far"):
        profile = AgentProfile(id=agent_id, name=agent_id, capacity=Capacity(2))
        await agent_use.save_profile(services, profile, system("test", "t"))
        keys[agent_id], _ = await wiring.platform.identities.create_key(
            new_id(), "t", agent_id, role=Role.AGENT, agent_id=agent_id
        )
    keys["admin"], _ = await wiring.platform.identities.create_key(
        new_id(), "t", "admin", role=Role.ADMINISTRATOR
    )
    await wiring.close()
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    for served in made.running:
        served.kill()
    await postgres_server.drop_database(database)


def until(what: str, ask: Callable[[], T | None], seconds: float = TAKEOVER_SECONDS) -> T:
    """Asks again and again until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def new_item(http: httpx.Client, capture_id: str) -> str:
    answer = http.post("/items", json={"captureId": capture_id})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def decides(served: Served, key: str) -> bool:
    with served.client(key) as http:
        return str(http.get("/queues/q/order").json()["source"]) == "decider"


def make_ready(served: Served, key: str) -> None:
    with served.client(key) as http:
        answer = http.post("/agents/me/state", json={"state": "ready"})
        assert answer.status_code == 200, answer.text


def offers_of(served: Served, key: str) -> list[dict[str, Any]]:
    with served.client(key) as http:
        return list(http.get("/agents/me/offers").json()["offers"])


def state_of(served: Served, key: str) -> tuple[str, str | None]:
    with served.client(key) as http:
        state = http.get("/agents/me").json()["states"]["*"]
    return state["state"], state["reason"]


def started(site: Site) -> Iterator[Served]:
    first = site.serve()
    until("the first decides", lambda: decides(first, site.keys["admin"]), READY_SECONDS)
    yield first
    second = site.serve()
    assert not decides(second, site.keys["admin"]), "one at a time"
    yield second


async def test_a_killed_decider_is_followed_and_its_agents_offers_return(site: Site) -> None:
    first, second = started(site)
    admin = site.keys["admin"]
    for served, agent_id in ((first, "near"), (second, "far")):
        served.open_stream(site.keys[agent_id])
        make_ready(served, site.keys[agent_id])
    with second.client(admin) as http:
        for n in range(2):
            new_item(http, f"c{n}")
    until("both have an offer", lambda: all(offers_of(second, site.keys[a]) for a in ("near", "far")))
    (kept,) = offers_of(second, site.keys["far"])

    killed_at = time.monotonic()
    first.process.kill()
    until("the second decides", lambda: decides(second, admin))
    took = time.monotonic() - killed_at
    until(
        "the dead one's agent is not ready",
        lambda: state_of(second, site.keys["near"]) == ("notReady", "connectionLost"),
        40,
    )
    assert offers_of(second, site.keys["near"]) == [], "open offers return"
    assert state_of(second, site.keys["far"])[0] == "ready", "who is elsewhere is not touched"
    with second.client(site.keys["far"]) as http:
        assert http.post(f"/offers/{kept['id']}/accept").status_code == 200, "offers outlive their decider"
    until("the returned item goes to who is left", lambda: offers_of(second, site.keys["far"]))
    assert took >= 1.0, "the lease of the dead one had to run out"
    doubled = """
        SELECT count(*) FROM (SELECT FROM offer WHERE outcome IS NULL GROUP BY item_number HAVING count(*) > 1) d
    """
    assert await site.value(doubled) == 0


async def test_agents_of_a_killed_process_who_come_to_the_other_stay_ready(site: Site) -> None:
    first, second = started(site)
    first.open_stream(site.keys["near"])
    make_ready(first, site.keys["near"])
    first.process.kill()
    second.open_stream(site.keys["near"])
    until("the second decides", lambda: decides(second, site.keys["admin"]))
    with second.client(site.keys["admin"]) as http:
        new_item(http, "c1")
    until("an offer reaches the agent", lambda: offers_of(second, site.keys["near"]))
    seen_by = await site.value("SELECT seen_by FROM agent WHERE id = 'near'")
    assert seen_by == await site.value("SELECT process_id FROM decider")
    assert state_of(second, site.keys["near"])[0] == "ready"


async def test_a_frozen_decider_that_wakes_writes_nothing_more(site: Site) -> None:
    first, second = started(site)
    admin = site.keys["admin"]
    first.process.send_signal(signal.SIGSTOP)
    until("the second decides", lambda: decides(second, admin))
    epoch = await site.value("SELECT epoch FROM decider")
    second.open_stream(site.keys["far"])
    make_ready(second, site.keys["far"])
    with second.client(admin) as http:
        for n in range(3):
            new_item(http, f"c{n}")
    until("an offer by the new one", lambda: offers_of(second, site.keys["far"]))
    written = await site.value("SELECT max(pos) FROM event")

    first.process.send_signal(signal.SIGCONT)
    until("the old one serves again, and knows", lambda: not decides(first, admin))
    await asyncio.sleep(LEASE_SECONDS)  # time enough for whatever it would still do
    assert await site.value("SELECT max(pos) FROM event") == written
    assert await site.value("SELECT epoch FROM decider") == epoch
    assert await site.value("SELECT count(*) FROM offer WHERE epoch < $1", epoch) == 0
    assert decides(second, admin)


def metric(process: Served, site: Site, name: str) -> float | None:
    """A metric of the tenant in this very process."""
    with process.client(site.keys["admin"]) as http:
        lines = http.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{tenant="t"}}')), None)


async def test_who_stands_by_takes_over_without_a_load(site: Site) -> None:
    first, second = started(site)
    with second.client(site.keys["admin"]) as http:
        items = [new_item(http, f"c{n}") for n in range(3)]
    until("the second is warm", lambda: metric(second, site, "iwd_distributor_warm") == 1)
    second.open_stream(site.keys["far"])
    first.process.kill()
    make_ready(second, site.keys["far"])
    (offered,) = until("the first offer", lambda: offers_of(second, site.keys["far"]))
    assert offered["item"]["id"] == items[0]
    assert metric(second, site, "iwd_distributor_leader") == 1
    assert metric(second, site, "iwd_backlog_loads") == 1


async def test_a_frozen_decider_stands_by_again_and_knows_what_it_missed(site: Site) -> None:
    first, second = started(site)
    with first.client(site.keys["admin"]) as http:
        items = [new_item(http, f"c{n}") for n in range(2)]
    until("the second is warm", lambda: metric(second, site, "iwd_distributor_warm") == 1)
    first.process.send_signal(signal.SIGSTOP)
    until("the second decides", lambda: metric(second, site, "iwd_distributor_leader") == 1)
    second.open_stream(site.keys["far"])
    make_ready(second, site.keys["far"])
    until("an offer by the second", lambda: offers_of(second, site.keys["far"]))
    with second.client(site.keys["admin"]) as http:
        items.append(new_item(http, "late"))

    first.process.send_signal(signal.SIGCONT)
    until("the first knows", lambda: metric(first, site, "iwd_distributor_leader") == 0)
    second.process.kill()
    until("the first decides again", lambda: metric(first, site, "iwd_distributor_leader") == 1)
    with first.client(site.keys["admin"]) as http:
        order = http.get("/queues/q/order").json()
    assert order["source"] == "decider"
    assert [one["item"]["id"] for one in order["items"]] == items[1:], (
        "neither what is offered, nor too little"
    )
    assert metric(first, site, "iwd_backlog_loads") == 1
    assert await site.value("SELECT epoch FROM decider") == 3
