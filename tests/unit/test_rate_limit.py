"""Rate limits: the bucket's laws, blocks taken ahead, what happens without the shared buckets, and settings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.adapters.memory.runtime_cache import MOST_KEPT, MemoryRuntimeCache
from openiwd.domain.errors import InvalidInputError, LimitedError
from openiwd.domain.rate_limit import Bucket, Limit, Limits, Taken, take
from openiwd.ports.runtime_cache import CacheAwayError
from openiwd.processes.sharing_settings import read_limits, read_redis
from openiwd.usecases.rate_limits import BLOCK_SECONDS, RateLimits

LIMIT = Limit("key", 100.0, 200)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Shared(MemoryRuntimeCache):
    """Stands for Redis: counts what it is asked, and can be away."""

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.asked = 0
        self.away = False

    async def take(self, key: str, limit: Limit, wanted: int) -> Taken:
        self.asked += 1
        if self.away:
            raise CacheAwayError("away")
        return await super().take(key, limit, wanted)


@given(
    rate=st.floats(0.01, 10_000),
    burst=st.integers(1, 1_000),
    steps=st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), max_size=40),
)
def test_never_more_than_the_burst_and_what_has_filled_since(
    rate: float, burst: int, steps: Sequence[tuple[float, int]]
) -> None:
    limit = Limit("x", rate, burst)
    bucket: Bucket | None = None
    now, given_at = 0.0, list[tuple[float, int]]()
    for pause, wanted in steps:
        now += pause
        bucket, taken = take(bucket, limit, wanted, now)
        assert 0 <= taken.given <= wanted
        assert 0.0 <= taken.left <= burst
        assert (taken.wait_seconds == 0) == (taken.left >= 1 - 1e-6)
        given_at.append((now, taken.given))
    for since, _ in given_at:
        total = sum(n for at, n in given_at if at >= since)
        assert total <= burst + (now - since) * rate + 1e-3


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket, _ = take(None, LIMIT, 200, 100.0)
    bucket, taken = take(bucket, LIMIT, 1, 50.0)
    assert taken.given == 0
    _, taken = take(bucket, LIMIT, 1, 100.005)
    assert taken.given == 0


async def let_in(limits: RateLimits, count: int, who: str = "a") -> int:
    found = 0
    for _ in range(count):
        try:
            await limits.admit(LIMIT, who)
        except LimitedError:
            continue
        found += 1
    return found


async def test_one_process_counts_in_its_memory() -> None:
    time = Time()
    limits = RateLimits(MemoryRuntimeCache(time), monotonic=time)
    assert await let_in(limits, 300) == 200
    assert await let_in(limits, 10, "b") == 10
    time.now += 0.5
    assert await let_in(limits, 300) == 50
    with pytest.raises(LimitedError) as refused:
        await limits.admit(LIMIT, "a")
    assert refused.value.details["retry_after"] == 1
    assert limits.refused["key"] == 100 + 250 + 1
    assert await limits.admit(None, "a") is None


async def test_processes_share_and_few_requests_ask() -> None:
    time = Time()
    shared = Shared(time)
    pods = [RateLimits(MemoryRuntimeCache(time), shared, monotonic=time) for _ in range(2)]
    found = 0
    for _ in range(150):
        for pod in pods:
            found += await let_in(pod, 1)
    assert found == 200, "together no more than one alone"
    assert shared.asked <= 200 / 5 + 4, "five are taken at a time, and a refusal is remembered"
    time.now += 0.1
    assert sum([await let_in(pods[0], 100), await let_in(pods[1], 100)]) == 10


async def test_a_block_that_is_not_used_up_is_given_up() -> None:
    time = Time()
    shared = Shared(time)
    limits = RateLimits(MemoryRuntimeCache(time), shared, monotonic=time)
    await let_in(limits, 1)
    time.now += BLOCK_SECONDS + 0.01
    await let_in(limits, 1)
    assert shared.asked == 2


async def test_without_the_shared_buckets_each_process_counts_for_itself() -> None:
    time = Time()
    shared = Shared(time)
    limits = RateLimits(MemoryRuntimeCache(time), shared, monotonic=time)
    shared.away = True
    assert await let_in(limits, 300) == 200
    shared.away = False
    time.now += 10
    assert await let_in(limits, 300) == 200
    await limits.spend(LIMIT, "c")
    await limits.give_back(LIMIT, "c")


async def test_what_is_kept_is_bounded() -> None:
    time = Time()
    cache = MemoryRuntimeCache(time)
    for number in range(MOST_KEPT + 10):
        await cache.take(str(number), LIMIT, 1)
        await cache.keep_copy(str(number), b"", 60)
    assert len(cache._buckets) <= MOST_KEPT
    assert len(cache._copies) <= MOST_KEPT


@pytest.mark.parametrize(
    ("url", "nodes"),
    [
        ("redis://redis", (("redis", 6379),)),
        ("rediss://u%40x:p%2Fw@redis.example:7000/3", (("redis.example", 7000),)),
        ("redis://[::1]:7000", (("::1", 7000),)),
    ],
)
def test_where_redis_is(url: str, nodes: tuple[tuple[str, int], ...]) -> None:
    server = read_redis({}, url)
    assert server is not None
    assert server.nodes == nodes
    if "@" in url:
        assert (server.username, server.password, server.database, server.tls) == ("u@x", "p/w", 3, True)


def test_nodes_of_a_cluster_and_no_redis_at_all() -> None:
    assert read_redis({}, None) is None
    server = read_redis({"OPENIWD_REDIS_CLUSTER": "true"}, "redis://:x@a:1,b:2,c", "from a file")
    assert server is not None
    assert (server.cluster, server.nodes, server.password) == (
        True,
        (("a", 1), ("b", 2), ("c", 6379)),
        "from a file",
    )


@pytest.mark.parametrize(
    ("variables", "url", "field"),
    [
        ({}, "http://redis", "OPENIWD_REDIS_URL"),
        ({}, "redis://a,b", "OPENIWD_REDIS_URL"),
        ({}, "redis://a/x", "OPENIWD_REDIS_URL"),
        ({}, "redis://a:99999", "OPENIWD_REDIS_URL"),
        ({"OPENIWD_REDIS_CLUSTER": "true"}, "redis://a/1", "OPENIWD_REDIS_URL"),
        ({"OPENIWD_REDIS_CLUSTER": "yes"}, "redis://a", "OPENIWD_REDIS_CLUSTER"),
        ({"OPENIWD_REDIS_CA": "/nowhere.pem"}, "rediss://a", "OPENIWD_REDIS_CA"),
    ],
)
def test_what_cannot_be_meant_is_refused(variables: dict[str, str], url: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_redis(variables, url)
    assert refused.value.field == field


def test_a_password_is_not_repeated_in_an_error() -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_redis({}, "http://user:secret@redis")
    assert "secret" not in refused.value.message


def test_limits_are_set_or_switched_off() -> None:
    limits = read_limits(
        {"OPENIWD_LIMIT_KEY": "50/200", "OPENIWD_LIMIT_USER": "off", "OPENIWD_LIMIT_LOGIN": "0.1"}
    )
    assert limits.key == Limit("key", 50.0, 200)
    assert limits.user is None
    assert limits.login == Limit("login", 0.1, 1)
    assert limits.login_address == Limits().login_address
    for text in ("fast", "0", "-1", "5/0", "nan"):
        with pytest.raises(InvalidInputError):
            read_limits({"OPENIWD_LIMIT_KEY": text})
