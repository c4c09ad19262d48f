"""Lines as SVG geometry: a small one without axes, and one of percentages with gaps. Plain numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from openiwd.web.chart.bar_view import LEFT, RIGHT, WIDTH, GridLine, Tick, placed

SPARK_WIDTH: Final = 200
SPARK_HEIGHT: Final = 24
FLAT: Final = 12.0


class Spark(NamedTuple):
    """A line without axes: how a number came to be what it is."""

    points: str
    label: str
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT


class Dot(NamedTuple):
    x: float
    y: float
    text: str
    text_y: float
    anchor: str


class LineChart(NamedTuple):
    lines: list[str]
    """Points of each unbroken stretch."""
    alone: list[tuple[float, float]]
    """Values with no neighbour: a line of one point would not be seen."""
    dots: list[Dot]
    grid: list[GridLine]
    ticks: list[Tick]
    label: str
    height: int = 122
    width: int = WIDTH
    left: int = LEFT
    right: int = RIGHT


def spark(values: Sequence[float], label: str) -> Spark | None:
    """From left to right at even distances; None where two values would pretend to be a course."""
    if len(values) < 3:
        return None
    low, high = min(values), max(values)
    span = high - low

    def y(value: float) -> float:
        return FLAT if not span else round(2 + (high - value) / span * (SPARK_HEIGHT - 4), 1)

    step = SPARK_WIDTH / (len(values) - 1)
    return Spark(" ".join(f"{round(n * step, 1)},{y(v)}" for n, v in enumerate(values)), label)


def percent_line(
    values: Sequence[float | None], ticks: Sequence[tuple[int, str]], texts: Sequence[str], label: str
) -> LineChart:
    """Percentages by span, None where nothing was measured. `texts` are the values in words: the last and the least
    are written at their places.
    """
    top, bottom = 20, 98
    known = [(n, v) for n, v in enumerate(values) if v is not None]
    least = min((v for _, v in known), default=0.0)
    low = next((floor for floor in (90, 80, 50) if least >= floor + 2), 0)
    step = (RIGHT - LEFT) / max(len(values), 1)

    def at(index: int, value: float) -> tuple[float, float]:
        return round(LEFT + (index + 0.5) * step, 1), round(
            bottom - (value - low) / (100 - low) * (bottom - top), 1
        )

    stretches: list[list[tuple[float, float]]] = []
    before = None
    for index, value in known:
        if before != index - 1:
            stretches.append([])
        stretches[-1].append(at(index, value))
        before = index
    grid = [
        GridLine(at(0, v)[1], f"{v:g}") for v in ((low, 100) if low == 90 else (low, (low + 100) / 2, 100))
    ]
    marked = dict.fromkeys([known[-1][0], min(known, key=lambda k: k[1])[0]]) if known else {}
    dots = []
    for index in marked:
        x, y = at(index, values[index] or 0.0)
        below = index != known[-1][0] and y < bottom - 18
        anchor = "end" if x > RIGHT - 30 else "start" if x < LEFT + 30 else "middle"
        dots.append(Dot(x, y, texts[index], round(y + 16 if below else y - 7, 1), anchor))
    if len(dots) == 2 and abs(dots[0].x - dots[1].x) < 44:
        dots = dots[:1]
    return LineChart(
        [" ".join(f"{x},{y}" for x, y in part) for part in stretches if len(part) > 1],
        [part[0] for part in stretches if len(part) == 1],
        dots,
        grid,
        placed(ticks, step),
        label,
    )
