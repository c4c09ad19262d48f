"""The runtime cache in Redis or Valkey, one server or a cluster. A server that is away costs nobody time twice; what
went wrong is counted, and told as `CacheAwayError`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, TypeVar
from uuid import UUID

import redis.asyncio as redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from openiwd.adapters.redis.breaker import Breaker
from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.rate_limit import Limit, Taken
from openiwd.ports.runtime_cache import CacheAwayError, CacheFigures, Heard

LOOK_SECONDS: Final = 1.0
LOOK_PATIENCE_SECONDS: Final = 2.0
"""For connecting, and for finding the nodes of a cluster."""
SILENCE_SECONDS: Final = 5.0
"""A connection that listens and hears nothing for so long asks whether the other end is still there."""
CONNECTIONS: Final = 20
PRESENCE_SECONDS: Final = 600
_SCRIPT: Final = files("openiwd.adapters.redis").joinpath("take.lua").read_text(encoding="utf-8")
_SCRIPT_NAME: Final = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""As the server names it."""
_T = TypeVar("_T")


class RedisRuntimeCache:
    """Implements `openiwd.ports.runtime_cache.RuntimeCache`."""

    def __init__(self, server: RedisServer, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._patience = max(LOOK_PATIENCE_SECONDS, server.patience_seconds)
        self._monotonic = monotonic
        self._breaker = Breaker(monotonic)
        self._node = 0
        self._talking: Any = None
        self._single: Any = None
        self.figures = CacheFigures(is_up=False)
        self.generation = ""
        """None of the copies, until the server has told."""
        self._was_lost = False

    # Rate limits

    async def take(self, key: str, limit: Limit, wanted: int) -> Taken:
        arguments = (1, self._key("limit", key), limit.per_second, limit.burst, wanted)
        given, left, wait = await self._ask("take", lambda: self._run_script(*arguments))
        return Taken(int(given), float(left), float(wait))

    async def _run_script(self, *arguments: Any) -> Any:
        client = self._client()
        try:
            return await client.evalsha(_SCRIPT_NAME, *arguments)
        except NoScriptError:  # another node, or a server that was started again
            return await client.eval(_SCRIPT, *arguments)

    # Copies

    async def copy_of(self, key: str) -> bytes | None:
        name = self._key("copy", key)
        value: bytes | None = await self._ask("get", lambda: self._client().get(name))
        return value or None

    async def keep_copy(self, key: str, value: bytes, seconds: float) -> None:
        name, milliseconds = self._key("copy", key), int(seconds * 1000)
        await self._ask("keep", lambda: self._client().set(name, value, px=milliseconds, nx=True))

    async def end_copy(self, key: str, seconds: float) -> None:
        name, milliseconds = self._key("copy", key), int(seconds * 1000)
        await self._ask("end", lambda: self._client().set(name, b"", px=milliseconds))

    async def renew_generation(self) -> None:
        await self._ask("renew", self._disown_copies)

    # Presence

    async def hear(self, tenant_id: str, agent_ids: Sequence[str], process_id: UUID, at: float) -> None:
        if not agent_ids:
            return
        name, told = self._key("presence", tenant_id), f"{process_id} {at:.3f}"

        async def write() -> None:
            await self._client().hset(name, mapping=dict.fromkeys(agent_ids, told))
            await self._client().expire(name, PRESENCE_SECONDS)

        await self._ask("hear", write)

    async def last_heard(self, tenant_id: str, agent_ids: Sequence[str]) -> Mapping[str, Heard]:
        if not agent_ids:
            return {}
        name = self._key("presence", tenant_id)
        values = await self._ask("heard", lambda: self._client().hmget(name, list(agent_ids)))
        found = {}
        for agent_id, value in zip(agent_ids, values, strict=True):
            if value is not None:
                process_id, _, at = value.decode().partition(" ")
                found[agent_id] = Heard(UUID(process_id), float(at))
        return found

    # Hints

    async def publish(self, hint: bytes) -> None:
        """Through one node: a cluster passes it on to all."""
        await self._ask("publish", lambda: self._one_node().publish(self._key("hints"), hint))
        self.figures.hints_sent += 1

    async def listen(self, heard: Callable[[bytes], None], begun: Callable[[], None]) -> None:
        client = self._connect_one()
        try:
            async with client.pubsub() as channel:
                async with asyncio.timeout(self._patience):
                    await channel.subscribe(self._key("hints"))
                begun()
                await self._hear(channel, heard)
        except (RedisError, OSError, TimeoutError) as error:
            self._node += 1
            raise CacheAwayError(f"Redis cannot be listened to: {error}") from error
        finally:
            await client.aclose()

    async def _hear(self, channel: Any, heard: Callable[[bytes], None]) -> None:
        silences = 0
        while True:
            message = await channel.get_message(timeout=SILENCE_SECONDS)
            if message is None:
                silences += 1
                if silences > 1:
                    raise TimeoutError("it has fallen silent")
                await channel.ping()
                continue
            silences = 0
            if message["type"] == "message":
                self.figures.hints_heard += 1
                heard(message["data"])

    # Being there or not

    async def look_after(self) -> float:
        try:
            async with asyncio.timeout(self._patience):
                self.generation = await self._told_generation()
                if self._was_lost:
                    await self._disown_copies()
                if self._server.cluster:
                    await self._one_node().ping()
        except (RedisError, OSError, TimeoutError):
            self._failed()
            self._node += 1
            await self._forget_clients()
        else:
            self._breaker.found_well()
            self._was_lost = self._was_lost and not self._breaker.is_closed
        self.figures.is_up = self._breaker.is_closed
        return LOOK_SECONDS if self._breaker.is_closed else LOOK_SECONDS / 2

    async def _told_generation(self) -> str:
        name = self._key("generation")
        told = await self._client().get(name)
        if told is None:
            await self._client().set(name, secrets.token_hex(8), nx=True)
            told = await self._client().get(name)
        return str(told, "ascii") if told else ""

    async def _disown_copies(self) -> None:
        """What has ended or changed here meanwhile could not be told: no copy from before is to be believed."""
        fresh = secrets.token_hex(8)
        await self._client().set(self._key("generation"), fresh)
        self.generation = fresh

    async def close(self) -> None:
        await self._forget_clients()

    async def _forget_clients(self) -> None:
        clients, self._talking, self._single = (self._talking, self._single), None, None
        for client in clients:
            if client is not None:
                try:
                    async with asyncio.timeout(self._server.patience_seconds):
                        await client.aclose()
                except (RedisError, OSError, TimeoutError):
                    self.figures.failures += 1

    async def _ask(self, name: str, command: Callable[[], Awaitable[_T]]) -> _T:
        if not self._breaker.is_closed:
            self.figures.refused += 1
            raise CacheAwayError("Redis is away")
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._server.patience_seconds):
                answer = await command()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed()
            raise CacheAwayError(f"Redis does not answer: {error}") from error
        figures = self.figures
        figures.commands[name] = figures.commands.get(name, 0) + 1
        figures.seconds[name] = figures.seconds.get(name, 0.0) + self._monotonic() - began
        return answer

    def _failed(self) -> None:
        self.figures.failures += 1
        if self._breaker.failed():
            self.figures.lost += 1
            self._was_lost = True
        self.figures.is_up = False

    # Clients

    def _key(self, *parts: str) -> str:
        return ":".join((self._server.prefix, *parts))

    def _client(self) -> Any:
        if self._talking is None:
            if self._server.cluster:
                nodes = [ClusterNode(host, port) for host, port in self._server.nodes]
                self._talking = RedisCluster(
                    startup_nodes=nodes, require_full_coverage=False, **self._options()
                )
            else:
                self._talking = self._connect_one()
        return self._talking

    def _one_node(self) -> Any:
        if not self._server.cluster:
            return self._client()
        if self._single is None:
            self._single = self._connect_one()
        return self._single

    def _connect_one(self) -> Any:
        host, port = self._server.nodes[self._node % len(self._server.nodes)]
        pool = redis.BlockingConnectionPool(
            connection_class=redis.SSLConnection if self._server.tls else redis.Connection,
            max_connections=CONNECTIONS,
            timeout=self._server.patience_seconds,
            host=host,
            port=port,
            db=self._server.database,
            **{k: v for k, v in self._options().items() if k != "ssl"},
        )
        return redis.Redis.from_pool(pool)

    def _options(self) -> dict[str, Any]:
        server = self._server
        options: dict[str, Any] = {
            "username": server.username,
            "password": server.password,
            "socket_connect_timeout": self._patience,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "openiwd",
        }
        if server.tls:
            options |= {
                "ssl": True,
                "ssl_ca_certs": str(server.ca_file) if server.ca_file else None,
                "ssl_certfile": str(server.cert_file) if server.cert_file else None,
                "ssl_keyfile": str(server.key_file) if server.key_file else None,
                "ssl_check_hostname": True,
            }
        return options
