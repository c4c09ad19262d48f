"""How often somebody may do something: a bucket of tokens that fills with time. Decides from values; keeps nothing."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Limit(Struct, frozen=True):
    """So many per second in the long run, and so many at once after a pause."""

    name: str
    per_second: float
    burst: int

    @property
    def window_seconds(self) -> int:
        """How long an empty bucket takes to be full again, in whole seconds."""
        return max(1, round(self.burst / self.per_second))


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of an installation; None: none."""

    key: Limit | None = Limit("key", 5_000.0, 10_000)
    """Of an API key: wide enough for a source at full speed, too narrow for one that has lost its mind."""
    user: Limit | None = Limit("user", 100.0, 500)
    """Of a person's session, all windows together."""
    address: Limit | None = Limit("address", 100.0, 2_000)
    """Of an address that nobody is known at: requests without credentials, or with wrong ones."""
    login: Limit | None = Limit("login", 1 / 30, 20)
    """Of failed log-ins to one account from one address."""
    login_address: Limit | None = Limit("loginAddress", 0.5, 200)
    """Of failed log-ins from one address, whatever the account."""


class Bucket(Struct, frozen=True):
    """What is left of a limit, as of an instant in seconds."""

    tokens: float
    at: float


class Taken(Struct, frozen=True):
    """What a bucket gave."""

    given: int
    left: float
    wait_seconds: float
    """Until there will be one more; 0 while there is."""


_WHOLE: Final = 1e-6
"""Sums of parts of a second are not exact: so much less than a whole token is one."""


def take(bucket: Bucket | None, limit: Limit, wanted: int, now: float) -> tuple[Bucket, Taken]:
    """As many whole tokens as there are, at most those wanted; a negative number gives so many back.

    Who has no bucket yet has a full one. A clock that goes back fills nothing.
    """
    tokens, at = (float(limit.burst), now) if bucket is None else (bucket.tokens, bucket.at)
    tokens = min(limit.burst, tokens + max(0.0, now - at) * limit.per_second)
    given = min(wanted, int(tokens + _WHOLE)) if wanted > 0 else wanted
    tokens = min(float(limit.burst), max(0.0, tokens - given))
    missing = 1.0 - tokens
    wait = missing / limit.per_second if missing > _WHOLE else 0.0
    return Bucket(tokens, max(now, at)), Taken(given, tokens, wait)
