"""Whether an inbound email may be acknowledged: never in a loop, never to a machine, once per sender and day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from openiwd.domain.email.address import domain_of
from openiwd.domain.email.kind import is_automatic
from openiwd.domain.email.message import EmailKind, ParsedEmail

MAX_HOPS: Final = 50
"""Received lines that a message can have before it is taken for one that goes round in circles."""
MAX_LOOPS: Final = 5
"""How often a message may have passed through OpenIWD."""
QUIET: Final = timedelta(days=1)
_UNATTENDED: Final = frozenset(
    {
        *("mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"),
        *("nobody", "daemon", "bounce", "bounces"),
    }
)


def loop_count(email: ParsedEmail) -> int:
    """How often the message has passed through OpenIWD, by its own header."""
    value = email.headers.get("x-openiwd-loop", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def is_looping(email: ParsedEmail) -> bool:
    """Whether the message goes round in circles: it is stored, but nothing is sent because of it."""
    return email.received_count > MAX_HOPS or loop_count(email) > MAX_LOOPS


def refusal(
    email: ParsedEmail,
    kind: EmailKind,
    own_addresses: Collection[str],
    last_automatic_at: datetime | None,
    now: datetime,
) -> str | None:
    """Why no automatic mail answers this email; None when one may. `last_automatic_at`: its sender's last one."""
    sender = email.sender.address if email.sender else ""
    if not sender:
        return "there is no sender"
    if kind is not EmailKind.INBOUND_NEW:
        return "only new mail is acknowledged"
    if is_looping(email):
        return "the message goes round in circles"
    if is_automatic(email):
        return "a machine sent it"
    if sender in own_addresses:
        return "it comes from a mailbox of ours"
    if sender.partition("@")[0] in _UNATTENDED or not domain_of(sender):
        return "nobody reads the sender's mailbox"
    if last_automatic_at is not None and now - last_automatic_at < QUIET:
        return "the sender got an automatic mail less than a day ago"
    return None
