"""What this process shares with others through Redis: the loops that keep it going, and who is told that it is away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, Final, cast

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.doctor.finding import Finding
from openiwd.domain.doctor.system_check import REDIS, redis_away
from openiwd.domain.errors import DegradedError, InvalidInputError
from openiwd.ports.runtime_cache import RuntimeCache
from openiwd.ports.secret_box import SecretBox
from openiwd.usecases.doctor import Registered
from openiwd.usecases.doctor_check import Examination
from openiwd.usecases.fan_out import FanOut
from openiwd.usecases.platform import Platform
from openiwd.usecases.rate_limits import RateLimits
from openiwd.usecases.session_copies import SessionCopies

log = structlog.get_logger()
_ADAPTER: Final = "openiwd.adapters.redis.runtime_cache"
Step = Callable[[], Awaitable[float]]


def redis_cache(server: RedisServer) -> RuntimeCache:
    """The cache in Redis. Its client is an extra."""
    try:
        module = import_module(_ADAPTER)
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"the client for Redis is not installed ({error.name})",
            field="OPENIWD_REDIS_URL",
            code="extraMissing",
            hint="install it with: pip install 'openiwd[redis]'",
        ) from error
    return cast("RuntimeCache", module.RedisRuntimeCache(server))


class Sharing:
    """Ties a cache to a platform: fan-out, copies of sessions, and what looks after the connection."""

    def __init__(self, cache: RuntimeCache, platform: Platform, box: SecretBox | None) -> None:
        self.cache = cache
        self.fan_out = FanOut(cache, platform, platform.process_id)
        self._identities = platform.identities
        self._was_up = False
        self._has_looked = False
        self._away_since: float | None = None
        self._generation = ""
        identities = platform.identities
        identities.copies = SessionCopies(cache, box) if box is not None else None
        identities.on_change = self.fan_out.users_have_changed
        identities.on_end = self.fan_out.session_has_ended
        platform.doctor.register(Registered(REDIS, self._examine))

    def loops(self) -> Sequence[tuple[str, Step]]:
        return (
            ("redis", self._look_after),
            ("hints out", self.fan_out.send),
            ("hints in", self.fan_out.listen),
        )

    async def _look_after(self) -> float:
        pause = await self.cache.look_after()
        self._has_looked = True
        is_up = self.cache.figures.is_up
        if is_up != self._was_up:
            self._was_up = is_up
            (log.info if is_up else log.warning)("redis answers" if is_up else "redis is away")
        if is_up:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        if self.cache.generation != self._generation:
            self._generation = self.cache.generation
            self._identities.forget_known()
        return pause

    async def _examine(self, _: Examination) -> Sequence[Finding]:
        """For the doctor."""
        if self.cache.figures.is_up or not self._has_looked:
            return redis_away(None)
        now = time.monotonic()
        return redis_away(now - (self._away_since or now))

    async def check(self) -> None:
        """For readiness: without Redis all goes on, each process for itself."""
        if not self.cache.figures.is_up:
            raise DegradedError(
                "Redis does not answer: rate limits count by process, sessions and hints go through PostgreSQL"
            )


class SharingMetrics:
    """A collector of prometheus-client: figures of the cache, of copies and of rate limits, as they are when asked."""

    def __init__(self, limits: RateLimits | None, sharing: Sharing | None, platform: Platform) -> None:
        self._limits = limits
        self._sharing = sharing
        self._platform = platform

    def collect(self) -> Iterable[Metric]:
        if self._limits is not None:
            yield _counted(
                "iwd_rate_limited", "Requests refused by a rate limit.", "limit", self._limits.refused
            )
        if self._sharing is None:
            return
        figures = self._sharing.cache.figures
        yield GaugeMetricFamily("iwd_redis_up", "1 while Redis answers.", value=float(figures.is_up))
        for name, text, value in (
            ("iwd_redis_failures", "Commands that failed or took too long.", figures.failures),
            ("iwd_redis_lost", "How often Redis was found to be away.", figures.lost),
            (
                "iwd_redis_not_asked",
                "Commands not sent, because Redis was known to be away.",
                figures.refused,
            ),
            ("iwd_redis_hints_sent", "Hints published.", figures.hints_sent),
            ("iwd_redis_hints_heard", "Hints heard, one's own included.", figures.hints_heard),
        ):
            yield CounterMetricFamily(name, text, value=value)
        yield _counted("iwd_redis_commands", "Commands answered.", "command", figures.commands)
        yield _counted(
            "iwd_redis_command_seconds", "Time spent in commands answered.", "command", figures.seconds
        )
        copies = self._platform.identities.copies
        if copies is not None:
            yield _counted(
                "iwd_session_copies", "Sessions asked of their copies.", "outcome", copies.outcomes
            )

    def describe(self) -> Iterable[Metric]:
        return ()


def _counted(name: str, text: str, label: str, values: Any) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in dict(values).items():
        family.add_metric([key], value)
    return family
