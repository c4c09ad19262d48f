"""IWD → Redis: sessions, presence, rate limits and fan-out between two serving processes, on a real server; and without
it, by PostgreSQL alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.agent import AgentProfile, AgentState, Capacity
from openiwd.domain.privilege import Role, system
from openiwd.domain.rate_limit import Limit, Limits
from openiwd.ports.control_store import User
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.identity import new_id
from openiwd.processes.serve import Part, Serving, serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases import feed
from openiwd.usecases.shared_presence import SharedPresence
from tests.factories.api import PASSWORD, PREFIX, SECRET_KEY, problem, raw
from tests.factories.tenant import RULES, stored_rules
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.redis import OwnRedis, of
from tests.servers.until import until

NARROW = Limits(key=Limit("key", 0.01, 30), login=Limit("login", 0.01, 3))


class Installation:
    """Databases with a tenant, and as many serving processes as a test wants."""

    def __init__(self, control: str, stack: AsyncExitStack) -> None:
        self._control = control
        self._stack = stack
        self.key = ""

    async def fill(self, database: str) -> None:
        wiring = Wiring(self._control)
        await wiring.control.save_tenant(Tenant(id="t", name="T", database_name=database))
        services = await wiring.platform.services("t")
        async with services.runtime.store.writing() as tx:
            await tx.publish(stored_rules(RULES), expected=None)
        identities = wiring.platform.identities
        self.key, _ = await identities.create_key(new_id(), "t", "admin", role=Role.ADMINISTRATOR)
        profile = AgentProfile(id="ann", name="Ann", capacity=Capacity(total=1))
        await agent_use.save_profile(services, profile, system("test", "t"))
        user = User(
            id=new_id(), tenant_id="t", login="ann", name="Ann", role=Role.AGENT.value, agent_id="ann",
            password_hash=await identities.hash_password(PASSWORD),
        )  # fmt: skip
        await wiring.control.save_user(user, revision=None)
        await wiring.close()

    async def pod(self, redis: RedisServer | None, limits: Limits | None = None) -> Pod:
        wiring = Wiring(self._control, budget=10, secret_keys=[SECRET_KEY], redis=redis, limits=limits)
        server = await self._stack.enter_async_context(
            serving(wiring, host="127.0.0.1", port=0, metrics_port=0, part=Part.SERVE)
        )
        pod = Pod(server, self.key)
        self._stack.push_async_callback(pod.http.aclose)
        if redis is not None:
            await until(lambda: pod.cache.figures.is_up)
        return pod


class Pod:
    """One serving process."""

    def __init__(self, server: Serving, key: str) -> None:
        self.server = server
        self.platform = server.wiring.platform
        self.key = {"x-api-key": key}
        self.http = httpx.AsyncClient(base_url=server.url + PREFIX, timeout=30, trust_env=False)

    @property
    def cache(self) -> Any:
        assert self.server.wiring.sharing is not None
        return self.server.wiring.sharing.cache

    async def log_in(self, password: str = PASSWORD, login: str = "ann") -> httpx.Response:
        return await self.http.post("/sessions", json={"login": login, "password": password})

    async def me(self, token: str) -> int:
        answer = await self.http.get("/users/me", headers={"cookie": f"openiwd_session={token}"})
        return answer.status_code

    async def metric(self, name: str) -> float:
        text = (await self.http.get(f"{self.server.metrics_url}/metrics")).text
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


@asynccontextmanager
async def installed(postgres: PostgresServer, control: str) -> AsyncIterator[Installation]:
    database = await postgres.create_database(TEMPLATE_TENANT)
    async with AsyncExitStack() as stack:
        made = Installation(control, stack)
        await made.fill(database)
        yield made
    await postgres.drop_database(database)


@pytest.fixture
async def installation(postgres_server: PostgresServer, control_database: str) -> AsyncIterator[Installation]:
    async with installed(postgres_server, control_database) as made:
        yield made


async def test_a_session_is_known_everywhere_by_its_copy_and_ends_everywhere_at_once(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    login = await one.log_in()
    assert login.status_code == 201, login.text
    token, csrf = login.cookies["openiwd_session"], login.json()["csrfToken"]
    assert await one.me(token) == 200
    assert await other.me(token) == 200
    assert await other.metric('iwd_session_copies_total{outcome="hit"}') == 1
    headers = {"cookie": f"openiwd_session={token}", "x-csrf-token": csrf}
    assert (await one.http.delete("/sessions/current", headers=headers)).status_code == 204
    await until(lambda: _is(other, token, 401))


async def _is(pod: Pod, token: str, status: int) -> bool:
    return await pod.me(token) == status


async def test_who_loses_their_rights_loses_them_everywhere(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    token = (await one.log_in()).cookies["openiwd_session"]
    assert [await pod.me(token) for pod in (one, other)] == [200, 200]
    users = (await one.http.get("/users", headers=one.key)).json()["users"]
    ann = next(u for u in users if u["login"] == "ann")
    fields = ("login", "name", "role", "agentId", "revision")
    changed = {**{f: ann[f] for f in fields if f in ann}, "active": False}
    revision = changed.pop("revision")
    answer = await one.http.put(
        f"/users/{ann['id']}", json=changed, headers={**one.key, "if-match": f'"{revision}"'}
    )
    assert answer.status_code == 200, answer.text
    assert await one.me(token) == 401, "at once where it was done"
    await until(lambda: _is(other, token, 401))


async def test_a_forged_copy_lets_nobody_in(installation: Installation, redis_server: RedisServer) -> None:
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    token = (await one.log_in()).cookies["openiwd_session"]
    assert await one.me(token) == 200
    (name,) = [n async for n in one.cache._client().scan_iter(match=f"{redis_server.prefix}:copy:session:*")]
    sealed = await one.cache._client().get(name)
    assert PASSWORD.encode() not in sealed
    assert b"ann" not in sealed
    await one.cache._client().set(name, sealed[:-1] + b"x")
    assert await other.me(token) == 200, "the database is asked"
    assert await other.metric('iwd_session_copies_total{outcome="unusable"}') == 1


async def test_both_processes_count_into_one_limit(
    installation: Installation, redis_server: RedisServer
) -> None:
    pods = [await installation.pod(redis_server, NARROW) for _ in range(2)]
    statuses = []
    for _ in range(20):
        for pod in pods:
            answer = await pod.http.get("/users/me", headers=pod.key)
            statuses.append(answer.status_code)
    assert statuses.count(200) == 30
    document = problem(answer, 429, "rateLimited")
    assert int(answer.headers["retry-after"]) == document["retryAfter"] > 0
    assert answer.headers["ratelimit-policy"] == '"key";q=30;w=3000'
    assert answer.headers["ratelimit"].startswith('"key";r=0;t=')
    refused = await pods[1].metric('iwd_rate_limited_total{limit="key"}')
    assert refused + await pods[0].metric('iwd_rate_limited_total{limit="key"}') == 10


async def test_failed_log_ins_are_limited_by_account_and_address_over_all_processes(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = [await installation.pod(redis_server, NARROW) for _ in range(2)]
    for _ in range(5):
        assert (await one.log_in()).status_code == 201, "what succeeds does not count"
    for pod in (one, other, one):
        problem(await pod.log_in("wrong"), 401, "wrongLogin")
    refused = await other.log_in()
    document = problem(refused, 429, "tooManyLogins")
    assert "too many failed log-ins" in document["detail"]
    assert int(refused.headers["retry-after"]) > 0
    problem(await one.log_in(login="bob"), 401, "wrongLogin")
    page = await other.http.post(f"{other.server.url}/login", data={"login": "ann", "password": PASSWORD})
    assert page.status_code == 429
    assert "Too many failed log-ins" in page.text


async def test_a_commit_wakes_the_other_process_at_once(
    installation: Installation, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is put out of the way: only a hint can wake the reader."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 3_600.0)
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    services = await other.platform.services("t")
    before = services.feed.head
    created = await one.http.post("/items", json=raw("c1"), headers=one.key)
    assert created.status_code == 201, created.text
    await until(lambda: services.feed.head != before)


async def test_without_hints_the_poll_finds_the_commit(installation: Installation) -> None:
    one, other = await installation.pod(None), await installation.pod(None)
    services = await other.platform.services("t")
    before = services.feed.head
    assert (await one.http.post("/items", json=raw("c1"), headers=one.key)).status_code == 201
    await until(lambda: services.feed.head != before)
    ready = (await one.http.get(f"{one.server.url}/readyz")).json()
    assert ready["status"] == "ready"
    assert "redis" not in ready["dependencies"]


async def test_an_agent_heard_elsewhere_is_not_given_up(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    here, there = await one.platform.services("t"), await other.platform.services("t")
    held, heard = Silent(here.presence._monotonic()), there.presence
    await agent_use.set_state(here, "ann", AgentState.READY, caller=system("presence", "t"), session="s")
    await agent_use.hand_over(here, ["ann"], here.process_id)
    here.presence._monotonic = held
    here.presence.seen("ann")
    heard.seen("ann")
    hearing = SharedPresence(there, other.cache, monotonic=Silent(1e9))
    hearing._told_at = 0.0
    await hearing.tell()
    held.now += 14.0
    here.presence.lost()
    held.now += 14.0
    here.presence.lost()
    held.now += 14.0
    here.presence.lost()
    held.now += 14.0
    assert await SharedPresence(here, one.cache).lost() == []
    async with here.runtime.store.reading() as reading:
        assert (await reading.agents(["ann"]))["ann"].seen_by == str(there.process_id), "handed over"


class Silent:
    """A clock that a test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def test_without_redis_who_hears_an_agent_holds_it(installation: Installation) -> None:
    """A request of an agent went to another process once; the stream that goes on here counts."""
    one, other = await installation.pod(None), await installation.pod(None)
    here, there = await one.platform.services("t"), await other.platform.services("t")
    await agent_use.hand_over(here, ["ann"], there.process_id)
    here.presence.seen("ann")
    shared = SharedPresence(here, None, monotonic=Silent(1e9))
    shared._told_at = 0.0
    await shared.tell()
    async with here.runtime.store.reading() as reading:
        assert (await reading.agents(["ann"]))["ann"].seen_by == str(here.process_id)


async def test_redis_dies_and_comes_back_and_nothing_is_wrong(
    installation: Installation, own_redis: OwnRedis
) -> None:
    server = of(own_redis.port)
    one, other = await installation.pod(server), await installation.pod(server)
    token = (await one.log_in()).cookies["openiwd_session"]
    own_redis.kill()
    await until(lambda: not one.cache.figures.is_up and not other.cache.figures.is_up)
    assert [await pod.me(token) for pod in (one, other)] == [200, 200]
    assert (await one.http.post("/items", json=raw("c1"), headers=one.key)).status_code == 201
    for url in (one.server.url, one.server.metrics_url):
        answer = await one.http.get(f"{url}/readyz")
        assert answer.status_code == 200, "degraded is not down"
        assert answer.json()["status"] == "degraded"
        assert answer.json()["dependencies"]["redis"]["status"] == "degraded"
    assert await one.metric("iwd_redis_up") == 0
    assert await one.metric("iwd_redis_lost_total") == 1
    own_redis.start()
    await until(lambda: one.cache.figures.is_up and other.cache.figures.is_up)
    ready = await one.http.get(f"{one.server.url}/readyz")
    assert ready.json()["status"] == "ready"
    heard = other.cache.figures.hints_heard
    await until(lambda: _heard_more(one, other, heard))


async def _heard_more(one: Pod, other: Pod, before: int) -> bool:
    """Whoever listens again hears the next commit."""
    capture_id = f"c{new_id()}"
    assert (await one.http.post("/items", json=raw(capture_id), headers=one.key)).status_code == 201
    return bool(other.cache.figures.hints_heard > before)
