"""What brings work in and reports on it: capture points, mailboxes and the data mart that stand still. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from openiwd.domain.doctor.finding import Example, Finding, Severity, finding

CAPTURE_POINTS: Final = "capturePoints"
MAILBOXES: Final = "mailboxes"
MART: Final = "mart"
GRACE: Final = timedelta(minutes=2)
"""For so long a source may be away, and a reader change, before it is told."""
MART_LATE: Final = timedelta(minutes=10)
MART_STANDS: Final = timedelta(hours=6)
"""Behind so far, the mart's reports are of yesterday."""


class CaptureFact(Struct, frozen=True, kw_only=True):
    """A capture point that is to be read and is not; without an error no process reads it."""

    id: str
    name: str
    since: datetime
    error: str | None = None


class MailboxFact(Struct, frozen=True, kw_only=True):
    """An enabled mailbox. `failing`: its directions that do not work, since when, and the error."""

    id: str
    name: str
    is_held: bool
    """An email service serves it."""
    failing: Sequence[tuple[str, datetime, str]] = ()


class MartFacts(Struct, frozen=True, kw_only=True):
    """`fresh_at`: when it had last read the log to its end. `last_error`: of the newest run, where that failed."""

    fresh_at: datetime | None
    balanced: bool | None = None
    balance_detail: str | None = None
    last_error: str | None = None


def _minutes(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() // 60)


def capture_points(
    unread: Sequence[CaptureFact], errors: Mapping[str, int], names: Mapping[str, str], now: datetime
) -> list[Finding]:
    """`errors`: open entries of the error inboxes by capture point."""
    found = []
    for fact in unread:
        if now - fact.since < GRACE:
            continue
        minutes, link = _minutes(fact.since, now), f"/configuration/capture-points/{fact.id}"
        code = "captureUnread" if fact.error is None else "captureAway"
        found.append(
            finding(
                CAPTURE_POINTS, code, Severity.CRITICAL, about=fact.id, link=link,
                figures={"minutes": minutes}, point=fact.name, minutes=minutes, error=fact.error or "–",
            )
        )  # fmt: skip
    waiting = {p: n for p, n in errors.items() if n and p in names}
    if waiting:
        examples = [
            Example(id=p, text=f"{names[p]}: {n:,}", link=f"/configuration/capture-points/{p}")
            for p, n in sorted(waiting.items(), key=lambda each: -each[1])
        ]
        amount = sum(waiting.values())
        found.append(
            finding(
                CAPTURE_POINTS, "captureErrors", Severity.WARNING, link="/configuration/capture-points",
                figures={"errors": amount}, examples=examples, n=amount,
            )
        )  # fmt: skip
    return found


def mailboxes(facts: Sequence[MailboxFact], unknown: int, now: datetime) -> list[Finding]:
    """`unknown`: emails of which nobody can prove whether they were sent."""
    found = []
    for box in facts:
        if not box.is_held:
            found.append(
                finding(
                    MAILBOXES, "mailboxUnserved", Severity.CRITICAL, about=box.id,
                    link="/configuration/mailboxes", mailbox=box.name,
                )
            )  # fmt: skip
            continue
        for direction, since, error in box.failing:
            if now - since < GRACE:
                continue
            minutes = _minutes(since, now)
            code = "mailboxInDown" if direction == "incoming" else "mailboxOutDown"
            found.append(
                finding(
                    MAILBOXES, code, Severity.CRITICAL, about=f"{box.id}-{direction}",
                    link="/configuration/mailboxes", figures={"minutes": minutes},
                    mailbox=box.name, minutes=minutes, error=error,
                )
            )  # fmt: skip
    if unknown:
        found.append(
            finding(
                MAILBOXES, "emailsUnknown", Severity.WARNING, link="/configuration/quarantine",
                figures={"emails": unknown}, n=unknown,
            )
        )  # fmt: skip
    return found


def mart(facts: MartFacts, now: datetime) -> list[Finding]:
    found = []
    if facts.fresh_at is None:
        found.append(finding(MART, "martEmpty", Severity.WARNING, link="/reports"))
    elif (late := now - facts.fresh_at) > MART_LATE:
        severity = Severity.CRITICAL if late > MART_STANDS else Severity.WARNING
        minutes = _minutes(facts.fresh_at, now)
        found.append(
            finding(
                MART, "martStale", severity, link="/reports", figures={"minutes": minutes}, minutes=minutes
            )
        )
    if facts.last_error is not None:
        found.append(
            finding(MART, "martFails", Severity.WARNING, about="run", link="/reports", error=facts.last_error)
        )
    if facts.balanced is False:
        found.append(
            finding(
                MART, "martUnbalanced", Severity.CRITICAL, about="balance", link="/reports",
                detail=facts.balance_detail or "–",
            )
        )  # fmt: skip
    return found
