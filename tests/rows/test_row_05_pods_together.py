"""All kinds of pods at once: each is replaced under load without a failed request or a letter that is lost or answered
twice; PostgreSQL is lost and comes back, and all of them go on by themselves.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.domain.agent import Capacity
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import prepare_databases
from tests.faults.breakable import over_tcp
from tests.faults.installation import PREFIX, TENANT, Process, Site, prepare, until
from tests.rows.pods import (
    DRAIN,
    IDLE,
    LONG_SECONDS,
    Agent,
    EmailPod,
    Letters,
    Load,
    User,
    addresses_of,
    drained,
    set_up_mailbox,
)
from tests.servers.gmail import GmailServer
from tests.servers.nginx import Gateway, gateway
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.shared import free_port

pytestmark = [pytest.mark.pods, pytest.mark.timeout(1_800)]  # processes start slowly on a busy machine

RULES = """
name: Pods
timeZone: UTC
schemas: [{id: s, name: S, points: [{age: 0h, priority: 1}, {age: 1h, priority: 2}], sla: 24h}]
queues:
  - {id: q, name: Q, delivery: pull}
  - {id: d, name: D, delivery: push, offerTimeout: 10m}
  - {id: e, name: E, delivery: pull}
categories:
  - {id: c, name: C, schema: s, queue: q}
  - {id: d, name: D, schema: s, queue: d}
  - {id: e, name: E, schema: s, queue: e}
"""
AGENTS = {"ann": Capacity(2)}
SECRET_KEY = {"OPENIWD_SECRET_KEY": "k" * 32, "OPENIWD_OUTBOUND_ALLOW": "127.0.0.0/8"}


@pytest.fixture
async def gmail() -> AsyncIterator[GmailServer]:
    server = GmailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def site(postgres_server: PostgresServer, control_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, AGENTS)
    made = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    yield made
    made.kill_all()
    await postgres_server.drop_database(database)


class Pods:
    """Two that serve, two that distribute, and two of the email service once there is a gateway."""

    def __init__(self, site: Site, gmail: GmailServer, folder: Path) -> None:
        self.gmail = gmail
        self.ports = [free_port(), free_port()]
        self.serving: list[Process] = []
        self.distributing: list[Process] = []
        self.email: list[EmailPod] = []
        self._site = site
        self._folder = folder
        self._environment = {**DRAIN, **SECRET_KEY, **addresses_of(gmail)}

    # The contract server answers in this very process: nothing here may hold up its loop.
    async def serve(self, port: int) -> Process:
        return await asyncio.to_thread(
            self._site.start, "serve", "--no-decide", environment=self._environment, port=port
        )

    async def distribute(self) -> Process:
        return await asyncio.to_thread(self._site.start, "distribute", environment=self._environment)

    async def start(self) -> None:
        self.serving = [await self.serve(port) for port in self.ports]
        self.distributing = [await self.distribute() for _ in range(2)]

    def deciding(self) -> Process | None:
        return next((pod for pod in self.distributing if pod.process.poll() is None and pod.decides()), None)

    async def mail(self, outside: Gateway, key: str) -> EmailPod:
        log = self._folder / f"email-{len(self.email)}.log"
        pod = EmailPod(outside.inside_url, key, self.gmail, log)
        self.email.append(pod)
        await asyncio.to_thread(until, "the email service is ready", pod.ready, LONG_SECONDS)
        return pod

    def kill_email(self) -> None:
        for pod in self.email:
            pod.kill()


async def test_all_kinds_are_replaced_under_load(site: Site, gmail: GmailServer, tmp_path: Path) -> None:
    pods = Pods(site, gmail, tmp_path)
    await pods.start()
    admin = site.keys["admin"]
    await asyncio.to_thread(until, "one decides", pods.deciding, LONG_SECONDS)
    with gateway(tmp_path / "nginx", [pod.url for pod in pods.serving], IDLE) as outside:
        await set_up_mailbox(outside, admin, gmail)
        mail = [await pods.mail(outside, admin) for _ in range(2)]
        users = (
            Load(outside, admin), Agent(outside, site.keys["ann"], admin), Letters(outside, admin, gmail)
        )  # fmt: skip
        running = [asyncio.create_task(user.run()) for user in users]
        try:
            await all_go_on(users)
            for number, port in enumerate(pods.ports):
                assert 503 in await drained(pods.serving[number]), "not ready before it ends"
                pods.serving[number] = await pods.serve(port)
                await all_go_on(users)
            # The one that decides first; then the other, which has taken over.
            for _ in range(2):
                leading = await asyncio.to_thread(until, "one decides", pods.deciding, LONG_SECONDS)
                assert 503 in await drained(leading)
                await all_go_on(users)
                pods.distributing.append(await pods.distribute())
            for pod in mail:
                pod.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(pod.process.wait, LONG_SECONDS) == 0
                await all_go_on(users)
                await pods.mail(outside, admin)
            for user in users:
                user.stop()
            await asyncio.wait_for(asyncio.gather(*running), LONG_SECONDS)
            letters = users[-1]
            assert isinstance(letters, Letters)
            await answered(letters)
            for user in users:
                assert user.wrong == [], outside.log()[-3_000:]
        finally:
            await ended(running)
            pods.kill_email()
    assert users[1].done > 10, "the agent worked all the time"


async def all_go_on(users: tuple[User, ...]) -> None:
    await asyncio.gather(*(user.goes_on(2) for user in users))


async def answered(letters: Letters) -> None:
    """Each letter has become one item, and each of these was answered once."""
    async with letters.client() as http, asyncio.timeout(LONG_SECONDS):
        while len(letters.sent()) < letters.written:
            await letters.answer(http)
            await asyncio.sleep(0.2)
        items = await letters.items(http)
    subjects = sorted(item["subject"] for item in items)
    assert subjects == sorted(f"Letter {n + 1}" for n in range(letters.written))
    assert sorted(letters.sent()) == sorted(letters.answers.values()), "each once"


async def ended(running: list[asyncio.Task[None]]) -> None:
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def inside(pod: Process, path: str) -> int:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{pod.metrics_url}{path}", timeout=60, trust_env=False).status_code
    return 0


async def test_all_kinds_outlive_the_loss_of_postgresql(
    own_postgres: EmbeddedPostgres, gmail: GmailServer, tmp_path: Path
) -> None:
    tenant = Tenant(id=TENANT, name="T", database_name="iwd-t")
    control = await prepare_databases(over_tcp(own_postgres.dsn()), tenant)
    keys = await prepare(control, tenant.database_name, RULES, AGENTS)
    site = Site(control, over_tcp(own_postgres.dsn()).replace("/postgres", "/iwd-t"), keys, tmp_path)
    pods = Pods(site, gmail, tmp_path)
    try:
        await pods.start()
        await asyncio.to_thread(until, "one decides", pods.deciding, LONG_SECONDS)
        with gateway(tmp_path / "nginx", [pod.url for pod in pods.serving], IDLE) as outside:
            await lost_and_found(pods, own_postgres, outside, keys)
    finally:
        pods.kill_email()
        await asyncio.to_thread(site.kill_all)


async def lost_and_found(
    pods: Pods, postgres: EmbeddedPostgres, outside: Gateway, keys: dict[str, str]
) -> None:
    admin = keys["admin"]
    await set_up_mailbox(outside, admin, pods.gmail)
    for _ in range(2):
        await pods.mail(outside, admin)
    letters = Letters(outside, admin, pods.gmail)
    both = [*pods.serving, *pods.distributing]
    async with letters.client() as http:
        kept = await http.post(f"{PREFIX}/items", json={"captureId": "before", "category": "C"})
        assert kept.status_code == 201, kept.text

        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        await postgres.wait_ended()
        letters.write()
        for _ in pods.serving:
            lost = await http.post(f"{PREFIX}/items", json={"captureId": "meanwhile", "category": "C"})
            assert lost.status_code == 503, lost.text
            assert int(lost.headers["retry-after"]) >= 1
        for pod in both:
            assert await asyncio.to_thread(inside, pod, "/readyz") == 503
            assert await asyncio.to_thread(inside, pod, "/livez") == 200, "nobody restarts it for that"

        await postgres.start()
        for pod in both:
            await asyncio.to_thread(
                until, "it is ready", lambda pod=pod: inside(pod, "/readyz") == 200, LONG_SECONDS
            )
        await asyncio.to_thread(until, "one decides", pods.deciding, LONG_SECONDS)
        for capture_id in ("before", "meanwhile"):
            again = await http.post(f"{PREFIX}/items", json={"captureId": capture_id, "category": "C"})
            assert again.status_code == (200 if capture_id == "before" else 201), (
                "nothing acknowledged is lost"
            )
        agent = Agent(outside, keys["ann"], admin)
        working = asyncio.create_task(agent.run())
        await agent.goes_on(1)
        agent.stop()
        await asyncio.wait_for(working, LONG_SECONDS)
        assert agent.wrong == []
        await answered(letters)
    processes = [*(pod.process.poll() for pod in both), *(pod.process.poll() for pod in pods.email)]
    assert processes == [None] * 6, "by themselves"
