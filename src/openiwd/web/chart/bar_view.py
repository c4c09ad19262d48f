"""Bars as SVG geometry: pairs by span of time, and one bar of several parts. Plain numbers for attributes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Final, NamedTuple

from openiwd.web.shell.catalogue import number

WIDTH: Final = 520
LEFT: Final = 36
RIGHT: Final = 516
TOP: Final = 8
LINES: Final = 4


class GridLine(NamedTuple):
    y: float
    text: str


class Tick(NamedTuple):
    x: float
    text: str
    anchor: str = "middle"


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    css: str


class Column(NamedTuple):
    """Half of a span, from top to bottom: what it says and where it leads."""

    x: float
    width: float
    title: str
    href: str


class BarChart(NamedTuple):
    bars: list[Bar]
    columns: list[Column]
    grid: list[GridLine]
    ticks: list[Tick]
    label: str
    height: int
    bottom: int
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP


class Pair(NamedTuple):
    """Two numbers of one span, with what each says and leads to."""

    first: int
    second: int
    first_title: str
    second_title: str
    first_href: str = ""
    second_href: str = ""


def paired_bars(pairs: Sequence[Pair], ticks: Sequence[tuple[int, str]], label: str) -> BarChart:
    """Two bars side by side per span. `ticks` name the spans by their index."""
    bottom, height = 140, 162
    top_value, grid = scale(max((max(p.first, p.second) for p in pairs), default=0), TOP, bottom)
    step = (RIGHT - LEFT) / max(len(pairs), 1)
    gap = 1.0 if step >= 6 else 0.3
    wide = round(max((step - 2 * gap) / 2 - (1 if step >= 14 else 0), 0.6), 2)
    bars, columns = [], []
    for index, pair in enumerate(pairs):
        start = LEFT + index * step + gap
        for value, css, x in ((pair.first, "bar-in", start), (pair.second, "bar-out", start + wide + gap)):
            if value:
                tall = round(value / top_value * (bottom - TOP), 1)
                bars.append(Bar(round(x, 1), round(bottom - tall, 1), wide, tall, css))
        half = step / 2
        columns.append(Column(round(start - gap, 1), round(half, 1), pair.first_title, pair.first_href))
        columns.append(
            Column(round(start - gap + half, 1), round(half, 1), pair.second_title, pair.second_href)
        )
    return BarChart(bars, columns, grid, placed(ticks, step), label, height, bottom)


def placed(ticks: Sequence[tuple[int, str]], step: float) -> list[Tick]:
    """Where each stands; what would run into the one before or out of the picture is left out."""
    found: list[Tick] = []
    free = 0.0
    for index, text in ticks:
        x = LEFT + index * step
        room = len(text) * 6.2
        if x < free or x + room > RIGHT + 4:
            continue
        found.append(Tick(round(x, 1), text, "start"))
        free = x + room + 10
    return found


def scale(most: float, top: int, bottom: int) -> tuple[float, list[GridLine]]:
    """A round value for the upper end, with the lines between; whole numbers only."""
    raw = max(most, LINES) / LINES
    size = 10.0 ** floor(log10(raw))
    step = next(f * size for f in (1, 2, 2.5, 5, 10) if f * size >= raw and (f * size).is_integer())
    count = max(1, ceil(most / step)) if most else LINES
    end = step * count
    lines = [
        GridLine(round(bottom - k * step / end * (bottom - top), 1), number(int(k * step)))
        for k in range(count + 1)
    ]
    return end, lines


class Part(NamedTuple):
    """A part of a bar in percent of the picture's width."""

    x: float
    width: float
    css: str


def stacked(parts: Sequence[tuple[int, str]], most: int) -> list[Part]:
    """One bar of several parts, on a scale that ends at `most`; nothing for parts of nothing."""
    found: list[Part] = []
    x = 0.0
    for value, css in parts:
        if value and most:
            width = value / most * 100
            found.append(Part(round(x, 2), round(max(width - 0.25, 0.4), 2), css))
            x += width
    return found
