"""One contract, in memory and on real servers: Redis, Valkey, Redis behind TLS, a cluster. And what becomes of those
who ask a server that is away.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import cast

import pytest
from msgspec.structs import replace

from openiwd.adapters.memory.runtime_cache import MemoryRuntimeCache
from openiwd.adapters.redis.runtime_cache import RedisRuntimeCache
from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.rate_limit import Limit
from openiwd.ports.runtime_cache import CacheAwayError, Heard, RuntimeCache
from tests.servers.redis import OwnRedis, ask, of
from tests.servers.shared import ROOT
from tests.servers.until import until

KINDS = ("memory", "redis_server", "valkey_server", "redis_tls", "redis_cluster")
SLOW = Limit("slow", 0.001, 5)
FAST = Limit("fast", 1_000.0, 5)


@pytest.fixture(params=KINDS)
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[RuntimeCache]:
    if request.param == "memory":
        yield MemoryRuntimeCache()
        return
    made = RedisRuntimeCache(request.getfixturevalue(request.param))
    await made.look_after()
    assert made.figures.is_up
    yield made
    await made.close()


async def taken(cache: RuntimeCache, key: str, limit: Limit, wanted: int = 1) -> int:
    return (await cache.take(key, limit, wanted)).given


async def test_a_bucket_gives_what_it_has_and_says_how_long_to_wait(cache: RuntimeCache) -> None:
    assert [await taken(cache, "a", SLOW) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    refused = await cache.take("a", SLOW, 1)
    assert 900 < refused.wait_seconds <= 1_000
    assert await taken(cache, "b", SLOW, 3) == 3, "others have buckets of their own"
    assert await taken(cache, "b", SLOW, 3) == 2, "what there is"
    await cache.take("b", SLOW, -1)
    assert await taken(cache, "b", SLOW, 3) == 1, "what was given back"
    await cache.take("c", SLOW, -100)
    assert await taken(cache, "c", SLOW, 100) == 5, "never more than the burst"


async def test_a_bucket_fills_with_time(cache: RuntimeCache) -> None:
    assert await taken(cache, "a", FAST, 5) == 5
    await until(lambda: _gives(cache))


async def _gives(cache: RuntimeCache) -> bool:
    return await taken(cache, "a", FAST) == 1


async def test_many_at_once_get_no_more_than_there_is(cache: RuntimeCache) -> None:
    given = await asyncio.gather(*(taken(cache, "a", SLOW) for _ in range(30)))
    assert sum(given) == 5


async def test_a_copy_is_kept_until_its_original_ends(cache: RuntimeCache) -> None:
    assert await cache.copy_of("s") is None
    await cache.keep_copy("s", b"\x00one", 60)
    await cache.keep_copy("s", b"two", 60)
    assert await cache.copy_of("s") == b"\x00one"
    await cache.end_copy("s", 60)
    assert await cache.copy_of("s") is None
    await cache.keep_copy("s", b"late", 60)
    assert await cache.copy_of("s") is None, "who had read the original before its end comes too late"
    await cache.keep_copy("short", b"x", 0.05)
    await until(lambda: _is_gone(cache, "short"))


async def _is_gone(cache: RuntimeCache, key: str) -> bool:
    return await cache.copy_of(key) is None


async def test_a_generation_is_renewed(cache: RuntimeCache) -> None:
    before = cache.generation
    assert before
    await cache.renew_generation()
    renewed = cache.generation
    assert renewed != before
    await cache.look_after()
    assert cache.generation == renewed


async def test_the_last_sign_of_life_counts(cache: RuntimeCache) -> None:
    here, there = uuid.uuid4(), uuid.uuid4()
    await cache.hear("t", ["ann", "bob"], here, 1_000.0)
    await cache.hear("t", ["bob"], there, 1_001.5)
    await cache.hear("t", [], there, 1_002.0)
    await cache.hear("u", ["ann"], there, 1_003.0)
    assert await cache.last_heard("t", ["ann", "bob", "cem"]) == {
        "ann": Heard(here, 1_000.0),
        "bob": Heard(there, 1_001.5),
    }
    assert await cache.last_heard("t", []) == {}


async def test_hints_reach_those_who_listen(cache: RuntimeCache) -> None:
    heard: list[bytes] = []
    begun = asyncio.Event()
    listening = asyncio.create_task(cache.listen(heard.append, begun.set))
    async with asyncio.timeout(30):
        await begun.wait()
    await cache.publish(b"one")
    await cache.publish(b"two")
    await until(lambda: len(heard) == 2)
    assert heard == [b"one", b"two"]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await cache.publish(b"nobody hears it")
    assert len(heard) == 2


# Only of servers


async def test_two_processes_share_one_bucket(redis_server: RedisServer) -> None:
    one, other = RedisRuntimeCache(redis_server), RedisRuntimeCache(redis_server)
    for each in (one, other):
        await each.look_after()
    given = await asyncio.gather(*(taken(each, "a", SLOW) for each in (one, other) * 10))
    assert sum(given) == 5
    assert one.generation == other.generation
    await one.close()
    await other.close()


async def test_an_unknown_certificate_or_a_wrong_password_is_as_good_as_away(redis_tls: RedisServer) -> None:
    for wrong in (
        replace(redis_tls, ca_file=None),
        replace(redis_tls, cert_file=None, key_file=None),
        replace(redis_tls, password="wrong"),
        replace(redis_tls, tls=False),
    ):
        cache = RedisRuntimeCache(wrong)
        await cache.look_after()
        assert not cache.figures.is_up
        with pytest.raises(CacheAwayError):
            await cache.copy_of("s")
        await cache.close()


async def test_nobody_waits_for_a_frozen_server_twice(own_redis: OwnRedis) -> None:
    cache = RedisRuntimeCache(of(own_redis.port, patience_seconds=0.25))
    with pytest.raises(CacheAwayError):
        await cache.copy_of("s")  # nobody has looked yet
    await cache.look_after()
    await cache.keep_copy("s", b"x", 600)
    before = cache.generation
    own_redis.freeze()
    answers = await asyncio.gather(*(cache.copy_of("s") for _ in range(10)), return_exceptions=True)
    assert all(isinstance(answer, CacheAwayError) for answer in answers)
    asked = cache.figures.failures
    for _ in range(100):
        with pytest.raises(CacheAwayError):
            await cache.copy_of("s")
    assert cache.figures.failures == asked, "known to be away: nobody asks it"
    assert cache.figures.refused == 101
    await cache.look_after()
    assert not cache.figures.is_up
    own_redis.thaw()
    await until(lambda: _is_up(cache))
    assert await cache.copy_of("s") == b"x"
    assert cache.generation != before, "it is there, but its original may have ended meanwhile"
    assert cache.figures.lost == 1
    await cache.close()


async def _is_up(cache: RuntimeCache) -> bool:
    await cache.look_after()
    return cache.figures.is_up


async def test_a_server_that_was_killed_is_found_again_and_knows_nothing(own_redis: OwnRedis) -> None:
    cache = RedisRuntimeCache(of(own_redis.port))
    await cache.look_after()
    assert await taken(cache, "a", SLOW, 5) == 5
    before = cache.generation
    own_redis.kill()
    with pytest.raises(CacheAwayError):
        await cache.take("a", SLOW, 1)
    with pytest.raises(CacheAwayError):
        await cache.listen(lambda _: None, lambda: None)
    own_redis.start()
    await until(lambda: _is_up(cache))
    assert cache.generation != before, "no copy of before is believed"
    assert await taken(cache, "a", SLOW, 5) == 5, "the script is sent again"
    await cache.close()


async def test_who_listens_learns_that_the_server_is_gone(own_redis: OwnRedis) -> None:
    cache = cast("RuntimeCache", RedisRuntimeCache(of(own_redis.port)))
    begun = asyncio.Event()
    listening = asyncio.create_task(cache.listen(lambda _: None, begun.set))
    async with asyncio.timeout(30):
        await begun.wait()
    own_redis.kill()
    with pytest.raises(CacheAwayError):
        async with asyncio.timeout(30):
            await listening


async def test_the_commands_that_the_page_names_are_enough(redis_server: RedisServer) -> None:
    """Somebody whose access list is the page's own."""
    page = (ROOT / "docs" / "operations" / "redis.md").read_text(encoding="utf-8")
    lists = re.findall(r"(?:needs on its prefix:|inside the script)\s+`([^`]+)`", page)
    assert len(lists) == 2
    commands = [f"+{command}" for each in lists for command in each.split()]
    ((_, port),) = redis_server.nodes
    rules = ["reset", "on", ">narrow", f"~{redis_server.prefix}*", f"&{redis_server.prefix}*", *commands]
    assert ask(port, "ACL", "SETUSER", redis_server.prefix, *rules).startswith(b"+OK")
    cache = RedisRuntimeCache(replace(redis_server, username=redis_server.prefix, password="narrow"))
    await cache.look_after()
    assert cache.figures.is_up
    assert await taken(cache, "a", SLOW, 9) == 5
    await cache.keep_copy("s", b"x", 60)
    assert await cache.copy_of("s") == b"x"
    await cache.end_copy("s", 60)
    await cache.renew_generation()
    here = uuid.uuid4()
    await cache.hear("t", ["ann"], here, 1.0)
    assert await cache.last_heard("t", ["ann"]) == {"ann": Heard(here, 1.0)}
    heard: list[bytes] = []
    begun = asyncio.Event()
    listening = asyncio.create_task(cache.listen(heard.append, begun.set))
    async with asyncio.timeout(30):
        await begun.wait()
    await cache.publish(b"hint")
    await until(lambda: heard == [b"hint"])
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await cache.close()
