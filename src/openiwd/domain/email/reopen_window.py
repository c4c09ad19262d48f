"""Whether completed items are kept for as long as a mailbox lets replies reopen them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from openiwd.domain.email.mailbox import Mailbox

COMPLETED: Final = (None, "completed")


class Kept(NamedTuple):
    """Final items of a status (none: any), in a category with all below it (none: any), go after so many days."""

    status: str | None
    category: str | None
    days: int


def contradiction(rules: Sequence[Kept], mailboxes: Iterable[Mailbox]) -> tuple[int, Mailbox] | None:
    """The first rule that lets completed items go before the window of a mailbox that is read is over."""
    windows = sorted((m for m in mailboxes if m.enabled and m.reads), key=lambda m: (-m.reopen_days, m.id))
    for n, rule in enumerate(rules):
        if rule.status not in COMPLETED:
            continue
        for mailbox in windows:
            if rule.days <= mailbox.reopen_days and _may_meet(rule.category, mailbox.category):
                return n, mailbox
        if rule.category is None:
            return None  # the rules after it never see a completed item
    return None


def _may_meet(rule: str | None, mailbox: str) -> bool:
    """Items of a mailbox without a category may be in any."""
    if not rule or not mailbox:
        return True
    return f"{mailbox}/".startswith(f"{rule}/") or f"{rule}/".startswith(f"{mailbox}/")
