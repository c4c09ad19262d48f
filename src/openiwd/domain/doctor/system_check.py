"""Processes, leases, the log, bulk runs, drafts, keys and the database, from figures that others have read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from openiwd.domain.doctor.finding import Example, Finding, Severity, finding

PROCESSES, LOG, DATABASE, DISK, RUNS, KEYS = "processes", "log", "database", "disk", "runs", "keys"
REDIS: Final = "redis"
_GRACE: Final = timedelta(seconds=30)
"""Timers look twice a second; after this time nobody does."""
SKEW, SKEW_MUCH = 1.0, 5.0
LAG: Final = 5_000
BATCHES: Final = 3
RUN_MINUTES: Final = 30
DRAFT_DAYS: Final = 21
KEY_DAYS: Final = 14
DEAD_SHARE, DEAD_ROWS = 0.25, 50_000
LONG_SECONDS: Final = 60
FULL, FULLEST = 0.8, 0.95
AGED, AGED_MUCH = 500_000_000, 1_500_000_000
DISK_LOW, DISK_LOWEST = 0.1, 0.03


class ProcessFact(Struct, frozen=True, kw_only=True):
    """A process as the control database knows it. `left`: seconds that its lease still runs; negative: over."""

    id: UUID
    kind: str
    address: str | None
    left: float
    skew: float | None
    """Seconds that its clock is ahead of the database's; None: not known."""


class LeaseFacts(Struct, frozen=True, kw_only=True):
    has_decider: bool
    processes: Sequence[ProcessFact]
    stranded: Sequence[str]
    offers_expired: Sequence[tuple[UUID, str]]
    """Items with an offer that should have ended, and whose offer it is."""
    next_timer: datetime | None


def leases(facts: LeaseFacts, now: datetime) -> list[Finding]:
    """No decider, leases that are over, clocks that differ."""
    found: list[Finding] = []
    if not facts.has_decider:
        found.append(finding(PROCESSES, "noDecider", Severity.CRITICAL))
    for process in facts.processes:
        of: dict[str, Any] = {"kind": process.kind, "address": process.address or "–"}
        if process.left < 0:
            found.append(
                finding(
                    PROCESSES, "processGone", Severity.INFO, about=str(process.id),
                    figures={"secondsOver": round(-process.left)}, seconds=round(-process.left), **of,
                )
            )  # fmt: skip
        elif process.skew is not None and abs(process.skew) >= SKEW:
            much = abs(process.skew) >= SKEW_MUCH
            found.append(
                finding(
                    PROCESSES, "clockSkew", Severity.CRITICAL if much else Severity.WARNING, about=str(process.id),
                    figures={"seconds": round(process.skew, 3)}, seconds=f"{process.skew:+.1f}", **of,
                )
            )  # fmt: skip
    if facts.stranded:
        found.append(
            finding(
                PROCESSES, "agentsStranded", Severity.WARNING, link="/agents", n=len(facts.stranded),
                figures={"agents": len(facts.stranded)},
                examples=[Example(id=a, link=f"/agents#agent={a}") for a in facts.stranded],
            )
        )  # fmt: skip
    return [*found, *_timers(facts, now)]


def _timers(facts: LeaseFacts, now: datetime) -> list[Finding]:
    found = []
    if facts.offers_expired:
        found.append(
            finding(
                PROCESSES, "offersExpired", Severity.CRITICAL, n=len(facts.offers_expired),
                figures={"offers": len(facts.offers_expired)},
                examples=[Example(id=str(i), text=a, link=f"/?item={i}") for i, a in facts.offers_expired],
            )
        )  # fmt: skip
    if facts.next_timer is not None and facts.next_timer < now - _GRACE:
        late = round((now - facts.next_timer).total_seconds())
        found.append(
            finding(PROCESSES, "timersLate", Severity.CRITICAL, figures={"secondsLate": late}, seconds=late)
        )
    return found


def expired_before(now: datetime) -> datetime:
    """Offers that ended before this should be closed by now."""
    return now - _GRACE


class LogFacts(Struct, frozen=True, kw_only=True):
    """`lag`, `fruitless`: of the picture and the decider in this process; None where there is none."""

    lag: int | None
    fruitless: int | None
    past_lag: int
    looked: int
    missing: int
    items_looked: int
    differing: Sequence[UUID]


def log_health(facts: LogFacts) -> list[Finding]:
    """The log without gaps, items as their events say, and those who follow it close behind."""
    found: list[Finding] = []
    if facts.missing:
        found.append(
            finding(
                LOG, "logGap", Severity.CRITICAL, looked=facts.looked, n=facts.missing,
                figures={"missing": facts.missing},
            )
        )  # fmt: skip
    if facts.differing:
        found.append(
            finding(
                LOG, "logDiffers", Severity.CRITICAL, looked=facts.items_looked, n=len(facts.differing),
                figures={"items": len(facts.differing)},
                examples=[Example(id=str(i), link=f"/?item={i}") for i in facts.differing],
            )
        )  # fmt: skip
    if facts.lag is not None and facts.lag > LAG:
        found.append(
            finding(LOG, "deciderLags", Severity.WARNING, events=facts.lag, figures={"events": facts.lag})
        )
    if facts.fruitless is not None and facts.fruitless >= BATCHES:
        found.append(
            finding(
                LOG, "claimsFail", Severity.WARNING, batches=facts.fruitless,
                figures={"batches": facts.fruitless},
            )
        )  # fmt: skip
    if facts.past_lag > LAG:
        found.append(
            finding(LOG, "pastLags", Severity.INFO, events=facts.past_lag, figures={"events": facts.past_lag})
        )
    return found


class RunFact(Struct, frozen=True, kw_only=True):
    """A bulk run that is not over."""

    id: UUID
    action: str
    created_at: datetime
    left: int


class DraftFact(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    changed_at: datetime


class KeyFact(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    expires_at: datetime
    last_used_at: datetime | None


def stuck_runs(runs: Sequence[RunFact], now: datetime) -> list[Finding]:
    """Bulk runs that should be over."""
    return [
        finding(
            RUNS, "bulkStuck", Severity.WARNING, about=str(run.id), link=f"/bulk/{run.id}", bulk=run.action,
            minutes=minutes, left=run.left, figures={"left": run.left, "minutes": minutes},
        )
        for run in runs
        if (minutes := int((now - run.created_at).total_seconds() // 60)) >= RUN_MINUTES
    ]  # fmt: skip


def old_drafts(drafts: Sequence[DraftFact], now: datetime) -> list[Finding]:
    """Drafts that nobody has touched for weeks."""
    return [
        finding(
            RUNS, "draftOld", Severity.INFO, about=str(draft.id), link=f"/configuration/drafts/{draft.id}",
            draft=draft.name, days=days, figures={"changed": draft.changed_at.isoformat()},
        )
        for draft in drafts
        if (days := (now - draft.changed_at).days) >= DRAFT_DAYS
    ]  # fmt: skip


def ending_keys(keys: Sequence[KeyFact], now: datetime) -> list[Finding]:
    """API keys in use that end soon, or have ended."""
    found = []
    for key in keys:
        if key.last_used_at is None:
            continue
        days = (key.expires_at - now).days
        if key.expires_at <= now:
            code, severity = "keyExpired", Severity.INFO
        elif days <= KEY_DAYS:
            code, severity = "keyExpires", Severity.WARNING
        else:
            continue
        found.append(
            finding(
                KEYS, code, severity, about=str(key.id), link="/configuration/api-keys", key=key.name, days=days,
                figures={"expires": key.expires_at.isoformat()},
            )
        )  # fmt: skip
    return found


# Database ------------------------------------------------------------------------------------------------------------


class TableFact(Struct, frozen=True, kw_only=True):
    name: str
    rows: int
    dead: int


class DatabaseFacts(Struct, frozen=True, kw_only=True):
    """What the server tells; `transactions`: (seconds, application) of those that have been open for long."""

    size: int
    tables: Sequence[TableFact]
    transactions: Sequence[tuple[int, str]]
    connections: int
    most_connections: int
    age: int
    invalid_indexes: Sequence[str]
    autovacuum: bool


def database_health(facts: DatabaseFacts) -> list[Finding]:
    """Bloat, long transactions, connections, transaction ids, indexes."""
    found = [
        finding(
            DATABASE,
            "databaseSize",
            Severity.INFO,
            size=bytes_text(facts.size),
            figures={"bytes": facts.size},
        )
    ]
    if not facts.autovacuum:
        found.append(finding(DATABASE, "databaseAutovacuum", Severity.CRITICAL))
    found += [
        finding(
            DATABASE, "databaseDead", Severity.WARNING, about=t.name, table=t.name, dead=t.dead, rows=t.rows + t.dead,
            figures={"dead": t.dead, "live": t.rows},
        )
        for t in facts.tables
        if t.dead >= DEAD_ROWS and t.dead >= DEAD_SHARE * (t.rows + t.dead)
    ]  # fmt: skip
    found += [
        finding(
            DATABASE, "databaseTransaction", Severity.WARNING, about=f"{n}", seconds=seconds, application=name or "–",
            figures={"seconds": seconds},
        )
        for n, (seconds, name) in enumerate(facts.transactions)
    ]  # fmt: skip
    share = facts.connections / max(facts.most_connections, 1)
    if share >= FULL:
        found.append(
            finding(
                DATABASE, "databaseConnections", Severity.CRITICAL if share >= FULLEST else Severity.WARNING,
                used=facts.connections, most=facts.most_connections, figures={"share": round(share, 2)},
            )
        )  # fmt: skip
    if facts.age >= AGED:
        found.append(
            finding(
                DATABASE, "databaseWraparound", Severity.CRITICAL if facts.age >= AGED_MUCH else Severity.WARNING,
                age=facts.age, figures={"age": facts.age},
            )
        )  # fmt: skip
    found += [
        finding(DATABASE, "databaseIndex", Severity.CRITICAL, about=name, index=name)
        for name in facts.invalid_indexes
    ]
    return found


def disk_space(free: int, total: int) -> list[Finding]:
    """Too little room on the disk that the database lies on."""
    share = free / max(total, 1)
    if share >= DISK_LOW:
        return []
    return [
        finding(
            DISK, "diskFull", Severity.CRITICAL if share < DISK_LOWEST else Severity.WARNING,
            free=bytes_text(free), percent=round(100 * share), figures={"free": free, "total": total},
        )
    ]  # fmt: skip


def redis_away(seconds: float | None) -> list[Finding]:
    """`seconds`: since when Redis has not answered this process; None: it does."""
    if seconds is None:
        return []
    told = round(seconds)
    return [finding(REDIS, "redisAway", Severity.WARNING, figures={"seconds": told}, seconds=told)]


def bytes_text(count: int) -> str:
    """`1.4 GB`."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1_000
    return f"{size:.1f} TB"
