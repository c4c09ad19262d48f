"""An installation of several processes on one PostgreSQL, which fault tests kill, freeze and start again."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, TextIO, TypeVar

import asyncpg
import httpx

from openiwd.domain.agent import AgentProfile, Capacity
from openiwd.domain.errors import UnavailableError
from openiwd.domain.privilege import Role, system
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.bootstrap import FirstUser, make_users
from openiwd.processes.identity import new_id
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases.platform import TenantServices
from tests.factories.password import hashed
from tests.factories.tenant import stored_rules
from tests.servers.postgres import RUN_DIR_VARIABLE
from tests.servers.prepared import Forked, interpreter

PREFIX = "/iwd/v3"
TENANT = "t"
PASSWORD = "correct horse battery"
READY_SECONDS = 60.0
TAKEOVER_SECONDS = 20.0
"""Generous: the machine may be busy. The lease itself is over after LEASE_SECONDS."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that are made again and again: to load the authorities that are trusted takes longer than to ask."""
PATIENCE = 20
"""So often the rules are published again."""
T = TypeVar("T")


def told(url: str) -> httpx.Response:
    """One answer, on a connection of its own."""
    return httpx.get(url, timeout=10, trust_env=False, verify=NO_TLS)


class Process:
    """One `openiwd serve` or `openiwd distribute`, ready for requests."""

    def __init__(
        self,
        dsn: str,
        log: Path,
        command: tuple[str, ...],
        budget: int = 10,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self._log = log.open("a")
        self.command = command
        arguments = [*command, "--port", str(port), "--metrics-port", "0", "--json"]
        variables = {
            **os.environ,
            "OPENIWD_DATABASE_URL": dsn,
            "OPENIWD_CONNECTION_BUDGET": str(budget),
            **(environment or {}),
        }
        self.process = _started(arguments, variables, self._log)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, log.read_text()[-4_000:]
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.metrics_url: str = ready["metricsUrl"]
        self.streams: list[threading.Thread] = []

    def client(self, key: str, timeout: float = 20.0) -> httpx.Client:
        return httpx.Client(
            base_url=self.url + PREFIX, headers={"x-api-key": key}, timeout=timeout, verify=NO_TLS
        )

    def decides(self) -> bool:
        """Whether this very process decides; its API would answer for whoever does."""
        with suppress(httpx.HTTPError):
            text = told(f"{self.metrics_url}/metrics").text
            return f'iwd_distributor_leader{{tenant="{TENANT}"}} 1.0' in text
        return False

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

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """At once, frozen or not; may be repeated."""
        with suppress(ProcessLookupError):
            self.thaw()
            self.process.kill()
        self.process.wait(20)
        for thread in self.streams:
            thread.join(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()


def _started(
    arguments: list[str], environment: Mapping[str, str], errors: TextIO
) -> subprocess.Popen[str] | Forked:
    """In a test run forked by an interpreter that has all modules loaded, unless it is other code that is to run."""
    if RUN_DIR_VARIABLE in os.environ and environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH"):
        return interpreter.fork(arguments, environment, errors)
    return subprocess.Popen(
        [sys.executable, "-m", "openiwd", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )


class Site:
    """The databases that the processes share, the keys, and the processes started so far."""

    def __init__(self, dsn: str, tenant_dsn: str, keys: Mapping[str, str], folder: Path) -> None:
        self.dsn = dsn
        self.tenant_dsn = tenant_dsn
        self.keys = keys
        self.started: list[Process] = []
        self.environment: dict[str, str] = {}
        """Of all processes that are started from now on."""
        self._folder = folder
        self._numbers = count(1)

    def start(
        self,
        *command: str,
        dsn: str | None = None,
        budget: int = 10,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> Process:
        """Another way to the same control database may be given, and how many connections it may have."""
        log = self._folder / f"{next(self._numbers)}-{command[0]}.log"
        process = Process(
            dsn or self.dsn, log, command, budget, {**self.environment, **(environment or {})}, port
        )
        self.started.append(process)
        return process

    def kill_all(self) -> None:
        for process in self.started:
            process.kill()

    async def value(self, sql: str, *arguments: object) -> Any:
        connection = await asyncpg.connect(self.tenant_dsn)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()


async def prepare(
    control_dsn: str, database: str, rules: str, agents: Mapping[str, Capacity]
) -> dict[str, str]:
    """One tenant with rules, agents, a user and a key for each of them; and an administrator's key."""
    wiring = Wiring(control_dsn)
    tenant = Tenant(id=TENANT, name="T", database_name=database)
    await wiring.control.save_tenant(tenant)
    services = await wiring.platform.services(TENANT)
    await _publish(services, rules)
    identities = wiring.platform.identities
    keys = {}
    users = []
    for agent_id, capacity in agents.items():
        profile = AgentProfile(id=agent_id, name=agent_id, capacity=capacity)
        await agent_use.save_profile(services, profile, system("test", TENANT))
        keys[agent_id], _ = await identities.create_key(
            new_id(), TENANT, agent_id, role=Role.AGENT, agent_id=agent_id
        )
        users.append(FirstUser(login=agent_id, password=PASSWORD, role=Role.AGENT.value, agent_id=agent_id))
    await make_users(wiring, tenant, users, await hashed(PASSWORD))
    keys["admin"], _ = await identities.create_key(new_id(), TENANT, "admin", role=Role.ADMINISTRATOR)
    await wiring.close()
    return keys


async def _publish(services: TenantServices, rules: str) -> None:
    """Again where the machine is too busy for the limits of a transaction: nothing is under trial yet."""
    for attempt in range(PATIENCE):
        try:
            async with services.runtime.store.writing() as tx:
                await tx.publish(stored_rules(rules), expected=None)
        except UnavailableError:
            if attempt == PATIENCE - 1:
                raise
        else:
            return


def until(what: str, ask: Callable[[], T | None], seconds: float = TAKEOVER_SECONDS) -> T:
    """Asks again and again until there is an answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def asked(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer; asked again while the database is lost for a moment, as it may be on a machine that is too busy."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        answer = ask()
        is_over = time.monotonic() > deadline
        if answer.status_code != 503 or answer.json().get("code") != "unavailable" or is_over:
            return answer
        time.sleep(0.2)


def new_item(http: httpx.Client, capture_id: str, category: str = "C") -> str:
    answer = http.post("/items", json={"captureId": capture_id, "category": category})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def make_ready(process: Process, key: str) -> None:
    with process.client(key) as http:
        answer = http.post("/agents/me/state", json={"state": "ready"})
        assert answer.status_code == 200, answer.text


def offers_of(process: Process, key: str) -> list[dict[str, Any]]:
    with process.client(key) as http:
        return list(http.get("/agents/me/offers").json()["offers"])


def state_of(process: Process, key: str) -> tuple[str, str | None]:
    with process.client(key) as http:
        state = http.get("/agents/me").json()["states"]["*"]
    return state["state"], state["reason"]
