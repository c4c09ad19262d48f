"""Webhooks: which events a receiver wants, how a delivery is signed, and when a failed one is tried again. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

from msgspec import Meta, Struct

from openiwd.domain.dashboard import lies_below
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.work_item import Status

_NOT_OF_ITEMS: Final = frozenset(
    {
        EventType.AGENT_CHANGED,
        EventType.AGENT_STATE_CHANGED,
        EventType.RULE_SET_PUBLISHED,
        EventType.CONFIGURATION_CHANGED,
        EventType.DECIDER_CHANGED,
        EventType.ALARM_RAISED,
        EventType.ALARM_CHANGED,
        EventType.ALARM_CLEARED,
        EventType.BACKLOG_SAMPLED,
    }
)
OF_ALARMS: Final = (EventType.ALARM_RAISED, EventType.ALARM_CLEARED)
ITEM_EVENTS: Final = tuple(kind for kind in EventType if kind not in _NOT_OF_ITEMS)
EVENTS: Final = (*ITEM_EVENTS, *OF_ALARMS)
"""What a webhook can be told of."""
PING: Final = "ping"
"""The event of a delivery that somebody sends to try the receiver."""


class Content(StrEnum):
    ITEM = "item"
    """The whole item as it was after the event, values of persons included."""
    REFERENCE = "reference"
    """Ids, status and revision only."""


ShortId = Annotated[str, Meta(min_length=1, max_length=64)]


class Webhook(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A receiver of events. Of several conditions all hold; an empty list leaves nothing out."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Annotated[str, Meta(max_length=2_000)] = ""
    url: Annotated[str, Meta(min_length=1, max_length=2_000)]
    enabled: bool = True
    events: Annotated[list[EventType], Meta(max_length=60)] = []
    """None named: all events of items."""
    statuses: Annotated[list[Status], Meta(max_length=9)] = []
    """Only events that bring an item into one of these statuses."""
    capture_points: Annotated[list[ShortId], Meta(max_length=200)] = []
    categories: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=1_000)]], Meta(max_length=200)
    ] = []
    """Paths; each stands for all below it too."""
    content: Content = Content.ITEM

    @property
    def looks_at_items(self) -> bool:
        """Whether the event alone does not tell."""
        return bool(self.capture_points or self.categories)

    def wants(self, event: LoggedEvent) -> bool:
        """Whether the event may be one of these, as far as it tells by itself."""
        if event.type in OF_ALARMS:
            # An alarm has neither status nor category: only who asks for alarms and for nothing narrower gets them.
            return event.type in self.events and not (self.statuses or self.looks_at_items)
        if event.item_id is None or (self.events and event.type not in self.events):
            return False
        if not self.statuses:
            return True
        to = event.body.get("to")
        return to in self.statuses and to != event.body.get("from")

    def wants_item(self, capture_point: str, category_path: str | None) -> bool:
        """Whether an item of this capture point and category is one of these."""
        if self.capture_points and capture_point not in self.capture_points:
            return False
        return not self.categories or any(lies_below(category_path, c) for c in self.categories)


# Signature -----------------------------------------------------------------------------------------------------------


def signature(secrets: Sequence[str], at: int, body: bytes) -> str:
    """The header's value: `t=<seconds since 1970>,v1=<hex>`, one `v1` for each secret that is valid.

    Each `v1` is HMAC-SHA256, keyed by the secret's text, over the digits of `t`, a full stop and the body's bytes.
    """
    signed = str(at).encode() + b"." + body
    marks = [hmac.new(s.encode(), signed, sha256).hexdigest() for s in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


def is_signed(
    header: str, secrets: Sequence[str], now: int, body: bytes, tolerance_seconds: int = 300
) -> bool:
    """Whether one of the secrets made the signature, within the tolerance around now."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for key, _, value in parts if key == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12:
        return False
    at = int(times[0])
    if abs(now - at) > tolerance_seconds:
        return False
    signed = times[0].encode() + b"." + body
    wanted = [hmac.new(s.encode(), signed, sha256).hexdigest() for s in secrets]
    given = [value for key, _, value in parts if key == "v1"]
    return any(
        hmac.compare_digest(mark.encode(), each.encode("utf-8", "replace"))
        for mark in wanted
        for each in given
    )


# Trying again --------------------------------------------------------------------------------------------------------

GIVE_UP_AFTER: Final = timedelta(hours=24)
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 3_600.0
BREAKS_AFTER: Final = 5
"""Failures one after the other, each as of a receiver that is away: it is left alone for a while."""
FIRST_BREAK: Final = 10.0
LONGEST_BREAK: Final = 300.0


def pause(
    attempts: int, roll: float, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE
) -> timedelta:
    """How long to wait after so many failed attempts: doubling, and spread by `roll` (0 to 1) over its upper half."""
    whole = min(longest, first * 2.0 ** min(attempts - 1, 30))
    return timedelta(seconds=whole * (0.5 + roll / 2))


def is_away(status: int | None) -> bool:
    """Whether an answer tells of the receiver rather than of the one delivery: no answer, overloaded, broken."""
    return status is None or status in (408, 425, 429) or status >= 500


def is_final(status: int | None) -> bool:
    """Whether the receiver says that trying again makes no sense: 410, gone."""
    return status == 410
