"""External routers: queues that need one that is not configured, routers that are away, items refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from openiwd.domain.doctor.finding import Finding, Severity, finding

ROUTERS: Final = "routers"


class RouterFacts(Struct, frozen=True, kw_only=True):
    """`queues`: names of those that it routes."""

    queues: Sequence[str]
    is_enabled: bool
    away_since: datetime | None = None
    last_error: str | None = None
    counts: Mapping[str, int] = {}
    refused: int = 0


def routers(facts: RouterFacts, now: datetime) -> list[Finding]:
    found = []
    if facts.queues and not facts.is_enabled:
        found.append(
            finding(
                ROUTERS, "routerNotConfigured", Severity.CRITICAL, link="/configuration/queues",
                queues=", ".join(facts.queues[:5]), n=len(facts.queues),
            )
        )  # fmt: skip
    left = sum(facts.counts.values())
    if left and not facts.is_enabled:
        found.append(finding(ROUTERS, "routerLeftItems", Severity.CRITICAL, figures={"items": left}, n=left))
    if facts.is_enabled and facts.away_since is not None:
        minutes = int((now - facts.away_since).total_seconds() // 60)
        found.append(
            finding(
                ROUTERS, "routerAway", Severity.CRITICAL, figures={"minutes": minutes, **facts.counts},
                minutes=minutes, error=facts.last_error or "–",
            )
        )  # fmt: skip
    if facts.refused:
        found.append(
            finding(
                ROUTERS, "routerRefuses", Severity.WARNING, figures={"items": facts.refused}, n=facts.refused
            )
        )  # fmt: skip
    return found
