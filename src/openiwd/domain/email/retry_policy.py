"""When an email that a server has put off is tried again, and for how long: per mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct

_FACTORS: Final = (1, 4, 10, 30, 60, 120)


class RetryPolicy(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Pauses grow from the first to the longest; after so many hours an email that is put off has failed."""

    hours: Annotated[int, Meta(ge=1, le=48)] = 48
    first_pause_seconds: Annotated[int, Meta(ge=5, le=3_600)] = 30
    longest_pause_seconds: Annotated[int, Meta(ge=5, le=14_400)] = 3_600


def next_try(
    attempts: int, first_at: datetime, now: datetime, policy: RetryPolicy | None = None
) -> datetime | None:
    """When a try that was put off is made again; None when it has been tried long enough. Attempts count from 1."""
    policy = policy or RetryPolicy()
    factor = _FACTORS[min(max(attempts, 1), len(_FACTORS)) - 1]
    pause = timedelta(seconds=min(policy.first_pause_seconds * factor, policy.longest_pause_seconds))
    return now + pause if now + pause - first_at <= timedelta(hours=policy.hours) else None
