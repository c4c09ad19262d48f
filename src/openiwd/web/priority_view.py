"""An item's priority over time: what the curve will do, in a sentence, a picture and a list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from openiwd.domain.calendar import WALL_CLOCK_ID
from openiwd.domain.instant import to_micros
from openiwd.domain.schema import priority_at
from openiwd.domain.work_item import WorkItem
from openiwd.usecases.item_detail import Curve, standing_of
from openiwd.web.curve_view import Chart, curve_chart
from openiwd.web.row_view import Shown, shown_value
from openiwd.web.time_text import Moment


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


def priority_over_time(item: WorkItem, curve: Curve, shown: Shown) -> PriorityOverTime:
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
        _lead(item, value, now, shown), chart, _events(curve, now, value(now), shown), foot
    )


def _lead(item: WorkItem, value: Callable[[datetime], float], now: datetime, shown: Shown) -> str:
    t = shown.t
    if item.due_at is None:
        return t("curve.lead_now", value=shown_value(round(value(now))))
    key = "curve.lead_due" if item.due_at > now else "curve.lead_past"
    return t(key, value=shown_value(round(value(item.due_at))))


def _events(curve: Curve, now: datetime, now_value: float, shown: Shown) -> list[CurveEvent]:
    """Now and what lies ahead, in order; the past is left to the history."""
    t, times = shown.t, shown.times
    found: list[tuple[datetime, CurveEvent]] = [
        (now, CurveEvent(times.moment(now), shown_value(round(now_value)), t("curve.event_now"), "muted"))
    ]
    ahead = [c for c in curve.crossings if c.at > now or c.kind == "due"]
    for crossing in ahead[:12]:
        text = t("curve.event_due") if crossing.kind == "due" else t(f"curve.event_{crossing.kind}")
        css = "bad strong" if crossing.kind == "due" else "muted"
        found.append(
            (
                crossing.at,
                CurveEvent(
                    times.moment(crossing.at), shown_value(round(float(crossing.priority))), text, css
                ),
            )
        )
    found.sort(key=lambda e: e[0])
    return [event for _, event in found]
