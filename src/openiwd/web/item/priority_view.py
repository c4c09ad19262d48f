"""An item's priority over time: what the curve will do, in a sentence, a picture and a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from openiwd.domain.calendar import WALL_CLOCK_ID, Clock
from openiwd.domain.instant import from_micros, to_micros
from openiwd.domain.schema import priority_at
from openiwd.domain.work_item import WorkItem
from openiwd.usecases.item_view import standing_of
from openiwd.usecases.priority_curve import Curve
from openiwd.web.chart.curve_view import Chart, curve_chart
from openiwd.web.item.row_view import Shown, shown_value, subject_of
from openiwd.web.shell.time_text import Moment

MOST: Final = 8
MOST_MET: Final = 3
MEETINGS: Final = frozenset({"overtakes", "overtakenBy"})
CLOCK_CHANGES: Final = 3


class CurveEvent(NamedTuple):
    moment: Moment | None
    priority: str
    text: str
    css: str


class PriorityOverTime(NamedTuple):
    lead: str
    chart: Chart | None
    events: list[CurveEvent]
    foot: str


def priority_over_time(
    item: WorkItem, curve: Curve, met: Mapping[UUID, WorkItem], shown: Shown
) -> PriorityOverTime:
    t, times = shown.t, shown.times
    if item.priority_fixed is not None:
        return PriorityOverTime(t("curve.lead_fixed", value=shown_value(item.priority_fixed)), None, [], "")
    stands = standing_of(item, shown.rules) if shown.rules is not None else None
    if stands is None or not curve.points:
        return PriorityOverTime(t("curve.lead_none"), None, [], "")
    schema, standing = stands
    now = item.completed_at or times.now

    def value(at: datetime) -> float:
        return float(priority_at(schema, standing, to_micros(at)))

    points = [(p.at, float(p.priority)) for p in curve.points]
    chart = curve_chart(
        points, clock=schema.clock, now=now, now_value=value(now), due=item.due_at, times=times
    )
    config = (
        next((s for s in shown.rules.document.schemas if s.id == schema.id), None)
        if shown.rules is not None
        else None
    )
    foot = ""
    if config is not None and shown.rules is not None:
        calendars = {c.id: c.name for c in shown.rules.document.calendars}
        clock = (
            t("curve.wall") if config.clock == WALL_CLOCK_ID else calendars.get(config.clock, config.clock)
        )
        foot = t("curve.foot", schema=config.name, clock=clock, anchor=t.named("anchor", config.anchor.value))
    return PriorityOverTime(
        _lead(item, value, now, shown), chart, _events(curve, schema.clock, now, value(now), met, shown), foot
    )


def _lead(item: WorkItem, value: Callable[[datetime], float], now: datetime, shown: Shown) -> str:
    t = shown.t
    if item.due_at is None:
        return t("curve.lead_now", value=shown_value(round(value(now))))
    key = "curve.lead_due" if item.due_at > now else "curve.lead_past"
    return t(key, value=shown_value(round(value(item.due_at))))


def _events(
    curve: Curve, clock: Clock, now: datetime, now_value: float, met: Mapping[UUID, WorkItem], shown: Shown
) -> list[CurveEvent]:
    """Now and what lies ahead, in order; the past is left to the history. One line for each instant."""
    t = shown.t
    found: dict[datetime, tuple[float, str, str]] = {}
    ahead = [c for c in curve.crossings if c.at > now]
    for crossing in [c for c in ahead if c.kind in MEETINGS][:MOST_MET]:
        other = met.get(crossing.item) if crossing.item is not None else None
        subject = t("curve.another") if other is None else t("curve.quoted", subject=subject_of(other, t))
        found[crossing.at] = (
            float(crossing.priority),
            t(f"curve.event_{crossing.kind}", item=subject),
            "muted",
        )
    bends = [c for c in ahead if c.kind == "bend"]
    for crossing in bends[:MOST]:
        text = "stays" if crossing is bends[-1] and curve.points[-1].priority == crossing.priority else "bend"
        found[crossing.at] = (float(crossing.priority), t(f"curve.event_{text}"), "muted")
    for at, (value, kind) in _clock_changes(curve, clock, now).items():
        found[at] = (value, t(f"curve.event_{kind}"), "muted")
    for crossing in curve.crossings:
        if crossing.kind == "due":
            found[crossing.at] = (float(crossing.priority), t("curve.event_due"), "bad strong")
    found[now] = (now_value, t("curve.event_now"), "muted")
    return [
        CurveEvent(shown.times.moment(at), shown_value(round(value)), text, css)
        for at, (value, text, css) in sorted(found.items())[: MOST + 2]
    ]


def meetings(curve: Curve, now: datetime) -> list[UUID]:
    """The items that the list of events will name."""
    ahead = [c for c in curve.crossings if c.at > now and c.kind in MEETINGS]
    return [c.item for c in ahead[:MOST_MET] if c.item is not None]


def _clock_changes(curve: Curve, clock: Clock, now: datetime) -> dict[datetime, tuple[float, str]]:
    """The next stops and starts of the clock that the curve shows."""
    found: dict[datetime, tuple[float, str]] = {}
    at, is_open = to_micros(now), clock.is_open(to_micros(now))
    for _ in range(CLOCK_CHANGES):
        change = clock.next_change(at)
        if change is None or from_micros(change) > curve.points[-1].at:
            break
        is_open = not is_open
        instant = from_micros(change)
        value = next((float(p.priority) for p in curve.points if p.at >= instant), 0.0)
        found[instant] = (value, "opens" if is_open else "closes")
        at = to_micros(instant)
    return found
