"""Priority curves as SVG geometry: plain numbers for attributes, no style. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final, NamedTuple

from openiwd.domain.calendar import Clock
from openiwd.domain.instant import HOUR, to_micros
from openiwd.domain.schema import Schema
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import TimeText

WIDTH: Final = 356
HEIGHT: Final = 196
LEFT: Final = 34
RIGHT: Final = 350
TOP: Final = 18
BOTTOM: Final = 172
STEPS: Final = (
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
    48 * HOUR,
    96 * HOUR,
    168 * HOUR,
    720 * HOUR,
)
MAX_BANDS: Final = 60


class GridLine(NamedTuple):
    y: float
    text: str


class Band(NamedTuple):
    """A span in which the clock stands still."""

    x: float
    width: float
    middle: float
    text: str


class Mark(NamedTuple):
    x: float
    y: float
    text: str
    text_x: float
    anchor: str


class Tick(NamedTuple):
    x: float
    anchor: str
    text: str


class Chart(NamedTuple):
    line: str
    area: str
    grid: list[GridLine]
    closed: list[Band]
    ticks: list[Tick]
    now: Mark | None
    due: Mark | None
    label: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


class Axes:
    """Where a place on the curve lies in the picture."""

    def __init__(self, start: float, end: float, values: Sequence[float]) -> None:
        self.start, self.end = start, max(end, start + 1)
        low, high = min([*values, 0.0]), max([*values, 1.0])
        step = _nice((high - low) / 4)
        self.low, self.step = floor(low / step) * step, step
        self.high = max(ceil(high / step) * step, self.low + step)

    def x(self, at: float) -> float:
        return round(LEFT + (at - self.start) / (self.end - self.start) * (RIGHT - LEFT), 1)

    def y(self, value: float) -> float:
        return round(BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP), 1)

    def grid(self) -> list[GridLine]:
        count = round((self.high - self.low) / self.step)
        return [
            GridLine(self.y(v), _axis_text(v)) for v in (self.low + k * self.step for k in range(count + 1))
        ]


def _nice(step: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, not below the step."""
    size: float = 10.0 ** floor(log10(max(step, 1e-6)))
    return next((f * size for f in (1, 2, 2.5, 5, 10) if f * size >= step), 10 * size)


def _axis_text(value: float) -> str:
    return number(int(value)) if value == int(value) else f"{value:g}"


def _lines(axes: Axes, points: Sequence[tuple[float, float]]) -> tuple[str, str]:
    line = " ".join(f"{axes.x(at)},{axes.y(value)}" for at, value in points)
    base = axes.y(max(axes.low, min(axes.high, 0.0)))
    return line, f"{axes.x(points[0][0])},{base} {line} {axes.x(points[-1][0])},{base}"


def curve_chart(
    points: Sequence[tuple[datetime, float]],
    *,
    clock: Clock | None,
    now: datetime,
    now_value: float | None,
    due: datetime | None,
    times: TimeText,
) -> Chart:
    """An item's priority over time: the curve, now, the due date, and when its clock stands still."""
    t = times.t
    start, end = points[0][0], points[-1][0]
    axes = Axes(to_micros(start), to_micros(end), [value for _, value in points])
    line, area = _lines(axes, [(to_micros(at), value) for at, value in points])
    marks: dict[str, Mark | None] = {"now": None, "due": None}
    placed: list[tuple[str, datetime, float]] = []
    if now_value is not None and start <= now <= end:
        placed.append(("now", now, now_value))
    if due is not None and start <= due <= end:
        placed.append(("due", due, 0.0))
    placed.sort(key=lambda mark: mark[1])
    for index, (kind, at, value) in enumerate(placed):
        x = axes.x(to_micros(at))
        before = (len(placed) == 2 and index == 0 and x > 96) or x > RIGHT - 80
        text = t(f"curve.{kind}", at=times.clock(at))
        marks[kind] = Mark(x, axes.y(value), text, x - 4 if before else x + 4, "end" if before else "start")
    return Chart(
        line=line,
        area=area,
        grid=axes.grid(),
        closed=_closed(axes, clock, t) if clock is not None else [],
        ticks=_time_ticks(axes, start, end, times),
        now=marks["now"],
        due=marks["due"],
        label=t("curve.label", start=times.exact(start), end=times.exact(end)),
    )


def _closed(axes: Axes, clock: Clock, t: Catalogue) -> list[Band]:
    """Spans between a stop and the next start of the clock, as far as they can be told apart."""
    bands: list[Band] = []
    at, end = int(axes.start), int(axes.end)
    is_open = clock.is_open(at)
    for _ in range(4 * MAX_BANDS):
        change = clock.next_change(at)
        until = end if change is None else min(change, end)
        if not is_open:
            x, right = axes.x(at), axes.x(until)
            if right - x >= 1:
                wide = right - x > 44
                bands.append(
                    Band(x, round(right - x, 1), round((x + right) / 2, 1), t("curve.closed") if wide else "")
                )
        if change is None or change >= end or len(bands) >= MAX_BANDS:
            return bands
        at, is_open = change, not is_open
    return bands


def _time_ticks(axes: Axes, start: datetime, end: datetime, times: TimeText) -> list[Tick]:
    """Round local hours or days, at most six."""
    span = axes.end - axes.start
    step = next((s for s in STEPS if span / s <= 5), STEPS[-1])
    local = times.local(start).replace(minute=0, second=0, microsecond=0)
    hours = max(1, step // HOUR)
    if hours >= 24:
        local = local.replace(hour=0)
    else:
        local = local.replace(hour=local.hour // hours * hours)
    ticks: list[Tick] = []
    day = times.local(start).date()
    at = local
    while len(ticks) < 8:
        at += timedelta(hours=hours)
        if at > end:
            break
        x = axes.x(to_micros(at))
        if x < LEFT + 12 or x > RIGHT - 6:
            continue
        here = times.local(at)
        text = f"{here:%H:%M}"
        if here.date() != day or hours >= 24:
            text = times.date(here) if hours >= 24 else f"{times.weekday(here)} {here:%H}"
            day = here.date()
        ticks.append(Tick(x, "middle", text))
    return ticks


def schema_chart(schema: Schema, name: str, times: TimeText) -> Chart:
    """A schema's curve by age, with its SLA."""
    bends = [0, *schema.bends] if not schema.bends or schema.bends[0] > 0 else list(schema.bends)
    reach = max(schema.sla or 0, bends[-1], HOUR)
    start, end = min(bends[0], 0), int(reach * 1.25)
    points: list[tuple[float, float]] = [(start, float(schema.curve(start)))]
    for bend in bends:
        if start < bend < end:
            points += [(bend, float(schema.curve(bend - 1))), (bend, float(schema.curve(bend)))]
    points.append((end, float(schema.curve(end))))
    axes = Axes(start, end, [value for _, value in points])
    line, area = _lines(axes, points)
    due = None
    if schema.sla is not None:
        x = axes.x(schema.sla)
        text = f"SLA {times.round_duration(schema.sla / 1_000_000)}"
        due = Mark(x, axes.y(float(schema.curve(schema.sla))), text, x - 4, "end")
    ticks = _age_ticks(axes, times)
    label = times.t("curve.label_schema", name=name)
    return Chart(
        line=line, area=area, grid=axes.grid(), closed=[], ticks=ticks, now=None, due=due, label=label
    )


def _age_ticks(axes: Axes, times: TimeText) -> list[Tick]:
    """Round ages, at most six."""
    step = next((s for s in STEPS if (axes.end - axes.start) / s <= 5), STEPS[-1])
    first = ceil(axes.start / step)
    ages = [k * step for k in range(first, first + 7) if k * step <= axes.end]
    return [
        Tick(
            axes.x(age),
            "end" if axes.x(age) > RIGHT - 12 else "middle",
            times.round_duration(age / 1_000_000),
        )
        for age in ages
    ]
