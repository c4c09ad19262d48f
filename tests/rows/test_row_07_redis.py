"""IWD → Redis: sessions, presence, rate limits and fan-out between two serving processes, on a real server; and without
it, by PostgreSQL alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.agent import AgentProfile, Capacity
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Role, system
from openiwd.domain.rate_limit import Limit, Limits
from openiwd.domain.work_item import ItemSubmission
from openiwd.ports.control_store import User
from openiwd.ports.runtime_cache import RuntimeCache
from openiwd.ports.tenant_store import Tenant
from openiwd.processes.identity import new_id
from openiwd.processes.running import Part
from openiwd.processes.serve import Serving, serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases.command import Command, Done
from openiwd.usecases.platform import TenantServices
from openiwd.usecases.presence import EXTENDED_SECONDS, HEARTBEAT_SECONDS, LOST_AFTER_SECONDS, Presence
from openiwd.usecases.shared_presence import SharedPresence
from openiwd.usecases.user import hash_secret
from openiwd.usecases.work_item import apply
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

    async def process(self, redis: RedisServer | None) -> Process:
        """A process without ports and loops: a test does their steps."""
        wiring = Wiring(self._control, budget=5, redis=redis)
        self._stack.push_async_callback(wiring.close)
        if wiring.sharing is not None:
            await wiring.sharing.cache.look_after()
        return Process(wiring, await wiring.platform.services("t"))

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


class Process(NamedTuple):
    wiring: Wiring
    services: TenantServices

    @property
    def cache(self) -> RuntimeCache:
        assert self.wiring.sharing is not None
        return self.wiring.sharing.cache

    async def holder(self) -> str | None:
        """Which process has the agent, by the database."""
        async with self.services.runtime.store.reading() as reading:
            return (await reading.agents(["ann"]))["ann"].seen_by

    async def create(self, capture_id: str) -> None:
        command = Command(
            action=Action.CREATE,
            caller=system("test", "t"),
            submission=ItemSubmission(capture_id=capture_id, data={"kind": "claim", "line": "motor"}),
            capture=("rest", capture_id),
            internal=True,
        )
        (done,) = await apply(self.services.runtime, [command])
        assert isinstance(done, Done), done


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

    async def copies(self, outcome: str) -> float:
        return await self.metric(f'iwd_session_copies_total{{outcome="{outcome}"}}')

    async def doctors_of_redis(self) -> list[str]:
        """What a new look of the doctor finds of Redis."""
        self.platform.doctor._latest.clear()
        answer = await self.http.get("/doctor", headers=self.key)
        assert answer.status_code == 200, answer.text
        return [f["code"] for f in answer.json()["findings"] if f["check"] == "redis"]

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


async def test_sessions_are_known_everywhere_by_their_copies_and_end_everywhere_at_once(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.pod(redis_server), await installation.pod(redis_server)
    login = await one.log_in()
    assert login.status_code == 201, login.text
    token, csrf = login.cookies["openiwd_session"], login.json()["csrfToken"]
    assert [await pod.me(token) for pod in (one, other)] == [200, 200]
    assert await other.copies("hit") == 1
    headers = {"cookie": f"openiwd_session={token}", "x-csrf-token": csrf}
    assert (await one.http.delete("/sessions/current", headers=headers)).status_code == 204
    await until(lambda: _is(other, token, 401))

    await _is_not_let_in_by_a_forged_copy(one, other, redis_server)

    token = (await one.log_in()).cookies["openiwd_session"]
    assert [await pod.me(token) for pod in (one, other)] == [200, 200]
    await _deactivate(one)
    assert await one.me(token) == 401, "at once where it was done"
    await until(lambda: _is(other, token, 401))


async def _is(pod: Pod, token: str, status: int) -> bool:
    return await pod.me(token) == status


async def _is_not_let_in_by_a_forged_copy(one: Pod, other: Pod, server: RedisServer) -> None:
    token = (await one.log_in()).cookies["openiwd_session"]
    assert await one.me(token) == 200
    client = one.cache._client()
    name = f"{server.prefix}:copy:session:{hash_secret(token).hex()}"
    sealed = await client.get(name)
    assert b"ann" not in sealed
    await client.set(name, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert await other.me(token) == 200, "the database is asked"
    assert await other.copies("unusable") == 1


async def _deactivate(pod: Pod) -> None:
    users = (await pod.http.get("/users", headers=pod.key)).json()["users"]
    ann = next(u for u in users if u["login"] == "ann")
    changed = {f: ann[f] for f in ("login", "name", "role", "agentId") if f in ann} | {"active": False}
    headers = {**pod.key, "if-match": f'"{ann["revision"]}"'}
    answer = await pod.http.put(f"/users/{ann['id']}", json=changed, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_limits_hold_over_all_processes(installation: Installation, redis_server: RedisServer) -> None:
    one, other = pods = [await installation.pod(redis_server, NARROW) for _ in range(2)]
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
    assert sum([await pod.metric('iwd_rate_limited_total{limit="key"}') for pod in pods]) == 10

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
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.process(redis_server), await installation.process(redis_server)
    assert one.wiring.sharing is not None
    assert other.wiring.sharing is not None
    wakeup = other.services.runtime.wakeup
    listening = asyncio.create_task(other.wiring.sharing.fan_out.listen())
    await until(lambda: wakeup.count == 1)  # who begins to listen looks at once
    await one.create("c1")
    await one.wiring.sharing.fan_out.send()
    await until(lambda: wakeup.count == 2)
    await other.create("c2")
    await other.wiring.sharing.fan_out.send()
    await until(lambda: other.cache.figures.hints_heard == 2)
    assert wakeup.count == 3, "one's own commit has woken the reader already"
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_without_hints_the_poll_finds_the_commit(installation: Installation) -> None:
    one, other = await installation.process(None), await installation.process(None)
    feed = other.services.feed
    await feed.start()
    before = feed.head
    following = asyncio.create_task(feed.run())
    await one.create("c1")
    await until(lambda: feed.head != before)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


class Moved:
    """A clock that a test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def test_an_agent_heard_elsewhere_is_handed_over_and_not_given_up(
    installation: Installation, redis_server: RedisServer
) -> None:
    one, other = await installation.process(redis_server), await installation.process(redis_server)
    clock = Moved()
    for process in (one, other):
        process.services.presence = Presence(clock)
        process.services.presence.seen("ann")
    here = SharedPresence(one.services, one.cache, clock)
    there = SharedPresence(other.services, other.cache, clock)
    await here.take_in()
    assert await one.holder() == str(one.services.process_id)
    for _ in range(4):
        clock.now += HEARTBEAT_SECONDS
        other.services.presence.seen("ann")
        await there.tell()
        assert [await each.lost() for each in (here, there)] == [[], []]
    assert await one.holder() == str(other.services.process_id)
    for _ in range(3):
        clock.now += HEARTBEAT_SECONDS
        assert await there.lost() == []
    clock.now += HEARTBEAT_SECONDS
    assert await there.lost() == ["ann"], "nobody hears the agent any more"


async def test_while_redis_is_away_silence_is_borne_for_longer(
    installation: Installation, own_redis: OwnRedis
) -> None:
    one = await installation.process(of(own_redis.port))
    clock = Moved()
    one.services.presence = Presence(clock)
    one.services.presence.seen("ann")
    shared = SharedPresence(one.services, one.cache, clock)
    own_redis.kill()
    for _ in range((LOST_AFTER_SECONDS + EXTENDED_SECONDS) // HEARTBEAT_SECONDS):
        clock.now += HEARTBEAT_SECONDS
        assert await shared.lost() == []
    clock.now += HEARTBEAT_SECONDS
    assert await shared.lost() == ["ann"]


async def test_without_redis_who_hears_an_agent_holds_it(installation: Installation) -> None:
    """A request of the agent went to another process once; the stream that goes on here counts."""
    one, other = await installation.process(None), await installation.process(None)
    clock = Moved()
    one.services.presence = Presence(clock)
    shared = SharedPresence(one.services, None, clock)
    one.services.presence.seen("ann")
    await shared.take_in()
    await agent_use.hand_over(other.services, ["ann"], other.services.process_id)
    clock.now += HEARTBEAT_SECONDS
    one.services.presence.seen("ann")
    await shared.tell()
    assert await one.holder() == str(one.services.process_id)


async def test_redis_dies_and_comes_back_and_nothing_is_wrong(
    installation: Installation, own_redis: OwnRedis
) -> None:
    pod = await installation.pod(of(own_redis.port))
    token = (await pod.log_in()).cookies["openiwd_session"]
    own_redis.kill()
    await until(lambda: not pod.cache.figures.is_up)
    assert await pod.me(token) == 200
    assert (await pod.http.post("/items", json=raw("c1"), headers=pod.key)).status_code == 201
    for url in (pod.server.url, pod.server.metrics_url):
        answer = await pod.http.get(f"{url}/readyz")
        assert answer.status_code == 200, "degraded is not down"
        assert answer.json()["status"] == "degraded"
        assert answer.json()["dependencies"]["redis"]["status"] == "degraded"
    assert await pod.metric("iwd_redis_up") == 0
    assert await pod.metric("iwd_redis_lost_total") == 1
    assert await pod.doctors_of_redis() == ["redisAway"]
    own_redis.start()
    await until(lambda: pod.cache.figures.is_up)
    ready = await pod.http.get(f"{pod.server.url}/readyz")
    assert ready.json()["status"] == "ready"
    assert await pod.doctors_of_redis() == []
    heard = pod.cache.figures.hints_heard
    await until(lambda: _heard_more(pod, heard))


async def _heard_more(pod: Pod, before: int) -> bool:
    """Whoever listens again hears the next commit."""
    answer = await pod.http.post("/items", json=raw(f"c{new_id()}"), headers=pod.key)
    assert answer.status_code == 201
    return bool(pod.cache.figures.hints_heard > before)
