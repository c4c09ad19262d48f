"""Which changes of an item a source is told of. Decides from the event alone; sends nothing."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from openiwd.domain.capture.answer import NotificationKind
from openiwd.domain.event import EventType, LoggedEvent
from openiwd.domain.work_item import Status

_BY_STATUS: Final = {
    Status.CAPTURED: NotificationKind.CAPTURED,
    Status.QUEUED: NotificationKind.QUEUED,
    Status.ASSIGNED: NotificationKind.ASSIGNED,
    Status.HELD: NotificationKind.HELD,
    Status.ERRORHELD: NotificationKind.ERRORED,
    Status.COMPLETED: NotificationKind.COMPLETED,
    Status.CANCELED: NotificationKind.CANCELED,
    Status.REJECTED: NotificationKind.REJECTED,
}
_BY_EVENT: Final = {
    EventType.UPDATED: NotificationKind.UPDATED,
    EventType.RESUMED: NotificationKind.RESUMED,
    EventType.RESTARTED: NotificationKind.RESTARTED,
}
_SAID_BY_SOURCE: Final = frozenset(
    {
        NotificationKind.HELD,
        NotificationKind.RESUMED,
        NotificationKind.COMPLETED,
        NotificationKind.CANCELED,
        NotificationKind.RESTARTED,
        NotificationKind.UPDATED,
    }
)
"""What a source has asked for itself is no news to it."""


class NotificationFilter(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """What a capture point's source is told: nothing unless `kinds` says so."""

    kinds: list[NotificationKind] = []
    categories: list[str] = []
    """Only items of these category paths and below; empty = all."""
    own: bool = False
    """Also what the source has asked for itself (its own updates, holds, completions)."""


def actor_of(capture_point: str) -> str:
    """How the event log names a capture point as the one who acts."""
    return f"capture:{capture_point}"


def kinds_of(event: LoggedEvent) -> list[NotificationKind]:
    """What an item's event means to its source, in order: a creation is captured and, mostly, queued at once."""
    to, before = event.body.get("to"), event.body.get("from")
    found: list[NotificationKind] = []
    named = _BY_EVENT.get(EventType(event.type)) if event.type in _EVENT_TYPES else None
    if named is not None:
        found.append(named)
    if event.type == EventType.CREATED and to in (Status.QUEUED, Status.HELD):
        found.append(NotificationKind.CAPTURED)
    if to is not None and to != before:
        status = _BY_STATUS.get(Status(to))
        if status is not None and status not in found:
            found.append(status)
    return found


_EVENT_TYPES: Final = frozenset(EventType)


def wanted(
    event: LoggedEvent, wish: NotificationFilter, capture_point: str, category_path: str | None
) -> list[NotificationKind]:
    """Those kinds of the event that pass the filter of its capture point."""
    if wish.categories and not _below(category_path, wish.categories):
        return []
    found = [kind for kind in kinds_of(event) if kind in wish.kinds]
    if wish.own or not found:
        return found
    own = actor_of(capture_point)
    if event.actor != own and not event.actor.startswith(f"{own}/"):
        return found
    return [kind for kind in found if kind not in _SAID_BY_SOURCE]


def _below(path: str | None, categories: list[str]) -> bool:
    return path is not None and any(path == c or path.startswith(f"{c}/") for c in categories)
