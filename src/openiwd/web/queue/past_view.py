"""A past instant as shown: its rows with the priority of then, and the slider through time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from openiwd.usecases.item_view import ItemView
from openiwd.usecases.past import PastOrder
from openiwd.web.item.row_view import (
    PriorityView,
    Shown,
    SlaView,
    icon_of,
    long_path,
    percent_of,
    priority_text,
    short_path,
    shown_value,
)

WINDOWS: Final = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
STEPS: Final = 240
SOON: Final = timedelta(hours=2)


class PastSlider(NamedTuple):
    """A range of time ending at the present, or around an instant that lies further back. Milliseconds."""

    start: int
    end: int
    step: int
    at: int


class PastRow(NamedTuple):
    position: str
    id: str
    subject: str
    icon: str
    priority: PriorityView | None
    category: str
    category_path: str
    queue: str
    sla: SlaView | None
    age: str
    created_iso: str
    created_exact: str


def slider(at: datetime, window: timedelta, now: datetime) -> PastSlider:
    """The window ends now where the instant lies in it or just before it, else it lies around the instant."""
    end = now if now - at <= window * 1.1 else min(at + window / 2, now)
    start = min(end - window, at)
    step = max(int(window.total_seconds() * 1_000) // STEPS, 1_000)
    return PastSlider(_ms(start), _ms(end), step, _ms(at))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1_000)


def past_rows(order: PastOrder, shown: Shown, zone: tzinfo) -> Sequence[PastRow]:
    """The places of the order; ages and times left are those of then."""
    return [_row(place.position, place.item, order.at, shown, zone) for place in order.places]


def _row(position: int, item: ItemView, at: datetime, shown: Shown, zone: tzinfo) -> PastRow:
    t, times = shown.t, shown.times
    priority = None
    if item.priority is not None:
        value = float(item.priority)
        title = t("past.priority_title", value=shown_value(value))
        priority = PriorityView(priority_text(value), percent_of(value, shown.scale), "flat", title)
    return PastRow(
        position=str(position),
        id=str(item.id),
        subject=item.subject or t("queue.no_subject"),
        icon=icon_of(item.media_type),
        priority=priority,
        category=short_path(item.category_path, t),
        category_path=long_path(item.category_path, t),
        queue=shown.queue(item.queue),
        sla=_sla(item.due_date_time, at, shown),
        age=times.duration((at - item.created_date_time).total_seconds()),
        created_iso=item.created_date_time.isoformat(),
        created_exact=f"{item.created_date_time.astimezone(zone):%Y-%m-%d %H:%M:%S}",
    )


def _sla(due: datetime | None, at: datetime, shown: Shown) -> SlaView | None:
    if due is None:
        return None
    left = due - at
    kind = "over" if left < timedelta(0) else "soon" if left < SOON else ""
    exact = shown.t("sla.due", at=shown.times.exact(due))
    return SlaView(shown.times.duration(left.total_seconds()), kind, exact)
